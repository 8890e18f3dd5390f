from __future__ import annotations

import random
from itertools import pairwise

import pytest

from kashif.arabic import words
from kashif.document import Document, Entity
from kashif.evaluation.seqeval_counts import seqeval_counts

TEXT = "زار بوتين وموسكو.\nالتقى كيم بوتين."


def document(*spans: tuple[int, int, str]) -> Document:
    entities = (Entity(i, a, b, label, TEXT[a:b]) for i, (a, b, label) in enumerate(spans, start=1))
    return Document("d", TEXT, tuple(entities))


def test_nested_spans_are_counted_by_label() -> None:
    nested = document((4, 16, "ORG"), (10, 16, "GPE"))
    assert seqeval_counts([(nested, document((4, 16, "ORG")))]) == (1, 0, 1)
    assert seqeval_counts([(nested, nested)]) == (2, 0, 0)


def test_whole_words_are_compared() -> None:
    # موسكو behind its proclitic, and with it.
    assert seqeval_counts([(document((11, 16, "GPE")), document((10, 16, "GPE")))]) == (1, 0, 0)


def test_nothing_and_nothing_right() -> None:
    assert seqeval_counts([]) == (0, 0, 0)
    assert seqeval_counts([(document(), document())]) == (0, 0, 0)
    assert seqeval_counts([(document((4, 9, "PERS")), document((0, 3, "PERS"), (24, 27, "PERS")))]) == (
        0,
        2,
        1,
    )


@pytest.mark.parametrize("seed", range(20))
def test_counts_agree_with_sets_of_spans(seed: int) -> None:
    """Spans of whole words, within a sentence, that do not overlap within a label: any set of them."""
    rng = random.Random(seed)
    spans = words(TEXT)
    lines = [range(4), range(4, len(spans))]

    def drawn() -> set[tuple[int, int, str]]:
        found = set()
        for label in ("PERS", "ORG"):
            for line in lines:
                cuts = sorted(rng.sample(line, 3))
                found |= {
                    (spans[first][0], spans[last - 1][1], label)
                    for first, last in pairwise(cuts)
                    if rng.random() < 0.6
                }
        return found

    pairs = [(drawn(), drawn()) for _ in range(3)]
    expected = [
        sum(len(part) for part in parts)
        for parts in ([g & p for g, p in pairs], [p - g for g, p in pairs], [g - p for g, p in pairs])
    ]
    found = seqeval_counts((document(*gold), document(*predicted)) for gold, predicted in pairs)
    assert list(found) == expected
