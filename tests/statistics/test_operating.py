"""The true positive rate at a fixed false positive rate."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import roc_curve

from mlassay.statistics import tpr_at_fpr
from mlassay.statistics.proportions import binomial_quantile


@given(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30)), min_size=2, max_size=200),
    st.sampled_from([0.01, 0.05, 0.1, 0.5]),
)
def test_it_is_the_best_point_of_the_curve_within_the_rate(rows, fpr):
    truth, scores = np.array(rows).T
    said = tpr_at_fpr(truth, scores, fpr)
    if truth.min() == truth.max():
        assert np.isnan([said.point, said.lower, said.upper]).all()
        return
    false, true, _ = roc_curve(truth, scores, drop_intermediate=False)
    assert said.point == pytest.approx(true[false <= fpr + 1e-12].max())
    assert 0 <= said.lower <= said.point <= said.upper <= 1


def test_few_negatives_cannot_place_the_threshold():
    truth = np.repeat([1, 0], [1000, 200])
    scores = np.concatenate([np.linspace(0.5, 1.5, 1000), np.linspace(0, 1, 200)])
    said = tpr_at_fpr(truth, scores)
    assert said.point > 0.5
    assert said.lower == 0


def test_scores_that_tell_all_apart_are_near_one_and_those_that_tell_none_near_the_rate():
    truth = np.repeat([1, 0], 2000)
    assert tpr_at_fpr(truth, truth + np.random.default_rng(0).random(4000)).lower > 0.99
    blind = tpr_at_fpr(truth, np.random.default_rng(1).random(4000))
    assert blind.lower < 0.01 < blind.upper < 0.03


def test_a_score_that_is_no_number_makes_it_unknown():
    assert np.isnan(tpr_at_fpr([0, 1, 0, 1], [0.1, np.nan, 0.2, 0.3]).point)


@pytest.mark.parametrize("of", [1, 7, 100, 12345])
@pytest.mark.parametrize("rate", [0.01, 0.3, 0.5])
@pytest.mark.parametrize("share", [0.025, 0.3, 0.975])
def test_the_binomial_quantile_is_scipys(share, of, rate):
    assert binomial_quantile(share, of, rate) == binom.ppf(share, of, rate)
