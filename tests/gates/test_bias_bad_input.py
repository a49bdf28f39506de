"""What is wrong with the rows is a named finding of the bias gate, never a traceback and never a pass."""

import warnings

import numpy as np
import pytest

from mlassay.digest import canonical
from tests.gates.bias_rows import binary, classes, judge, order, outcomes, values

RATIO = {"selection_rate_ratio": {"min": 0.8}}
ALL = {
    "selection_rate_ratio": {"min": 0.01},
    "equalized_odds_difference": {"max": 0.99},
    "precision_ratio": {"min": 0.01},
    "accuracy_difference": {"max": 0.99},
}
EVEN = {"g": ["a", "b"] * 100}


@pytest.fixture(autouse=True)
def _no_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


BAD = {
    "no rows": binary([], [], {"g": []}),
    "one label": binary([1] * 200, [0.2, 0.8] * 100, EVEN),
    "one group": binary([0, 1] * 100, [0.2, 0.8] * 100, {"g": ["a"] * 200}),
    "nobody known": binary([0, 1] * 100, [0.2, 0.8] * 100, {"g": [""] * 200}),
    "a score nan": binary([0, 1] * 100, [np.nan, 0.8] * 100, EVEN),
    "a score infinite": binary([0, 1] * 100, [0.2, np.inf] * 100, EVEN),
    "a label never seen": binary([0, 1, 2, 1] * 50, [0.2, 0.8] * 100, EVEN),
    "a class never seen": classes([0, 1, 7, 2] * 50, [0, 1] * 100, EVEN),
    "nobody selected": binary([0, 1, 1, 0] * 50, [0.2] * 200, EVEN),
    "ids": binary([0, 1] * 500, [0.2, 0.8] * 500, {"g": [f"id-{n}" for n in range(1000)]}),
    "one row each": binary([0, 1] * 100, [0.2, 0.8] * 100, {"g": [f"id-{n}" for n in range(200)]}),
    "nothing relevant": order([0] * 200, np.arange(200), EVEN, 50),
    "a relevance nan": order([np.nan, 1] * 100, np.arange(200), EVEN, 50),
    "a value nan": values([np.nan, 1] * 100, np.arange(200), EVEN, threshold=1),
    "29 rows each": binary([0, 1] * 29, [0.8] * 58, {"g": ["a"] * 29 + ["b"] * 29}),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_rows_are_a_finding_and_never_passed(name):
    report = judge(BAD[name], **ALL)
    assert report.outcome.name == "INCONCLUSIVE"
    assert report.findings
    assert all(
        finding.what and finding.why and finding.remedy
        for finding in report.findings
        if finding.outcome.name != "PASSED"
    )
    canonical([report.measured, report.criteria, [finding.numbers for finding in report.findings]])


def test_the_same_rows_with_nothing_wrong_pass():
    assert (
        judge(
            binary([0, 1, 1, 0] * 500, [0.2, 0.2, 0.8, 0.8] * 500, {"g": ["a"] * 1000 + ["b"] * 1000}), **ALL
        ).outcome.name
        == "PASSED"
    )


def test_a_column_with_a_value_for_nearly_every_row_is_named_and_the_others_are_still_judged():
    rows = binary(
        [0, 1, 1, 0] * 500,
        np.where(np.arange(2000) < 1000, 0.8, 0.2),
        {"id": [f"id-{n}" for n in range(2000)], "g": ["a"] * 1000 + ["b"] * 1000},
    )
    report = judge(rows, **RATIO)
    found = outcomes(report)
    assert found["groups.id"] == "INCONCLUSIVE"
    assert found["selection_rate_ratio.g=b"] == "FAILED"
    assert "bins" in report.findings[0].remedy


def test_two_hundred_groups_are_compared():
    names = np.array([f"v{n}" for n in range(200)])
    rows = binary(
        np.tile([0, 1], 10_000), np.repeat([0.2, 0.8, 0.8, 0.2], 5000), {"g": np.tile(names, 100).tolist()}
    )
    report = judge(rows, **RATIO, calibration_difference={"max": 0.9})
    assert len(report.measured["columns"]["g"]["groups"]) == 200
    assert len(report.findings) == 199 + 200


def test_an_intersection_of_too_many_groups_is_named():
    draw = np.random.default_rng(0)
    columns = {name: draw.integers(0, 40, 4000).astype(str).tolist() for name in "gh"}
    report = judge(binary(draw.integers(0, 2, 4000), draw.random(4000), columns), **RATIO)
    assert outcomes(report)["groups.g&h"] == "INCONCLUSIVE"
    assert list(report.measured["columns"]) == ["g", "h"]


HOSTILE = [
    "\x1b[31mred",
    "a\nb",
    "\u202eevil",
    "<script>",
    "| x |",
    "'; DROP",
    "x" * 5000,
    "x" * 5001,
    "\ud800",
    "(missing)",
]


def test_hostile_values_are_groups_like_any_other_and_are_shown_so_that_they_can_be_read():
    rows = binary([0, 1] * 500, [0.2, 0.8, 0.8, 0.2] * 250, {"g": HOSTILE * 100})
    report = judge(rows, **RATIO)
    groups = report.measured["columns"]["g"]["groups"]
    assert len(groups) == len(HOSTILE)
    labels = [group["group"] for group in groups]
    assert len(set(labels)) == len(HOSTILE)
    ids = [finding.id for finding in report.findings]
    assert len(set(ids)) == len(ids) == len(HOSTILE) - 1
    for text in (*labels, *ids, *(finding.what for finding in report.findings)):
        assert text.isprintable()
    assert all(len(label) < 120 for label in labels)
    assert groups[-1]["group"] == "g=(missing)"


def test_chances_beyond_one_are_not_calibrated():
    rows = binary([0, 1] * 500, [0.2, 1.8] * 500, {"g": ["a", "a", "b", "b"] * 250})
    report = judge(rows, calibration_difference={"max": 1})
    assert report.outcome.name == "INCONCLUSIVE"
    assert "no chances" in report.findings[0].what


def test_calibration_of_thirty_rows_says_as_little_as_they_do():
    # Under the normal interval, 30 rows of which none came true were calibrated without any doubt.
    draw, wrong, draws = np.random.default_rng(3), 0, 200
    for _ in range(draws):
        truth = draw.random(60) < 0.1
        rows = binary(truth, np.full(60, 0.2), {"g": ["a"] * 30 + ["b"] * 30})
        found = outcomes(judge(rows, calibration_difference={"max": 0.1}))
        wrong += "PASSED" in found.values() or "FAILED" in found.values()
    assert wrong / draws <= 0.05
