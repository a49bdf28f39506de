"""Where both have a metric, the bias gate and Fairlearn's MetricFrame agree, and each difference is shown."""

import warnings

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    count,
    equalized_odds_difference,
    false_negative_rate,
    mean_prediction,
    selection_rate,
    true_positive_rate,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import mean_absolute_error, precision_score, recall_score

from mlassay.errors import EvidenceError
from mlassay.gates.bias_fairlearn import agree
from tests.gates.bias_rows import binary, classes, judge, order, values

RATIO = {"selection_rate_ratio": {"min": 0.8}}
NAMES = st.sampled_from(["", "a", "b", "Ü", "0", "nan", "None", "(missing)", "a & b"])
FRAME = {
    "binary": st.lists(st.tuples(NAMES, NAMES, st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=60),
    "classes": st.lists(
        st.tuples(NAMES, NAMES, st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=60
    ),
    "values": st.lists(
        st.tuples(NAMES, NAMES, st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=60
    ),
}


@pytest.fixture(autouse=True)
def _fairlearn_warns_of_groups_without_positives():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parts(rows):
    first, second, truth, other = (list(column) for column in zip(*rows, strict=True))
    return {"g": first, "h": second}, truth, other


@settings(max_examples=10, deadline=None)
@given(FRAME["binary"], st.integers(0, 1))
def test_two_labels_agree_on_every_rate(rows, favourable):
    columns, truth, scores = parts(rows)
    data = binary(truth, scores, columns, {"g": ("a", "never")}, favourable)
    agree(data, judge(data, **RATIO))


@settings(max_examples=10, deadline=None)
@given(FRAME["classes"], st.sampled_from([(2,), (0, 3)]))
def test_many_labels_agree_on_every_rate_and_each_recall(rows, favourable):
    columns, truth, predicted = parts(rows)
    data = classes(truth, predicted, columns, ("p", "q", "r", "s"), favourable)
    report = judge(data, **RATIO)
    agree(data, report)
    for group in report.measured["columns"]["g"]["groups"]:
        of = np.array([(name or "(missing)") == group["values"][0] for name in columns["g"]])
        theirs = recall_score(
            data.truth[of], data.predicted[of], labels=range(4), average=None, zero_division=np.nan
        )
        for label, recall in zip(group["recall"].values(), theirs, strict=True):
            assert (label["of"] == 0) == bool(np.isnan(recall)) == (label["rate"] == "unknown")
            assert label["of"] == 0 or float(label["rate"]) == pytest.approx(recall, abs=5.1e-5)


@settings(max_examples=10, deadline=None)
@given(FRAME["values"], st.sampled_from([None, 0.0, 1e5]), st.sampled_from(["higher", "lower"]))
def test_numbers_agree_on_their_means_and_on_the_sides_of_a_threshold(rows, threshold, side):
    columns, truth, predicted = parts(rows)
    data = values(truth, predicted, columns, threshold, side)
    report = judge(data, mean_error={"max": 1})
    agree(data, report)
    frame = MetricFrame(
        metrics={"mean_prediction": mean_prediction, "mean_absolute_error": mean_absolute_error},
        y_true=truth,
        y_pred=predicted,
        sensitive_features={"g": np.array([name or "(missing)" for name in columns["g"]], dtype=object)},
    ).by_group
    for group in report.measured["columns"]["g"]["groups"]:
        for metric in frame.columns:
            theirs = frame.loc[group["values"][0], metric]
            assert float(group[metric]["mean"]) == pytest.approx(theirs, rel=1e-3, abs=1e-3)


@settings(max_examples=10, deadline=None)
@given(FRAME["binary"], st.integers(1, 30))
def test_an_order_agrees_on_who_is_selected(rows, selected):
    columns, relevant, scores = parts(rows)
    data = order(relevant, scores, columns, selected)
    agree(data, judge(data, **RATIO))


def test_bins_and_intersections_agree():
    draw = np.random.default_rng(2)
    columns = {"age": draw.choice(["17", "25", "61.5", "", "nan"], 400).tolist(), "g": ["a", "b"] * 200}
    data = binary(draw.integers(0, 2, 400), draw.random(400), columns)
    bins = {"age": [18, 60]}
    report = judge(data, **RATIO, bins=bins)
    assert list(report.measured["columns"]) == ["age", "g", "age & g"]
    agree(data, report, bins)


@pytest.mark.parametrize(
    ("rows", "criteria", "metric", "key"),
    [
        (binary([0, 1] * 50, [0.2, 0.8] * 50, {"g": ["a", "a", "b", "b"] * 25}), RATIO, "precision", "rate"),
        (classes([0, 1] * 50, [0, 1] * 50, {"g": ["a", "a", "b", "b"] * 25}), RATIO, "accuracy", "rate"),
        (
            values([0, 1] * 50, [1, 3] * 50, {"g": ["a", "b"] * 50}),
            {"mean_error": {"max": 1}},
            "mean_prediction",
            "mean",
        ),
    ],
)
def test_a_disagreement_in_what_is_printed_is_an_error(rows, criteria, metric, key):
    report = judge(rows, **criteria)
    agree(rows, report)
    report.measured["columns"]["g"]["groups"][1][metric][key] = "0.1234"
    with pytest.raises(EvidenceError, match=f"disagree on {metric} of g=b"):
        agree(rows, report)


# Where Fairlearn differs, and what we say instead


def frame(metrics, y_true, y_pred, features):
    return MetricFrame(metrics=metrics, y_true=y_true, y_pred=y_pred, sensitive_features=features)


def ours(y_true, y_pred, names, declared=()):
    rows = binary(y_true, np.asarray(y_pred) * 0.8 + 0.1, {"g": names}, {"g": declared})
    table = judge(rows, **RATIO).measured["columns"]["g"]
    return {group["values"][0]: group for group in table["groups"]}, table


def test_fairlearn_drops_a_group_that_no_row_is_in_and_we_name_it():
    column = pd.Series(pd.Categorical(list("aabb"), categories=list("abc")), name="g")
    assert list(frame({"n": count}, [0, 1, 0, 1], [0, 1, 1, 1], column).by_group.index) == ["a", "b"]
    groups, _ = ours([0, 1, 0, 1], [0, 1, 1, 1], list("aabb"), tuple("abc"))
    assert (groups["c"]["rows"], groups["c"]["selection_rate"]["rate"]) == (0, "unknown")


def test_fairlearn_answers_zero_for_a_rate_over_nobody_and_we_say_unknown():
    y_true, y_pred, names = [0, 1, 0, 0], [0, 1, 0, 0], list("aabb")
    metrics = {"t": true_positive_rate, "m": false_negative_rate, "p": precision_score}
    theirs = frame(metrics, y_true, y_pred, {"g": np.array(names)}).by_group.loc["b"]
    assert theirs.tolist() == [0, 0, 0]
    groups, table = ours(y_true, y_pred, names)
    for rate in ("true_positive_rate", "false_negative_rate", "precision"):
        assert groups["b"][rate]["rate"] == "unknown"
    # And so the largest difference there can be, found on a group of which nothing is known.
    assert equalized_odds_difference(y_true, y_pred, sensitive_features={"g": np.array(names)}) == 1
    assert table["equalized_odds_difference"] == "0.0000"


def test_fairlearn_refuses_missing_values_and_we_make_a_group_of_them():
    column = np.array(["a", None, np.nan, "b"], dtype=object)
    with pytest.raises(ValueError, match="missing values"):
        frame({"n": count}, [0, 1, 0, 1], [0, 1, 1, 1], {"g": column})
    groups, _ = ours([0, 1, 0, 1], [0, 1, 1, 1], ["a", "", "", "b"])
    assert groups["(missing)"]["rows"] == 2


def test_fairlearn_refuses_labels_that_are_words_and_two_features_make_groups_of_nobody():
    with pytest.raises(ValueError, match="pos_label"):
        frame(
            {"t": true_positive_rate},
            np.array(list("nyny")),
            np.array(list("nyyy")),
            {"g": np.array(list("aabb"))},
        )
    features = {"g": np.array(list("aabb")), "h": np.array(list("xxyy"))}
    by_group = frame({"n": count}, [0, 1, 0, 1], [0, 1, 1, 1], features).by_group
    assert by_group["n"].isna().sum() == 2
    rows = binary([0, 1, 0, 1], [0.1, 0.9, 0.9, 0.9], {"g": list("aabb"), "h": list("xxyy")})
    report = judge(rows, **RATIO)
    assert len(report.measured["columns"]["g & h"]["groups"]) == 2
    assert "2 possible groups of g & h that no row is in" in report.not_looked_at


def test_fairlearn_reads_a_third_label_as_not_selected_without_a_word():
    # One label of three is taken to be favourable, whichever the caller meant.
    theirs = frame({"s": selection_rate}, [0, 1, 2, 2], [0, 1, 2, 2], {"g": np.array(list("aabb"))}).by_group
    assert theirs["s"].tolist() == [0.5, 0.0]
    report = judge(classes([0, 1, 2, 2], [0, 1, 2, 2], {"g": list("aabb")}), **RATIO)
    told = {g["group"]: g["selection_rate"]["rate"] for g in report.measured["columns"]["g"]["groups"]}
    assert told == {"g=a": "0.0000", "g=b": "1.0000"}


def test_fairlearn_fails_on_a_bare_array_of_one_row_and_on_no_rows():
    with pytest.raises(ValueError, match="too many dimensions"):
        frame({"n": count}, [1], [1], np.array(["a"]))
    with pytest.raises(ValueError, match="at least one array"):
        frame({"n": count}, [], [], {"g": np.array([])})
    assert judge(binary([], [], {"g": []}), **RATIO).findings[0].what == "there are no evaluation rows"
    assert ours([1], [1], ["a"])[0]["a"]["rows"] == 1
