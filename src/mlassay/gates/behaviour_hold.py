"""Settles a promise row by row: proven, broken with a witness that ONNX Runtime confirmed, or undecided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.config.perturb import Move
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_set import Allowed, Floats, Found, Index, Mask
from mlassay.gates.adversarial_settle import choose, settle
from mlassay.gates.behaviour_promises import (
    NUMBERS,
    Promise,
    favoured_when_decided,
    freely,
    inside,
    is_favourable_answer,
    meets,
    moved_into,
)
from mlassay.gates.common import shown
from mlassay.manifest import Column
from mlassay.tasks import MULTICLASS

if TYPE_CHECKING:
    from mlassay.ports import Subject

MOST_ROWS = 20_000
MOST_VALUES = 1 << 12  # of one column, all of which are tried
MOST_TRIES = 1 << 24  # rows times values
WITNESSES = 5
_EVERY = "every value tried"
_ENDS = "both ends, exact for what rises or falls with the column"

Moves = Sequence[tuple[Column, Move]]
Rows = dict[str, NDArray[Any]]


@dataclass(eq=False)
class Held:
    """How a promise fared. ``numbers`` are the looked-at rows of the split (from 0), ``still`` how many could not move.

    ``witnesses`` describe a few broken rows; ``anywhere`` says whether the promise is proven for any row at all
    (None: not asked).
    """

    numbers: Index
    broken: Mask
    undecided: Mask
    methods: set[str] = field(default_factory=set)
    still: int = 0
    witnesses: list[dict[str, Any]] = field(default_factory=list)
    anywhere: str | None = None

    @property
    def violations(self) -> int:
        """Rows for which the promise is broken."""
        return int(self.broken.sum())

    @property
    def open(self) -> int:
        """Rows for which it is neither broken nor proven."""
        return int(self.undecided.sum())

    @property
    def proven(self) -> int:
        """Rows for which it is proven."""
        return len(self.numbers) - self.violations - self.open


class Holder:
    """Holds promises over the evaluation rows, evenly spaced ones where there are more than `MOST_ROWS`."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.rows: Rows = {
            name: np.asarray(values)
            for name, values in subject.model.encode(subject.table.as_mapping()).items()
        }
        count = len(subject.scores)
        self.numbers = np.unique(np.linspace(0, max(count - 1, 0), min(count, MOST_ROWS)).astype(np.int64))
        self.columns = {column.name: column for column in subject.plan.evaluation.columns}
        self.favoured = favoured_when_decided(subject)

    def hold(self, promise: Promise) -> Held:
        """Settle one promise for every row that is looked at."""
        if promise.kind == "never":
            return self._never(promise)
        if promise.kind == "invariant":
            return self._moving(self.numbers, [freely(self.columns[promise.column])])
        return self._monotone(promise)

    def _monotone(self, promise: Promise) -> Held:
        """Favourable rows when raised, the others when lowered: the same promise, seen from either of its ends."""
        favoured = np.asarray(self.subject.favoured)[self.numbers]
        column = self.columns[promise.column]
        held = Held(self.numbers, np.zeros(len(favoured), bool), np.zeros(len(favoured), bool))
        for side in (True, False):
            chosen = np.flatnonzero(favoured == side)
            if not chosen.size:
                continue
            part = self._moving(
                self.numbers[chosen], [freely(column, "up" if side is promise.up else "down")]
            )
            held.broken[chosen], held.undecided[chosen] = part.broken, part.undecided
            held.methods |= part.methods
            held.still += part.still
            held.witnesses = [*held.witnesses, *part.witnesses][:WITNESSES]
        return held

    def _never(self, promise: Promise) -> Held:
        """Every row that meets what no input tells, moved to where it meets the rest, and then anywhere in there."""
        asked, forbidden = promise.when or {}, is_favourable_answer(self.subject, promise.answer)
        keep = np.ones(len(self.numbers), dtype=bool)
        moves: list[tuple[Column, Move]] = []
        moved: Rows = dict(self.rows)
        for name, condition in asked.items():
            column = self.columns[name]
            if name in self.rows and (column.type in NUMBERS or column.values):
                moves.append(inside(column, condition))
                moved[name] = moved_into(self.rows[name], column, condition)
            else:
                keep &= meets(self.subject.table.column(name), condition)[self.numbers]
        numbers = self.numbers[keep]
        held = self._moving(numbers, moves, moved, forbidden=forbidden)
        if numbers.size and moves and not held.violations:
            held.anywhere = self._anywhere(int(numbers[0]), dict(moves_by_name(moves)), moved)
        return held

    def _moving(
        self, numbers: Index, moves: Moves, source: Rows | None = None, *, forbidden: bool | None = None
    ) -> Held:
        """Rows ``numbers`` of ``source`` under ``moves``; where ``forbidden`` is given, rows that get that answer are broken."""
        rows = {name: values[numbers] for name, values in (source or self.rows).items()}
        held = Held(numbers, np.zeros(len(numbers), bool), np.zeros(len(numbers), bool))
        if not numbers.size:
            return held
        probe = self._probe(rows, moves)
        if forbidden is not None:
            held.broken = (probe.decided == self.favoured) == forbidden
        left = np.flatnonzero(~held.broken)
        held.witnesses = [
            self._at(probe, numbers, row) for row in np.flatnonzero(held.broken)[:WITNESSES].tolist()
        ]
        if not moves or not left.size:
            held.methods.add("the rows as they are")
            return held
        some = probe.only(left)
        held.still = int(np.isnan(some.box.base).all(axis=1).sum())
        found, method = self._settled(some)
        held.methods.add(method)
        held.broken[left], held.undecided[left] = found.broken, found.undecided
        broken = np.flatnonzero(found.broken)[: WITNESSES - len(held.witnesses)]
        held.witnesses += [self._witness(some, found, numbers[left], row) for row in broken.tolist()]
        return held

    def _probe(self, rows: Rows, moves: Moves) -> Probe:
        box = (
            Allowed.of(rows, [column for column, _ in moves], [move for _, move in moves])
            if moves
            else _nowhere(rows)
        )
        return Probe.of_model(self.subject.model, rows, box, self.subject.threshold)

    def _settled(self, probe: Probe) -> tuple[Found, str]:
        if (found := every_value(probe)) is not None:
            return found, _EVERY
        method, _ = choose(probe)
        found = settle(probe, method, self.subject.engine)
        if found.undecided.any() and self._rises(probe):
            return _by_ends(probe, found), f"{method.name}; {_ENDS}"
        return found, method.name

    def _rises(self, probe: Probe) -> bool:
        """Whether one column moves with which the one score that decides only rises, or only falls."""
        model, columns = self.subject.model, probe.box.columns
        return model.task != MULTICLASS and len(columns) == 1 and columns[0] in model.affine()

    def _anywhere(self, number: int, bound: dict[str, tuple[Column, Move]], rows: Rows) -> str | None:
        """Whether the promise is proven with every input anywhere in its range, nothing missing."""
        moves = []
        for name in self.rows:
            column = self.columns[name]
            ranged = column.minimum is not None and column.maximum is not None
            if not (ranged if column.type in NUMBERS else column.values):
                return None
            moves.append(bound.get(name) or freely(column))
        one = {name: values[[number]] for name, values in rows.items()}
        probe = self._probe(one, moves)
        if np.isnan(probe.box.base).any():
            return None
        method, _ = choose(probe)
        found = settle(probe, method, self.subject.engine)
        return "no" if found.broken[0] else "not known" if found.undecided[0] else "proven"

    def _at(self, probe: Probe, numbers: Index, row: int) -> dict[str, Any]:
        told = {
            name: _value(probe.box, j, probe.box.base[row, j]) for j, name in enumerate(probe.box.columns)
        }
        return {"row": int(numbers[row]) + 1, "at": told, "decided": self._word(bool(probe.decided[row]))}

    def _witness(self, probe: Probe, found: Found, numbers: Index, row: int) -> dict[str, Any]:
        box, own = probe.box, bool(probe.decided[row])
        changed = {
            name: {"from": _value(box, j, box.base[row, j]), "to": _value(box, j, found.witness[row, j])}
            for j, name in enumerate(box.columns)
            if box.base[row, j] != found.witness[row, j]
        }
        return {
            "row": int(numbers[row]) + 1,
            "changed": changed,
            "decided": self._word(own),
            "then": self._word(not own),
        }

    def _word(self, decided: bool) -> str:
        return "favourable" if decided == self.favoured else "unfavourable"


