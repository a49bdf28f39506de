"""What the report draws of a model with two labels: short, and the very points of scikit-learn's curve."""

import numpy as np
import pytest
from sklearn.metrics import auc, roc_auc_score, roc_curve

from mlassay.gates.performance_curves import POINTS, curves


def drawn(rows, seed=0, levels=0):
    rng = np.random.default_rng(seed)
    scores = rng.random(rows)
    if levels:
        scores = np.floor(scores * levels) / levels
    return (rng.random(rows) < scores).astype(np.int8), scores


@pytest.mark.parametrize("levels", [0, 7])
def test_every_point_lies_on_the_whole_curve_and_the_ends_are_kept(levels):
    truth, scores = drawn(2000, levels=levels)
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    points = [(float(x), float(y)) for x, y in curves(truth, scores)["roc"]]
    assert len(points) <= POINTS
    assert (points[0], points[-1]) == ((0, 0), (1, 1))
    for x, y in points:
        assert np.min(np.abs(fpr - x) + np.abs(tpr - y)) < 2e-4


def test_the_short_curve_has_the_area_of_the_whole_one():
    truth, scores = drawn(5000, seed=1)
    x, y = np.array(curves(truth, scores)["roc"], dtype=float).T
    assert auc(x, y) == pytest.approx(roc_auc_score(truth, scores), abs=0.005)


def test_bins_of_a_calibrated_model_hold_what_they_promise_and_count_every_row():
    truth, scores = drawn(4000, seed=2)
    bins = curves(truth, scores)["calibration"]
    assert sum(each["rows"] for each in bins) == 4000
    inside = [float(each["lower"]) <= float(each["score"]) <= float(each["upper"]) for each in bins]
    assert sum(inside) >= len(bins) - 1


def test_a_model_whose_chances_are_halved_is_seen():
    truth, scores = drawn(4000, seed=2)
    bins = curves(truth, scores / 2)["calibration"]
    assert sum(float(each["lower"]) > float(each["score"]) for each in bins) >= len(bins) // 2


@pytest.mark.parametrize("label", [0, 1])
def test_one_label_only_has_no_curve(label):
    assert curves(np.full(50, label), np.linspace(0, 1, 50)) == {}
