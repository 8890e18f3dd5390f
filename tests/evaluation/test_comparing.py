from __future__ import annotations

import random

import numpy as np

from kashif.document import Document, Entity, Relation
from kashif.evaluation.comparing import compare, difference
from kashif.evaluation.counting import Counts
from kashif.evaluation.scoring import score
from kashif.scheme import Scheme


def corpus(articles: int) -> list[Document]:
    """Articles of eight names, each meeting the next."""
    text = " ".join(["كيم"] * 8)
    entities = tuple(Entity(i + 1, 4 * i, 4 * i + 3, "PERS", "كيم") for i in range(8))
    relations = tuple(Relation("meets", i, i + 1) for i in range(1, 8))
    return [Document(f"d{index}", text, entities, relations) for index in range(articles)]


def worse(gold: list[Document], share: float, seed: int) -> list[Document]:
    """Predictions that find a share of the gold entities, and the relations between them."""
    rng = random.Random(seed)
    found = []
    for document in gold:
        entities = tuple(e for e in document.entities if rng.random() < share)
        ids = {entity.id for entity in entities}
        relations = tuple(r for r in document.relations if {r.head, r.tail} <= ids)
        found.append(Document(document.id, document.text, entities, relations))
    return found


def test_a_system_does_not_differ_from_itself(scheme: Scheme) -> None:
    gold = corpus(12)
    same = worse(gold, 0.7, 1)
    found = compare(gold, (same, same), name="x", scheme=scheme, given_gold=(gold, gold))
    assert set(found.measures) == {"entities", "relations", "relations given gold entities"}
    for item in found.measures.values():
        assert (item.f1, item.interval, item.p) == (0.0, (0.0, 0.0), 1.0)


def test_a_clearly_better_system_gets_a_small_p(scheme: Scheme) -> None:
    gold = corpus(12)
    bad, good = worse(gold, 0.5, 1), worse(gold, 0.95, 2)
    found = compare(gold, (bad, good), name="x", scheme=scheme)
    item = found.measures["entities"]
    assert found.unit == "article"
    assert item.interval is not None
    assert item.f1 is not None
    assert item.interval[0] < item.f1 < item.interval[1]
    assert item.interval[0] > 0.1
    assert item.p is not None
    assert 0 < item.p < 0.005
    turned = compare(gold, (good, bad), name="x", scheme=scheme).measures["entities"]
    assert (turned.f1, turned.p) == (-item.f1, item.p)
    assert "relations given gold entities" not in found.measures
    assert found == compare(gold, (bad, good), name="x", scheme=scheme)
    assert found.row()["entities"]["PERS"]["right"] > 0


def test_systems_that_differ_by_chance_get_a_large_p(scheme: Scheme) -> None:
    gold = corpus(12)
    found = compare(gold, (worse(gold, 0.7, 1), worse(gold, 0.7, 2)), name="x", scheme=scheme)
    assert found.measures["entities"].p is not None
    assert found.measures["entities"].p > 0.05


def test_the_counts_are_those_of_score(scheme: Scheme) -> None:
    gold = corpus(3)
    sides = worse(gold, 0.5, 1), worse(gold, 0.9, 2)
    found = compare(gold, sides, name="x", scheme=scheme)
    reports = [score(gold, side, name="x", scheme=scheme) for side in sides]
    assert (found.unit, found.units) == (reports[0].unit, reports[0].units)
    for view in ("entities", "relations"):
        item = found.measures[view]
        assert [item.first, item.second] == [report.measures[view].counts for report in reports]
    assert found.relations["meets"].second == reports[1].relations["meets"]


def test_difference_meets_brute_force() -> None:
    first = np.array([(1, 1, 0), (0, 1, 2), (2, 0, 0)])
    second = np.array([(1, 0, 0), (1, 1, 1), (1, 1, 1)])
    observed = 2 * 3 / 10 - 2 * 3 / 10
    draws = np.random.default_rng(3).integers(3, size=(2000, 3)).tolist()
    drawn = []
    for draw in draws:
        a, b = Counts(), Counts()
        for unit in draw:
            a += Counts(*first[unit].tolist())
            b += Counts(*second[unit].tolist())
        assert a.f1 is not None
        assert b.f1 is not None
        drawn.append(b.f1 - a.f1)
    found = difference(first, second, seed=3)
    assert found.f1 == observed
    assert found.interval == tuple(np.percentile(drawn, [2.5, 97.5]))
    assert found.p == (1 + sum(abs(d - observed) >= abs(observed) for d in drawn)) / 2001


def test_what_is_undefined_stays_so(scheme: Scheme) -> None:
    one = np.array([(1, 0, 0)])
    assert (difference(one, one).f1, difference(one, one).p) == (0.0, None)
    nothing = np.zeros((3, 3), int)
    found = difference(nothing, nothing)
    assert (found.f1, found.interval, found.p) == (None, None, None)
    missing = compare(corpus(2), (corpus(2), []), name="x", scheme=scheme)
    assert missing.notices[0].startswith("B: no prediction for ")
