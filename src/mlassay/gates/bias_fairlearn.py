"""Fairlearn's opinion of the numbers that the bias gate counted: an independent twin, for release runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.verdict import GateReport
from mlassay.gates.bias_cells import MISSING, encode_bins, sides
from mlassay.gates.common import Criteria
from mlassay.gates.evaluated import Evaluated
from mlassay.tasks import MULTICLASS, REGRESSION

if TYPE_CHECKING:
    from mlassay.ports import Subject

TOLERANCE = 1e-9


def cross_check(subject: Subject, report: GateReport, criteria: Criteria) -> None:
    """Count the rows of ``subject`` again with Fairlearn; EvidenceError on any disagreement with ``report``."""
    tables = report.measured.get("columns", {}).values()
    names = dict.fromkeys(name for table in tables for name in table["columns"])
    agree(Evaluated.of(subject, names), report, criteria.values.get("bins", {}))


def agree(rows: Evaluated, report: GateReport, bins: Mapping[str, Sequence[float]] | None = None) -> None:
    """Raise EvidenceError where Fairlearn's rates differ from those of the report's counts by more than 1e-9.

    Left out are the two places where Fairlearn is known to answer what nobody measured: groups without rows
    (it drops them) and rates over no rows (it says 0). Means of a regression agree to the digits that are printed.
    """
    for name, table in report.measured.get("columns", {}).items():
        _check_table(rows, name, table, bins or {})


def _check_table(
    rows: Evaluated, name: str, table: dict[str, Any], bins: Mapping[str, Sequence[float]]
) -> None:
    groups = [tuple(group["values"]) for group in table["groups"]]
    # Our own names for groups: values are other people's text, and a missing one would be refused.
    features = _names(rows, table["columns"], groups, bins)
    label, selected = (side.astype(int) for side in sides(rows))
    filled = [(f"group {place}", group) for place, group in enumerate(table["groups"]) if group["rows"]]
    if rows.task != REGRESSION or rows.favoured is not None:
        # Labels as 0 and 1: Fairlearn turns string labels into errors, or worse.
        frame = _frame(_decisions(), label, selected, features)
        for place, group in filled:
            _compare(group, frame.loc[place])
        if len(frame) != len(filled):
            raise EvidenceError(_disagreement(name, "number of groups", len(frame), len(filled)))
    if rows.task == MULTICLASS:
        from sklearn.metrics import accuracy_score

        frame = _frame({"accuracy": accuracy_score}, rows.truth, rows.predicted, features)
        for place, group in filled:
            _printed(group, "accuracy", "rate", float(frame.loc[place, "accuracy"]))
    if rows.task == REGRESSION:
        frame = _frame(_means(), rows.truth, rows.scores, features)
        for place, group in filled:
            for metric in frame.columns:
                _printed(group, metric, "mean", float(frame.loc[place, metric]))


def _frame(metrics: dict[str, Any], y_true: Any, y_pred: Any, names: Any) -> Any:
    from fairlearn.metrics import MetricFrame

    # In a dictionary: Fairlearn squeezes a bare array of one row to nothing.
    return MetricFrame(
        metrics=metrics, y_true=y_true, y_pred=y_pred, sensitive_features={"group": names}
    ).by_group


def _decisions() -> dict[str, Any]:
    from fairlearn.metrics import (
        count,
        false_negative_rate,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from sklearn.metrics import accuracy_score, precision_score

    return {
        "rows": count,
        "selection_rate": selection_rate,
        "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate,
        "false_negative_rate": false_negative_rate,
        "precision": partial(precision_score, zero_division=0.0),
        "accuracy": accuracy_score,
    }


def _means() -> dict[str, Any]:
    from fairlearn.metrics import mean_prediction
    from sklearn.metrics import mean_absolute_error

    return {"mean_prediction": mean_prediction, "mean_absolute_error": mean_absolute_error}


def _names(
    rows: Evaluated,
    columns: list[str],
    groups: list[tuple[str, ...]],
    bins: Mapping[str, Sequence[float]],
) -> Any:
    position = {values: f"group {index}" for index, values in enumerate(groups)}
    unknown = next((name for values, name in position.items() if MISSING in values), "group of nobody")
    texts = [_texts(rows, column, bins) for column in columns]
    return np.array(
        [
            unknown if "" in values or MISSING in values else position[values]
            for values in zip(*texts, strict=True)
        ],
        dtype=object,
    )


def _texts(rows: Evaluated, column: str, bins: Mapping[str, Sequence[float]]) -> Sequence[str]:
    if column not in bins:
        return rows.columns[column]
    coded = encode_bins(column, rows.columns[column], bins[column])
    return [coded.values[code] for code in coded.codes.tolist()]


def _compare(group: dict[str, Any], theirs: Any) -> None:
    rows, positives, selected = group["rows"], group["positives"], group["selected"]
    found, wrong = group["true_positives"], group["false_positives"]
    pairs = {
        "rows": (rows, 1),
        "selection_rate": (selected, rows),
        "true_positive_rate": (found, positives),
        "false_positive_rate": (wrong, rows - positives),
        "false_negative_rate": (positives - found, positives),
        "precision": (found, selected),
    }
    if "recall" not in group:
        pairs["accuracy"] = (found + rows - positives - wrong, rows)
    for metric, (many, of) in pairs.items():
        # nan compares false, so the comparison is put so that nan is a disagreement.
        if of and not abs(many / of - float(theirs[metric])) <= TOLERANCE:
            raise EvidenceError(_disagreement(group["group"], metric, float(theirs[metric]), many / of))
        if of and metric != "rows":
            _printed(group, metric, "rate", float(theirs[metric]))


def _printed(group: dict[str, Any], metric: str, key: str, theirs: float) -> None:
    """What the report prints is within its last digit of Fairlearn's; "unknown" says nothing."""
    ours = group[metric][key]
    if ours == "unknown":
        return
    last = 10.0 ** -len(str(ours).partition(".")[2])
    if not abs(float(ours) - theirs) <= last * 0.5001 + abs(theirs) * TOLERANCE:
        raise EvidenceError(_disagreement(group["group"], metric, theirs, float(ours)))


def _disagreement(where: str, metric: str, theirs: float, ours: float) -> Problem:
    return Problem(
        f"the bias gate and Fairlearn disagree on {metric} of {where}: {ours!r} and {theirs!r}",
        why="two independent counts of the same rows must agree, or neither can be believed",
        remedy="this is a fault of mlassay or of Fairlearn, not of the model; report it with the versions of both",
    )
