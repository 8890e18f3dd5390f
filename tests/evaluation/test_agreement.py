from __future__ import annotations

from pathlib import Path

import pytest

from kashif.document import Document, Entity, Relation
from kashif.evaluation.agreement import agreement, kappa
from kashif.evaluation.counting import Counts
from kashif.evaluation.pairing import Pairing, pair
from kashif.formats import Reading
from kashif.scheme import Scheme

TEXT = "زار بوتين موسكو"
PUTIN, CITY = Entity(1, 4, 9, "PERS", "بوتين"), Entity(2, 10, 15, "GPE", "موسكو")
VISITS = (Relation("visits", 1, 2),)


def paired(first: Document, second: Document) -> Pairing:
    return pair([Reading(first, Path("A"))], [Reading(second, Path("B"))])


def test_full_agreement(scheme: Scheme) -> None:
    document = Document("d", TEXT, (PUTIN, CITY), VISITS)
    found = agreement(paired(document, document), scheme=scheme)
    assert (found.entities.f1, found.relations.f1, found.kappa) == (1, 1, 1)


def test_relations_on_agreed_entities_are_counted_apart(scheme: Scheme) -> None:
    first = Document("d", TEXT, (PUTIN, CITY), VISITS)
    second = Document("d", TEXT, (PUTIN,))
    found = agreement(paired(first, second), scheme=scheme)
    assert found.entities == Counts(1, 0, 1)
    assert found.relations == Counts(0, 0, 1)
    assert found.agreed_relations == Counts()


def test_kappa_by_hand() -> None:
    # Observed 0.7; by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5 (Cohen 1960).
    first = ["a"] * 5 + ["b"] * 5
    second = ["a"] * 4 + ["b"] + ["a"] * 2 + ["b"] * 3
    assert kappa(first, second) == pytest.approx(0.4)
    assert kappa([], []) is None
    assert kappa(["a"], ["a"]) is None


def test_another_id_and_other_white_space_are_the_same_article(scheme: Scheme) -> None:
    first = Document("a", f"{TEXT}.\n{TEXT}", (PUTIN, CITY), VISITS)
    moved = (Entity(1, 5, 10, "PERS", "بوتين"), Entity(2, 11, 16, "GPE", "موسكو"))
    second = Document("7", f"\u200f{TEXT} .\r\n{TEXT}", moved, VISITS)
    for pairing in (paired(first, second), paired(second, first)):
        found = agreement(pairing, scheme=scheme)
        assert (found.documents, found.entities.f1, found.relations.f1, found.kappa) == (1, 1, 1, 1)
        assert found.by_entity["GPE"] == Counts(1, 0, 0)
