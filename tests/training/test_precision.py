from __future__ import annotations

from pathlib import Path

import pytest
import torch
from helpers import recipe
from transformers import AutoModel

from kashif.training import precision
from kashif.training.precision import choose_attention, use_bfloat16


@pytest.mark.parametrize(
    ("gpu", "processor", "settings", "half"),
    [
        (False, True, {}, True),
        (False, False, {}, False),
        (False, False, {"precision": "bfloat16"}, True),
        (True, False, {"batch_size": 2, "window": 256}, False),
        (True, False, {"batch_size": 64, "window": 256}, True),
        (True, True, {"batch_size": 64, "precision": "float32"}, False),
    ],
)
def test_bfloat16_is_taken_where_it_is_the_faster(
    gpu: bool, processor: bool, settings: dict[str, object], half: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    monkeypatch.setattr(precision, "has_instructions", lambda name: processor and name == "amx_bf16")
    assert use_bfloat16(recipe(**{"precision": "auto"} | settings)) is half


@pytest.mark.parametrize(
    ("gpu", "wanted", "eager"),
    [(False, "bfloat16", True), (False, "float32", False), (True, "bfloat16", False)],
)
def test_attention_is_eager_in_bfloat16_on_a_processor_alone(
    gpu: bool, wanted: str, eager: bool, tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = AutoModel.from_pretrained(tiny_encoder)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    choose_attention(encoder, recipe(precision=wanted))
    assert (encoder.config._attn_implementation == "eager") is eager
