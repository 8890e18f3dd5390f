"""An encoder is tried before it is trained: its tokenizer, its window, its output, its guesses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch

from kashif.errors import InputError, first_line
from kashif.folding import fold
from kashif.modeling.weights import longest_window
from kashif.training.masking import masked_loss
from kashif.training.recipe import BaseRecipe

_REFUSED = (AttributeError, TypeError, ValueError, RuntimeError, IndexError)
"""What networks raise that want to be called in another way."""
_SAMPLE = 2000
"""Code points of text to try an encoder on."""
_UNKNOWN = 0.3
"""The share of sub-words that may be unknown."""


def try_encoder(network: Any, tokenizer: Any, *, recipe: BaseRecipe, text: str) -> None:
    """Tries an encoder and its tokenizer on a text of the user's.

    Raises:
        InputError: as ``check_tokenizer``; if the offsets are wrong, or too many sub-words unknown; if the
            window is longer than the encoder reads; if the encoder gives no vector for each sub-word, or
            gives them from left to right alone.
    """
    name = f"encoder '{recipe.encoder}'"
    check_tokenizer(recipe, tokenizer, network, special=("pad",))
    check_window(recipe, network)
    sample = fold(text[:_SAMPLE]).text
    encoded = tokenizer(sample, return_offsets_mapping=True, truncation=True, max_length=recipe.window)
    ids, offsets = encoded["input_ids"], encoded["offset_mapping"]
    read = {place for start, end in offsets for place in range(start, end)}
    last = max((end for _, end in offsets), default=0)
    letters = [match.start() for match in re.finditer(r"\w", sample[:last])]
    if not letters or sum(place in read for place in letters) < len(letters) / 2:
        raise InputError(f"{name}: the offsets of its tokenizer do not point into the text")
    unknown = sum(id == tokenizer.unk_token_id for id in ids) / len(ids)
    if unknown > _UNKNOWN:
        message = f"its tokenizer does not know {unknown:.0%} of the sub-words of your texts"
        raise InputError(f"{name}: {message}; are the tokenizer's own files in the folder?")
    _try_output(network, torch.tensor([ids]), name)


def _try_output(network: Any, ids: torch.Tensor, name: str) -> None:
    """Raises InputError unless an encoder gives finite vectors ``[1, token, width]`` that see all tokens."""
    network.eval()
    ids = ids.to(network.device)
    mask = torch.ones_like(ids)
    other = ids.clone()
    other[0, 2:-1] = ids[0, 2:-1].flip(0)  # all behind the first word, also what is near
    try:
        with torch.inference_mode():
            first, second = (
                network(input_ids=each, attention_mask=mask).last_hidden_state for each in (ids, other)
            )
    except _REFUSED as error:
        message = f"it is no encoder that Kashif can use ({first_line(error)})"
        raise InputError(f"{name}: {message}; take a BERT-like one") from error
    if first.shape != (1, ids.shape[1], network.config.hidden_size) or not first.isfinite().all():
        raise InputError(f"{name}: it does not give a finite vector for each sub-word; take a BERT-like one")
    if not torch.equal(ids, other) and torch.equal(first[0, 1], second[0, 1]):
        message = "it reads from left to right only, so that a word does not see what follows"
        raise InputError(f"{name}: {message}; take a BERT-like one")


def try_guesses(network: Any, ids: Sequence[int], *, recipe: BaseRecipe) -> None:
    """Raises InputError unless a masked-language model gives a loss for a window of sub-words."""
    name, window = f"encoder '{recipe.encoder}'", torch.tensor([ids], device=network.device)
    network.eval()
    inputs = {"input_ids": window, "attention_mask": torch.ones_like(window), "labels": window}
    try:
        with torch.inference_mode():
            loss = masked_loss(network, inputs)
    except _REFUSED as error:
        message = f"it cannot guess masked sub-words as Kashif asks it to ({first_line(error)})"
        raise InputError(f"{name}: {message}; take a BERT-like one") from error
    if not loss.isfinite():
        raise InputError(f"{name}: its guesses of sub-words are no finite numbers; take a BERT-like one")


def check_tokenizer(recipe: BaseRecipe, tokenizer: Any, network: Any, *, special: Sequence[str]) -> None:
    """Raises InputError if a tokenizer gives no offsets, or has no sub-word for a use, such as ``pad``.

    One that the encoder does not know counts as none.
    """
    name = f"encoder '{recipe.encoder}'"
    if not tokenizer.is_fast:
        raise InputError(f"{name}: it has no fast tokenizer, which offsets need")
    known = len(network.get_input_embeddings().weight)
    ids = {use: getattr(tokenizer, f"{use}_token_id") for use in special}
    if lacking := [f"{use}_token" for use, id in ids.items() if id is None or id >= known]:
        message = f"its tokenizer has no {', '.join(lacking)} that the encoder knows"
        raise InputError(f"{name}: {message}; name it in tokenizer_config.json, or take another encoder")


def check_window(recipe: BaseRecipe, network: torch.nn.Module) -> None:
    """Raises InputError if the window is longer than what an encoder reads."""
    usable = longest_window(network)
    if recipe.window > usable:
        raise InputError(f"window {recipe.window}: '{recipe.encoder}' reads at most {usable} sub-words")
