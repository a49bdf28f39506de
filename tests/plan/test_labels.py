"""The label column against the task, in repositories."""

from __future__ import annotations

import pytest

from mlassay.errors import ConfigurationError
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION, TASKS
from tests.factory.tasks import LABEL, plan_of, repository

SEVEN = "type: integer, min: 0, max: 7"
TEXT = "type: text"


@pytest.mark.parametrize("task", TASKS)
def test_each_task_has_a_plan(tmp_path, task) -> None:
    plan = plan_of(repository(tmp_path, task, model=b"none"))
    assert plan.config.model.task == task
    assert plan.favourable == 1
    assert plan.decides


@pytest.mark.parametrize(
    ("task", "label", "spec", "words"),
    [
        (BINARY, LABEL[MULTICLASS], 'favourable: "good", threshold: 0.5', "is no category of two values"),
        (MULTICLASS, LABEL[BINARY], 'favourable: "no"', "is no category of three or more values"),
        (MULTICLASS, SEVEN, 'favourable: "no"', "is no category of three or more values"),
        (REGRESSION, LABEL[BINARY], "", "is no number"),
        (RANKING, LABEL[MULTICLASS], "", "neither a category of two values nor a number"),
        (RANKING, TEXT, "", "neither a category of two values nor a number"),
        (RANKING, LABEL[REGRESSION], "", "may be negative"),
        (MULTICLASS, "", "favourable: best", "'best' is no value of 'label'"),
        (
            MULTICLASS,
            "",
            "favourable: 3",
            "3 is no label: labels are 0 ('bad'), 1 ('good') and 2 ('middling')",
        ),
        (MULTICLASS, "", "favourable: [good, best]", "'best' is no value of 'label'"),
        (MULTICLASS, "", "favourable: [good, bad, middling]", "every value of 'label' is favourable"),
        (
            REGRESSION,
            "",
            "favourable: higher, threshold: 101",
            "model.threshold is 101, and 'label' goes from -100",
        ),
        (REGRESSION, "", "favourable: lower, threshold: -100.5", "model.threshold is -100.5"),
    ],
)
def test_a_label_that_the_task_cannot_use_is_named_with_its_line(
    tmp_path, monkeypatch, task, label, spec, words
) -> None:
    if label:
        monkeypatch.setitem(LABEL, task, label)
    project = repository(tmp_path, task, model=b"none", spec=spec)
    with pytest.raises(ConfigurationError) as caught:
        plan_of(project)
    (problem,) = [each for each in caught.value.problems if words in each.what]
    assert problem.path == "ml.yaml"
    assert problem.line
    assert problem.remedy


def test_weights_over_a_number_are_refused(tmp_path) -> None:
    project = repository(tmp_path, REGRESSION, model=b"none")
    path = project.folder / "ml.yaml"
    path.write_text(path.read_text().replace("withhold: [group]", "withhold: [group], weigh: {by: [group]}"))
    with pytest.raises(ConfigurationError, match="rows are weighed by groups and labels"):
        plan_of(project)


def test_several_favourable_values_are_indexes_in_order(tmp_path) -> None:
    plan = plan_of(repository(tmp_path, MULTICLASS, model=b"none", spec="favourable: [middling, good]"))
    assert plan.favourable_classes == (1, 2)
