"""What a drafted repository says and trains for each task that a label's column can mean."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from mlassay.errors import ConfigurationError, Problem
from mlassay.tasks import BINARY, MULTICLASS, REGRESSION

_SHOWN = 6
_RIDGE = (
    ("into a logistic regression,", "into a ridge regression,"),
    ("then a logistic regression.", "then a ridge regression."),
    ("from sklearn.linear_model import LogisticRegression\n", "from sklearn.linear_model import Ridge\n"),
    ("logisticregression__sample_weight", "ridge__sample_weight"),
    ("training_accuracy", "training_r2"),
    ('options={"zipmap": False}, ', ""),
)


def task_of(column: Mapping[str, Any], path: str) -> str:
    """The task that a drafted label ``column`` can mean; ConfigurationError where it can mean none."""
    values = column.get("values") or ()
    if len(values) >= 2:
        return BINARY if len(values) == 2 else MULTICLASS
    if column["type"] in ("number", "integer"):
        return REGRESSION
    found = "is text, with a value of its own for nearly every row" if not values else "has one value only"
    raise ConfigurationError(
        Problem(
            f"the label '{column['name']}' {found}",
            why="a model is measured by two labels, by a few more, or by a number",
            remedy="choose a column of two to twenty values, or of numbers",
            path=path,
        )
    )


def model_lines(task: str, values: Sequence[str]) -> dict[str, str | None]:
    """Lines of ml.yaml by how they begin: what the task decides by, with what only people know as TODO."""
    named = " or ".join(values[:_SHOWN]) + (" or …" if len(values) > _SHOWN else "")
    asked = json.dumps(f"TODO: {named}?", ensure_ascii=False)
    if task == BINARY:
        return {"  favourable: ": asked}
    if task == MULTICLASS:
        return {"  task: ": task, "  favourable: ": asked, "  threshold: ": None}
    return {
        "  task: ": task,
        "  favourable: ": '"TODO: higher or lower?"',
        "  threshold: ": '"TODO: from which value on is the answer high? Without this line nothing is decided"',
        "  weigh: ": None,
    }


def performance(task: str, least: float) -> str:
    """The criteria of the performance gate to begin with; ``least`` is the area under the curve, for labels."""
    return (
        f"{{r2: {{min: {round(2 * least - 1.2, 2)}}}}}"
        if task == REGRESSION
        else f"{{roc_auc: {{min: {least}}}}}"
    )


def trained_for(text: str, task: str, label: str, values: Sequence[str]) -> str:
    """The template's ``train.py`` with the target, and for a number the estimator, of ``task``."""
    quoted = json.dumps(label, ensure_ascii=False)
    if task == BINARY:
        return text
    if task == MULTICLASS:
        listed = json.dumps(list(values), ensure_ascii=False)
        text = _line(
            text, "LABEL, POSITIVE = ", f"LABEL, VALUES = {quoted}, {listed}  # in the manifest's order"
        )
        return text.replace("(rows.pop(LABEL) == POSITIVE).astype(int)", "rows.pop(LABEL).map(VALUES.index)")
    for old, new in _RIDGE:
        text = text.replace(old, new)
    start, _, rest = text.partition("        LogisticRegression(\n")
    end = rest.partition("        ),\n")[2]
    text = f'{start}        Ridge(random_state=parameters["seed"]),\n{end}'
    text = _line(text, "LABEL, POSITIVE = ", f"LABEL = {quoted}")
    return text.replace("(rows.pop(LABEL) == POSITIVE).astype(int)", "rows.pop(LABEL).astype(float)")


def _line(text: str, start: str, new: str) -> str:
    """The first line that begins with ``start``, replaced."""
    return "\n".join(new if line.startswith(start) else line for line in text.split("\n"))
