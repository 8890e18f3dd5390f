from __future__ import annotations

import pytest

from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.evaluation.counting import (
    LEAST_ARTICLES,
    Counts,
    counts_by_label,
    counts_by_unit,
    entity_items,
    matched,
    relation_items,
    relation_scores,
    total,
    units_of,
)
from kashif.scheme import Scheme

TEXT = "زار بوتين موسكو.\nالتقى كيم بوتين."


def document(
    *spans: tuple[int, int, str], relations: tuple[tuple[str, int, int, float | None], ...] = ()
) -> Document:
    entities = tuple(Entity(i, a, b, label, TEXT[a:b]) for i, (a, b, label) in enumerate(spans, start=1))
    return Document("d", TEXT, entities, tuple(Relation(*relation) for relation in relations))


SPANS = (4, 9, "PERS"), (10, 15, "GPE"), (23, 26, "PERS"), (27, 32, "PERS")
GOLD = document(*SPANS, relations=(("visits", 1, 2, None), ("meets", 3, 4, None)))


def test_counts() -> None:
    counts = Counts(2, 1, 3)
    assert (counts.precision, counts.recall, counts.f1) == (2 / 3, 2 / 5, 0.5)
    assert (Counts().precision, Counts().recall, Counts().f1) == (None, None, None)
    assert Counts(0, 1, 1).f1 == 0


def test_nested_spans_are_items_of_their_own() -> None:
    assert entity_items(document((4, 15, "ORG"), (10, 15, "GPE"))) == {("ORG", 4, 15), ("GPE", 10, 15)}


def test_symmetric_relations_match_either_way(scheme: Scheme) -> None:
    turned = document(*SPANS, relations=(("meets", 4, 3, None), ("visits", 1, 2, None)))
    assert relation_items(turned, scheme) == relation_items(GOLD, scheme)


def test_of_one_relation_twice_the_higher_probability_counts(scheme: Scheme) -> None:
    twice = document(*SPANS, relations=(("meets", 4, 3, 0.7), ("meets", 3, 4, 0.6), ("visits", 1, 2, None)))
    assert list(relation_scores(twice, scheme).values()) == [0.7, None]


def test_predictions_are_matched_by_id() -> None:
    other, guess = Document("e", "كيم"), document(SPANS[0])
    found, notices = matched([other, GOLD], [guess])
    assert found == {"d": guess, "e": other}
    assert notices == ["no prediction for 1 of 2 articles (e): all their gold counts as missed"]


def test_every_prediction_that_fits_no_gold_document_is_told() -> None:
    with pytest.raises(InputError) as told:
        matched([GOLD], [Document("d", "other"), Document("e", TEXT)])
    assert [fault.where for fault in told.value.faults] == ["document 'd'", "document 'e'"]
    assert "the predicted text differs" in told.value.faults[0].message
    assert "no document of the corpus" in told.value.faults[1].message


def test_predictions_of_texts_with_other_white_space_are_told_so() -> None:
    """The same article with the line ends of another system was told to be another text."""
    for text, why in (
        (f"\u200f{TEXT}\r\n", " in line ends, white space or invisible characters alone"),
        ("x", ""),
    ):
        with pytest.raises(InputError, match=f"the predicted text differs from the corpus's{why}; give"):
            matched([GOLD], [Document("d", text)])


def test_paragraphs_of_few_articles_are_units_and_whole_articles_of_many(scheme: Scheme) -> None:
    guess = document((4, 9, "PERS"), (10, 15, "ORG"), (23, 26, "PERS"))
    kind, locate, units = units_of([GOLD])
    assert (kind, units) == ("paragraph", [("d", 0), ("d", 1)])
    table = counts_by_unit([GOLD], {"d": guess}, items=entity_items, locate=locate, units=units)
    assert table.tolist() == [[1, 1, 1], [1, 0, 1]]
    assert total(table) == Counts.of(entity_items(GOLD), entity_items(guess)) == Counts(2, 1, 2)
    # A relation counts where its head stands.
    table = counts_by_unit(
        [GOLD], {"d": guess}, items=lambda d: relation_items(d, scheme), locate=locate, units=units
    )
    assert table.tolist() == [[0, 0, 1], [0, 0, 1]]
    many = [Document(f"d{i}", TEXT, GOLD.entities) for i in range(LEAST_ARTICLES)]
    kind, locate, units = units_of(many)
    assert (kind, units) == ("article", [(d.id, 0) for d in many])
    itself = {d.id: d for d in many}
    table = counts_by_unit(many, itself, items=entity_items, locate=locate, units=units)
    assert table.tolist() == [[4, 0, 0]] * LEAST_ARTICLES


def test_labels_that_occur_are_counted_in_the_order_asked_for() -> None:
    guess = document((4, 9, "PERS"), (10, 15, "ORG"))
    found = counts_by_label([GOLD], {"d": guess}, items=entity_items, labels=("DATE", "GPE", "PERS"))
    assert list(found.items()) == [
        ("GPE", Counts(0, 0, 1)),
        ("PERS", Counts(1, 0, 2)),
        ("ORG", Counts(0, 1, 0)),
    ]
