"""What `model:` in ml.yaml needs for each task, and what means nothing for it."""

from __future__ import annotations

import pytest

from mlassay.config import Config, load_config
from mlassay.config.types import Select
from mlassay.errors import ConfigurationError, Problem

TEXT = """\
version: 1
name: loans
objective: Rank loan applications.
owner: kim
risk:
  unavailability: {probability: 1, impact: 1}
  bad_prediction: {probability: 2, impact: 2}
  decay: {probability: 1, impact: 1}
  lost_skills: {probability: 1, impact: 1}
  review_by: 2027-06-01
data: {loans: data/loans.manifest.yaml}
train: {run: sh train.sh, uses: [train.sh], data: [loans/train]}
evaluate: {data: loans/test, label: default}
model:
  file: model.onnx
"""


def load(*lines: str, gates: str = "") -> Config:
    text = TEXT + "".join(f"  {line}\n" for line in lines) + (f"gates:\n  {gates}\n" if gates else "")
    return load_config("ml.yaml", text.encode())


def problems(*lines: str, gates: str = "") -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        load(*lines, gates=gates)
    return list(caught.value.problems)


def test_each_task_is_read_with_what_it_needs() -> None:
    binary = load("task: binary-classification", "favourable: 1", "threshold: 0.5").model
    assert (binary.favourable, binary.threshold, binary.select) == (1, 0.5, None)
    several = load("task: multiclass-classification", "favourable: [low, middle]").model
    assert (several.favourable, several.threshold) == (("low", "middle"), None)
    assert load("task: multiclass-classification", "favourable: 0").model.favourable == 0
    number = load("task: regression", "favourable: lower", "threshold: -12.5").model
    assert (number.favourable, number.threshold) == ("lower", -12.5)
    assert load("task: regression", "favourable: higher").model.threshold is None
    order = load("task: ranking", "select: {share: 0.2}").model
    assert (order.favourable, order.select) == ("selected", Select(share=0.2))
    assert load("task: ranking", "favourable: selected", "select: {count: 7}").model.select == Select(count=7)


@pytest.mark.parametrize(
    ("select", "rows", "chosen"),
    [
        (Select(share=0.29), 100, 29),
        (Select(share=0.2), 7, 1),
        (Select(share=0.2), 3, 1),
        (Select(share=0.5), 0, 0),
        (Select(count=10), 4, 4),
        (Select(count=10), 40, 10),
    ],
)
def test_a_selection_is_of_whole_rows(select: Select, rows: int, chosen: int) -> None:
    assert select.of(rows) == chosen


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        (("task: binary-classification", "favourable: 1"), 15, "'model.threshold' is missing"),
        (("task: binary-classification", "threshold: 0.5"), 15, "'model.favourable' is missing"),
        (("task: multiclass-classification",), 15, "'model.favourable' is missing"),
        (("task: regression",), 15, "'model.favourable' is missing"),
        (("task: ranking",), 15, "'model.select' is missing"),
        (("task: clustering",), 16, "model.task"),
        (("task: binary-classification", "favourable: 1", "threshold: 1.5"), 18, "lies between 0 and 1"),
        (("task: binary-classification", "favourable: [a]", "threshold: 0.5"), 17, "is a list"),
        (
            ("task: binary-classification", "favourable: 1", "threshold: 0.5", "select: {count: 3}"),
            19,
            "'model.select' means nothing",
        ),
        (
            ("task: multiclass-classification", "favourable: a", "threshold: 0.5"),
            18,
            "'model.threshold' means nothing",
        ),
        (("task: regression", "favourable: more"), 17, "takes 'higher' or 'lower'"),
        (("task: regression", "favourable: 1"), 17, "takes 'higher' or 'lower'"),
        (("task: ranking", "select: {share: 0.2}", "favourable: yes"), 18, "takes 'selected' only"),
        (("task: ranking", "select: {share: 0.2}", "threshold: 0.2"), 18, "'model.threshold' means nothing"),
        (("task: ranking", "select: {share: 1.2}"), 17, "model.select.share is 1.2"),
        (("task: ranking", "select: {share: 0}"), 17, "model.select.share is 0"),
        (("task: ranking", "select: {count: 0}"), 17, "model.select.count is 0"),
        (("task: ranking", "select: {share: 0.2, count: 3}"), 17, "model.select has more than 1 keys"),
        (("task: ranking", "select: {}"), 17, "model.select"),
    ],
)
def test_what_a_task_does_not_take_is_named_with_its_line(lines, line: int, words: str) -> None:
    (problem,) = [each for each in problems(*lines) if words in each.what]
    # The first key below `model:` stands on line 15; the task on 16.
    assert (problem.path, problem.line in (line, line - 1)) == ("ml.yaml", True)
    assert problem.why


def test_a_threshold_that_is_no_number_is_refused() -> None:
    assert problems("task: regression", "favourable: higher", "threshold: .nan")
    assert problems("task: regression", "favourable: higher", "threshold: .inf")


def test_a_metric_of_another_task_is_refused_with_those_that_there_are() -> None:
    (problem,) = problems(
        "task: regression", "favourable: higher", gates="performance: {accuracy: {min: 0.8}}"
    )
    assert problem.what.startswith("'accuracy' is a metric of binary-classification and multiclass")
    assert problem.line == 19
    assert "mae" in problem.remedy
    assert load("task: regression", "favourable: higher", gates="performance: {mae: {max: 3}}").gates
