"""Calibration: definitions, known answers, and what is unknown. Coverage: test_simulations.py."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from mlassay.statistics import (
    calibration_bins,
    calibration_gap,
    calibration_line,
    spiegelhalter,
    wilson,
)


@pytest.fixture
def scored():
    generator = np.random.default_rng(1)
    x = generator.normal(size=2000)
    return (generator.random(2000) < expit(0.3 + 0.5 * x)).astype(int), expit(x)


def test_the_line_is_the_logistic_regression_on_the_logit(scored):
    truth, scores = scored
    x = np.log(scores / (1 - scores))
    fitted = LogisticRegression(C=1e10, tol=1e-10).fit(x[:, None], truth)
    line = calibration_line(truth, scores)
    assert line.slope.point == pytest.approx(fitted.coef_[0, 0], abs=1e-5)
    assert line.slope.upper < 1  # over-confident, and seen to be
    assert line.intercept.lower > 0


def test_spiegelhalters_statistic_is_that_of_its_formula():
    truth, scores = np.array([1, 0, 1, 0]), np.array([0.9, 0.2, 0.4, 0.3])
    above = (truth - scores) @ (1 - 2 * scores)
    below = np.sqrt((1 - 2 * scores) ** 2 @ (scores * (1 - scores)))
    assert spiegelhalter(truth, scores).statistic == pytest.approx(above / below)


def test_scores_that_are_too_sure_are_seen(scored):
    assert spiegelhalter(*scored).p < 1e-6


def test_the_gap_is_rate_less_score_and_wilsons_where_one_score_is_given_to_all():
    truth = np.repeat([1, 0], [30, 70])
    said = calibration_gap(truth, np.full(100, 0.2))
    assert said.point == pytest.approx(0.1)
    lower, upper = wilson(30, 100)
    assert (said.lower, said.upper) == pytest.approx((lower - 0.2, upper - 0.2), abs=0.003)


def test_scores_that_tell_rows_apart_narrow_the_gap():
    truth = np.repeat([1, 0], 500)
    knowing, blind = np.where(truth == 1, 0.9, 0.1), np.full(1000, 0.5)
    said, other = calibration_gap(truth, knowing), calibration_gap(truth, blind)
    assert said.upper - said.lower < (other.upper - other.lower) / 3


def test_no_hit_among_few_rows_is_not_certain():
    said = calibration_gap(np.zeros(30), np.full(30, 0.02))
    assert said.point == pytest.approx(-0.02)
    assert said.upper > 0.08


def test_bins_hold_equally_many_rows_and_equal_scores_stay_together(scored):
    bins = calibration_bins(*scored)
    assert bins.rows.tolist() == [200] * 10
    assert ((bins.lower <= bins.rate) & (bins.rate <= bins.upper)).all()
    tied = calibration_bins([1, 0, 1, 0, 1, 0], [0.1, 0.5, 0.5, 0.5, 0.5, 0.9], bins=3)
    assert tied.rows.tolist() == [1, 5]


def test_the_error_is_the_mean_gap_by_rows(scored):
    truth, scores = scored
    bins = calibration_bins(truth, scores)
    order = np.argsort(scores).reshape(10, 200)
    gaps = abs(truth[order].mean(axis=1) - scores[order].mean(axis=1))
    assert bins.error.point == pytest.approx(gaps.mean())
    assert bins.error.lower <= bins.error.point <= bins.error.upper
    assert bins.error.point > bins.noise  # these scores are wrong, and it is seen


@pytest.mark.parametrize(
    ("truth", "scores"),
    [
        ([], []),
        ([1], [0.5]),
        ([0, 1], [0.5, np.nan]),
        ([0, 1], [0.5, 1.5]),
        ([0, np.nan], [0.5, 0.5]),
        ([0, 2], [0.5, 0.5]),
    ],
)
def test_rows_that_say_nothing_are_unknown(truth, scores):
    line, bins = calibration_line(truth, scores), calibration_bins(truth, scores)
    assert np.isnan([calibration_gap(truth, scores).lower, line.slope.upper, line.intercept.upper]).all()
    assert np.isnan([spiegelhalter(truth, scores).p, bins.error.upper, bins.noise]).all()
    assert not bins.rows.size


def test_one_class_constant_scores_and_separated_labels_have_no_line():
    for truth, scores in (
        ([1, 1, 1], [0.2, 0.5, 0.8]),
        ([0, 1, 1], [0.5, 0.5, 0.5]),
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]),
    ):
        assert np.isnan(calibration_line(truth, scores).slope.lower)
    assert np.isnan(spiegelhalter([0, 1], [0.5, 1.0]).p)
