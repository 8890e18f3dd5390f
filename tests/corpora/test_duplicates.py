from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kashif.arabic import normal_form, sentences, words
from kashif.corpora.duplicates import FEW, FOOTER, RUN, SHINGLE, Overlap, overlaps, repeated_sentences

# Two words, so that runs recur; with marks, tatweel and punctuation that hide no likeness.
TEXT = st.lists(st.sampled_from(["زار", "وزير", "وَزير", "وزيـر", "،"]), max_size=16)
LONG = TEXT.map(" ".join)


def forms(text: str) -> list[str]:
    found = [text[start:end] for start, end in words(text)]
    return [normal_form(word) for word in found if any(map(str.isalnum, word))]


def brute_force(first: str, second: str) -> tuple[float, float, int] | None:
    """Resemblance, containment and longest common run, by comparing everything with everything."""
    a, b = forms(first), forms(second)
    sets = [{tuple(x[i : i + SHINGLE]) for i in range(len(x) - SHINGLE + 1)} for x in (a, b)]
    common = len(sets[0] & sets[1])
    if not common:
        return None
    run = max(
        length
        for i in range(len(a))
        for j in range(len(b))
        for length in range(min(len(a) - i, len(b) - j) + 1)
        if a[i : i + length] == b[j : j + length]
    )
    return common / len(sets[0] | sets[1]), common / min(map(len, sets)), run


@settings(max_examples=40, deadline=None)
@given(LONG, LONG, TEXT)
def test_overlaps_agree_with_brute_force(first: str, second: str, middle: list[str]) -> None:
    shared = "قال المتحدث باسم الحكومة أمس إن الوفد سيغادر"
    texts = [f"{first} {shared}", f"{' '.join(middle)} {shared} {second}", second]
    found = {(o.first, o.second): o for o in overlaps(texts, [0, 1, 2])}
    for a, b in ((0, 1), (0, 2), (1, 2)):
        expected = brute_force(texts[a], texts[b])
        assert (expected is None) == ((a, b) not in found)
        if expected is not None:
            got: Overlap = found[a, b]
            assert (got.resemblance, got.containment, got.run) == expected
            stretches = (texts[a][slice(*got.first_span)], texts[b][slice(*got.second_span)])
            assert forms(stretches[0]) == forms(stretches[1])
            assert len(forms(stretches[0])) == got.run


def test_only_texts_of_different_groups_are_compared() -> None:
    text = "وصل الوفد إلى المدينة صباح اليوم بعد رحلة طويلة عبر الصحراء"
    found = overlaps([text, text, text], ["a", "a", "b"])
    assert [(o.first, o.second) for o in found] == [(0, 2), (1, 2)]
    assert all(o.resemblance == o.containment == 1 and o.near_duplicate for o in found)


def test_marks_and_punctuation_hide_no_duplicate_and_an_edit_cuts_the_run() -> None:
    text = "وصل الوفد إلى المدينة صباح اليوم، بعد رحلة طويلة عبر الصحراء"
    [same] = overlaps([text, "«وَصَلَ الوفد إلى المديـنة صباح اليوم» بعد رحلة طويلة عبر الصحراء."], [0, 1])
    assert same.resemblance == 1
    assert same.run == 11
    # Of the four shingles of each text, the one before the edited word is shared.
    [edited] = overlaps([text, text.replace("طويلة", "قصيرة")], [0, 1])
    assert (edited.run, edited.resemblance, edited.containment) == (8, 1 / 7, 1 / 4)
    assert overlaps([text, text.replace("صباح", "مساء")], [0, 1]) == []


def test_texts_shorter_than_a_shingle_share_nothing() -> None:
    assert overlaps(["وصل الوفد إلى المدينة", "وصل الوفد إلى المدينة", ""], [0, 1, 2]) == []


def test_a_long_stretch_is_a_near_duplicate_however_long_the_texts() -> None:
    numbers = [f"كلمة{i}" for i in range(400)]
    stretch = " ".join(f"مشترك{i}" for i in range(20))
    texts = [" ".join([*numbers[:200], stretch]), " ".join([stretch, *numbers[200:]])]
    [found] = overlaps(texts, [0, 1])
    assert (found.run, found.near_duplicate) == (20, True)
    assert found.containment < 0.2
    assert texts[0][slice(*found.first_span)] == stretch == texts[1][slice(*found.second_span)]
    [shorter] = overlaps([texts[0], texts[1].removeprefix("مشترك0 ")], [0, 1])
    assert (shorter.run, shorter.near_duplicate) == (19, False)


