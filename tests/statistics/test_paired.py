"""Comparisons on the same rows, the bootstrap over cells, and sample sizes."""

import numpy as np
import pytest
from scipy.stats import binomtest

from mlassay.statistics import (
    Z95,
    bootstrap_counts,
    factor_to_settle,
    lower_to_higher,
    mcnemar,
    mean_interval,
    paired_bootstrap,
    paired_difference,
    ratio_interval,
)


@pytest.mark.parametrize("pair", [(0, 0), (1, 0), (5, 1), (12, 30), (100, 100)])
def test_mcnemar_is_the_exact_binomial_test(pair):
    expected = binomtest(pair[0], sum(pair)).pvalue if sum(pair) else 1.0
    assert mcnemar(*pair) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("cells", [(0.8, 0.05, 0.03, 0.12), (0.4, 0.2, 0.2, 0.2), (0.9, 0.01, 0.02, 0.07)])
@pytest.mark.parametrize("rows", [100, 1000])
def test_the_paired_difference_covers_the_truth(cells, rows):
    drawn = np.random.default_rng(8).multinomial(rows, cells, size=2000)
    held = 0
    for both, first, second, neither in drawn.tolist():
        estimate = paired_difference(both, first, second, neither)
        held += estimate.lower <= cells[1] - cells[2] <= estimate.upper
    assert held / 2000 >= 0.94


def test_models_that_agree_on_every_row_differ_little():
    estimate = paired_difference(1000, 0, 0, 190)
    assert estimate.point == 0
    assert -0.01 < estimate.lower <= 0 <= estimate.upper < 0.01


def test_pairs_of_no_rows_are_unknown():
    assert np.isnan(paired_difference(0, 0, 0, 0).lower)
    assert np.isnan(mean_interval([1.0]).upper)
    assert np.isnan(mean_interval([1.0, np.nan, 2.0]).point)
    assert np.isnan(paired_bootstrap([0, 0], lambda c: c[..., 0]).point)


def test_the_mean_has_students_interval():
    values = np.array([1.0, 2.0, 3.0, 4.0])
    estimate = mean_interval(values)
    # t quantile with 3 degrees of freedom: 3.182446
    assert estimate.upper - 2.5 == pytest.approx(3.182446 * values.std(ddof=1) / 2, rel=1e-6)


def test_the_bootstrap_of_cells_is_the_bootstrap_of_rows():
    counts = np.array([70, 20, 10])
    rows = np.repeat([0, 1, 2], counts)
    by_row = np.random.default_rng(1).choice(rows, size=(10_000, 100))
    share = (by_row == 1).mean(axis=1)
    by_cell = bootstrap_counts(counts)[:, 1] / 100
    assert by_cell.mean() == pytest.approx(share.mean(), abs=0.002)
    assert by_cell.std() == pytest.approx(share.std(), rel=0.05)


def test_the_bootstrap_is_the_same_each_time_and_refuses_resamples_without_an_answer():
    f1 = lambda c: 2 * c[..., 0] / (2 * c[..., 0] + c[..., 1])  # noqa: E731
    assert paired_bootstrap([50, 30, 20], f1) == paired_bootstrap([50, 30, 20], f1)
    with np.errstate(invalid="ignore"):
        broken = paired_bootstrap([1, 0, 40], f1)
    assert broken.point == 1
    assert np.isnan(broken.lower)


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
