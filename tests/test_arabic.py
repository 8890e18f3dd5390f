from __future__ import annotations

import itertools
from random import Random

import pytest
from helpers import INVISIBLE, disguise
from hypothesis import given
from hypothesis import strategies as st

from kashif.arabic import (
    normal_form,
    proclitic_length,
    proclitic_letters,
    restored,
    sentence_index,
    sentences,
    touched,
    words,
)
from kashif.folding import fold

ARABIC = st.text(alphabet="ابتجدروسفكلمنهويةىء َُّـ123.،؟!…\n«»\"'()\u200f\ufeff😀abکی", max_size=60)


def parts(text: str, spans: list[tuple[int, int]]) -> list[str]:
    return [text[start:end] for start, end in spans]


@given(ARABIC, st.integers(0, 60), st.integers(1, 60))
def test_a_span_touches_the_words_with_a_character_in_it(text: str, start: int, length: int) -> None:
    spans = words(text)
    inside = [i for i, span in enumerate(spans) if set(range(*span)) & set(range(start, start + length))]
    assert list(touched(spans, start, start + length)) == inside


def test_words_are_runs_and_single_signs() -> None:
    text = "لـ21 وَقَّعَ (تاس)، 40%"
    assert parts(text, words(text)) == ["لـ21", "وَقَّعَ", "(", "تاس", ")", "،", "40", "%"]


@given(ARABIC)
def test_words_cover_all_but_white_space(text: str) -> None:
    spans = words(text)
    covered = {offset for start, end in spans for offset in range(start, end)}
    visible = {offset for offset, char in enumerate(text) if fold(char).text.strip()}
    assert visible == {offset for offset in covered if text[offset] not in INVISIBLE}
    assert {edge for start, end in spans for edge in (start, end - 1)} <= visible
    assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("قال نعم. ثم عاد", ["قال نعم.", " ثم عاد"]),
        ("بلغ 1.47 مليار", ["بلغ 1.47 مليار"]),
        ("انتظر... ثم عاد… وذهب", ["انتظر... ثم عاد… وذهب"]),
        ("هل عاد؟ نعم! حقا", ["هل عاد؟", " نعم!", " حقا"]),
        ("قال «نعم.» وعاد", ["قال «نعم.»", " وعاد"]),
        ("صورة (أ.ف.ب)\nخبر", ["صورة (أ.ف.ب)\n", "خبر"]),
        ("منذ عام 2015. وفي", ["منذ عام 2015.", " وفي"]),
        ("\n\nعنوان\n\nخبر", ["\n\nعنوان\n\n", "خبر"]),
        ("", []),
        (" \n ", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    found = parts(text, sentences(text))
    assert [item.strip() for item in found] == [item.strip() for item in expected]


@given(ARABIC)
def test_sentences_cover_a_text_without_gap(text: str) -> None:
    spans = sentences(text)
    assert all(first[1] == second[0] for first, second in itertools.pairwise(spans))
    assert all(text[start:end].strip() for start, end in spans)
    if spans:
        assert not text[: spans[0][0]].strip()
        assert spans[-1][1] == len(text)
        locate = sentence_index(spans)
        assert [locate(start) for start, _ in spans] == list(range(len(spans)))


@pytest.mark.parametrize(
    ("word", "letters", "length"),
    [
        ("وأوكرانيا", 1, 1),
        ("لـ21", 1, 2),
        ("وبالجيش", 2, 2),
        ("للجيش", 1, 1),
        ("وَلِلجيش", 2, 4),
        ("موسكو", 0, 0),
    ],
)
def test_proclitics_count_marks_and_tatweel(word: str, letters: int, length: int) -> None:
    assert proclitic_length(word, letters) == length
    assert proclitic_letters(word, length) == letters


def test_proclitics_refuse_other_letters_and_whole_words() -> None:
    assert proclitic_letters("موسكو", 1) is None
    assert proclitic_letters("وَقع", 1) is None  # between a letter and its mark
    with pytest.raises(ValueError, match="nothing is left"):
        proclitic_length("و", 1)


@given(text=ARABIC, random=st.randoms(use_true_random=False))
def test_a_text_in_disguise_has_the_same_words_and_sentences(text: str, random: Random) -> None:
    text = "".join(char for char in text if char not in INVISIBLE)
    disguised, place = disguise(text, random)
    there = [(place[start], place[end - 1] + 1) for start, end in words(text)]
    assert words(disguised) == there
    assert normal_form(disguised) == normal_form(text)
    locate, locate_there = sentence_index(sentences(text)), sentence_index(sentences(disguised))
    for (start, _), (moved, _) in zip(words(text), there, strict=True):
        assert locate(start) == locate_there(moved)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("إيمانويل ماك\u200dرون", ["إيمانويل", "ماك\u200dرون"]),
        ("می\u200cشود", ["می\u200cشود"]),  # a joiner of width zero parts letters, not words
        ("\u202bكيم\u202c (\u200fتاس\u200e)", ["كيم", "(", "تاس", ")"]),
        ("\ufeffنو\xadفمبر\u2060", ["نو\xadفمبر"]),
        ("قال\u200bكيم", ["قال", "كيم"]),  # a space of width zero
        ("ﻭﺳﻼﻡ ﷲ ﷺ", ["ﻭﺳﻼﻡ", "ﷲ", "ﷺ"]),
        ("5﷼ 40٪", ["5", "﷼", "40", "٪"]),
    ],
)
def test_words_see_through_invisible_characters(text: str, expected: list[str]) -> None:
    assert parts(text, words(text)) == expected


