"""The area under the curve: scikit-learn's number, DeLong's interval, and models compared on the same rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import stdtrit
from sklearn.metrics import roc_auc_score

from mlassay.statistics import auc, auc_difference, auc_drop, auc_interval, macro_auc, macro_auc_drop


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=2, max_size=60))
def test_auc_is_scikit_learns_with_ties_too(rows):
    truth, scores = np.array(rows).T
    if truth.min() == truth.max():
        assert np.isnan(auc(truth, scores))
    else:
        assert auc_interval(truth, scores / 7).point == pytest.approx(
            roc_auc_score(truth, scores / 7), abs=1e-12
        )


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
    assert (constant.upper - constant.lower) / 2 / stdtrit(
        min(above.size, below.size) - 1, 0.975
    ) == pytest.approx(np.sqrt(variance), rel=1e-6)
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


def test_the_areas_difference_between_groups_has_its_sign_and_its_limits():
    generator = np.random.default_rng(4)
    truth = np.repeat([0, 1], 200)
    good, poor = generator.normal(size=(2, 400)) + np.array([[2.0], [0.5]]) * truth
    difference = auc_difference((truth, good), (truth, poor))
    assert difference.point == pytest.approx(roc_auc_score(truth, good) - roc_auc_score(truth, poor))
    assert 0 < difference.lower < difference.point < difference.upper
    back = auc_difference((truth, poor), (truth, good))
    assert (back.lower, back.upper) == pytest.approx((-difference.upper, -difference.lower))


def test_the_macro_area_is_scikit_learns_and_its_spread_the_bootstraps():
    generator = np.random.default_rng(5)
    truth = generator.choice(3, size=150, p=[0.2, 0.3, 0.5])
    raw = np.exp(generator.normal(size=(150, 3)) + 1.5 * (truth[:, None] == np.arange(3)))
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    mine = macro_auc(truth, probabilities)
    assert mine.point == pytest.approx(roc_auc_score(truth, probabilities, multi_class="ovr"), abs=1e-12)
    drawn = []
    for _ in range(300):
        rows = np.concatenate(
            [
                generator.choice(each, each.size)
                for each in map(np.flatnonzero, (truth == 0, truth == 1, truth == 2))
            ]
        )
        drawn.append(macro_auc(truth[rows], probabilities[rows]).point)
    width = (mine.upper - mine.lower) / 2 / stdtrit((np.bincount(truth).min() - 1), 0.975)
    assert width == pytest.approx(np.std(drawn), rel=0.15)


def test_two_classes_have_the_binary_area_and_its_drop():
    generator = np.random.default_rng(6)
    truth = generator.integers(0, 2, 100)
    first, second = generator.random((2, 100))
    columns = [np.column_stack([1 - s, s]) for s in (first, second)]
    assert macro_auc(truth, columns[0]).point == pytest.approx(auc(truth, first))
    drop, binary = macro_auc_drop(truth, *columns), auc_drop(truth, first, second)
    assert (drop.point, drop.lower, drop.upper) == pytest.approx((binary.point, binary.lower, binary.upper))


@pytest.mark.parametrize("spoil", ["nan", "a class of one row", "a class of none"])
def test_a_macro_area_that_cannot_be_known_is_unknown(spoil):
    truth = np.array([0, 0, 1, 1, 2, 2])
    probabilities = np.random.default_rng(0).random((6, 3))
    if spoil == "nan":
        probabilities[3, 1] = np.nan
    else:
        truth = np.array([0, 0, 0, 1, 1, 2] if "one" in spoil else [0, 0, 0, 1, 1, 1])
    for said in (macro_auc(truth, probabilities), macro_auc_drop(truth, probabilities, probabilities[::-1])):
        assert np.isnan([said.lower, said.upper]).all()
