"""One row told in plain words: the same bytes each time, every change confirmed by the model, and no word of causes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlassay.errors import ConfigurationError
from mlassay.gates.explain_row import RowExplained
from mlassay.render.row import row_json, row_lines
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION
from tests.factory import tasks


@pytest.fixture(scope="module")
def subjects(tmp_path_factory):
    libraries = {BINARY: "lightgbm", MULTICLASS: "lightgbm", REGRESSION: "sklearn", RANKING: "lightgbm"}
    return {
        task: tasks.subject(tasks.repository(tmp_path_factory.mktemp("row") / "team", task, library=library))
        for task, library in libraries.items()
    }


def turns(subject, told, change):
    """Whether the model decides otherwise with this one value changed, asked through ONNX Runtime."""
    texts = {
        name: [value]
        for name, value in zip(subject.table.columns, subject.table.rows[told.row - 1], strict=True)
    }
    texts[change.column] = [change.after]
    answers = subject.model.answers(subject.model.encode(texts))
    score = subject.model.scores_of(answers)[0]
    if subject.task == MULTICLASS:
        return bool(np.isin(answers.argmax(axis=1), subject.plan.favourable_classes)[0]) != told.favourable
    return bool(score >= subject.threshold) != told.favourable


@pytest.mark.parametrize("task", [BINARY, MULTICLASS, REGRESSION])
def test_what_is_said_to_turn_a_decision_turns_it(subjects, task) -> None:
    found = 0
    for number in range(1, 5):
        told = RowExplained.of_row(subjects[task], number)
        found += len(told.changes)
        assert all(turns(subjects[task], told, change) for change in told.changes)
        shares = [float(change.share_of_range) for change in told.changes]
        assert shares == sorted(shares)
        assert {c.column for c in told.changes} | {*told.never, *told.unfound} == {"a", "b"}
    assert found > 2


def test_the_nearest_change_of_trees_is_said_to_be_so(subjects) -> None:
    sure = [c.nearest for n in range(1, 5) for c in RowExplained.of_row(subjects[BINARY], n).changes]
    assert sum(sure) > len(sure) / 2


@pytest.mark.parametrize("task", [BINARY, MULTICLASS, REGRESSION, RANKING])
def test_the_same_row_is_told_in_the_same_words_and_none_of_them_speaks_of_causes(subjects, task) -> None:
    subject = subjects[task]
    lines = list(row_lines(RowExplained.of_row(subject, 3)))
    again = tasks.Subject(subject.plan, subject.root, subject.outputs)
    assert lines == list(row_lines(RowExplained.of_row(again, 3)))
    text = "\n".join(lines)
    assert "the model's answer leans on" in text
    assert "because" not in text
    assert "caused" not in text
    assert row_json(RowExplained.of_row(subject, 3))["row"] == 3


def test_a_ranking_says_why_nothing_would_have_changed_the_decision(subjects) -> None:
    told = RowExplained.of_row(subjects[RANKING], 1)
    assert not told.changes
    assert "each row's place depends on the others" in "\n".join(row_lines(told))
    assert told.rule.startswith("place ")


def test_a_number_without_a_threshold_decides_nothing(subjects) -> None:
    subject = subjects[REGRESSION]
    config = subject.plan.config
    plan = replace(subject.plan, config=replace(config, model=replace(config.model, threshold=None)))
    told = RowExplained.of_row(tasks.Subject(plan, subject.root, subject.outputs), 1)
    assert (told.decided, told.favourable, told.changes) == ("nothing", None, ())
    assert told.parts


@pytest.mark.parametrize("number", [0, -1, 1201, 10**9])
def test_rows_outside_are_refused(subjects, number) -> None:
    with pytest.raises(ConfigurationError, match="there is no row"):
        RowExplained.of_row(subjects[BINARY], number)


def test_decided_is_what_the_gates_decide(subjects) -> None:
    for task, subject in subjects.items():
        for number in (1, 2, 3):
            told = RowExplained.of_row(subject, number)
            assert told.favourable == bool(subject.favoured[number - 1]), task
            assert (
                f"place {1 + int((subject.scores > subject.scores[number - 1]).sum())} of" in told.rule
                or task != RANKING
            )
