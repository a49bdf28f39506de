"""The parity gate: does the exported model say what training said, and does another preprocessing say the same?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.errors import MlassayError
from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.files import find_file
from mlassay.gates.common import CRITERIA_FILE, Criteria, not_applicable, report
from mlassay.gates.parity_held import Answers, finding, held, outcome_of
from mlassay.gates.parity_rows import (
    MOST_BYTES,
    Floats,
    RefusedTableError,
    Table,
    prediction_columns,
    read_table,
)
from mlassay.gates.parity_twin import Said, TwinError, ask_twin
from mlassay.gates.shares import plain

if TYPE_CHECKING:
    from mlassay.ports import Subject

GOLDEN = "golden.csv"
TWIN_ROWS = 1000
"""Evaluation rows that a twin gets, evenly spaced, where training left no golden rows."""
_NOT_LOOKED_AT = (
    "rows that are not among the golden ones",
    "whether training's own predictions are what it says: they are the team's own",
)


class ParityGate:
    """Compares training's own predictions, and those of a twin in another language, with ONNX Runtime's on the same rows."""

    id = "parity"

    def test(self, subject: Subject) -> GateReport:
        """Hold the largest difference and the decisions that turn, for each that there is."""
        criteria = Criteria.of(subject, self.id)
        twin = criteria.values.get("twin")
        name = str(criteria.values.get("golden", GOLDEN))
        golden, problem = _golden(subject, name)
        if golden is None and not problem and "golden" in criteria.values:
            problem = f"training left no {name}"
        if golden is None and not problem and not twin:
            return not_applicable(criteria, f"training left no {name}, and no twin is declared")
        findings: list[Finding] = []
        measured: dict[str, Any] = {}
        if problem:
            findings.append(_unread(criteria, "golden", problem))
        rows = _twin_rows(subject) if golden is None else _inputs(subject, golden)
        if golden is not None:
            names = prediction_columns(subject.task, subject.plan.label.values)
            findings += _compared(criteria, measured, subject, "golden", rows, golden.predictions(names))
        if twin:
            subject.progress(f"parity: {twin.get('run', '')}")
            findings += _of_twin(criteria, measured, subject, rows, twin)
        return report(
            criteria, measured=measured, findings=findings, not_looked_at=_NOT_LOOKED_AT, self_reported=True
        )


def _golden(subject: Subject, name: str) -> tuple[Table | None, str]:
    """``(the golden rows, why they cannot be read)``; neither where there are none."""
    names = [column.name for column in subject.model.inputs]
    predicted = prediction_columns(subject.task, subject.plan.label.values)
    try:
        data = find_file(subject.outputs, name, limit=MOST_BYTES)
        if data is None:
            return None, ""
        table = read_table(name, data, [*names, *predicted])
        table.predictions(predicted)
        if table.count:
            subject.model.encode(_inputs(subject, table))
    except RefusedTableError as error:
        return None, f"{name} cannot be read: {error}"
    except MlassayError as error:
        return None, f"{name} cannot be read: {error.problems[0].what}"
    return (table, "") if table.count else (None, f"{name} has no rows")


def _inputs(subject: Subject, table: Table) -> dict[str, Sequence[str]]:
    return {column.name: table.columns[column.name] for column in subject.model.inputs}


def _twin_rows(subject: Subject) -> dict[str, Sequence[str]]:
    count = len(subject.table)
    index = np.unique(np.linspace(0, max(count - 1, 0), min(count, TWIN_ROWS)).astype(np.int64)).tolist()
    columns = {each.name: subject.table.column(each.name) for each in subject.model.inputs}
    return {name: [texts[i] for i in index] for name, texts in columns.items()}


def _compared(
    criteria: Criteria,
    measured: dict[str, Any],
    subject: Subject,
    who: str,
    rows: Mapping[str, Sequence[str]],
    theirs: Floats,
) -> list[Finding]:
    """Findings on predictions (n, k) that ``who`` made of ``rows``, against ONNX Runtime on what mlassay encodes."""
    ours = Answers.of(subject, subject.model.answers(subject.model.encode(rows)))
    return held(criteria, measured, subject, who, ours, Answers.of(subject, theirs))


def _of_twin(
    criteria: Criteria,
    measured: dict[str, Any],
    subject: Subject,
    rows: Mapping[str, Sequence[str]],
    twin: Mapping[str, Any],
) -> list[Finding]:
    """Findings on what the twin left: its inputs column by column, and what the model answers to them."""
    from mlassay.model import Unusable

    try:
        said = ask_twin(subject, twin, rows)
        names = prediction_columns(subject.task, subject.plan.label.values)
        predicted = None if said.predictions is None else said.predictions.predictions(names)
        given = None if said.inputs is None else _as_given(subject, said)
    except (TwinError, RefusedTableError) as error:
        return [_unread(criteria, "twin", str(error))]
    except Unusable as error:
        return [
            _unread(criteria, "twin", f"its inputs cannot be given to the model: {error.problems[0].what}")
        ]
    encoded = subject.model.encode(rows)
    if given is None:
        assert predicted is not None  # noqa: S101 - ask_twin leaves one of both
        return _compared(criteria, measured, subject, "twin", rows, predicted)
    ours = Answers.of(subject, subject.model.answers(encoded))
    theirs = Answers.of(subject, subject.model.answers(given) if predicted is None else predicted)
    inputs = _inputs_compared(criteria, measured, encoded, given)
    return [inputs, *held(criteria, measured, subject, "twin", ours, theirs)]


def _as_given(subject: Subject, said: Said) -> dict[str, Any]:
    """The twin's inputs as the model takes them: numbers where it takes numbers (a category's code), text where text."""
    wanted = subject.model.encode({each.name: [] for each in subject.model.inputs})
    given: dict[str, Any] = {}
    assert said.inputs is not None  # noqa: S101 - the caller has looked
    for name, like in wanted.items():
        texts = said.inputs.columns[name]
        if like.dtype.kind in "OUS":
            given[name] = np.array(texts, dtype=object)
            continue
        blank = [place for place, text in enumerate(texts) if text.strip().lower() in ("", "nan")]
        held = Table(
            {name: ["0" if i in set(blank) else text for i, text in enumerate(texts)]}, said.inputs.count
        )
        numbers = held.predictions([name])[:, 0]
        numbers[blank] = np.nan
        if like.dtype.kind in "iu" and (np.isnan(numbers).any() or (numbers % 1 != 0).any()):
            raise RefusedTableError(f"{name} has values that are no whole numbers, which the model takes")
        with np.errstate(over="ignore"):
            given[name] = numbers.astype(like.dtype)
    return given


def _inputs_compared(
    criteria: Criteria, measured: dict[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any]
) -> Finding:
    most = float((criteria.values.get("difference") or {}).get("max", 0.0))
    by_column: dict[str, int] = {}
    first, count = "", 0
    for name, mine in ours.items():
        away = _cells_apart(mine, theirs[name], most)
        count = len(away)
        if away.any():
            by_column[name] = int(away.sum())
            row = int(away.argmax())
            first = first or f"; the first is {name} of row {row + 1}"
    measured["twin_inputs"] = {"rows": count, "columns_that_differ": by_column}
    outcome = outcome_of(count, not by_column)
    told = ", ".join(f"{name} ({cells} rows)" for name, cells in sorted(by_column.items())[:12])
    what = (
        f"the twin gives the model other inputs in {told}{first}."
        if by_column
        else f"the twin gives the model the same {len(ours)} inputs for all {count} rows."
    )
    remedy = (
        ""
        if not by_column
        else "Let the twin read these columns as mlassay does: a category as its place among the declared values, from 0; a missing number as empty."
    )
    numbers: dict[str, str | int] = {
        "rows": count,
        "cells": sum(by_column.values()),
        "threshold": plain(most),
    }
    return finding(criteria, "twin.inputs", ("twin",), outcome, what, remedy, numbers)


def _cells_apart(mine: NDArray[Any], other: NDArray[Any], most: float) -> NDArray[np.bool_]:
    """Which cells differ: by more than ``most`` of a magnitude over 1, or in being missing."""
    if mine.dtype.kind in "OUS":
        return np.asarray(mine != other, dtype=bool)
    a, b = mine.astype(np.float64), other.astype(np.float64)
    with np.errstate(invalid="ignore"):
        near = (a == b) | (np.abs(a - b) <= most * np.maximum(1.0, np.abs(a)))
    return np.asarray(~(near | (np.isnan(a) & np.isnan(b))))


def _unread(criteria: Criteria, rule: str, what: str) -> Finding:
    return Finding(
        f"parity.{rule}",
        Outcome.INCONCLUSIVE,
        f"nothing was compared with the {'golden rows' if rule == 'golden' else 'twin'}: {what}.",
        "what was not compared is not shown to agree",
        "leave what docs/gates/parity.md says",
        CRITERIA_FILE,
        criteria.line(rule),
    )
