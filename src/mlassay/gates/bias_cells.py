"""Rows into counts: each row is touched once, and everything after that is sums over a handful of cells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

MISSING = "(missing)"
_CHUNK = 1 << 16  # rows whose temporaries stay in the cache
_MANY = 1 << 12  # cells from which on the empty ones are dropped while columns are still being joined

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Coded:
    """A sensitive column as codes of shape (n,) into ``values``.

    ``values`` are the declared ones (those that no row has, too), then others in sorted order, then `MISSING`
    where any row has none.
    """

    name: str
    values: tuple[str, ...]
    codes: NDArray[np.int64]

    @property
    def missing(self) -> int | None:
        """The code of `MISSING`, if it is there."""
        return len(self.values) - 1 if self.values and self.values[-1] == MISSING else None


def encode(name: str, texts: Sequence[str], declared: Sequence[str] = ()) -> Coded:
    """Text of one column into codes; an empty text is missing. No value is ever dropped."""
    found = set(texts)
    known = [value for value in declared if value not in {"", MISSING}]
    values = [*known, *sorted(found.difference(known, {"", MISSING}))]
    if found & {"", MISSING}:
        values.append(MISSING)
    index = {value: code for code, value in enumerate(values)}
    index[""] = len(values) - 1
    return Coded(name, tuple(values), np.fromiter(map(index.__getitem__, texts), np.int64, len(texts)))


@dataclass(frozen=True, slots=True)
class Cells:
    """The combinations of sensitive values that rows really have.

    ``members`` has shape (cells, columns) and holds codes; ``of_row`` the cell of each row; ``counts`` has shape
    (cells, 2, 2), its axes being: the label is the favourable one; the decision is the favourable one.
    """

    columns: tuple[Coded, ...]
    members: Counts
    of_row: NDArray[np.int64]
    counts: Counts


def count(columns: Sequence[Coded], label: NDArray[np.bool_], selected: NDArray[np.bool_]) -> Cells:
    """Count rows by cell, favourable label and favourable decision; arrays of shape (n,)."""
    of_row, members = _join(columns, len(label))
    counts = tally(of_row, len(members), label, selected.astype(np.int64), 2)
    return Cells(tuple(columns), members, of_row, counts)


def tally(
    of_row: NDArray[np.int64], cells: int, label: NDArray[np.bool_], bins: NDArray[np.int64], size: int
) -> Counts:
    """Counts of shape (cells, 2, size) by cell, label and bin, with one `numpy.bincount` for each chunk of rows."""
    total = np.zeros(cells * 2 * size, np.int64)
    step = max(_CHUNK, total.size)
    for start in range(0, len(of_row), step):
        rows = slice(start, start + step)
        total += np.bincount((of_row[rows] * 2 + label[rows]) * size + bins[rows], minlength=total.size)
    return total.reshape(cells, 2, size)


def _join(columns: Sequence[Coded], rows: int) -> tuple[NDArray[np.int64], Counts]:
    of_row, members = np.zeros(rows, np.int64), np.zeros((1, 0), np.int64)
    for position, column in enumerate(columns):
        width = len(column.values)
        of_row = column.codes if position == 0 else of_row * width + column.codes
        codes = np.tile(np.arange(width), len(members))
        members = np.column_stack([np.repeat(members, width, axis=0), codes])
        if len(members) > _MANY:
            of_row, members = _without_empty(of_row, members)
    return of_row, members


def _without_empty(of_row: NDArray[np.int64], members: Counts) -> tuple[NDArray[np.int64], Counts]:
    used = np.bincount(of_row, minlength=len(members)) > 0
    return (np.cumsum(used) - 1)[of_row], members[used]


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of one column, or of an intersection of columns, and which of them is the reference.

    ``values`` holds one value for each column and group; ``of_cell`` the group of each cell, ``empty`` how many
    possible groups of an intersection no row is in.
    """

    columns: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    of_cell: NDArray[np.int64]
    reference: int
    empty: int = 0

    @property
    def name(self) -> str:
        """``afam`` or ``afam & single``."""
        return " & ".join(self.columns)

    def label(self, group: int) -> str:
        """``afam=yes`` or ``afam=yes & single=no``."""
        if self.missing(group):
            return f"{self.name}={MISSING}"
        return " & ".join(f"{c}={v}" for c, v in zip(self.columns, self.values[group], strict=True))

    def missing(self, group: int) -> bool:
        """Whether these are the rows of which a value is not known."""
        return MISSING in self.values[group]

    def sum(self, of_cells: Counts) -> Counts:
        """Sums by group of values by cell: (cells, ...) to (groups, ...)."""
        total = np.zeros((len(self.values), *of_cells.shape[1:]), np.int64)
        np.add.at(total, self.of_cell, of_cells)
        return total


