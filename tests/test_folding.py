from __future__ import annotations

import unicodedata
from itertools import accumulate
from random import Random

import pytest
from helpers import INVISIBLE, disguise
from hypothesis import given
from hypothesis import strategies as st

from kashif.folding import _FORMS, fold, letter_offsets, letters

PLAIN = st.text(alphabet="ابتجدوسفكلمنهويةىئءلالأ َُّـ12%.،؟!\n«» abکی", max_size=60)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("ﺍﻟﻨﺮﻭﻳﺞ", "النرويج"),
        ("ﻻ ﷲ", "لا الله"),
        ("٪﹪％", "%%%"),
        ("هل﹖", "هل?"),
        ("ﱞ ﹱ", "ٌّ ـً"),  # marks alone, and over a tatweel
        ("می\u200cشود", "میشود"),
        ("قال\u200bكيم", "قال كيم"),
        ("قال\x1cكيم\x1f", "قال كيم "),
        ("👨\u200d👩 ❤\ufe0f", "👨👩 ❤"),
        ("a\x00\x1b\x9fb\t\r\n", "ab\t\r\n"),
        ("ﷺ ﷼ ﴿", "ﷺ ﷼ ﴿"),
        (INVISIBLE, ""),
        ("\u0627\u0654نطونيو \u0627\u0653ل \u0627\u0655لى سؤ\u0648\u0654 شي\u0654", "أنطونيو آل إلى سؤؤ شئ"),
        ("ا\u200d\u064e\u0654ب", "أ\u064eب"),
        ("هٔ \u0654", "هٔ \u0654"),  # no letter of its own
    ],
)
def test_a_text_is_folded_to_what_one_reads(text: str, folded: str) -> None:
    assert fold(text).text == folded


@given(text=PLAIN, random=st.randoms(use_true_random=False))
def test_a_text_in_disguise_folds_to_itself_and_offsets_are_mapped(text: str, random: Random) -> None:
    disguised, place = disguise(text, random)
    folded = fold(disguised)
    assert folded.text == text
    for start in range(len(text)):
        end = start + 1
        assert folded.original(start, end) == (place[start], place[start] + 1)
        # Every letter of a ligature stands where its first one does.
        assert folded.position(place[start]) == place.index(place[start])
        wide = folded.position(place[start]), folded.position(place[end - 1] + 1)
        assert folded.original(*wide) == folded.original(start, end)


@given(st.text())
def test_any_text_is_folded_once(text: str) -> None:
    folded = fold(text)
    assert fold(folded.text).origins is None
    if folded.origins is None:
        assert folded.text is text
    else:
        assert len(folded.origins) == len(folded.text)
        assert list(folded.origins) == sorted(folded.origins)
        assert folded.ends is not None
        assert all(start < end for start, end in zip(folded.origins, folded.ends, strict=True))


@given(text=PLAIN, random=st.randoms(use_true_random=False))
def test_a_decomposed_text_folds_as_the_composed_one(text: str, random: Random) -> None:
    """Of its normal forms the hamza was lost, and a model found other names in it."""
    composed = unicodedata.normalize("NFC", text)
    pieces = [unicodedata.normalize("NFD", char) for char in composed]
    folded = fold("".join(pieces))
    assert folded.text == composed
    place = [0, *accumulate(map(len, pieces))]
    for start in range(len(composed)):
        assert folded.original(start, start + 1) == (place[start], place[start + 1])
        assert folded.position(place[start]) == start
    disguised, _ = disguise("".join(pieces), random)
    assert fold(disguised).text == composed


def test_what_stands_for_a_character_stands_for_itself() -> None:
    assert [char for char, form in _FORMS.items() if fold(form).origins is not None] == []


def test_spans_are_trimmed_of_invisible_characters() -> None:
    folded = fold("\u200fكي\u200dم\u200e ")
    assert folded.trimmed(0, 6) == (1, 5)
    assert folded.trimmed(1, 5) == (1, 5)
    assert folded.trimmed(0, 1) == (0, 1)  # nothing else is in it


def test_a_mark_behind_a_hamza_of_its_own_is_no_part_of_it() -> None:
    """An alef with such a hamza ended before it where a vowel mark followed."""
    folded = fold("\u0627\u0654\u064e")
    assert folded.text == "\u0623\u064e"
    assert [folded.original(start, start + 1) for start in (0, 1)] == [(0, 2), (2, 3)]


def test_letters_are_what_all_formats_hold() -> None:
    assert letters("\ufeffزار كيم\u00a0.\r\n\u200cعاد \x85") == letters("زار كيم.\nعاد") == "زاركيم.عاد"


@given(st.text(alphabet=f"اب \t\r\n\x1c\x85\u2028\xa0.َ{INVISIBLE}😀\ue000", max_size=30))
def test_letters_stand_at_their_offsets(text: str) -> None:
    assert "".join(text[at] for at in letter_offsets(text)) == letters(text)
