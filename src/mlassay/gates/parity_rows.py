"""Tables that training or a twin left, read strictly: inputs as text, and what was predicted for them."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlassay.errors import MlassayError
from mlassay.manifest.table import parse_csv
from mlassay.model.types import clean
from mlassay.tasks import BINARY, MULTICLASS

Floats = NDArray[np.float64]
MOST_ROWS = 100_000
MOST_BYTES = 64 << 20
CELL = 1000  # characters of one value
PREDICTION = "prediction"
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")


class RefusedTableError(Exception):
    """A file that is not the table that the contract asks for; its text says why."""


@dataclass(frozen=True, eq=False)
class Table:
    """Columns of text by name, all of ``count`` rows."""

    columns: Mapping[str, Sequence[str]]
    count: int

    def predictions(self, names: Sequence[str]) -> Floats:
        """The columns ``names`` as finite numbers, (n, k); RefusedTableError names the first that is none."""
        return np.column_stack([self._numbers(name) for name in names])

    def _numbers(self, name: str) -> Floats:
        found = np.empty(self.count)
        for row, text in enumerate(self.columns[name]):
            value = float(text) if _NUMBER.fullmatch(text.strip()) else math.nan
            if not math.isfinite(value):
                raise RefusedTableError(f"{name} of row {row + 1} is no finite number: {clean(text, 40)!r}")
            found[row] = value
        return found


def prediction_columns(task: str, labels: Sequence[str]) -> tuple[str, ...]:
    """The columns that hold a prediction: one, or one for each label where there are more than two."""
    return tuple(f"{PREDICTION}.{label}" for label in labels) if task == MULTICLASS else (PREDICTION,)


def read_table(name: str, data: bytes, needed: Sequence[str]) -> Table:
    """The CSV in ``data``, which has exactly the columns ``needed`` in any order; RefusedTableError for anything else."""
    try:
        lines = parse_csv(name, data)
        header = next(lines)
        missing = [each for each in needed if each not in header]
        if missing or len(header) != len(needed) or len(set(header)) != len(header):
            odd = [each for each in header if each not in needed]
            told = (
                f"lacks {', '.join(missing[:5])}"
                if missing
                else f"also has {', '.join(odd[:5]) or 'a column twice'}"
            )
            raise RefusedTableError(clean(f"its header {told}"))
        rows: list[tuple[str, ...]] = []
        for row in lines:
            if len(rows) == MOST_ROWS:
                raise RefusedTableError(f"it has more than {MOST_ROWS:,} rows")
            if max(map(len, row)) > CELL:
                raise RefusedTableError(f"row {len(rows) + 1} has a value of more than {CELL:,} characters")
            rows.append(row)
    except MlassayError as error:
        raise RefusedTableError(clean(str(error.problems[0].what))) from error
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(header)
    return Table(dict(zip(header, columns, strict=True)), len(rows))


def apart(ours: Floats, theirs: Floats, task: str) -> Floats:
    """How far two predictions (n, k) lie apart, (n,): absolute for chances, for other numbers as a share of a magnitude over 1."""
    difference = np.abs(ours - theirs)
    if task not in (BINARY, MULTICLASS):
        difference = difference / np.maximum(1.0, np.abs(theirs))
    return np.asarray(np.where(np.isnan(difference), np.inf, difference).max(axis=1, initial=0.0))
