"""The evaluation rows' labels: is every row labelled, with what the task can be measured by?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mlassay.evidence.verdict import Finding, Outcome
from mlassay.manifest import Column, Table, split_rows
from mlassay.tasks import BINARY, MULTICLASS, RANKING

if TYPE_CHECKING:
    from mlassay.ports import Subject


def label_findings(subject: Subject, tables: Mapping[str, Table]) -> Iterator[Finding]:
    """One finding on the label of the evaluation rows; none where their table could not be read."""
    config = subject.plan.config
    name, _, split = config.evaluate.data.partition("/")
    if name not in tables:
        return
    manifest = subject.plan.manifests[name]
    label, task = config.evaluate.label, config.model.task
    declared = {c.name: c for c in manifest.columns}
    column = declared.get(label)
    values = column.values if column else ()
    if column is None or (task == BINARY and len(values) != 2):
        yield _problem(subject, f"the label {label} is no column of '{name}' with two declared values")
        return
    found = tables[name].take(split_rows(manifest, tables[name])[split]).column(label)
    if task in (BINARY, MULTICLASS) or (task == RANKING and values):
        yield _classes(subject, column, found)
    else:
        yield _numbers(subject, column, found)


def _classes(subject: Subject, column: Column, found: Sequence[str]) -> Finding:
    counts = {value: found.count(value) for value in column.values}
    unlabelled = len(found) - sum(counts.values())
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


def _numbers(subject: Subject, column: Column, found: Sequence[str]) -> Finding:
    """A label that is a number: all rows have one, and they are not all the same."""
    numbers = [_number(text) for text in found]
    known = [number for number in numbers if math.isfinite(number)]
    if len(known) < len(numbers):
        missing = len(numbers) - len(known)
        return _problem(subject, f"{missing} of {len(numbers)} evaluation rows have no number as label")
    if not known:
        return _problem(subject, "there are no evaluation rows, and so no labels")
    if len(set(known)) < 2:
        return _problem(subject, f"all {len(known)} evaluation rows have the same label")
    if subject.plan.config.model.task == RANKING and min(known) < 0:
        return _problem(subject, "an evaluation row has a negative relevance")
    return Finding(
        f"data.label.{column.name}",
        Outcome.PASSED,
        f"every one of {len(known)} evaluation rows has a number as label, and they differ",
        "",
        "",
        numbers={"rows": len(known), "distinct": len(set(known))},
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
