"""Partial dependence and single rows' curves (ICE): the score while one column runs over its range, all others held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.digest import decimal_string
from mlassay.gates.common import shown
from mlassay.gates.explain_importance import spaced
from mlassay.manifest import Column

if TYPE_CHECKING:
    from mlassay.ports import Subject

Floats = NDArray[np.float64]
POINTS = 20  # of a range; of a category, its first values
ROWS = 500  # averaged over, evenly spaced
LINES = 10  # single rows shown
MOST_COLUMNS = 20


def curve(subject: Subject, column: Column) -> dict[str, Any]:
    """The curve of one column as the report holds it (Friedman 2001, Ann Statist 29:1189; Goldstein et al. 2015).

    Values are those of the manifest: ``POINTS`` over the declared range (of the rows themselves where none is declared), or
    a category's values. ``average`` is the mean score, ``rows`` the scores of single rows.
    """
    every = subject.model.encode(subject.table.as_mapping())
    index = spaced(len(subject.table), ROWS)
    rows = {name: np.asarray(values)[index] for name, values in every.items()}
    grid = _grid(column, np.asarray(every[column.name]))
    own = rows[column.name]
    scores = np.array(
        [subject.model.score(rows | {column.name: _filled(own, column, value)}) for value in grid]
    )
    chosen = spaced(len(index), LINES)
    texts = column.values[:POINTS] if column.type == "category" else [_text(column, value) for value in grid]
    return {
        "column": column.name,
        "values": list(texts),
        "average": [shown(float(value)) for value in scores.mean(axis=1)],
        "rows": [
            {"row": int(index[at]) + 1, "scores": [shown(float(value)) for value in scores[:, at]]}
            for at in chosen.tolist()
        ],
    }


def _grid(column: Column, values: NDArray[Any]) -> Floats:
    if column.type == "category":
        return np.arange(min(len(column.values), POINTS), dtype=np.float64)
    low, high = column.minimum, column.maximum
    known = values.astype(np.float64)
    known = known[np.isfinite(known)]
    if low is None or high is None:
        ends = np.quantile(known, [0.01, 0.99]) if known.size else np.zeros(2)
        low, high = (float(ends[0]) if low is None else low), (float(ends[1]) if high is None else high)
    grid = np.linspace(low, high, POINTS)
    return np.unique(np.rint(grid)) if column.type == "integer" else np.unique(grid)


def _filled(own: NDArray[Any], column: Column, value: float) -> NDArray[Any]:
    if own.dtype.kind in "OUS":
        made = np.empty(len(own), dtype=object)
        made[:] = column.values[int(value)]
        return made
    return np.full(len(own), value).astype(own.dtype)


def _text(column: Column, value: float) -> str:
    return str(int(value)) if column.type == "integer" else decimal_string(float(value), 6)
