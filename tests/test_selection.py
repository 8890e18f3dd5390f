from __future__ import annotations

import pytest

from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.scheme import RelationType, Scheme
from kashif.selection import Selection

SCHEME = Scheme(
    entities={"PERS": "", "GPE": ""},
    relations={"visits": RelationType(head=("PERS",), tail=("GPE",))},
)
DOCUMENT = Document(
    "d",
    "زار بوتين موسكو",
    (Entity(1, 4, 9, "PERS", "بوتين", score=0.9), Entity(2, 10, 15, "GPE", "موسكو", score=0.6)),
    (Relation("visits", 1, 2, score=0.8),),
)


def shown(threshold: float | None, labels: str) -> tuple[list[int], int]:
    document = Selection.parse(threshold, labels, SCHEME).of(DOCUMENT)
    return [entity.id for entity in document.entities], len(document.relations)


def test_marks_from_a_probability_on_and_of_some_labels_are_kept() -> None:
    assert Selection.parse(None, "", SCHEME).of(DOCUMENT) is DOCUMENT
    assert shown(0.6, "") == ([1, 2], 1)
    assert shown(0.7, "") == ([1], 0)  # a relation goes with its arguments
    assert shown(0.95, "") == ([], 0)
    assert shown(None, "PERS") == ([1], 0)
    assert shown(None, "PERS, GPE") == ([1, 2], 0)
    assert shown(0.5, "PERS,GPE,visits") == ([1, 2], 1)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(threshold: float) -> None:
    with pytest.raises(InputError, match="write a probability from 0 to 1"):
        Selection.parse(threshold, "", SCHEME)


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ("PER", "no label 'PER'; did you mean 'PERS'"),
        ("PERS,visit", "no label 'visit'; did you mean 'visits'"),
        (",", "write labels with commas"),
        ("visits,PERS", "visits: no label of its tail is named, so it could not be shown; add one of GPE"),
    ],
)
def test_labels_that_do_not_fit_are_told(labels: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Selection.parse(None, labels, SCHEME)
