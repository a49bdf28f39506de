"""Fairlearn's opinion of the numbers that the bias gate counted: an independent twin, for release runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.verdict import GateReport
from mlassay.gates.bias_cells import MISSING
from mlassay.gates.evaluated import Evaluated

if TYPE_CHECKING:
    from mlassay.ports import Subject

TOLERANCE = 1e-9


def cross_check(subject: Subject, report: GateReport) -> None:
    """Count the rows of ``subject`` again with Fairlearn; EvidenceError on any disagreement with ``report``."""
    tables = report.measured.get("columns", {}).values()
    agree(Evaluated.of(subject, dict.fromkeys(name for table in tables for name in table["columns"])), report)


def agree(rows: Evaluated, report: GateReport) -> None:
    """Raise EvidenceError where Fairlearn's rates differ from those of the report's counts by more than 1e-9.

    Left out are the two places where Fairlearn is known to answer what nobody measured: groups without rows
    (it drops them) and rates over no rows (it says 0).
    """
    for name, table in report.measured.get("columns", {}).items():
        _check_table(rows, name, table)


def _check_table(rows: Evaluated, name: str, table: dict[str, Any]) -> None:
    from fairlearn.metrics import (
        MetricFrame,
        count,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )

    metrics = {
        "rows": count,
        "selection_rate": selection_rate,
        "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate,
    }
    groups = [tuple(group["values"]) for group in table["groups"]]
    frame = MetricFrame(
        metrics=metrics,
        # Labels as 0 and 1: Fairlearn turns string labels into nan.
        y_true=(rows.truth == rows.favourable).astype(int),
        y_pred=(rows.predicted == rows.favourable).astype(int),
        # Our own names for groups: values are other people's text, and a missing one would be dropped.
        # In a dictionary: Fairlearn squeezes a bare array of one row to nothing.
        sensitive_features={"group": _names(rows, table["columns"], groups)},
    ).by_group
    for position, group in enumerate(table["groups"]):
        if group["rows"]:
            _compare(group, frame.loc[f"group {position}"])
    if len(frame) != sum(group["rows"] > 0 for group in table["groups"]):
        raise EvidenceError(_disagreement(name, "number of groups", len(frame), len(groups)))


def _names(rows: Evaluated, columns: list[str], groups: list[tuple[str, ...]]) -> Any:
    position = {values: f"group {index}" for index, values in enumerate(groups)}
    unknown = next((name for values, name in position.items() if MISSING in values), "group of nobody")
    tuples = zip(*(rows.columns[column] for column in columns), strict=True)
    return np.array(
        [unknown if "" in values or MISSING in values else position[values] for values in tuples],
        dtype=object,
    )


def _compare(group: dict[str, Any], theirs: Any) -> None:
    negatives = group["rows"] - group["positives"]
    pairs = {
        "rows": (group["rows"], 1),
        "selection_rate": (group["selected"], group["rows"]),
        "true_positive_rate": (group["true_positives"], group["positives"]),
        "false_positive_rate": (group["false_positives"], negatives),
    }
    for metric, (many, of) in pairs.items():
        # nan compares false, so the comparison is put so that nan is a disagreement.
        if of and not abs(many / of - float(theirs[metric])) <= TOLERANCE:
            raise EvidenceError(_disagreement(group["group"], metric, float(theirs[metric]), many / of))


def _disagreement(where: str, metric: str, theirs: float, ours: float) -> Problem:
    return Problem(
        f"the bias gate and Fairlearn disagree on {metric} of {where}: {ours!r} and {theirs!r}",
        why="two independent counts of the same rows must agree, or neither can be believed",
        remedy="this is a fault of mlassay or of Fairlearn, not of the model; report it with the versions of both",
    )
