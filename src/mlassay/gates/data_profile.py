"""How many rows have which values, in cells that the manifest alone fixes: what the next release is compared with.

A number's cells are equal parts of its declared range, a category's are its declared values: no value of a person
gets into git by way of a profile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.manifest.types import Column, Manifest

if TYPE_CHECKING:
    import polars as pl

BINS = 50  # of a number's range, for the distance of distributions
GROUPS = 10  # into which they are gathered for the stability index
VALUES = 200  # a category with more declared values is not profiled
COLUMNS = 500
Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells of one column: ``bins`` of its range (with one below, one above), or its values (and one for others); missing last."""

    column: Column
    bins: int

    @classmethod
    def of(cls, column: Column) -> Cells | None:
        """The cells that the manifest fixes; None where it declares neither range nor values."""
        if column.type == "category":
            return cls(column, len(column.values)) if len(column.values) <= VALUES else None
        least, most = column.minimum, column.maximum
        if column.type == "text" or column.role in ("id", "weight") or least is None or most is None:
            return None
        whole = column.type == "integer" and most - least < BINS
        return cls(column, int(most - least) + 1 if whole else BINS) if most > least else None

    @property
    def name(self) -> str:
        """What the cells are, in a few bytes: counts of cells with another name are not compared."""
        if self.column.type == "category":
            written = "\0".join(self.column.values).encode()
            return f"{self.bins} values {hashlib.sha256(written).hexdigest()[:12]}"
        return f"{self.bins} bins {self.column.minimum!r} {self.column.maximum!r}"

    @property
    def size(self) -> int:
        """How many cells there are."""
        return self.bins + (2 if self.column.type == "category" else 3)

    def count(self, values: pl.Series) -> Counts:
        """Rows in each cell, shape (size,)."""
        import polars as pl

        if self.column.type == "category":
            counts = dict(values.value_counts(name="\0rows").iter_rows())
            known = [counts.pop(value, 0) for value in self.column.values]
            missing = counts.pop("", 0) + counts.pop(None, 0)
            return np.array([*known, sum(counts.values()), missing], dtype=np.int64)
        numbers = values.cast(pl.Float64, strict=False).to_numpy()
        least, most = float(self.column.minimum or 0), float(self.column.maximum or 0)
        with np.errstate(invalid="ignore"):
            if self.column.type == "integer" and self.bins == int(most - least) + 1:
                place = np.floor(numbers - least) + 1
            else:
                place = np.floor((numbers - least) * (self.bins / (most - least))) + 1
                place[numbers == most] = self.bins
            place = np.clip(place, 0, self.bins + 1)
        place = np.where(np.isnan(place), self.bins + 2, place).astype(np.int64)
        return np.bincount(place, minlength=self.size)

    def ordered(self, counts: Counts) -> Counts | None:
        """The counts along the range, without missing ones; None for a category."""
        return None if self.column.type == "category" else counts[:-1]

    def gathered(self, counts: Counts) -> Counts:
        """The counts of a few cells, for the stability index."""
        if self.column.type == "category":
            return counts
        inside = [int(part.sum()) for part in np.array_split(counts[1:-2], min(GROUPS, self.bins))]
        return np.array([counts[0], *inside, counts[-2], counts[-1]], dtype=np.int64)


class Profile:
    """Counts of the training rows, cell by cell."""

    def __init__(self, manifest: Manifest) -> None:
        made = [Cells.of(column) for column in manifest.columns]
        self.cells = {cells.column.name: cells for cells in made if cells is not None}
        if len(self.cells) > COLUMNS:
            self.cells = dict(list(self.cells.items())[:COLUMNS])
        self.left_out = len(manifest.columns) - len(self.cells)
        self.counts = {name: np.zeros(cells.size, dtype=np.int64) for name, cells in self.cells.items()}
        self.rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Some more training rows."""
        self.rows += frame.height
        for name, cells in self.cells.items():
            self.counts[name] += cells.count(frame[name])

    def as_json(self) -> dict[str, Any]:
        """What the next release reads; counts as one text each, so that a profile stays a few lines."""
        columns = {
            name: {"cells": cells.name, "counts": " ".join(map(str, self.counts[name].tolist()))}
            for name, cells in self.cells.items()
        }
        return {"rows": self.rows, "columns": columns}


def counts_of(written: Any, cells: Cells) -> Counts | None:
    """The counts of one column in a profile read from evidence; None when they are of other cells, or none."""
    if not isinstance(written, Mapping) or written.get("cells") != cells.name:
        return None
    parts = str(written.get("counts", "")).split(" ")
    if len(parts) != cells.size or not all(
        part.isascii() and part.isdigit() and len(part) < 16 for part in parts
    ):
        return None
    return np.array([int(part) for part in parts], dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Moved:
    """How far one column's rows have moved: stability index with what chance stays under, greatest distance and its p."""

    column: str
    index: float
    noise: float
    distance: float | None
    p: float | None


def compared(now: Profile, before: Mapping[str, Any]) -> tuple[list[Moved], list[str]]:
    """Each column that both profiles have in the same cells, most moved first; and the names of the others."""
    from mlassay.statistics.drift import kolmogorov_smirnov_counts, stability

    moved, others = [], []
    written = before.get("columns")
    for name, cells in now.cells.items():
        old = counts_of(written.get(name) if isinstance(written, Mapping) else None, cells)
        if old is None:
            others.append(name)
            continue
        new = now.counts[name]
        found = stability(cells.gathered(old), cells.gathered(new))
        first, second = cells.ordered(old), cells.ordered(new)
        test = None if first is None or second is None else kolmogorov_smirnov_counts(first, second)
        index, noise = (0.0, 0.0) if found.cells == 1 else (found.index, found.noise)
        moved.append(Moved(name, index, noise, test.statistic if test else None, test.p if test else None))
    return sorted(moved, key=lambda one: (-one.index, one.column)), others
