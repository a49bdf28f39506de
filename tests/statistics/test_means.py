"""Means and medians of one group and of two."""

import numpy as np
import pytest
from scipy.stats import binom, ttest_ind

from mlassay.statistics import Moments, mean_interval, median_difference, median_interval, welch, welch_p


def test_the_mean_has_students_interval():
    values = np.array([1.0, 2.0, 3.0, 4.0])
    estimate = mean_interval(values)
    # t quantile with 3 degrees of freedom: 3.182446
    assert estimate.upper - 2.5 == pytest.approx(3.182446 * values.std(ddof=1) / 2, rel=1e-6)


def test_welch_is_scipys():
    generator = np.random.default_rng(1)
    first, second = generator.normal(size=40), generator.normal(0.5, 3, size=25)
    expected = ttest_ind(first, second, equal_var=False)
    limits = expected.confidence_interval()
    said = welch(first, second)
    assert (said.lower, said.upper) == pytest.approx((limits.low, limits.high), abs=1e-10)
    assert welch_p(Moments.of(first), Moments.of(second)) == pytest.approx(expected.pvalue, abs=1e-12)


def test_moments_that_were_recorded_say_what_the_values_say():
    first, second = np.random.default_rng(2).normal(size=(2, 30))
    assert welch(Moments.of(first), Moments.of(second)) == welch(first, second)


def test_the_test_of_two_means_and_their_interval_never_disagree():
    generator = np.random.default_rng(3)
    for shift in np.linspace(0, 2, 41):
        first, second = Moments.of(generator.normal(shift, 1, 30)), Moments.of(generator.normal(size=40))
        said = welch(first, second)
        assert (welch_p(first, second, 0.3) <= 0.05) == (said.lower >= 0.3 or said.upper <= -0.3)


def test_the_median_lies_between_the_order_statistics_of_the_sign_test():
    values = np.arange(1.0, 101.0)
    said = median_interval(values)
    assert (said.point, said.lower, said.upper) == (50.5, 40.0, 61.0)  # binom.cdf(39, 100, .5) = .0176
    for rows in (6, 7, 30, 99):
        below = int(np.searchsorted(np.arange(rows), median_interval(np.arange(rows)).lower))
        assert 2 * binom.cdf(below, rows, 0.5) <= 0.05 < 2 * binom.cdf(below + 1, rows, 0.5)


def test_the_medians_of_groups_that_are_alike_and_that_are_not():
    generator = np.random.default_rng(4)
    first, second = generator.exponential(size=(2, 200))
    alike, other = median_difference(first, second), median_difference(first + 1, second)
    assert alike.lower < 0 < alike.upper
    assert 0 < other.lower < other.point == pytest.approx(alike.point + 1)


@pytest.mark.parametrize("bad", [[], [1.0], [1.0, np.nan, 2.0], [1.0, np.inf]])
def test_values_that_say_nothing_are_unknown(bad):
    good = [1.0, 2.0, 4.0, 3.0, 5.0, 6.0, 7.0]
    for said in (mean_interval(bad), median_interval(bad), welch(bad, good), median_difference(good, bad)):
        assert np.isnan([said.lower, said.upper]).all()
    assert np.isnan(welch_p(Moments.of(bad), Moments.of(good)))
    assert np.isnan(welch([1.0, 1.0], [1.0, 1.0]).lower)  # no spread at all: nothing to judge by
    assert np.isnan(median_interval(np.arange(5)).lower)  # five values enclose it in 94% only
