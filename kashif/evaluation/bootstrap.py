"""The bootstrap of F1 over units (articles or paragraphs): intervals, and two systems paired."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000

Table = NDArray[np.int64]
"""``[unit, (true positives, false positives, false negatives)]``."""
Values = NDArray[np.float64]


def f1(counts: NDArray[np.int64]) -> Values:
    """F1 of counts ``[…, (tp, fp, fn)]``, nan where it is undefined."""
    tp, fp, fn = np.moveaxis(counts, -1, 0)
    weight = 2 * tp + fp + fn
    values = np.full(weight.shape, np.nan)
    np.divide(2 * tp, weight, out=values, where=weight > 0)
    return values


def draws(units: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """``RESAMPLES`` times the indices ``[unit]`` of as many units, drawn with replacement.

    One at a time: all of them would take memory that grows with the units.
    """
    generator = np.random.default_rng(seed)
    for _ in range(RESAMPLES):
        yield generator.integers(units, size=units)


def resampled(table: Table, seed: int) -> Values:
    """F1 of ``RESAMPLES`` resamples of the units, nan where it is undefined (Efron 1979).

    A seed gives the same draws for every table of as many units, which pairs two systems.
    """
    return f1(np.array([table[draw].sum(0) for draw in draws(len(table), seed)]))


def interval(values: Values) -> tuple[float, float] | None:
    """The middle 95 % of the defined values; None where there are none."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def p_value(observed: float, differences: Values) -> float | None:
    """The two-sided p value of an observed difference, from the differences of paired resamples.

    ``(1 + #{|d* - d| >= |d|}) / (1 + #d*)``: the resampled differences d*, shifted to the null hypothesis of
    no difference, are as far from 0 as the observed d (Efron and Tibshirani 1993, section 16.4;
    Berg-Kirkpatrick et al. 2012, whose one-sided test counts d* > 2 d). The 1 counts what was observed
    as one resample, so that p is never 0 (Davison and Hinkley 1997, section 4.2).
    """
    defined = differences[~np.isnan(differences)]
    if not len(defined):
        return None
    extreme = np.abs(defined - observed) >= abs(observed)
    return float(1 + extreme.sum()) / (1 + len(defined))
