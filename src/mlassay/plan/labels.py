"""The label column against the task: what it must be, and what ``favourable`` and ``threshold`` may name of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlassay.config import Config
from mlassay.errors import Problem
from mlassay.manifest import Column, Manifest
from mlassay.plan.places import Places
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION

_NUMBERS = ("number", "integer")


def label_problems(config: Config, evaluation: Manifest, places: Places) -> Iterator[Problem]:
    """Everything about the label that would make the task's measurements impossible."""
    name = config.evaluate.label
    if name not in {column.name for column in evaluation.columns}:
        yield places.missing_column("evaluate.label", name, evaluation)
        return
    column = evaluation.column(name)
    if column.role != "label":
        yield places.problem(
            "evaluate.label",
            f"the column '{name}' has the role {column.role} in {evaluation.path}",
            "a column that is an input cannot be what the model is measured by",
            "give it 'role: label' there, or name the label column here",
        )
    if problem := _kind(config.model.task, column, evaluation, places):
        yield problem
    elif config.model.task in (BINARY, MULTICLASS):
        yield from _favourable(config.model.task, config.model.favourable, column, places)
    elif config.model.task == REGRESSION:
        yield from _threshold(config.model.threshold, column, evaluation, places)
    if config.train.weigh and column.type in _NUMBERS:
        yield places.problem(
            "train.weigh",
            f"rows are weighed by groups and labels, and '{name}' is a number in {evaluation.path}",
            "nearly every number is a label of its own, so that the weights would mean nothing",
            "take 'train.weigh' out; weigh rows in training itself where that is meant",
        )


def _kind(task: str, column: Column, evaluation: Manifest, places: Places) -> Problem | None:
    """The label's type and number of values, for each task."""
    category, of = column.type == "category", len(column.values)
    if task == BINARY and not (category and of == 2):
        what = f"'{column.name}' is no category of two values in {evaluation.path}"
        why = "a binary classification tells two labels apart; their order gives label 0 and label 1"
        fix = "declare 'type: category' and 'values: [\"no\", \"yes\"]' there"
    elif task == MULTICLASS and not (category and of >= 3):
        what = f"'{column.name}' is no category of three or more values in {evaluation.path}"
        why = "a multiclass classification tells three or more labels apart; their order is that of its probabilities"
        fix = (
            "declare 'type: category' and its values there; for two values the task is binary-classification"
        )
    elif task == REGRESSION and column.type not in _NUMBERS:
        what = f"'{column.name}' is no number in {evaluation.path}"
        why = "a regression predicts a number, and is measured by its distance from one"
        fix = "declare 'type: number' there, or correct model.task"
    elif task == RANKING and not ((category and of == 2) or column.type in _NUMBERS):
        what = f"'{column.name}' is neither a category of two values nor a number in {evaluation.path}"
        why = "a ranking is measured by which rows were relevant: the second value, or a number over zero"
        fix = "declare 'values: [\"no\", \"yes\"]' there (the second is relevant), or 'type: number' with 'min: 0'"
    elif task == RANKING and column.minimum is not None and column.minimum < 0:
        what = f"'{column.name}' may be negative in {evaluation.path}"
        why = "relevance counts from zero: nothing is less than irrelevant"
        fix = "declare 'min: 0' there, or name another label"
    else:
        return None
    return places.problem("evaluate.label", what, why, fix)


def _favourable(task: str, declared: Any, column: Column, places: Places) -> Iterator[Problem]:
    values = declared if isinstance(declared, tuple) else (declared,)
    for value in values:
        if what := _unfit(value, column):
            yield _wrong(what, column, places)
    known = {value for value in values if value in column.values}
    if task == MULTICLASS and len(known) == len(column.values):
        yield _wrong(
            f"every value of '{column.name}' is favourable, so that no answer is worse", column, places
        )


def _unfit(favourable: str | int, column: Column) -> str:
    if isinstance(favourable, str):
        return "" if favourable in column.values else f"'{favourable}' is no value of '{column.name}'"
    if not 0 <= favourable < len(column.values):
        labels = [f"{index} ('{value}')" for index, value in enumerate(column.values)]
        return f"{favourable} is no label: labels are {', '.join(labels[:-1])} and {labels[-1]}"
    value = column.values[favourable]
    if value != str(favourable) and str(favourable) in column.values:
        return f"{favourable} can mean the value '{favourable}' or the label {favourable} ('{value}')"
    return ""


def _wrong(what: str, column: Column, places: Places) -> Problem:
    return places.problem(
        "model.favourable",
        what,
        "the same model treats a group well in one direction and badly in the other",
        "write one of: " + ", ".join(f'"{value}"' for value in column.values),
    )


def _threshold(
    threshold: float | None, column: Column, evaluation: Manifest, places: Places
) -> Iterator[Problem]:
    if threshold is None:
        return
    low, high = column.minimum, column.maximum
    if (low is not None and threshold < low) or (high is not None and threshold > high):
        ends = (
            "from "
            + ("anything" if low is None else f"{low:g}")
            + f" to {'anything' if high is None else f'{high:g}'}"
        )
        yield places.problem(
            "model.threshold",
            f"model.threshold is {threshold:g}, and '{column.name}' goes {ends} in {evaluation.path}",
            "a threshold outside what can be predicted gives every row the same answer",
            "write a value of the label, in its unit",
        )
