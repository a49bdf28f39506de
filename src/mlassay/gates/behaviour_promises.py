"""The promises that ml.yaml makes of a model's behaviour, read into what has to be settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mlassay.config.perturb import Move
from mlassay.manifest import Column
from mlassay.tasks import BINARY, HIGHER, MULTICLASS, REGRESSION

if TYPE_CHECKING:
    from mlassay.ports import Subject

NUMBERS = ("number", "integer")
Kind = Literal["invariant", "monotone", "never"]


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise: ``name`` is its finding's, ``keys`` where it stands below the gate, ``text`` what it says.

    ``column`` and ``up`` are of an invariance or a direction; ``when`` and ``answer`` of a row that must never be.
    """

    kind: Kind
    name: str
    keys: tuple[str, ...]
    text: str
    column: str = ""
    up: bool = True
    when: Mapping[str, Any] | None = None
    answer: str = ""


def promises_of(criteria: Mapping[str, Any]) -> list[Promise]:
    """Every promise that is declared, in order."""
    found = []
    for name in (criteria.get("invariant") or {}).get("columns", ()):
        text = f"another {name} changes no decision"
        found.append(Promise("invariant", f"invariant.{name}", ("invariant", "columns"), text, name))
    for name, way in (criteria.get("monotone") or {}).items():
        verb = "raising" if way == "up" else "lowering"
        text = f"{verb} {name} never turns a favourable answer into another"
        found.append(Promise("monotone", f"monotone.{name}", ("monotone", name), text, name, up=way == "up"))
    for number, rule in enumerate(criteria.get("never") or (), 1):
        told = " and ".join(_told(name, asked) for name, asked in rule["when"].items())
        text = f"where {told}, the answer is never {rule['answer']}"
        found.append(
            Promise(
                "never", f"never.{number}", ("never",), text, when=rule["when"], answer=str(rule["answer"])
            )
        )
    return found


def _told(name: str, asked: Any) -> str:
    if isinstance(asked, Mapping):
        ends = [
            f"at {'least' if key == 'min' else 'most'} {asked[key]:g}"
            for key in ("min", "max")
            if key in asked
        ]
        return f"{name} is {' and '.join(ends)}"
    return f"{name} is {' or '.join(map(str, asked))}"


def freely(column: Column, direction: Literal["both", "up", "down"] = "both") -> tuple[Column, Move]:
    """The column with the move that lets it go anywhere in its declared range, or to any of its values."""
    if column.type in NUMBERS:
        return column, Move(column.name, radius=1.0, direction=direction)
    return column, Move(column.name)


def inside(column: Column, asked: Any) -> tuple[Column, Move]:
    """The column as a condition bounds it, with the move that lets it go anywhere in there."""
    if column.type not in NUMBERS:
        return column, Move(column.name, values=tuple(map(str, asked)))
    low, high = ends(column, asked)
    return replace(column, minimum=low, maximum=high), Move(column.name, radius=1.0)


def ends(column: Column, asked: Mapping[str, float]) -> tuple[float, float]:
    """Least and largest value of a number under a condition; inside of its declared range, where that has an end."""
    low = max(float(asked.get("min", -np.inf)), -np.inf if column.minimum is None else column.minimum)
    high = min(float(asked.get("max", np.inf)), np.inf if column.maximum is None else column.maximum)
    return low, high


def meets(texts: Sequence[str], asked: Any) -> NDArray[np.bool_]:
    """Which of a column's texts (n,) meet a condition; a missing value meets none."""
    if not isinstance(asked, Mapping):
        wanted = set(map(str, asked))
        return np.array([text in wanted for text in texts], dtype=bool)
    values = np.array([float(text) if text else np.nan for text in texts], dtype=np.float64)
    low, high = float(asked.get("min", -np.inf)), float(asked.get("max", np.inf))
    with np.errstate(invalid="ignore"):
        return np.asarray((values >= low) & (values <= high))


def moved_into(values: NDArray[Any], column: Column, asked: Any) -> NDArray[Any]:
    """The column as the model takes it (n,), each value moved to the nearest that meets the condition."""
    if column.type in NUMBERS:
        low, high = ends(column, asked)
        return np.where(np.isnan(values.astype(np.float64)), low, np.clip(values, low, high)).astype(
            values.dtype
        )
    wanted = [str(value) for value in asked]
    if values.dtype.kind in "OUS":
        return np.array([v if str(v) in wanted else wanted[0] for v in values], dtype=object)
    codes = np.array([column.values.index(value) for value in wanted], dtype=np.float64)
    return np.where(np.isin(values, codes), values, codes[0]).astype(values.dtype)


def is_favourable_answer(subject: Subject, answer: str) -> bool | None:
    """Whether ``answer`` is the favourable side (or the other): one of those two words, or the one label of a side."""
    if answer in ("favourable", "unfavourable"):
        return answer == "favourable"
    plan = subject.plan
    if subject.task not in (BINARY, MULTICLASS) or answer not in plan.label.values:
        return None
    favourable = set(plan.favourable_classes)
    mine = plan.label.values.index(answer) in favourable
    side = len(favourable) if mine else len(plan.label.values) - len(favourable)
    return mine if side == 1 else None


def favoured_when_decided(subject: Subject) -> bool:
    """Whether the decision that a `Probe` calls True is the favourable one."""
    if subject.task == BINARY:
        return subject.favourable == 1
    return subject.task != REGRESSION or subject.plan.config.model.favourable == HIGHER
