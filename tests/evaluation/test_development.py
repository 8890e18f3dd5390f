from __future__ import annotations

from dataclasses import replace

import pytest

from kashif.document import Document, Entity, Relation
from kashif.evaluation.development import SELECTED_BY, development_scores, in_words
from kashif.scheme import Scheme

TEXT = "زار بوتين موسكو"
PUTIN, CITY = Entity(1, 4, 9, "PERS", "بوتين"), Entity(2, 10, 15, "GPE", "موسكو")
GOLD = Document("d", TEXT, (PUTIN, CITY), (Relation("visits", 1, 2),))


def test_the_score_is_the_mean_over_entities_and_relations(scheme: Scheme) -> None:
    # Two of three entities are right, and one relation of two: counts are summed before F1 is taken.
    other = Document("e", TEXT, (PUTIN,))
    half = replace(GOLD, relations=(Relation("visits", 1, 2), Relation("attacks", 1, 2)))
    found = development_scores([GOLD, other], [half, Document("e", TEXT)], scheme=scheme)
    assert found == {
        "entity_f1": pytest.approx(4 / 5),
        "relation_f1": pytest.approx(2 / 3),
        SELECTED_BY: pytest.approx((4 / 5 + 2 / 3) / 2),
    }


def test_a_scheme_without_relations_is_selected_by_entities_alone(scheme: Scheme) -> None:
    bare = Scheme(entities=scheme.entities)
    gold, guess = Document("d", TEXT, (PUTIN, CITY)), Document("d", TEXT, (PUTIN,))
    f1 = pytest.approx(2 / 3)
    assert development_scores([gold], [guess], scheme=bare) == {"entity_f1": f1, SELECTED_BY: f1}


def test_what_is_undefined_counts_as_0(scheme: Scheme) -> None:
    nothing = Document("d", TEXT)
    assert development_scores([nothing], [nothing], scheme=scheme) == {
        "entity_f1": 0.0,
        "relation_f1": 0.0,
        SELECTED_BY: 0.0,
    }


def test_documents_go_in_pairs(scheme: Scheme) -> None:
    with pytest.raises(ValueError, match="shorter"):
        development_scores([GOLD, GOLD], [GOLD], scheme=scheme)


def test_scores_in_words() -> None:
    assert (
        in_words({"entity_f1": 0.8, "score": 0.5, "relation_f1": 0.25})
        == "entity F1 0.800, relation F1 0.250"
    )
    assert in_words({"entity_f1": 0.8, "score": 0.8}) == "entity F1 0.800"
