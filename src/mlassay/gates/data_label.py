"""The evaluation rows' labels: is every row labelled, with what the task can be measured by?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mlassay.evidence.verdict import Finding, Outcome
from mlassay.manifest import Column
from mlassay.tasks import BINARY, MULTICLASS, RANKING

if TYPE_CHECKING:
    from mlassay.ports import Subject


def label_findings(subject: Subject, found: Mapping[str, int] | None) -> Iterator[Finding]:
    """One finding on the label of the evaluation rows; none where they could not be read.

    ``found`` maps each text of the label column to the number of evaluation rows that have it.
    """
    config = subject.plan.config
    name = config.evaluate.data.partition("/")[0]
    if found is None:
        return
    manifest = subject.plan.manifests[name]
    label, task = config.evaluate.label, config.model.task
    declared = {c.name: c for c in manifest.columns}
    column = declared.get(label)
    values = column.values if column else ()
    if column is None or (task == BINARY and len(values) != 2):
        yield _problem(subject, f"the label {label} is no column of '{name}' with two declared values")
        return
    if task in (BINARY, MULTICLASS) or (task == RANKING and values):
        yield _classes(subject, column, found)
    else:
        yield _numbers(subject, column, found)


def _classes(subject: Subject, column: Column, found: Mapping[str, int]) -> Finding:
    counts = {value: found.get(value, 0) for value in column.values}
    unlabelled = sum(found.values()) - sum(counts.values())
    every = "both values" if len(counts) == 2 else f"all {len(counts)} values"
    if unlabelled or not all(counts.values()):
        parts = ", ".join(f"{value}: {count}" for value, count in counts.items())
        return _problem(
            subject, f"the evaluation rows are not labelled with {every} ({parts}, none: {unlabelled})"
        )
    return Finding(
        f"data.label.{column.name}",
        Outcome.PASSED,
        f"every evaluation row has a label, and {every} occur ({', '.join(f'{v}: {n}' for v, n in counts.items())})",
        "",
        "",
        numbers=counts,
    )


def _numbers(subject: Subject, column: Column, found: Mapping[str, int]) -> Finding:
    """A label that is a number: all rows have one, and they are not all the same."""
    rows = sum(found.values())
    known: dict[float, int] = {}
    for text, many in found.items():
        if math.isfinite(number := _number(text)):
            known[number] = known.get(number, 0) + many
    if (labelled := sum(known.values())) < rows:
        return _problem(subject, f"{rows - labelled} of {rows} evaluation rows have no number as label")
    if not rows:
        return _problem(subject, "there are no evaluation rows, and so no labels")
    if len(known) < 2:
        return _problem(subject, f"all {rows} evaluation rows have the same label")
    if subject.plan.config.model.task == RANKING and min(known) < 0:
        return _problem(subject, "an evaluation row has a negative relevance")
    return Finding(
        f"data.label.{column.name}",
        Outcome.PASSED,
        f"every one of {rows} evaluation rows has a number as label, and they differ",
        "",
        "",
        numbers={"rows": rows, "distinct": len(known)},
    )


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _problem(subject: Subject, what: str) -> Finding:
    return Finding(
        f"data.label.{subject.plan.config.evaluate.label}",
        Outcome.FAILED,
        what,
        "without labels nothing about right and wrong answers can be measured",
        "correct evaluate.label, the column's values in the manifest, or the data",
        path="ml.yaml",
        line=subject.plan.config.lines.get("evaluate.label"),
    )
