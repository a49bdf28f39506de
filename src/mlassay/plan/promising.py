"""Whether the promises of the behaviour gate are about columns and answers that there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlassay.config import Config
from mlassay.errors import Problem
from mlassay.manifest import Column, Manifest
from mlassay.plan.places import Places
from mlassay.tasks import BINARY, MULTICLASS

PLACE = "gates.behaviour"
NUMBERS = ("number", "integer")
SIDES = ("favourable", "unfavourable")
_UNSEEN = "what the model never sees changes no answer, and would pass for a promise kept"


def promise_problems(
    config: Config, evaluation: Manifest, behaviour: Mapping[str, Any], places: Places
) -> Iterator[Problem]:
    """Columns that are no inputs or cannot move, conditions that nothing can meet, and answers that are none."""
    for name in (behaviour.get("invariant") or {}).get("columns", ()):
        yield from _moving(f"{PLACE}.invariant.columns", name, False, config, evaluation, places)
    for name in behaviour.get("monotone") or {}:
        yield from _moving(f"{PLACE}.monotone.{name}", name, True, config, evaluation, places)
    for number, rule in enumerate(behaviour.get("never") or ()):
        place = f"{PLACE}.never.{number}"
        for name, asked in rule["when"].items():
            yield from _condition(f"{place}.when.{name}", name, asked, evaluation, places)
        yield from _answer(f"{place}.answer", str(rule["answer"]), config, evaluation, places)


def _moving(
    place: str, name: str, ordered: bool, config: Config, evaluation: Manifest, places: Places
) -> Iterator[Problem]:
    column = _found(name, evaluation)
    if column is None:
        yield places.missing_column(place, name, evaluation)
    elif column.role != "feature" or name in config.train.withhold:
        yield places.problem(
            place,
            f"'{name}' is no input of the model",
            _UNSEEN,
            "name columns with 'role: feature' that are not withheld",
        )
    elif column.type in NUMBERS:
        if column.minimum is None or column.maximum is None:
            what = f"'{name}' has no declared range in {evaluation.path}"
            yield places.problem(
                place, what, "it is moved through its whole range", "declare its min and max there"
            )
    elif ordered or not column.values:
        what = f"'{name}' is a {column.type}, {'which has no order' if ordered else 'whose values are not declared'}"
        yield places.problem(
            place, what, remedy="name a column of numbers" + ("" if ordered else ", or a category")
        )


def _condition(place: str, name: str, asked: Any, evaluation: Manifest, places: Places) -> Iterator[Problem]:
    column = _found(name, evaluation)
    if column is None:
        yield places.missing_column(place, name, evaluation)
        return
    number = column.type in NUMBERS
    if number != isinstance(asked, Mapping):
        fix = "write min or max of a number" if number else "write a list of values"
        yield places.problem(place, f"'{name}' is a {column.type}", remedy=fix)
    elif number:
        yield from _range(place, column, asked, evaluation, places)
    elif unknown := [value for value in map(str, asked) if column.values and value not in column.values]:
        what = f"'{unknown[0]}' is no value of '{name}'"
        yield places.problem(
            place, what, "no row would ever be looked at", f"values: {', '.join(column.values[:20])}"
        )


def _range(
    place: str, column: Column, asked: Mapping[str, float], evaluation: Manifest, places: Places
) -> Iterator[Problem]:
    low, high = asked.get("min", column.minimum), asked.get("max", column.maximum)
    if low is None or high is None:
        what = f"'{column.name}' has no declared end on one side in {evaluation.path}"
        yield places.problem(
            place, what, "rows are moved everywhere in there", "give min and max, here or there"
        )
    elif (
        low > high
        or (column.maximum is not None and low > column.maximum)
        or (column.minimum is not None and high < column.minimum)
    ):
        yield places.problem(
            place, "nothing meets it", "no row would ever be looked at", "correct min and max"
        )


def _answer(
    place: str, answer: str, config: Config, evaluation: Manifest, places: Places
) -> Iterator[Problem]:
    label = _found(config.evaluate.label, evaluation)
    labels = label.values if label is not None and config.model.task in (BINARY, MULTICLASS) else ()
    if answer not in (*SIDES, *labels):
        what = f"'{answer}' is no answer of this model"
        yield places.problem(
            place, what, "it would never be given, and pass", f"write one of: {', '.join((*SIDES, *labels))}"
        )


def _found(name: str, evaluation: Manifest) -> Column | None:
    return next((column for column in evaluation.columns if column.name == name), None)
