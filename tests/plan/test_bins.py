"""Bins of a sensitive column of numbers, in ``ml.yaml`` and under policy's floors."""

from __future__ import annotations

import pytest

from mlassay.plan.bins import names_of_bins
from tests.plan.test_making import plan, problems

BIAS = "{sensitive: [afam], selection_rate_ratio: {min: 0.8}}"


def bias(sensitive: str, more: str) -> tuple[str, str]:
    return BIAS, f"{{sensitive: {sensitive}, {more}, selection_rate_ratio: {{min: 0.8}}}}"


def test_a_column_of_numbers_can_be_sensitive_with_bins_only() -> None:
    made = plan(ml=bias("[afam, unemp]", "bins: {unemp: [3, 7.5]}, reference: {unemp: under 3}"))
    assert made.gates["bias"]["bins"] == {"unemp": [3, 7.5]}
    (found,) = problems(ml=bias("[afam, unemp]", "rationale: none"))
    assert "no category" in found.what
    assert "gates.bias.bins" in found.remedy


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("bins: {unemp: [7, 3]}", "do not ascend"),
        ("bins: {unemp: [3, 3.0000000000000004]}", "twelve digits"),
        ("bins: {unemp: [3], afam: [1]}", "'afam' is no column of numbers"),
        ("bins: {unemp: [3], unmep: [1]}", "no column 'unmep'"),
        ("bins: {unemp: [3]}, reference: {unemp: under 4}", "'under 4' is no value"),
    ],
)
def test_bins_that_make_no_groups_are_a_problem_at_their_line(more: str, what: str) -> None:
    (found,) = problems(ml=bias("[afam, unemp]", more))
    assert what in found.what
    assert found.line


@pytest.mark.parametrize("edges", ["[]", "[a]", "3", "[3, 3]", "[.nan]", "[.inf]"])
def test_bins_of_another_shape_are_refused_by_the_schema(edges: str) -> None:
    assert problems(ml=bias("[afam, unemp]", f"bins: {{unemp: {edges}}}"))


def test_policys_bins_cannot_be_changed_and_are_taken_where_ml_yaml_has_none() -> None:
    floor = bias("[afam, unemp]", "bins: {unemp: [3, 7]}")
    assert plan(ml=bias("[afam, unemp]", "rationale: x"), policy=floor).gates["bias"]["bins"] == {
        "unemp": [3, 7]
    }
    for edges in ("[3]", "[3, 5, 7]"):
        (found,) = problems(ml=bias("[afam, unemp]", f"bins: {{unemp: {edges}}}"), policy=floor)
        assert "looser than policy's [3, 7]" in found.what


def test_bins_are_named_as_people_say_them() -> None:
    assert names_of_bins([25, 40.5, 1e6]) == (
        "under 25",
        "25 to under 40.5",
        "40.5 to under 1000000",
        "1000000 or more",
    )