def test_repeated_sentences_of_different_groups() -> None:
    first = "القاهرة - وكالات\nولم يصدر أي تعليق رسمي بعد.\nنص آخر لا يتكرر هنا أبدا."
    second = "القاهرة - وكالات\nكلام مختلف عن كل شيء. ولم يصدر أيّ تعليق رسميّ بعد"
    [places] = repeated_sentences([first, first, second], ["a", "a", "b"])
    told = [(index, (first, first, second)[index][start:end]) for index, (start, end) in places]
    assert [index for index, _ in told] == [0, 1, 2]
    assert told[0][1] == "ولم يصدر أي تعليق رسمي بعد"
    assert told[2][1] == "ولم يصدر أيّ تعليق رسميّ بعد"
    assert list(repeated_sentences([first, first], ["a", "a"])) == []
    assert len(sentences(first)) == 3


CLOSE = " ".join(f"تذييل{i}" for i in range(RUN + 2))


def articles(count: int) -> list[str]:
    """Articles that share nothing but a footer."""
    return [" ".join([*(f"كلمة{n}ف{i}" for i in range(30)), CLOSE]) for n in range(count)]


def test_a_footer_makes_no_near_duplicates() -> None:
    """It once made one group of all articles, and took twenty gigabytes at five thousand."""
    for count in (4, 10, FEW, 3 * FEW):
        assert overlaps(articles(count), range(count)) == []
    assert len(overlaps(articles(3), range(3))) == 3  # three articles have no footer, they are alike


def test_a_footer_of_some_articles_is_one_in_a_large_corpus_only() -> None:
    others = [" ".join(f"غير{n}ف{i}" for i in range(30)) for n in range(FEW)]
    found = overlaps([*articles(FEW), *others], range(2 * FEW))
    assert len(found) == FEW * (FEW - 1) // 2
    assert all(o.near_duplicate for o in found)
    assert overlaps([*articles(FEW + 1), *others], range(2 * FEW + 1)) == []


def numbered(name: str, count: int) -> str:
    return " ".join(f"{name}{i}" for i in range(count))


def test_copies_are_found_above_a_footer_of_all() -> None:
    texts = articles(3 * FEW)
    copied = numbered("خبر", RUN)
    for index in (7, 31):
        texts[index] = f"{copied} {texts[index]}"
    [found] = overlaps(texts, range(len(texts)))
    assert (found.first, found.second, found.run) == (7, 31, RUN)
    assert found.containment == (RUN - SHINGLE + 1) / (2 * RUN + 2 + 30 - SHINGLE + 1)
    assert texts[7][slice(*found.first_span)] == copied
    assert found.near_duplicate


def test_a_story_that_many_copy_is_no_footer() -> None:
    """It was one for an hour: copies fell into train and test."""
    story = numbered("خبر", 3 * FOOTER)
    for copies, others in ((3, 0), (4, 0), (3, 3), (25, 10), (22, 78)):
        longer = f"{numbered('مزيد', 150)} {story}"
        texts = [longer, *(f"بلد{n} {story}" for n in range(copies))]
        texts += [numbered(f"غير{n}ف", 60) for n in range(others)]
        for order in (texts, texts[::-1]):
            found = overlaps(order, range(len(order)))
            assert all(o.near_duplicate for o in found)
            alike = {index for o in found for index in (o.first, o.second)}
            assert len(alike) == copies + 1, (copies, others)
    half = [f"{numbered(f'غير{n}ف', 200)} {story}" for n in range(4)]
    assert len(overlaps(half, range(4))) == 6


@pytest.mark.parametrize(("words", "alike"), [(FOOTER, False), (FOOTER + 1, True)])
def test_a_footer_has_an_end(words: int, alike: bool) -> None:
    texts = [f"{numbered(f'غير{n}ف', 100)} {numbered('تذييل', words)}" for n in range(5)]
    assert bool(overlaps(texts, range(5))) == alike
    assert overlaps(texts, range(5), footers_count=True)


def test_many_copies_of_one_text_are_near_duplicates() -> None:
    for size in (30, 3 * FOOTER):
        story, edited = numbered("خبر", size), numbered("خبر", size - 5)
        count = 3 * FEW
        texts = [*articles(1), *([story, edited] * (count // 2))]
        found = overlaps(texts, range(len(texts)))
        assert [(o.first, o.second) for o in found] == [(1, index) for index in range(2, len(texts))]
        assert all(o.near_duplicate for o in found)
        groups = ["train"] * (1 + count // 2) + ["test"] * (count // 2)
        across = overlaps(texts, groups)
        assert {index for o in across for index in (o.first, o.second)} == set(range(1, len(texts)))
        assert all(groups[o.first] != groups[o.second] for o in across)
        assert overlaps(texts, ["train"] * len(texts)) == []


def test_one_word_again_and_again_takes_no_squares() -> None:
    zeros = "صفر " * 40_000
    [found] = overlaps([f"أول {zeros}", f"ثان {zeros} ثالث"], [0, 1])
    assert found.run == 40_000
