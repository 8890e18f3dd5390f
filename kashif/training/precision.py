"""The precision of training, and the attention that suits it."""

from __future__ import annotations

from typing import Any

import torch

from kashif.modeling.runtime import has_instructions
from kashif.training.recipe import BaseRecipe

_FILLS_A_GPU = 8192
"""Sub-words of a step from which autocast is taken to pay on a GPU; with 512 it did not (eval/speed.md)."""


def use_bfloat16(recipe: BaseRecipe) -> bool:
    """Whether to train in bfloat16: where it is wanted, or where it is the faster one.

    On a CPU that is where the processor multiplies tiles of it (AMX): with AVX-512 alone the casts take more
    than they save. On a GPU it is from ``_FILLS_A_GPU`` sub-words a step on: with fewer, the casts of
    autocast only add kernels to start.
    """
    if recipe.precision != "auto":
        return recipe.precision == "bfloat16"
    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported() and recipe.batch_size * recipe.window >= _FILLS_A_GPU
    return has_instructions("amx_bf16")


def choose_attention(encoder: Any, recipe: BaseRecipe) -> None:
    """Switches to eager attention for bfloat16 on a CPU: fused attention has a slow backward pass there."""
    if use_bfloat16(recipe) and not torch.cuda.is_available():
        encoder.set_attn_implementation("eager")
