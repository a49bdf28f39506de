"""Intervals of proportions: coverage by exact enumeration (no draw, no seed), published examples, edges."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from mlassay.statistics import (
    Z95,
    clopper_pearson,
    holm,
    lower_to_higher,
    newcombe,
    p_value,
    rate_limits,
    ratio_interval,
    size_of_difference,
    wilson,
)

SIZES = (30, 50, 100, 1000)
RATES = (0.02, 0.1, 0.5)
RATIOS = (0.6, 0.8, 0.9, 1.0)


@pytest.fixture(scope="module")
def tables():
    """For each n the interval of every possible pair of counts: the whole sample space."""
    return {n: ratio_interval(np.arange(n + 1)[:, None], n, np.arange(n + 1)[None, :], n) for n in SIZES}


def weights(n, rate, ratio):
    counts = np.arange(n + 1)
    return binom.pmf(counts, n, rate * ratio)[:, None] * binom.pmf(counts, n, rate)[None, :]


@pytest.mark.parametrize("ratio", RATIOS)
@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("n", SIZES)
def test_the_ratio_interval_covers_the_truth(tables, n, rate, ratio):
    # Degenerate for n * rate under about 2: most samples have no reference count, the upper limit is infinite and
    # the interval covers nearly always (.98 to 1.00). That is careful, and it decides nothing.
    lower, upper = tables[n]
    coverage = (weights(n, rate, ratio) * ((lower <= ratio) & (ratio <= upper))).sum()
    assert coverage >= 0.94
    assert coverage <= (0.965 if n * rate >= 10 else 1.0)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("n", SIZES)
def test_equal_groups_are_seldom_failed_and_a_point_estimate_would_fail_them_often(tables, n, rate):
    _, upper = lower_to_higher(*tables[n])
    chance = weights(n, rate, 1.0)
    assert (chance * (upper < 0.8)).sum() < 0.02
    if (n, rate) == (100, 0.5):
        counts = np.arange(n + 1)
        low, high = np.minimum.outer(counts, counts), np.maximum.outer(counts, counts)
        point_fails = low < 0.8 * high
        assert 0.1 < (chance * point_fails).sum() < 0.14


def test_five_equal_groups_are_failed_in_less_than_one_draw_of_twenty():
    counts = np.random.default_rng(11).binomial(200, 0.2, size=(5000, 5))
    reference, others = counts[:, :1], counts[:, 1:]
    excludes = lambda z: lower_to_higher(*ratio_interval(others, 200, reference, 200, z))[1] < 0.8  # noqa: E731
    p = p_value(excludes, others.shape)
    by_holm = np.array([holm(each).min() for each in p])
    assert (by_holm <= 0.05).mean() < 0.05
    point = counts.min(axis=1) / counts.max(axis=1)
    assert (point < 0.8).mean() > 0.75


def test_wilson_is_scipys():
    for count, of in [(0, 10), (1, 10), (5, 10), (10, 10), (3, 339)]:
        expected = binomtest(count, of).proportion_ci(method="wilson")
        assert np.allclose(wilson(count, of), expected, atol=1e-12)


def test_newcombe_is_the_published_example():
    # Newcombe 1998, table II, row (a): 56/70 - 48/80, method 10.
    assert np.round(newcombe(56, 70, 48, 80), 4).tolist() == [0.0524, 0.3339]


def test_the_stable_form_of_the_lower_limit_is_the_papers():
    x1, n1, x2, n2 = 58, 169, 840, 1021
    (l1, _), (_, u2), p1, p2 = wilson(x1, n1), wilson(x2, n2), x1 / n1, x2 / n2
    paper = p1 * p2 - np.sqrt((p1 * p2) ** 2 - l1 * u2 * (2 * p1 - l1) * (2 * p2 - u2))
    assert ratio_interval(x1, n1, x2, n2)[0] == pytest.approx(paper / (u2 * (2 * p2 - u2)), abs=1e-12)


def test_no_rows_are_unknown_and_decide_nothing():
    for limits in (
        wilson(0, 0),
        ratio_interval(3, 10, 0, 0),
        ratio_interval(0, 0, 3, 10),
        newcombe(1, 2, 0, 0),
    ):
        assert np.isnan(limits).all()
    assert np.isnan(lower_to_higher(np.nan, np.nan)).all()
    assert not (lower_to_higher(np.nan, np.nan)[1] < 0.8)


def test_a_ratio_of_nothing_to_nothing_may_be_anything():
    assert ratio_interval(0, 50, 0, 50) == (0, np.inf)
    assert lower_to_higher(0, np.inf) == (0, 1)


def test_the_size_of_a_difference_has_no_sign():
    assert size_of_difference(-0.2, -0.1) == pytest.approx((0.1, 0.2))
    assert size_of_difference(-0.1, 0.3) == pytest.approx((0.0, 0.3))


counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_turning_the_groups_round_changes_nothing(first, second):
    forward = lower_to_higher(*ratio_interval(*first, *second))
    backward = lower_to_higher(*ratio_interval(*second, *first))
    assert np.allclose(forward, backward, atol=1e-9)


@given(counts, counts, st.floats(0.1, 6), st.floats(0.1, 6))
def test_more_confidence_never_narrows_the_interval(first, second, z, more):
    lower, upper = ratio_interval(*first, *second, z)
    wider_lower, wider_upper = ratio_interval(*first, *second, z + more)
    assert wider_lower <= lower + 1e-9
    assert wider_upper >= upper - 1e-9


@given(counts, counts)
def test_the_test_and_the_interval_never_disagree(first, second):
    excludes = lambda z: lower_to_higher(*ratio_interval(*first, *second, z))[1] < 0.8  # noqa: E731
    p = float(p_value(excludes, ()))
    assert (p < 0.05 + 1e-9) == bool(excludes(np.array(Z95)) or abs(p - 0.05) < 1e-9)


def test_exact_limits_are_scipys():
    for count, of in [(0, 10), (1, 10), (5, 10), (10, 10), (3, 339)]:
        expected = binomtest(count, of).proportion_ci(method="exact")
        assert np.allclose(clopper_pearson(count, of), expected, atol=1e-12)


def test_a_rate_has_wilsons_limits_and_never_narrower_than_the_exact_ones_where_counts_are_small():
    counts = np.arange(201)
    of_rate, of_wilson, exact = (np.array(f(counts, 200)) for f in (rate_limits, wilson, clopper_pearson))
    assert (of_rate[:, 5:196] == of_wilson[:, 5:196]).all()
    few = np.r_[0:5, 196:201]
    assert (of_rate[0, few] <= exact[0, few]).all()
    assert (of_rate[1, few] >= exact[1, few]).all()


@given(counts, st.floats(1e-3, 38), st.floats(0, 38))
def test_limits_of_a_rate_are_in_order_at_any_confidence(pair, z, more):
    lower, upper = rate_limits(*pair, z)
    wider = rate_limits(*pair, min(z + more, 38))
    assert 0 <= wider[0] <= lower + 1e-12
    assert lower - 1e-9 <= pair[0] / pair[1] <= upper + 1e-9
    assert upper - 1e-12 <= wider[1] <= 1


def test_no_rows_and_nan_have_no_limits():
    for limits in (rate_limits, clopper_pearson, wilson):
        assert np.isnan(limits(0, 0)).all()
        assert np.isnan(limits(np.nan, 10)).all()
        assert np.isnan(limits(3, 10, np.nan)).all()
