from __future__ import annotations

import pytest

from kashif.document import Document, Entity, Relation
from kashif.errors import InputError
from kashif.evaluation.agreement import agreement, kappa
from kashif.evaluation.counting import Counts
from kashif.scheme import Scheme

TEXT = "زار بوتين موسكو"
PUTIN, CITY = Entity(1, 4, 9, "PERS", "بوتين"), Entity(2, 10, 15, "GPE", "موسكو")
VISITS = (Relation("visits", 1, 2),)


def test_full_agreement(scheme: Scheme) -> None:
    document = Document("d", TEXT, (PUTIN, CITY), VISITS)
    found = agreement([document], [document], scheme=scheme)
    assert (found.entities.f1, found.relations.f1, found.kappa) == (1, 1, 1)


def test_relations_on_agreed_entities_are_counted_apart(scheme: Scheme) -> None:
    first = Document("d", TEXT, (PUTIN, CITY), VISITS)
    second = Document("d", TEXT, (PUTIN,))
    found = agreement([first], [second, Document("other", "x")], scheme=scheme)
    assert found.entities == Counts(1, 0, 1)
    assert found.relations == Counts(0, 0, 1)
    assert found.agreed_relations == Counts()
    assert found.alone == ((), ("other",))


def test_kappa_by_hand() -> None:
    # Observed 0.7; by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5 (Cohen 1960).
    first = ["a"] * 5 + ["b"] * 5
    second = ["a"] * 4 + ["b"] + ["a"] * 2 + ["b"] * 3
    assert kappa(first, second) == pytest.approx(0.4)
    assert kappa([], []) is None
    assert kappa(["a"], ["a"]) is None


def test_white_space_at_the_end_makes_no_other_text(scheme: Scheme) -> None:
    sides = [Document("a", f"زار كييف{end}", (Entity(1, 4, 8, "GPE", "كييف"),)) for end in ("", "\n \n")]
    found = agreement(sides[:1], sides[1:], scheme=scheme)
    assert (found.documents, found.entities.f1) == (1, 1.0)


def test_what_cannot_be_compared_is_refused(scheme: Scheme) -> None:
    with pytest.raises(InputError, match="share no article"):
        agreement([Document("a", "x")], [Document("b", "x")], scheme=scheme)
    with pytest.raises(InputError, match="texts differ"):
        agreement([Document("a", "x")], [Document("a", "y")], scheme=scheme)
