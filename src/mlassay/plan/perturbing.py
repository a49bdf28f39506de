"""Whether the changes that the adversarial gate is told to allow make sense of the evaluation data's columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from mlassay.config import Config
from mlassay.config.perturb import Move, read_constraint, read_perturb
from mlassay.errors import Problem
from mlassay.manifest import Column, Manifest
from mlassay.plan.places import Places

PLACE = "gates.adversarial.perturb.columns"
NUMBERS = ("number", "integer")


def perturb_problems(
    config: Config, evaluation: Manifest, adversarial: Mapping[str, Any], places: Places
) -> Iterator[Problem]:
    """Columns that are no inputs, changes that their type cannot make, and constraints that cannot be read."""
    perturb = adversarial.get("perturb", {})
    listed = not isinstance(perturb.get("columns"), Mapping)
    known = {column.name: column for column in evaluation.columns}
    for move in read_perturb({**perturb, "constraints": ()}).moves:
        place = PLACE if listed else f"{PLACE}.{move.name}"
        if move.name not in known:
            yield places.missing_column(place, move.name, evaluation)
        elif known[move.name].role != "feature" or move.name in config.train.withhold:
            yield places.problem(
                place,
                f"'{move.name}' is no input of the model",
                "changing what the model never sees flips nothing, and would pass for robustness",
                "name columns with 'role: feature' that are not withheld",
            )
        elif known[move.name].type in NUMBERS:
            yield from _number(place, move, known[move.name], evaluation, places)
        elif not listed:
            yield from _other(place, move, known[move.name], places)
    for text in perturb.get("constraints", ()):
        yield from _constraint(text, known, evaluation, places)


def _number(
    place: str, move: Move, column: Column, evaluation: Manifest, places: Places
) -> Iterator[Problem]:
    if column.minimum is None or column.maximum is None:
        yield places.problem(
            place,
            f"'{move.name}' has no declared range in {evaluation.path}",
            "the radius is a share of the range, and no change leads out of it",
            "declare its min and max there",
        )
    if move.values:
        yield places.problem(
            f"{place}.values", f"'{move.name}' is a {column.type}, and no category", remedy="take values out"
        )
    if move.by is not None and move.radius is not None:
        yield places.problem(
            place, f"'{move.name}' has a radius and a by", "each says how far it moves", "keep one of them"
        )
    if move.by is None and move.radius is None:
        yield places.problem(
            place,
            f"nothing says how far '{move.name}' may move",
            remedy="give it a radius or a by, or all columns a radius (perturb.radius)",
        )
    if column.type == "integer" and move.step % 1:
        yield places.problem(
            f"{place}.step", f"'{move.name}' is an integer, and {move.step:g} is no whole step"
        )
    if move.step and move.by is not None and move.step > move.by:
        yield places.problem(
            f"{place}.step",
            f"a step of {move.step:g} never fits into a change of {move.by:g}",
            "the column would stay as it is, and pass for robust",
            "make the step smaller or by larger",
        )


def _other(place: str, move: Move, column: Column, places: Places) -> Iterator[Problem]:
    if column.type != "category":
        yield places.problem(
            place,
            f"'{move.name}' is a {column.type}: there is no telling which others are near",
            remedy="take it out, or declare it as a category with its values",
        )
        return
    if move.by is not None or move.step or move.direction != "both":
        yield places.problem(
            place,
            f"'{move.name}' is a category, and has no distance or direction",
            remedy="say which values it may take (values), or nothing for all of them",
        )
    for value in move.values:
        if value not in column.values:
            yield places.problem(
                f"{place}.values",
                f"'{value}' is no value of '{move.name}'",
                remedy=f"values: {', '.join(column.values[:20])}",
            )


def _constraint(
    text: str, known: Mapping[str, Column], evaluation: Manifest, places: Places
) -> Iterator[Problem]:
    place = "gates.adversarial.perturb.constraints"
    try:
        constraint = read_constraint(text)
    except ValueError as error:
        yield places.problem(
            place,
            str(error),
            "a constraint that is not understood would let through what it should keep out",
            'write sums of numbers times columns around one <= or >=, such as "0.5 * a + b <= c"',
        )
        return
    for name, _ in constraint.weights:
        if name not in known:
            yield places.missing_column(place, name, evaluation)
        elif known[name].type not in NUMBERS or known[name].role != "feature":
            yield places.problem(
                place, f"'{name}' is no input that is a number", remedy="bind columns of numbers only"
            )
