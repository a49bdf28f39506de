"""Sample sizes: see test_simulations.py for how often the rows that are named settle a question."""

import numpy as np
import pytest
from scipy.stats import binom

from mlassay.statistics import (
    Z95,
    factor_to_settle,
    lower_to_higher,
    rate_limits,
    ratio_interval,
    rows_for_mean,
    rows_for_rate,
)


def test_as_many_rows_as_are_said_settle_the_ratio_as_often_as_is_said():
    rates, floor = (0.45, 0.5), 0.8  # true ratio .9

    def settles(factor, z):
        n = 100 * factor
        lower, upper = lower_to_higher(*ratio_interval(n * rates[0], n, n * rates[1], n, z))
        return (lower >= floor) | (upper < floor)

    rows = int(np.ceil(100 * float(factor_to_settle(settles, (), Z95))))
    assert 500 < rows < 2000
    first, second = np.random.default_rng(4).binomial(rows, np.array(rates)[:, None], size=(2, 20_000))
    lower, upper = lower_to_higher(*ratio_interval(first, rows, second, rows))
    assert ((lower >= floor) | (upper < floor)).mean() == pytest.approx(0.8, abs=0.03)


def test_a_ratio_that_lies_on_the_floor_is_never_settled():
    def settles(factor, z):
        n = 100 * factor
        lower, upper = ratio_interval(n * 0.4, n, n * 0.5, n, z)
        return (lower >= 0.8) | (upper < 0.8)

    assert factor_to_settle(settles, (), Z95) == np.inf


@pytest.mark.parametrize(("rate", "limit"), [(0.05, 0.1), (0.4, 0.5), (0.0, 0.05), (1.0, 0.9), (0.02, 0.015)])
def test_the_power_of_the_named_rows_is_the_binomials(rate, limit):
    rows = rows_for_rate(rate, limit)
    lower, upper = rate_limits(np.arange(rows + 1), rows)
    power = binom.pmf(np.arange(rows + 1), rows, rate)[(lower > limit) | (upper < limit)].sum()
    assert 0.8 <= power <= (1.0 if rate in {0, 1} else 0.86)


def test_what_lies_on_its_limit_or_is_unknown_is_never_settled():
    assert rows_for_rate(0.5, 0.5) is None
    assert rows_for_rate(float("nan"), 0.5) is None
    assert rows_for_rate(0.5, float("nan")) is None
    assert rows_for_mean(0.0, 1.0) is None
    assert rows_for_mean(float("nan"), 1.0) is None
    assert rows_for_mean(1.0, float("nan")) is None
    assert rows_for_mean(1e-6, 1.0) is None


def test_half_the_distance_takes_four_times_the_rows():
    assert rows_for_mean(0.05, 1.0) == pytest.approx(4 * rows_for_mean(0.1, 1.0), rel=0.01)
