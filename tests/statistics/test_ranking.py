"""The area under the curve: scikit-learn's number, DeLong's interval, and models compared on the same rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr
from sklearn.metrics import roc_auc_score

from mlassay.statistics import auc, auc_drop, auc_interval


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=60))
def test_auc_is_scikit_learns_with_ties_too(rows):
    truth, scores = np.array(rows).T
    if truth.min() == truth.max():
        assert np.isnan(auc(truth, scores))
    else:
        assert auc_interval(truth, scores / 7).point == pytest.approx(
            roc_auc_score(truth, scores / 7), abs=1e-12
        )


@pytest.mark.parametrize("area", [0.6, 0.75, 0.9, 0.97])
def test_the_interval_covers_the_true_area(area):
    # Two normals of unit variance, a distance apart that gives this area.
    from scipy.special import ndtri

    generator = np.random.default_rng(5)
    truth = np.repeat([1, 0], [60, 60])
    held = 0
    for _ in range(400):
        scores = generator.normal(size=120) + truth * np.sqrt(2) * ndtri(area)
        interval = auc_interval(truth, scores)
        held += interval.lower <= area <= interval.upper
    assert held / 400 >= 0.93


def test_the_delong_variance_is_that_of_its_definition():
    generator = np.random.default_rng(3)
    truth = generator.integers(0, 2, 200)
    scores = np.round(generator.normal(size=200) + truth, 1)
    above, below = scores[truth == 1], scores[truth == 0]
    wins = (above[:, None] > below) + 0.5 * (above[:, None] == below)
    variance = wins.mean(1).var(ddof=1) / above.size + wins.mean(0).var(ddof=1) / below.size
    constant = auc_drop(
        truth, scores, np.zeros(200)
    )  # a constant has no variance, so the drop has the model's
    assert (constant.upper - constant.lower) / 2 / 1.959964 == pytest.approx(np.sqrt(variance), rel=1e-6)
    assert constant.point == pytest.approx(wins.mean() - 0.5)


def test_a_perfect_ranking_of_few_rows_is_not_certain():
    few = auc_interval([0, 0, 0, 1, 1, 1], np.arange(6) / 6)
    assert (few.point, few.upper) == (1.0, 1.0)
    assert few.lower < 0.5
    many = auc_interval(np.repeat([0, 1], 500), np.arange(1000) / 1000)
    assert many.lower > 0.99


def test_a_score_that_is_not_a_number_makes_the_area_unknown():
    scores = np.array([0.1, 0.2, np.nan, 0.4])
    assert np.isnan(auc([0, 1, 0, 1], scores))
    assert np.isnan(auc_drop([0, 1, 0, 1], scores, np.arange(4)).upper)


def test_pairing_sees_a_small_drop_that_two_intervals_would_not():
    generator = np.random.default_rng(9)
    truth = generator.integers(0, 2, 2000)
    good = generator.normal(size=2000) + truth
    worse = good + 0.4 * generator.normal(size=2000)
    drop = auc_drop(truth, good, worse)
    alone, other = auc_interval(truth, good), auc_interval(truth, worse)
    assert drop.lower > 0
    assert other.upper > alone.lower
    assert drop.upper - drop.lower < (alone.upper - alone.lower) / 2


def test_paired_coverage_of_the_drop():
    generator, truth, held = np.random.default_rng(2), np.repeat([0, 1], 100), 0
    # Both scores share noise; areas of d = 1.2 / sqrt(2) and 1 / sqrt(2) under the binormal model.
    true = ndtr(1.2 / np.sqrt(2)) - ndtr(1 / np.sqrt(2))
    for _ in range(300):
        shared, own = generator.normal(size=(2, 200))
        drop = auc_drop(truth, shared + 1.2 * truth, 0.8 * shared + 0.6 * own + truth)
        held += drop.lower <= true <= drop.upper
    assert held / 300 >= 0.93
