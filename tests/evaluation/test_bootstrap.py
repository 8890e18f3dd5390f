from __future__ import annotations

import numpy as np
import pytest

from kashif.evaluation import bootstrap
from kashif.evaluation.counting import Counts

TABLE = np.array([(3, 1, 0), (0, 2, 1), (2, 0, 2), (0, 0, 0)])


def test_f1_is_that_of_counts_and_undefined_without_any() -> None:
    values = bootstrap.f1(TABLE)
    for value, row in zip(values.tolist(), TABLE.tolist(), strict=True):
        expected = Counts(*row).f1
        assert np.isnan(value) if expected is None else value == expected


def test_resamples_meet_brute_force() -> None:
    draws = np.random.default_rng(7).integers(4, size=(bootstrap.RESAMPLES, 4)).tolist()
    expected = []
    for draw in draws:
        counts = Counts()
        for unit in draw:
            counts += Counts(*TABLE[unit].tolist())
        expected.append(np.nan if counts.f1 is None else counts.f1)
    np.testing.assert_array_equal(bootstrap.resampled(TABLE, 7), expected)
    assert not np.array_equal(bootstrap.resampled(TABLE, 7), bootstrap.resampled(TABLE, 8), equal_nan=True)


@pytest.mark.parametrize("units", [1, 2, 3, 11, 1000])
def test_draws_one_at_a_time_are_those_of_all_at_once(units: int) -> None:
    # All at once, 40,000 articles took 2.9 GB; an odd number of units must not shift the next draw.
    whole = np.random.default_rng(5).integers(units, size=(bootstrap.RESAMPLES, units))
    np.testing.assert_array_equal(list(bootstrap.draws(units, 5)), whole)
    table = np.random.default_rng(1).integers(4, size=(units, 3))
    np.testing.assert_array_equal(bootstrap.resampled(table, 5), bootstrap.f1(table[whole].sum(1)))


def test_interval_leaves_undefined_values_out() -> None:
    assert bootstrap.interval(np.array([np.nan, 1.0, 1.0])) == (1.0, 1.0)
    assert bootstrap.interval(np.array([np.nan])) is None


def test_p_counts_shifted_differences_as_far_as_the_observed_one() -> None:
    # Shifted by 0.5: -0.5, 0.0, 0.5, 0.25; two of the four are as far from 0 as 0.5.
    drawn = np.array([0.0, 0.5, 1.0, 0.75, np.nan])
    assert bootstrap.p_value(0.5, drawn) == pytest.approx(3 / 5)
    assert bootstrap.p_value(-0.5, -drawn) == pytest.approx(3 / 5)
    assert bootstrap.p_value(0.5, np.full(99, 0.5)) == pytest.approx(1 / 100)
    assert bootstrap.p_value(0.5, np.array([np.nan])) is None
