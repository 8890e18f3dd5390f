from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest

from kashif.document import Document, Entity, Relation
from kashif.evaluation.calibration import Bin, Reliability, Scored, fitted, reliability
from kashif.evaluation.scoring import score
from kashif.modeling.decoding import NO_CALIBRATION, calibrated, log_odds
from kashif.scheme import Scheme


def table(scores: Sequence[float | None], right: Sequence[bool]) -> Reliability:
    return reliability(list(map(Scored, scores, right)))


def test_a_table_by_hand() -> None:
    found = table([0.95, 0.91, 0.55, 0.5], [True, False, True, True])
    assert found.sure == 0.5
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
    found = table(scores, right)
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
    assert table([], []).error is None
    bare = table([None, None], [True, False])
    assert (bare.error, bare.count, bare.unscored) == (None, 0, 2)
    assert bare.row() == {
        "ece": None,
        "interval": None,
        "n": 0,
        "share above 0.9": None,
        "without score": 2,
        "bins": [],
    }
    mixed = table([None, 1.0], [True, True])
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


def test_the_interval_holds_the_error_of_resampled_units() -> None:
    rng = random.Random(5)
    drawn = [Scored(0.8, rng.random() < 0.6, unit) for unit in range(40) for _ in range(10)]
    found = reliability(drawn, units=40, seed=1)
    assert found.error is not None
    assert found.interval is not None
    low, high = found.interval
    assert low < found.error < high
    assert high - low == pytest.approx(4 * (0.6 * 0.4 / 400) ** 0.5, rel=0.3)  # twice two standard errors
    assert found == reliability(drawn, units=40, seed=1)
    assert table([0.8], [True]).interval is None


def test_a_fit_makes_probabilities_true_and_keeps_their_order() -> None:
    rng = random.Random(7)
    true = [rng.uniform(0.05, 0.95) for _ in range(4000)]
    right = [rng.random() < share for share in true]
    said = [float(calibrated(share, (3.0, 1.0))) for share in true]  # far too sure
    assert reliability(list(map(Scored, said, right))).error > 0.1  # type: ignore[operator]
    slope, intercept = fitted(said, right)
    assert (slope, intercept) == pytest.approx((1 / 3, -1 / 3), abs=0.03)
    mended = calibrated(np.array(said), (slope, intercept))
    assert reliability(list(map(Scored, mended.tolist(), right))).error < 0.03  # type: ignore[operator]
    assert (np.argsort(mended) == np.argsort(said)).all()


def test_what_cannot_be_fitted_stays() -> None:
    assert fitted([0.9] * 30, [True] * 30) is None
    assert fitted([0.9, 0.8] * 5, [True, False] * 5) is None
    upside_down = [0.1, 0.9] * 20
    assert fitted(upside_down, [True, False] * 20) is None
    assert calibrated(0.3, NO_CALIBRATION) == 0.3
    assert np.isfinite(log_odds([0.0, 1.0])).all()
    certain = fitted([1.0, 0.0] * 20, [True, False] * 20)
    assert np.isfinite(certain).all()
