from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from helpers import disguise
from hypothesis import given, settings
from hypothesis import strategies as st

from kashif.arabic import words
from kashif.modeling.windows import lay_out

TEXTS = st.lists(st.text(alphabet="ابتثجحولمن ولك .\n،؟\u200f\u064e😀", max_size=120), min_size=1, max_size=3)


@settings(max_examples=60, deadline=None)
@given(texts=TEXTS, size=st.integers(16, 40))
def test_windows_hold_every_seen_word_and_every_adjoining_pair(
    tokenizer: Any, texts: list[str], size: int
) -> None:
    for text, layout in zip(texts, lay_out(texts, tokenizer, size=size), strict=True):
        assert {layout.folded.original(*word) for word in layout.words} <= set(words(text))
        assert layout.words == sorted(layout.words)
        covered = {word for window in layout.windows for word in range(window.first, window.last)}
        assert covered == set(range(len(layout.words)))
        for window in layout.windows:
            assert len(window.input_ids) <= size
            assert all(
                0 < a < b < len(window.input_ids) for a, b in zip(window.starts, window.ends, strict=True)
            )
        # Adjoining sentences that both fit into half a window share one.
        for first, second in pairwise(range(len(layout.words))):
            assert any(w.first <= first and second < w.last for w in layout.windows)


def test_batched_layout_is_the_single_one(tokenizer: Any) -> None:
    texts = ["زار بوتين أوسلو. ثم عاد.", "", "التقى وزير الخارجية\nسفراء"]
    assert lay_out(texts, tokenizer, size=16) == [lay_out([text], tokenizer, size=16)[0] for text in texts]


def bytes_tokenizer() -> Any:
    """A tokenizer that drops and folds nothing: its sub-words are bytes."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({char: index for index, char in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer)


@settings(max_examples=60, deadline=None)
@given(random=st.randoms(use_true_random=False))
@pytest.mark.parametrize("kind", ["bert", "bytes"])
def test_a_text_in_disguise_has_the_same_windows(tokenizer: Any, kind: str, random: Random) -> None:
    """Direction marks and joiners once cut words in two, each tokenizer where it saw them."""
    reads = tokenizer if kind == "bert" else bytes_tokenizer()
    text = "زار بوتين، ولأول مرة، الله 40%. ثم\nوزير الخارجية بلا عذر 1.47"
    disguised, _ = disguise(text, random)
    [expected], [found] = (lay_out([each], reads, size=32) for each in (text, disguised))
    assert replace(found, folded=expected.folded) == expected
    assert found.folded.text == text


def test_a_word_longer_than_a_window_is_kept(tokenizer: Any) -> None:
    [layout] = lay_out(["قال " + "بتثجح" * 300 + " وعاد"], tokenizer, size=32)
    assert len(layout.words) == 3
    assert all(len(window.input_ids) <= 32 for window in layout.windows)


def test_windows_know_what_they_hold_and_which_words_are_near(tokenizer: Any) -> None:
    [layout] = lay_out(["زار كيم أوسلو. " * 12], tokenizer, size=24)
    count = len(layout.words)
    assert len(layout.windows) > 2
    for first in range(count):
        for last in range(first + 1, count + 1):
            held = any(window.first <= first and last <= window.last for window in layout.windows)
            assert layout.has_window_over(first, last) == held
        for other in range(count):  # four words a sentence, the point among them
            assert layout.near(first, other) == (abs(first // 4 - other // 4) <= 1)
