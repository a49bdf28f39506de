"""The ``perturb`` criterion of the adversarial gate, in either of its forms, as values; and which of two allows less."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Direction = Literal["both", "up", "down"]
Change = tuple[tuple[str, ...], Any, Any]
_SIDES = re.compile(r"\s*(<=|>=)\s*")
_TERMS = re.compile(r"\s+([+-])\s+")
_TERM = re.compile(
    r"(?:(?P<sign>-)\s*)?(?:(?P<number>\d+(?:\.\d*)?(?:[eE][+-]?\d+)?|\.\d+)\s*(?:\*\s*)?)?(?P<name>\D.*)?"
)


@dataclass(frozen=True, slots=True)
class Move:
    """How one column may change: by ``radius`` times its range or ``by`` units, in steps of ``step`` (0: any), or to ``values``."""

    name: str
    radius: float | None = None
    by: float | None = None
    direction: Direction = "both"
    step: float = 0.0
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Constraint:
    """Columns that bind each other: the sum of weight times value is at most ``bound``; ``text`` is how it was written."""

    text: str
    weights: tuple[tuple[str, float], ...]
    bound: float


@dataclass(frozen=True, slots=True)
class Perturbation:
    """What may change about a row. ``radius`` is what holds for a column that says nothing of its own."""

    moves: tuple[Move, ...]
    radius: float | None = None
    constraints: tuple[Constraint, ...] = ()
    command: Mapping[str, Any] | None = None


def read_perturb(perturb: Mapping[str, Any]) -> Perturbation:
    """``perturb`` as its schema let it through; ValueError names a constraint that cannot be read."""
    radius = perturb.get("radius")
    columns = perturb.get("columns") or {}
    if not isinstance(columns, Mapping):
        columns = dict.fromkeys(columns)
    return Perturbation(
        moves=tuple(_move(str(name), said or {}, radius) for name, said in columns.items()),
        radius=None if radius is None else float(radius),
        constraints=tuple(read_constraint(text) for text in perturb.get("constraints", ())),
        command=perturb.get("command"),
    )


def _move(name: str, said: Mapping[str, Any], radius: float | None) -> Move:
    own = said.get("radius", radius if "by" not in said else None)
    return Move(
        name,
        radius=None if own is None else float(own),
        by=float(said["by"]) if "by" in said else None,
        direction=said.get("direction", "both"),
        step=float(said.get("step", 0.0)),
        values=tuple(said.get("values", ())),
    )


def read_constraint(text: str) -> Constraint:
    """``0.5 * a + b <= c - 3`` as weights and a bound; ValueError says what cannot be read.

    Terms are joined by a plus or minus with blanks around it, so that a column's name may hold either sign.
    """
    sides = _SIDES.split(text.strip())
    if len(sides) != 3:
        raise ValueError(f"'{text}' has no single <= or >=")
    weights: dict[str, float] = {}
    bound = 0.0
    for side, sign in ((sides[0], 1.0), (sides[2], -1.0)):
        for weight, name in _terms(side, text):
            signed = weight * (sign if sides[1] == "<=" else -sign)
            if name:
                weights[name] = weights.get(name, 0.0) + signed
            else:
                bound -= signed
    kept = tuple((name, weight) for name, weight in sorted(weights.items()) if weight)
    if not kept:
        raise ValueError(f"'{text}' binds no column")
    return Constraint(text, kept, bound)


def _terms(side: str, text: str) -> Iterator[tuple[float, str]]:
    parts = ["+", *_TERMS.split(f"{side} ")]
    for sign, term in zip(parts[::2], parts[1::2], strict=True):
        found = _TERM.fullmatch(term.strip())
        if found is None or not (found["number"] or found["name"]):
            raise ValueError(f"'{text}' has a part that is no number, column, or number * column: '{term}'")
        weight = float(found["number"] or 1.0) * (-1.0 if found["sign"] else 1.0)
        yield weight * (-1.0 if sign == "-" else 1.0), (found["name"] or "").strip()


def by_column(*perturbs: Any) -> bool:
    """Whether any of these says more than a list of columns and one radius, so that `narrowed` must compare them."""
    if not all(isinstance(perturb, Mapping) for perturb in perturbs):
        return False
    return any(
        isinstance(perturb.get("columns"), Mapping) or "constraints" in perturb or "command" in perturb
        for perturb in perturbs
    )


def narrowed(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Change]:
    """``(keys, new, old)`` for every way in which ``new`` allows less than ``old``, or may: smaller, fewer, bound."""
    try:
        ours, theirs = (read_perturb({**each, "constraints": ()}) for each in (new, old))
    except (TypeError, ValueError, AttributeError):  # of another schema, perhaps: nothing can be said for it
        if new != old:
            yield (), new, old
        return
    mine = {move.name: move for move in ours.moves}
    for move in theirs.moves:
        if move.name not in mine:
            yield ("columns", move.name), None, "may change"
            continue
        yield from _narrower(mine[move.name], move)
    known = {_bound(text) for text in old.get("constraints", ())}
    for text in new.get("constraints", ()):
        if _bound(text) not in known:
            yield ("constraints",), text, None
    if theirs.command is not None and ours.command != theirs.command:
        yield ("command",), ours.command, theirs.command


def _bound(text: Any) -> Any:
    """What a constraint says, however it is written."""
    try:
        constraint = read_constraint(str(text))
    except ValueError:
        return str(text)
    return constraint.weights, constraint.bound


def _narrower(new: Move, old: Move) -> Iterator[Change]:
    at = ("columns", new.name)
    for key in ("radius", "by"):
        before, after = getattr(old, key), getattr(new, key)
        # From a share to units, or back: which is wider depends on the column's range, so it is named.
        if before is not None and (after is None or after < before):
            yield (*at, key), after, before
    if new.direction not in ("both", old.direction):
        yield (*at, "direction"), new.direction, old.direction
    if new.step and (not old.step or (old.step / new.step) % 1 != 0):
        yield (*at, "step"), new.step, old.step or None
    if new.values and not (old.values and set(old.values) <= set(new.values)):
        yield (*at, "values"), list(new.values), list(old.values) or None
