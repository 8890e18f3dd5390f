"""Calibration: whether predictions with probability 0.8 are right four times in five."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kashif.evaluation.bootstrap import draws, interval
from kashif.modeling.decoding import NO_CALIBRATION, Calibration, log_odds

BINS = 10
_SURE = 0.9
_LEAST = 10
"""How many right and how many wrong predictions a calibration is fitted on at least."""
_STEPS = 100


@dataclass(frozen=True, slots=True)
class Bin:
    """Predictions whose probability lies in ``(low, high]``: how many, its mean, the share right."""

    low: float
    high: float
    count: int
    score: float
    right: float


@dataclass(frozen=True, slots=True)
class Reliability:
    """A reliability table without its empty bins; ``unscored`` predictions came without a probability.

    ``interval`` is the percentile-bootstrap 95 % interval of ``error`` over units. A resample adds noise of
    its own to every bin, so that a small error lies near the interval's lower end.
    """

    bins: tuple[Bin, ...] = ()
    unscored: int = 0
    interval: tuple[float, float] | None = None

    @property
    def count(self) -> int:
        """How many predictions the table holds."""
        return sum(bin.count for bin in self.bins)

    @property
    def error(self) -> float | None:
        """The expected calibration error, undefined where nothing has a probability.

        The mean over predictions of ``|share right - mean probability|`` of their bin (Naeini et al.
        2015; Guo et al. 2017, equation 3).
        """
        if not self.bins:
            return None
        return sum(bin.count * abs(bin.right - bin.score) for bin in self.bins) / self.count

    @property
    def sure(self) -> float | None:
        """The share of the predictions whose probability is above 0.9; undefined where none has one."""
        return sum(bin.count for bin in self.bins if bin.low >= _SURE) / self.count if self.bins else None

    def row(self) -> dict[str, Any]:
        """The table as JSON values."""
        bins = [
            {"from": b.low, "to": b.high, "n": b.count, "mean score": b.score, "right": b.right}
            for b in self.bins
        ]
        return {
            "ece": self.error,
            "interval": list(self.interval) if self.interval else None,
            "n": self.count,
            f"share above {_SURE}": self.sure,
            "without score": self.unscored,
            "bins": bins,
        }


@dataclass(frozen=True, slots=True)
class Scored:
    """A prediction: its probability, whether it is right, the index of the unit that it stands in."""

    score: float | None
    right: bool
    unit: int = 0


def reliability(predictions: Sequence[Scored], *, units: int = 1, seed: int = 0) -> Reliability:
    """The table of predictions in ``BINS`` bins of equal width, with an interval over several units."""
    known = [(one.score, one.right, one.unit) for one in predictions if one.score is not None]
    unscored = len(predictions) - len(known)
    if not known:
        return Reliability(unscored=unscored)
    values, hits, unit = (np.array(column) for column in zip(*known, strict=True))
    edges = np.arange(BINS + 1) / BINS
    place = np.digitize(values, edges[1:-1], right=True)
    sums = np.zeros((units, BINS, 3))  # of each unit and bin: how many, their probabilities, how many right
    np.add.at(sums, (unit, place), np.stack([np.ones(len(values)), values, hits], 1))
    bins = tuple(
        Bin(float(edges[index]), float(edges[index + 1]), int(count), score / count, right / count)
        for index, (count, score, right) in enumerate(sums.sum(0).tolist())
        if count
    )
    if units < 2:
        return Reliability(bins, unscored)
    errors = np.array([_error(sums[draw].sum(0)) for draw in draws(units, seed)])
    return Reliability(bins, unscored, interval(errors))


def _error(sums: NDArray[np.float64]) -> float:
    """The expected calibration error of ``[bin, (count, probabilities, right)]``, nan where nothing is."""
    count, score, right = sums.T
    return float(np.abs(right - score).sum() / count.sum()) if count.any() else np.nan


def fitted(scores: Sequence[float], right: Sequence[bool]) -> Calibration | None:
    """The calibration under which what is right is most likely (Platt 1999, with his smoothed targets).

    None where it would turn the order around, or there are fewer than ``_LEAST`` of either kind.
    """
    hits = np.array(right, bool)
    positive, negative = int(hits.sum()), int((~hits).sum())
    if min(positive, negative) < _LEAST:
        return None
    targets = np.where(hits, (positive + 1) / (positive + 2), 1 / (negative + 2))
    inputs = np.stack([log_odds(np.array(scores)), np.ones(len(hits))], 1)
    weights = np.array(NO_CALIBRATION)
    for _ in range(_STEPS):  # Newton's method
        predicted = 1 / (1 + np.exp(-inputs @ weights))
        gradient = inputs.T @ (predicted - targets)
        curvature = (inputs * (predicted * (1 - predicted))[:, None]).T @ inputs + 1e-6 * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        weights = weights - step * min(1.0, 1 / np.abs(step).max())
        if np.abs(step).max() < 1e-9:
            break
    slope, intercept = weights.tolist()
    return (slope, intercept) if slope > 0 else None
