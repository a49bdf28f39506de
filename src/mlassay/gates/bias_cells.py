"""Rows into counts: each row is touched once, and everything after that is sums over a handful of cells."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.plan.bins import names_of_bins
from mlassay.tasks import BINARY

if TYPE_CHECKING:
    from mlassay.gates.evaluated import Evaluated

MISSING = "(missing)"
_CHUNK = 1 << 16  # rows whose temporaries stay in the cache
_LONG = 80  # characters of a value that a sentence shows
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


def encode_bins(name: str, texts: Sequence[str], edges: Sequence[float]) -> Coded:
    """A column of numbers as the bins between ascending ``edges``, each from its lower edge on; no number is missing.

    Whoever has a value that is not a finite number is in no bin, and is not left out either.
    """
    values = [*names_of_bins(edges)]
    found = {text: _bin(text, edges) for text in set(texts)}
    if None in found.values():
        values.append(MISSING)
    codes = {text: len(values) - 1 if place is None else place for text, place in found.items()}
    return Coded(name, tuple(values), np.fromiter(map(codes.__getitem__, texts), np.int64, len(texts)))


def _bin(text: str, edges: Sequence[float]) -> int | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return bisect_right(edges, number) if math.isfinite(number) else None


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


def sides(rows: Evaluated) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each row's label, and its answer, is a favourable one, (n,) each; no row where nothing is decided."""
    if rows.task == BINARY:
        return rows.truth == rows.favourable, rows.predicted == rows.favourable
    if rows.favoured is None or rows.deserved is None:
        return np.zeros(len(rows.truth), np.bool_), np.zeros(len(rows.truth), np.bool_)
    return rows.deserved, rows.favoured


def count(columns: Sequence[Coded], label: NDArray[np.bool_], selected: NDArray[np.bool_]) -> Cells:
    """Count rows by cell, favourable label and favourable decision; arrays of shape (n,)."""
    of_row, members = _join(columns, len(label))
    counts = tally(of_row, len(members), label, selected.astype(np.int64), 2)
    return Cells(tuple(columns), members, of_row, counts)


def tally(
    of_row: NDArray[np.int64], cells: int, label: NDArray[Any], bins: NDArray[Any], size: int, labels: int = 2
) -> Counts:
    """Counts of shape (cells, labels, size) by cell, label and bin, with one `numpy.bincount` for each chunk of rows."""
    total = np.zeros(cells * labels * size, np.int64)
    for rows in chunks(len(of_row), total.size):
        place = (of_row[rows] * labels + label[rows]) * size + bins[rows]
        total += np.bincount(place, minlength=total.size)
    return total.reshape(cells, labels, size)


def chunks(rows: int, size: int) -> Iterator[slice]:
    """Parts of ``rows`` rows whose temporaries stay in the cache, and are no smaller than a table of ``size`` counts."""
    step = max(_CHUNK, size)
    return (slice(start, start + step) for start in range(0, rows, step))


@dataclass(frozen=True, slots=True)
class Sums:
    """Rows, mean and summed squared deviation from that mean, each (cells,) or (groups,); nan where no row is."""

    rows: NDArray[np.float64]
    mean: NDArray[np.float64]
    squares: NDArray[np.float64]

    @classmethod
    def of(cls, of_row: NDArray[np.int64], cells: int, values: NDArray[np.float64]) -> Sums:
        """Of finite (n,) ``values`` by cell, in two passes: a difference of two large sums would lose digits."""
        rows, total, squares = np.zeros(cells), np.zeros(cells), np.zeros(cells)
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for part in chunks(len(of_row), cells):
                rows += np.bincount(of_row[part], minlength=cells)
                total += np.bincount(of_row[part], values[part], cells)
            mean = total / rows
            for part in chunks(len(of_row), cells):
                away = values[part] - mean[of_row[part]]
                squares += np.bincount(of_row[part], away * away, cells)
        return cls(rows, mean, squares)

    def by(self, groups: Groups) -> Sums:
        """The same by group (Chan, Golub and LeVeque 1983, Am Stat 37:242)."""
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            filled = np.where(self.rows > 0, self.mean, 0.0)
            rows = groups.sum(self.rows)
            mean = groups.sum(self.rows * filled) / rows
            between = self.rows * (filled - np.where(rows > 0, mean, 0.0)[groups.of_cell]) ** 2
            return Sums(rows, mean, groups.sum(self.squares + between))

    @property
    def variance(self) -> NDArray[np.float64]:
        """Divided by n - 1; nan under two rows."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(self.rows > 1, self.squares / (self.rows - 1), np.nan))


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
        return " & ".join(f"{c}={_legible(v)}" for c, v in zip(self.columns, self.values[group], strict=True))

    def missing(self, group: int) -> bool:
        """Whether these are the rows of which a value is not known."""
        return MISSING in self.values[group]

    def sum(self, of_cells: NDArray[Any]) -> NDArray[Any]:
        """Sums by group of values by cell: (cells, ...) to (groups, ...)."""
        total = np.zeros((len(self.values), *of_cells.shape[1:]), of_cells.dtype)
        np.add.at(total, self.of_cell, of_cells)
        return total


def _legible(value: str) -> str:
    """A value as a sentence can hold it: other people's text, with nothing that is not seen, and no end of it.

    What had to be cut keeps its digest, so that two groups never share a name.
    """
    seen = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value[: _LONG + 1])
    if len(seen) <= _LONG:
        return seen
    return f"{seen[:_LONG]}… ({sha256(value.encode(errors='surrogatepass')).hexdigest()[:8]})"


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