def groupings(cells: Cells, reference: Mapping[str, str], *, intersections: bool = True) -> list[Groups]:
    """Every column alone; with ``intersections`` every pair of columns, and all columns together, too."""
    positions = range(len(cells.columns))
    chosen: list[tuple[int, ...]] = list(combinations(positions, 1))
    if intersections:
        chosen += combinations(positions, 2)
    if intersections and len(cells.columns) > 2:
        chosen.append(tuple(positions))
    return [_groups(cells, each, reference) for each in chosen]


def _groups(cells: Cells, chosen: tuple[int, ...], reference: Mapping[str, str]) -> Groups:
    columns = [cells.columns[position] for position in chosen]
    names = tuple(column.name for column in columns)
    if len(chosen) == 1:
        column, of_cell = columns[0], cells.members[:, chosen[0]]
        values: tuple[tuple[str, ...], ...] = tuple((value,) for value in column.values)
        empty = 0
    else:
        values, of_cell, empty = _intersection(cells, chosen)
    rows = np.zeros(len(values), np.int64)
    np.add.at(rows, of_cell, cells.counts.sum(axis=(1, 2)))
    wanted = tuple(reference.get(name) for name in names)
    return Groups(names, values, of_cell, _reference(values, rows, wanted), empty)


def _intersection(
    cells: Cells, chosen: tuple[int, ...]
) -> tuple[tuple[tuple[str, ...], ...], NDArray[np.int64], int]:
    """Groups of several columns that have rows, in the order of their codes; any value missing makes all missing."""
    columns, unknown = [cells.columns[position] for position in chosen], (MISSING,) * len(chosen)
    occupied = (cells.counts.sum(axis=(1, 2)) > 0).tolist()
    keys = [tuple(codes) for codes in cells.members[:, list(chosen)].tolist()]

    def named(key: tuple[int, ...]) -> tuple[str, ...]:
        if any(code == column.missing for column, code in zip(columns, key, strict=True)):
            return unknown
        return tuple(column.values[code] for column, code in zip(columns, key, strict=True))

    used = sorted({key for key, rows in zip(keys, occupied, strict=True) if rows})
    # dict keeps the first place of each name; what is missing goes last, as in a single column.
    order = dict.fromkeys(named(key) for key in used)
    values = [*(name for name in order if name != unknown), *([unknown] if unknown in order else [])]
    index = {name: group for group, name in enumerate(values)}
    # Cells without rows may go to any group: they add nothing to it.
    of_cell = np.array([index.get(named(key), 0) for key in keys], np.int64)
    known = [len(column.values) - (column.missing is not None) for column in columns]
    return tuple(values), of_cell, int(np.prod(known)) - len(values) + (unknown in order)


def _reference(
    values: Sequence[tuple[str, ...]], rows: NDArray[np.int64], wanted: tuple[str | None, ...]
) -> int:
    """The largest group that agrees with the declared reference values; the first of equals; never a missing one."""

    def agrees(group: tuple[str, ...]) -> bool:
        return all(want is None or want == value for want, value in zip(wanted, group, strict=True))

    fit = [position for position, group in enumerate(values) if agrees(group) and MISSING not in group]
    return max(fit, key=lambda position: (rows[position], -position), default=-1)