def test_sentences_end_at_presentation_forms_and_before_invisible_characters() -> None:
    text = "قال «نعم.\u200f» وعاد.\u200e ثم بلغ 1\u2060.\u206047 هل﹖"
    assert parts(text, sentences(text)) == [
        "قال «نعم.\u200f»",
        " وعاد.",
        "\u200e ثم بلغ 1\u2060.\u206047 هل﹖",
    ]


@pytest.mark.parametrize(
    ("word", "letters", "length"),
    [
        ("و\u200dأوكرانيا", 1, 2),
        ("\u200fوأوكرانيا", 1, 2),
        ("ﻭﺃﻭﻛﺮﺍﻧﻴﺎ", 1, 1),
        ("ﻭ\u200cﺑ\u2060الجيش", 2, 4),
        ("ککیم", 1, 1),  # the Persian letter
    ],
)
def test_proclitics_see_through_invisible_characters(word: str, letters: int, length: int) -> None:
    assert proclitic_length(word, letters) == length
    assert proclitic_letters(word, length) == letters


def test_a_proclitic_in_a_ligature_cannot_be_parted_from_the_next_letter() -> None:
    assert proclitic_letters("ﻷوسلو", 1) is None
    with pytest.raises(ValueError, match="ligature"):
        proclitic_length("ﻷوسلو", 1)


def test_normal_form_drops_marks_and_folds_persian_letters() -> None:
    assert normal_form("کوریا  الشَّمـالیة\u200f") == "كوريا الشمالية"
    assert normal_form("ﺍﻟﻼﺫﻗﻴﺔ \u200fو\u200dﷲ") == "اللاذقية والله"


@pytest.mark.parametrize(
    ("mention", "known", "expected"),
    [
        ("لجيش", {"الجيش"}, "الجيش"),
        ("لجنة", {"اللجنة"}, "اللجنة"),
        ("ليبيا", {"ليبيا"}, "ليبيا"),
        ("لجيش", set(), "لجيش"),
    ],
)
def test_hidden_article_is_restored_on_evidence_only(mention: str, known: set[str], expected: str) -> None:
    def found(before: str) -> str:
        return restored(before + mention, len(before), len(before + mention), known.__contains__)

    assert found("إلى ل") == expected
    # Without a ل in front nothing is hidden.
    assert found("في ") == mention


def test_blank_lines_before_a_text_cost_no_squares() -> None:
    """Each one was read anew for every one behind it: this took minutes."""
    blank = "\n" * 500_000
    assert sentences(blank) == []
    assert sentences(blank + "زار.\n\nعاد") == [(0, len(blank) + 6), (len(blank) + 6, len(blank) + 9)]
