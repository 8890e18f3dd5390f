"""Calibration: whether predictions with probability 0.8 are right four times in five."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BINS = 10


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
    """A reliability table without its empty bins; ``unscored`` predictions came without a probability."""

    bins: tuple[Bin, ...] = ()
    unscored: int = 0

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

    def row(self) -> dict[str, Any]:
        """The table as JSON values."""
        bins = [
            {"from": b.low, "to": b.high, "n": b.count, "mean score": b.score, "right": b.right}
            for b in self.bins
        ]
        return {"ece": self.error, "n": self.count, "without score": self.unscored, "bins": bins}


def reliability(scores: Sequence[float | None], right: Sequence[bool]) -> Reliability:
    """The table of predictions, in ``BINS`` bins of equal width, by probability and whether each is right."""
    known = [(score, hit) for score, hit in zip(scores, right, strict=True) if score is not None]
    unscored = len(scores) - len(known)
    values = np.array([score for score, _ in known], float)
    hits = np.array([hit for _, hit in known], bool)
    edges = np.arange(BINS + 1) / BINS
    place = np.digitize(values, edges[1:-1], right=True)
    bins = []
    for index in np.unique(place).tolist():
        inside = place == index
        bins.append(
            Bin(
                float(edges[index]),
                float(edges[index + 1]),
                int(inside.sum()),
                float(values[inside].mean()),
                float(hits[inside].mean()),
            )
        )
    return Reliability(tuple(bins), unscored)
