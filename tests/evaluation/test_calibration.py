from __future__ import annotations

import random

import pytest

from kashif.document import Document, Entity, Relation
from kashif.evaluation.calibration import Bin, reliability
from kashif.evaluation.scoring import score
from kashif.scheme import Scheme


def test_a_table_by_hand() -> None:
    found = reliability([0.95, 0.91, 0.55, 0.5], [True, False, True, True])
    assert [(b.low, b.high, b.count, b.right) for b in found.bins] == [
        (0.4, 0.5, 1, 1.0),
        (0.5, 0.6, 1, 1.0),
        (0.9, 1.0, 2, 0.5),
    ]
    # |1 - 0.5| + |1 - 0.55| + 2 |0.5 - 0.93|, over four.
    assert found.error == pytest.approx((0.5 + 0.45 + 0.86) / 4)


def test_bins_meet_brute_force() -> None:
    rng = random.Random(3)
    scores = [rng.choice([rng.random(), rng.randrange(11) / 10]) for _ in range(500)]
    right = [rng.random() < score for score in scores]
    found = reliability(scores, right)
    assert found.count == 500
    total = 0.0
    for low in range(10):
        inside = [
            (score, hit)
            for score, hit in zip(scores, right, strict=True)
            if low / 10 < score <= (low + 1) / 10 or (low == 0 and score == 0)
        ]
        [bin] = [b for b in found.bins if b.low == low / 10]
        mean = sum(score for score, _ in inside) / len(inside)
        share = sum(hit for _, hit in inside) / len(inside)
        assert (bin.count, bin.score, bin.right) == (len(inside), pytest.approx(mean), pytest.approx(share))
        total += len(inside) * abs(mean - share)
    assert found.error == pytest.approx(total / 500)


def test_without_probabilities_it_is_undefined() -> None:
    assert reliability([], []).error is None
    bare = reliability([None, None], [True, False])
    assert (bare.error, bare.count, bare.unscored) == (None, 0, 2)
    assert bare.row() == {"ece": None, "n": 0, "without score": 2, "bins": []}
    mixed = reliability([None, 1.0], [True, True])
    assert (mixed.bins, mixed.error, mixed.unscored) == ((Bin(0.9, 1.0, 1, 1.0, 1.0),), 0.0, 1)


def test_a_report_holds_both_views(scheme: Scheme) -> None:
    text = "زار بوتين موسكو"
    entities = (Entity(1, 4, 9, "PERS", "بوتين"), Entity(2, 10, 15, "GPE", "موسكو"))
    gold = Document("d", text, entities, (Relation("visits", 1, 2),))
    guess = Document(
        "d",
        text,
        (Entity(1, 4, 9, "PERS", "بوتين", score=0.8), Entity(2, 10, 15, "ORG", "موسكو", score=0.7)),
        (Relation("affiliation", 1, 2, 0.6),),
    )
    found = score([gold], [guess], name="x", scheme=scheme)
    assert found.calibration["entities"].error == pytest.approx((0.2 + 0.7) / 2)
    assert found.calibration["relations"].error == pytest.approx(0.6)
    assert found.row()["calibration"]["relations"]["n"] == 1
    assert score([gold], [gold], name="x", scheme=scheme).calibration["entities"].error is None
