"""Drift: known numbers, SciPy's, and what is unknown. How often it alarms falsely: test_simulations.py."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, ks_2samp

from mlassay.statistics import kolmogorov_smirnov, kolmogorov_smirnov_counts, stability


def test_the_index_is_its_definition_and_the_noise_its_quantile():
    first, second = np.array([1000, 2000, 3000]), np.array([900, 800, 700])
    p, q = (first + 0.5) / 6001.5, (second + 0.5) / 2401.5
    said = stability(first, second)
    assert said.index == pytest.approx(((p - q) * np.log(p / q)).sum(), rel=1e-12)
    assert said.noise == pytest.approx(chi2.ppf(0.95, 2) * (1 / 6000 + 1 / 2400), rel=1e-9)
    assert said.p < 1e-6


def test_the_index_beyond_its_noise_is_the_p_value_under_five_percent():
    generator = np.random.default_rng(0)
    for first, second in generator.multinomial(300, [0.5, 0.3, 0.2], size=(200, 2)):
        said = stability(first, second)
        assert (said.index > said.noise) == (said.p < 0.05)


def test_a_cell_that_only_one_sample_leaves_empty_counts_and_one_that_both_do_does_not():
    assert stability([50, 50, 0], [50, 50, 0]) == stability([50, 50], [50, 50])
    said = stability([50, 50, 0], [50, 30, 20])
    assert np.isfinite(said.index)
    assert (said.cells, said.index > said.noise) == (3, True)


@pytest.mark.parametrize("counts", [([5], [5]), ([0, 0], [3, 4]), ([3, np.nan], [3, 4]), ([], [])])
def test_counts_that_say_nothing_are_unknown(counts):
    said = stability(*counts)
    assert np.isnan([said.index, said.noise, said.p]).all()
    assert not said.index > said.noise


values = st.lists(st.integers(-20, 20), min_size=1, max_size=60)


@given(values, values)
def test_the_distance_is_the_greatest_between_the_two_distribution_functions(first, second):
    one, two = np.array(first), np.array(second)
    lags = [abs((one <= at).mean() - (two <= at).mean()) for at in (*first, *second)]
    assert kolmogorov_smirnov(first, second).statistic == pytest.approx(max(lags), abs=1e-12)


@pytest.mark.parametrize("rows", [(20, 30), (100, 100), (1000, 300)])
def test_the_p_value_is_near_scipys_exact_one(rows):
    generator = np.random.default_rng(3)
    for shift in (0.0, 0.2, 0.5):
        first, second = generator.normal(size=rows[0]), generator.normal(shift, 1, rows[1])
        exact, said = ks_2samp(first, second, method="exact"), kolmogorov_smirnov(first, second)
        assert said.statistic == pytest.approx(exact.statistic, abs=1e-12)
        assert said.p == pytest.approx(exact.pvalue, abs=0.03)


def test_counts_over_cells_say_what_the_values_do_where_each_value_has_its_cell():
    generator = np.random.default_rng(4)
    first, second = generator.integers(0, 10, 400), generator.integers(1, 11, 300)
    counts = [np.bincount(each, minlength=11) for each in (first, second)]
    of_counts, of_values = kolmogorov_smirnov_counts(*counts), kolmogorov_smirnov(first, second)
    assert of_counts.p == pytest.approx(of_values.p)
    coarse = kolmogorov_smirnov_counts(*(each[:10].reshape(5, 2).sum(axis=1) for each in counts))
    assert coarse.statistic <= of_values.statistic + 0.1


def test_values_that_are_no_numbers_are_unknown():
    for said in (
        kolmogorov_smirnov([1.0, np.nan], [1.0]),
        kolmogorov_smirnov([], [1.0]),
        kolmogorov_smirnov_counts([0, 0], [1, 2]),
        kolmogorov_smirnov_counts([1, np.nan], [1, 2]),
    ):
        assert np.isnan([said.statistic, said.p]).all()
        assert not said.p <= 0.05
