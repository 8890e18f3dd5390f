from __future__ import annotations

import random

import pytest

from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.evaluation.counting import Counts
from kashif.evaluation.scoring import score
from kashif.scheme import Scheme

TEXT = "زار بوتين موسكو.\nالتقى كيم بوتين."


def document(*spans: tuple[int, int, str], relations: tuple[tuple[str, int, int], ...] = ()) -> Document:
    entities = tuple(Entity(i, a, b, label, TEXT[a:b]) for i, (a, b, label) in enumerate(spans, start=1))
    return Document("d", TEXT, entities, tuple(Relation(*relation) for relation in relations))


GOLD = document(
    (4, 9, "PERS"),
    (10, 15, "GPE"),
    (23, 26, "PERS"),
    (27, 32, "PERS"),
    relations=(("visits", 1, 2), ("meets", 3, 4)),
)


def test_gold_scores_one(scheme: Scheme) -> None:
    report = score([GOLD], [GOLD], name="x", scheme=scheme, given_gold=[GOLD])
    assert {measure.counts.f1 for measure in report.measures.values()} == {1.0}
    assert report.unit == "paragraph"
    assert report.units == 2


def test_edges_labels_and_arguments_are_strict(scheme: Scheme) -> None:
    # موسكو gets a wrong label, بوتين a wrong edge; the relations hang on them.
    guess = document(
        (4, 9, "PERS"),
        (10, 15, "ORG"),
        (23, 32, "PERS"),
        relations=(("visits", 1, 2),),
    )
    report = score([GOLD], [guess], name="x", scheme=scheme)
    assert report.measures["entities"].counts == Counts(1, 2, 3)
    assert report.measures["relations"].counts == Counts(0, 1, 2)
    assert report.measures["relations by boundaries"].counts == Counts(1, 0, 1)
    assert report.measures["entities over words (seqeval)"].counts == Counts(1, 2, 3)
    assert report.entities["PERS"] == Counts(1, 1, 2)
    assert report.relations["meets"] == Counts(0, 0, 1)


def test_a_missing_prediction_is_missed_and_said(scheme: Scheme) -> None:
    report = score([GOLD], [], name="x", scheme=scheme)
    assert report.measures["entities"].counts == Counts(0, 0, 4)
    assert report.notices == ("no prediction for 1 of 1 articles (d): all their gold counts as missed",)


def test_other_texts_and_other_documents_are_refused(scheme: Scheme) -> None:
    with pytest.raises(InputError, match="the predicted text differs"):
        score([GOLD], [Document("d", "other")], name="x", scheme=scheme)
    with pytest.raises(InputError, match="no document of the corpus"):
        score([GOLD], [Document("e", TEXT)], name="x", scheme=scheme)


def test_interval_is_seeded_and_holds_the_score(scheme: Scheme) -> None:
    rng = random.Random(1)
    gold, guesses = [], []
    for index in range(12):
        text = " ".join("كيم" for _ in range(8))
        spans = [Entity(i + 1, 4 * i, 4 * i + 3, "PERS", "كيم") for i in range(8)]
        gold.append(Document(f"d{index}", text, tuple(spans)))
        guesses.append(Document(f"d{index}", text, tuple(s for s in spans if rng.random() < 0.7)))
    first, second = (score(gold, guesses, name="x", scheme=scheme, seed=5) for _ in range(2))
    measure = first.measures["entities"]
    assert first == second
    assert first.unit == "article"
    assert measure.interval is not None
    assert measure.counts.f1 is not None
    assert measure.interval[0] < measure.counts.f1 < measure.interval[1]
    assert 0.05 < measure.interval[1] - measure.interval[0] < 0.3


def test_a_scheme_without_relations_has_no_relation_scores(scheme: Scheme) -> None:
    bare = Scheme(entities=scheme.entities)
    gold = Document("d", TEXT, GOLD.entities)
    guess = document((4, 9, "PERS"), (10, 15, "GPE"), relations=(("visits", 1, 2),))
    report = score([gold], [guess], name="x", scheme=bare, given_gold=[gold])
    assert set(report.measures) == {"entities", "entities over words (seqeval)"}
    assert report.relations == {}
    assert set(report.calibration) == {"entities"}  # relations that were not scored were said to be wrong


def test_predictions_with_nothing_right(scheme: Scheme) -> None:
    report = score([GOLD], [document((0, 3, "PERS"))], name="x", scheme=scheme)
    assert report.measures["entities over words (seqeval)"].counts == Counts(0, 1, 4)
    assert report.measures["entities"].counts.f1 == 0


def test_a_span_in_a_paragraph_without_words_is_counted(scheme: Scheme) -> None:
    text = "زار بوتين كييف.\n\u200f\nعاد."
    gold = Document("a", text, (Entity(1, 16, 17, "GPE", text[16:17]),))
    found = score([gold], [Document("a", text)], name="x", scheme=scheme)
    assert found.measures["entities"].counts == Counts(0, 0, 1)
