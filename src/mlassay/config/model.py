"""``model`` in ``ml.yaml``: what each task needs, and what means nothing for it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from mlassay.config.types import ModelSpec, Select
from mlassay.errors import Problem
from mlassay.files.document import Document
from mlassay.tasks import (
    BINARY,
    HIGHER,
    LOWER,
    METRICS_OF,
    MULTICLASS,
    RANKING,
    REGRESSION,
    SELECTED,
    TASKS,
)

_AT = "model"
_NEEDS = {
    BINARY: ("favourable", "threshold"),
    MULTICLASS: ("favourable",),
    REGRESSION: ("favourable",),
    RANKING: ("select",),
}
_MEANS_NOTHING = {
    BINARY: {"select": "a row is decided by 'threshold'"},
    MULTICLASS: {
        "threshold": "the class with the highest probability is the answer",
        "select": "the class with the highest probability is the answer",
    },
    REGRESSION: {
        "select": "the answer is a number; a 'threshold' may split what is favourable from what is not"
    },
    RANKING: {"threshold": "'select' says how many rows are chosen, whatever their scores"},
}
_EXAMPLES = {
    (BINARY, "favourable"): "the value of the label that people hope for",
    (MULTICLASS, "favourable"): "a value of the label, or a list of values, that people hope for",
    (REGRESSION, "favourable"): "higher or lower: which way the predicted number is good for the person",
    (BINARY, "threshold"): "the answer is label 1 where the probability of label 1 is at least this",
    (RANKING, "select"): "how many rows are chosen: {share: 0.2} of them, or {count: 100}",
}


def model_problems(document: Document) -> Iterator[Problem]:
    """What the schema cannot say of ``model``: keys by task, their kinds and ranges; and metrics of another task."""
    task = document.get(_AT, "task")
    if not isinstance(task, str) or task not in TASKS:
        return  # the schema says so
    for key in _NEEDS[task]:
        if document.get(_AT, key) is None:
            yield document.problem(
                (_AT,),
                f"the key 'model.{key}' is missing",
                f"{_EXAMPLES[task, key]} ({task})",
                f"add '{key}: …' below 'model'",
            )
    for key, why in _MEANS_NOTHING[task].items():
        if document.get(_AT, key) is not None:
            yield document.problem(
                (_AT, key),
                f"'model.{key}' means nothing for the task {task}: {why}",
                "a key that nothing reads would look as if it held",
                "take it out, or correct model.task",
            )
    yield from _favourable(document, task)
    yield from _numbers(document, task)
    yield from _metrics(document, task)


def _favourable(document: Document, task: str) -> Iterator[Problem]:
    value = document.get(_AT, "favourable")
    if value is None or (isinstance(value, str) and value.lstrip().startswith("TODO")):
        return
    if task == BINARY and isinstance(value, list):
        what, remedy = "model.favourable is a list", "name the one of the two labels that people hope for"
    elif task == REGRESSION and value not in (HIGHER, LOWER):
        what = f"model.favourable is {str(value)[:60]!r}, and a regression takes 'higher' or 'lower'"
        remedy = "write higher where a larger predicted number is good for the person, lower where a smaller one is"
    elif task == RANKING and value != SELECTED:
        what = f"model.favourable is {str(value)[:60]!r}, and a ranking takes 'selected' only"
        remedy = "take the key out: to be selected is what people hope for"
    else:
        return
    yield document.problem(
        (_AT, "favourable"),
        what,
        "the same model treats a group well in one direction and badly in the other",
        remedy,
    )


def _numbers(document: Document, task: str) -> Iterator[Problem]:
    threshold = document.get(_AT, "threshold")
    if isinstance(threshold, bool) or not isinstance(threshold, int | float):
        return
    if task == BINARY and not 0 <= threshold <= 1:
        yield document.problem(
            (_AT, "threshold"),
            f"model.threshold is {threshold}, and a probability lies between 0 and 1",
            "every row would get the same answer, or none",
            "write a number from 0 to 1",
        )
    elif not math.isfinite(threshold):
        yield document.problem(
            (_AT, "threshold"),
            f"model.threshold is {threshold}, which is no value of a label",
            "every row would get the same answer, or none",
            "write a number in the unit of the label",
        )


def _metrics(document: Document, task: str) -> Iterator[Problem]:
    """Metrics of the performance gate that exist, and not for this task."""
    for name, _ in document.items("gates", "performance"):
        of = [other for other, names in METRICS_OF.items() if name in names]
        if of and task not in of:
            yield document.problem(
                ("gates", "performance", name),
                f"'{name}' is a metric of {' and '.join(of)}, and the task is {task}",
                "a criterion that cannot be measured would never be kept",
                f"metrics of {task}: {', '.join(METRICS_OF[task])}",
            )


def model_spec(value: Mapping[str, Any]) -> ModelSpec:
    """The checked mapping ``model`` as a frozen value."""
    favourable = value.get("favourable", SELECTED)
    select = value.get("select")
    return ModelSpec(
        file=value["file"],
        task=value["task"],
        favourable=tuple(map(str, favourable)) if isinstance(favourable, list) else favourable,
        threshold=float(value["threshold"]) if "threshold" in value else None,
        inputs=tuple(value.get("inputs", [])),
        select=Select(select.get("share"), select.get("count")) if select else None,
    )
