"""The bias gate of models with many labels, of numbers, and of orders; bins; the nearest setting that would pass."""

import re
from dataclasses import replace

import numpy as np
import pytest

from mlassay.gates.bias import BiasGate
from mlassay.gates.bias_cells import Sums, count, encode, groupings, sides
from mlassay.gates.bias_means import Means, difference_limits
from mlassay.gates.bias_threshold import nearest_setting, settings_of
from mlassay.statistics import mean_interval, welch
from tests.gates.bias_rows import binary, classes, judge, order, outcomes, values
from tests.gates.subjects import subject
from tests.model.models import linear

ROWS = 3000
GROUP = np.repeat(["a", "b", "c"], ROWS // 3)
G = {"g": GROUP.tolist()}


def generator():
    return np.random.default_rng(11)


# More than two labels


def tiers(share_right_of_b):
    draw = generator()
    truth = draw.integers(0, 3, ROWS)
    right = draw.random(ROWS) < np.where(GROUP == "b", share_right_of_b, 0.9)
    return classes(truth, np.where(right, truth, (truth + draw.integers(1, 3, ROWS)) % 3), G)


def test_right_answers_count_over_all_labels_and_each_label_by_itself():
    limits = {"accuracy_difference": {"max": 0.1}, "recall_by_class_difference": {"max": 0.25}}
    worse, even = judge(tiers(0.6), **limits), judge(tiers(0.9), **limits)
    assert outcomes(worse)["accuracy_difference.g=b"] == "FAILED"
    assert outcomes(worse)["accuracy_difference.g=c"] == "PASSED"
    assert set(outcomes(even).values()) == {"PASSED"}
    # Favourable or not, the wrong ones of low and mid look right to who counts two sides.
    rows = tiers(0.6)
    told = even.measured["columns"]["g"]["groups"][0]
    b = worse.measured["columns"]["g"]["groups"][1]
    assert float(b["accuracy"]["rate"]) == pytest.approx(
        (rows.truth == rows.predicted)[GROUP == "b"].mean(), abs=5e-5
    )
    assert set(told["recall"]) == {"low", "mid", "high"}


def test_a_label_that_one_group_is_never_found_in_fails_by_its_name():
    draw = generator()
    truth = draw.integers(0, 3, ROWS)
    predicted = np.where((GROUP == "b") & (truth == 1), 0, truth)
    report = judge(classes(truth, predicted, G), recall_by_class_difference={"max": 0.1})
    (bad,) = [finding for finding in report.findings if finding.outcome.name == "FAILED"]
    assert bad.id == "bias.recall_by_class_difference.g=b"
    assert "tier=mid" in bad.what
    assert "No setting changes it" in bad.remedy


def test_several_labels_can_be_favourable():
    truth = np.tile([0, 1, 2], ROWS // 3)
    rows = classes(truth, truth, G, favourable=(1, 2))
    report = judge(rows, selection_rate_ratio={"min": 0.8})
    assert report.measured["favourable"] == "tier=mid or high"
    assert report.measured["columns"]["g"]["groups"][0]["selected"] == (truth[GROUP == "a"] > 0).sum()


def test_a_label_without_rows_settles_nothing_about_it():
    truth = np.tile([0, 1], ROWS // 2)
    found = judge(classes(truth, truth, G), recall_by_class_ratio={"min": 0.5})
    assert set(outcomes(found).values()) == {"INCONCLUSIVE"}
    assert "no row of g=b counts towards its recall of high" in found.findings[0].what


# Numbers


def prices(error_of_b=0.0, spread_of_c=10.0, rows=ROWS):
    draw = generator()
    group = np.repeat(["a", "b", "c"], rows // 3)
    truth = draw.normal(300, 40, rows)
    noise = draw.normal(0, np.where(group == "c", spread_of_c, 10.0))
    return values(truth, truth + noise + error_of_b * (group == "b"), {"g": group.tolist()})


LIMITS = {
    "mean_prediction_difference": {"max": 8},
    "mean_prediction_ratio": {"min": 0.95},
    "mean_error": {"max": 5},
    "mean_error_difference": {"max": 5},
    "mean_absolute_error_difference": {"max": 5},
    "mean_absolute_error_ratio": {"min": 0.8},
}


def test_a_group_that_is_always_predicted_less_fails_and_its_twin_passes():
    worse, even = outcomes(judge(prices(-60), **LIMITS)), outcomes(judge(prices(), **LIMITS))
    assert set(even.values()) == {"PASSED"}
    assert {name for name, outcome in worse.items() if outcome == "FAILED"} == {
        f"{name}.g=b" for name in LIMITS
    }
    # The mean error is held within every group, the reference too; the others against it.
    assert worse["mean_error.g=a"] == "PASSED"
    assert "mean_error_difference.g=a" not in worse


def test_a_group_for_which_the_model_errs_more_fails_on_that_alone():
    found = outcomes(judge(prices(0, 40), **LIMITS))
    failed = {name for name, outcome in found.items() if outcome == "FAILED"}
    assert failed == {"mean_absolute_error_difference.g=c", "mean_absolute_error_ratio.g=c"}


def test_means_are_told_in_the_labels_unit_with_their_intervals():
    report = judge(prices(-60), mean_error_difference={"max": 5})
    finding = report.findings[0]
    assert re.search(r"mean error of price .* is -6\d\.\d+ for g=b \(1000 rows\) and", finding.what)
    assert "No threshold changes a mean" in finding.remedy
    assert 0 < finding.numbers["rows_to_settle"] < 1000
    few = judge(prices(-6, rows=150), mean_error_difference={"max": 5}).findings[0]
    assert few.outcome.name == "INCONCLUSIVE"
    assert few.numbers["rows_to_settle"] > 50


def test_many_means_at_once_are_those_of_the_statistics_room():
    draw = generator()
    of_row, made = draw.integers(0, 4, 200), draw.lognormal(size=200) * 1e6
    sums = Sums.of(of_row, 4, made)
    means = Means.of(sums)
    for group in range(4):
        lower, upper = means.limits()
        wanted = mean_interval(made[of_row == group])
        assert [lower[group], upper[group]] == pytest.approx([wanted.lower, wanted.upper])
    wanted = welch(made[of_row == 1], made[of_row == 0])
    lower, upper = difference_limits(means.at([1]), means.at([0]), np.array([1.959963984540054]))
    assert upper[0] == pytest.approx(max(abs(wanted.lower), abs(wanted.upper)))
    assert lower[0] == pytest.approx(max(0, wanted.lower, -wanted.upper))


def test_a_mean_gate_is_seldom_wrong_about_equal_groups():
    draw, failed, passed, draws = generator(), 0, 0, 300
    columns = {"g": np.repeat(["a", "b"], 60).tolist()}
    for _ in range(draws):
        truth = draw.normal(0, 1, 120)
        error = draw.exponential(1, 120)
        rows = values(truth, truth + error, columns)
        failed += judge(rows, mean_absolute_error_ratio={"min": 0.95}).outcome.name == "FAILED"
        shifted = values(truth, truth + error + 0.5 * np.repeat([0, 1], 60), columns)
        passed += judge(shifted, mean_error_difference={"max": 0.5}).outcome.name == "PASSED"
    assert failed / draws < 0.05
    assert passed / draws <= 0.05


def test_without_a_threshold_decisions_are_refused_by_name_and_with_one_they_are_counted():
    rows = prices(-60)
    report = judge(rows, selection_rate_ratio={"min": 0.8}, mean_error={"max": 100})
    assert report.outcome.name == "INCONCLUSIVE"
    assert "without model.threshold" in report.findings[0].what
    decided = values(rows.truth, rows.scores, G, threshold=300)
    assert outcomes(judge(decided, selection_rate_ratio={"min": 0.8}))["selection_rate_ratio.g=b"] == "FAILED"
    assert "selected" not in judge(rows, mean_error={"max": 5}).measured["columns"]["g"]["groups"][0]


@pytest.mark.parametrize("criterion", ["recall_by_class_difference", "mean_error", "accuracy_ratio"])
def test_a_criterion_of_another_task_is_never_passed_over(criterion):
    rows = {
        "recall_by_class_difference": binary([0, 1] * 50, [0.2, 0.8] * 50, {"g": ["a", "b"] * 50}),
        "mean_error": tiers(0.9),
        "accuracy_ratio": prices(),
    }[criterion]
    bound = "min" if criterion.endswith("ratio") else "max"
    report = judge(rows, **{criterion: {bound: 1}})
    assert report.outcome.name == "INCONCLUSIVE"
    assert "no measurement answers" in report.findings[0].what


@pytest.mark.parametrize(
    ("truth", "predicted", "what"),
    [
        ([1.0] * 100, [2.0] * 100, "nothing is known of chance"),
        (np.arange(100) * 1e306, np.arange(100) * -1e306, "too large to be added up"),
        (np.arange(100.0), np.arange(100.0) - 500, "lies under zero"),
    ],
)
def test_means_of_which_nothing_can_be_said_are_inconclusive(truth, predicted, what):
    rows = values(truth, predicted, {"g": ["a", "b"] * 50})
    report = judge(rows, mean_prediction_ratio={"min": 0.1}, mean_prediction_difference={"max": 1e300})
    assert report.outcome.name == "INCONCLUSIVE"
    assert any(what in finding.what for finding in report.findings)


# Orders


def applicants(lead_of_a=0.0):
    draw = generator()
    scores = draw.normal(size=ROWS) + lead_of_a * (GROUP == "a")
    return order(scores + draw.normal(size=ROWS) > 1, scores, G, 900)


def test_selection_at_k_is_compared():
    limits = {"selection_rate_ratio": {"min": 0.6}}
    assert outcomes(judge(applicants(1.0), **limits))["selection_rate_ratio.g=b"] == "FAILED"
    assert set(outcomes(judge(applicants(), **limits)).values()) == {"PASSED"}
    report = judge(applicants(), true_positive_rate_difference={"max": 0.2})
    assert report.measured["selected"] == 900
    assert "who are relevant" in report.findings[0].what


# The nearest setting


def passes_at(rows, **criteria):
    return judge(rows, **criteria).outcome.name == "PASSED"


def test_the_nearest_number_of_rows_to_select_is_the_nearest_that_passes():
    rows, limits = applicants(0.5), {"selection_rate_ratio": {"min": 0.7}}
    report = judge(rows, **limits)
    bad = next(finding for finding in report.findings if finding.outcome.name == "FAILED")
    count_, was, would = re.search(r"is (\d+) \(now 900\).*from (\S+) to (\S+)\. A", bad.remedy).groups()
    again = order(rows.truth, rows.scores, G, int(count_))
    assert passes_at(again, **limits)
    assert float(would) == pytest.approx(again.deserved[again.favoured].mean(), abs=6e-4)
    assert float(was) == pytest.approx(rows.deserved[rows.favoured].mean(), abs=6e-4)
    tried = settings_of(rows)
    nearer = tried[(abs(tried - 900) < abs(int(count_) - 900))]
    assert len(nearer) > 3
    assert not any(passes_at(order(rows.truth, rows.scores, G, int(k)), **limits) for k in nearer[::9])


@pytest.mark.parametrize("side", ["higher", "lower"])
def test_the_nearest_threshold_of_a_number_moves_labels_and_answers(side):
    rows, limits = prices(-25), {"selection_rate_ratio": {"min": 0.7}}
    threshold = 310 if side == "higher" else 260
    decided = values(rows.truth, rows.scores, G, threshold=threshold, side=side)
    report = judge(decided, **limits)
    bad = next(finding for finding in report.findings if finding.outcome.name == "FAILED")
    assert "other labels count as favourable" in bad.remedy
    coded = encode("g", G["g"])
    cells = count([coded], *sides(decided))
    tables = [(groups, groups.sum(cells.counts)) for groups in groupings(cells, {})]
    found = nearest_setting(decided, cells, tables, "selection_rate_ratio", 0.7, 30)
    again = values(rows.truth, rows.scores, G, threshold=found.threshold, side=side)
    assert passes_at(again, **limits)
    assert found.accuracy == pytest.approx((again.favoured == again.deserved).mean())
    assert found.accuracy_now == pytest.approx((decided.favoured == decided.deserved).mean())
    tried = settings_of(decided)
    nearer = tried[abs(tried - threshold) < abs(found.threshold - threshold)]
    assert not any(
        passes_at(values(rows.truth, rows.scores, G, threshold=t, side=side), **limits) for t in nearer
    )


# Bins


def test_a_column_of_numbers_becomes_groups_by_its_bins_and_nobody_is_left_out():
    ages = ["24.9", "25", "39", "40", "120", "", "nan", "inf", "old"] * 100
    rows = binary([0, 1, 1] * 300, np.tile([0.2, 0.8], 450), {"age": ages})
    report = judge(rows, bins={"age": [25, 40]}, selection_rate_ratio={"min": 0.5})
    groups = report.measured["columns"]["age"]["groups"]
    assert {group["group"]: group["rows"] for group in groups} == {
        "age=under 25": 100,
        "age=25 to under 40": 200,
        "age=40 or more": 200,
        "age=(missing)": 400,
    }
    assert outcomes(report)["selection_rate_ratio.age=(missing)"] == "INCONCLUSIVE"
    chosen = judge(
        rows, bins={"age": [25, 40]}, reference={"age": "under 25"}, selection_rate_ratio={"min": 0.5}
    )
    assert chosen.measured["columns"]["age"]["reference"] == "age=under 25"


def test_a_bin_that_no_row_is_in_is_named():
    rows = binary([0, 1] * 200, [0.2, 0.8] * 200, {"age": ["30", "50"] * 200})
    found = outcomes(judge(rows, bins={"age": [18, 40]}, selection_rate_ratio={"min": 0.5}))
    assert found["selection_rate_ratio.age=under 18"] == "INCONCLUSIVE"


def test_bins_of_a_real_model_are_checked_against_fairlearn(tmp_path):
    gates = {"bias": {"sensitive": ["a"], "bins": {"a": [-1, 0]}, "selection_rate_ratio": {"min": 0.8}}}
    checked = replace(subject(tmp_path, linear(), gates), cross_checks=True)
    report = BiasGate().test(checked)
    assert list(report.measured["columns"]) == ["a", "group", "a & group"]
    assert [group["values"] for group in report.measured["columns"]["a"]["groups"]] == [
        ["under -1"],
        ["-1 to under 0"],
        ["0 or more"],
    ]