def moves_by_name(moves: Moves) -> list[tuple[str, tuple[Column, Move]]]:
    """Each move under its column's name."""
    return [(column.name, (column, move)) for column, move in moves]


def every_value(probe: Probe) -> Found | None:
    """Every allowed value of one column tried on every row, which is exact for any model; None where there are too many."""
    box = probe.box
    count = len(box.base)
    if len(box.columns) != 1 or not count:
        return None
    codes = box.choices[0]
    if codes is None:
        if not box.whole[0] or np.isnan(box.base).all():
            return None
        low, high = float(np.nanmin(box.low)), float(np.nanmax(box.high))
        if high - low >= MOST_VALUES:
            return None
        codes = np.arange(np.ceil(low), np.floor(high) + 1)
    if len(codes) * count > MOST_TRIES or not len(codes):
        return None
    broken, witness = np.zeros(count, bool), np.full((count, 1), np.nan)
    for start in range(0, count, step := max(1, (1 << 20) // len(codes))):
        index = np.arange(start, min(start + step, count))
        points = np.broadcast_to(codes[None, :, None], (len(index), len(codes), 1))
        points = np.where(np.isnan(box.base[index])[:, None, :], np.nan, points)
        inside_ = np.isnan(points[:, :, 0]) | box.contains(index, points)
        flipped = np.asarray(probe.margins(index, points)[1] & inside_)
        broken[index] = flipped.any(axis=1)
        witness[index, 0] = np.where(broken[index], codes[flipped.argmax(axis=1)], np.nan)
    return Found(broken, np.zeros(count, bool), witness)


def _by_ends(probe: Probe, found: Found) -> Found:
    """Open rows of a column with which the score only rises or only falls: what holds at both ends holds between."""
    index = np.flatnonzero(found.undecided)
    points = np.stack([probe.box.low[index], probe.box.high[index]], axis=1)
    _, flipped = probe.margins(index, points)
    broke = np.asarray(flipped.any(axis=1))
    broken, undecided, witness = found.broken.copy(), found.undecided.copy(), found.witness.copy()
    broken[index], undecided[index] = broke, False
    there = points[np.arange(len(index)), flipped.argmax(axis=1)]
    witness[index] = np.where(broke[:, np.newaxis], there, np.nan)
    return Found(broken, undecided, witness)


def _nowhere(rows: Rows) -> Allowed:
    """No column that moves."""
    count = len(next(iter(rows.values())))
    none: Floats = np.empty((count, 0))
    empty = np.empty(0)
    bound = np.empty((count, 0))
    return Allowed((), none, none, none, empty, empty.astype(bool), empty, (), (), np.empty((0, 0)), bound)


def _value(box: Allowed, column: int, value: float) -> str:
    if np.isnan(value):
        return "missing"
    texts = box.texts[column]
    return texts[int(value)] if texts else shown(value)
