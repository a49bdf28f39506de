"""Rows of the evaluation that have a near copy among the rows that training sees.

A near copy is the same row once numbers are rounded to three significant digits, or a row in which exactly one column
has another value. Both are found by hashes, in time linear in rows times columns: hashing each column by itself and
adding up, a row without one column costs one subtraction. Numbers on two sides of a rounding border are not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlassay.manifest.columnar import text_of

if TYPE_CHECKING:
    import polars as pl

CELLS = 1 << 26  # of the evaluation rows, held as hashes
_DIGITS = 3
Hashes = NDArray[np.uint64]


class NearCopies:
    """Holds the evaluation rows (``add_asked``), then marks those that training rows (``add_seen``) nearly repeat."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self._asked: list[Hashes] = []
        self._rounded: list[Hashes] = []
        self._index: list[tuple[Hashes, NDArray[np.intp]]] | None = None
        self.rows = 0
        self.left_out = 0  # evaluation rows beyond what is held

    def add_asked(self, frame: pl.DataFrame) -> None:
        """Some evaluation rows."""
        room = max(CELLS // max(len(self.columns), 1) - self.rows, 0)
        self.left_out += max(frame.height - room, 0)
        frame = frame.head(room)
        if frame.height:
            self._asked.append(self._hashed(frame))
            self._rounded.append(self._hashed(frame, rounded=True).sum(axis=1, dtype=np.uint64))
            self.rows += frame.height

    def add_seen(self, frame: pl.DataFrame) -> None:
        """Some rows that training sees; all evaluation rows must have been added."""
        if self._index is None:
            self._prepare()
        if not self.rows or not frame.height:
            return
        hashes = self._hashed(frame)
        total = hashes.sum(axis=1, dtype=np.uint64)
        exact = self._marked(0, total)
        self._exact |= exact
        self._near |= self._marked(1, self._hashed(frame, rounded=True).sum(axis=1, dtype=np.uint64))
        for number in range(len(self.columns)):
            self._near |= self._marked(number + 2, total - hashes[:, number])

    def found(self) -> NDArray[np.intp]:
        """Evaluation rows (from 0) with a near copy that is no exact one."""
        if self._index is None:
            self._prepare()
        return np.flatnonzero(self._near & ~self._exact)

    def _prepare(self) -> None:
        none = np.zeros((0, len(self.columns)), dtype=np.uint64)
        asked = np.concatenate(self._asked) if self._asked else none
        rounded = np.concatenate(self._rounded) if self._rounded else none[:, 0]
        total = asked.sum(axis=1, dtype=np.uint64)
        keys = [total, rounded, *(total - asked[:, n] for n in range(len(self.columns)))]
        self._index = []
        for key in keys:
            order = np.argsort(key, kind="stable")
            self._index.append((key[order], order))
        self._near = np.zeros(self.rows, dtype=bool)
        self._exact = np.zeros(self.rows, dtype=bool)

    def _marked(self, which: int, keys: Hashes) -> NDArray[np.bool_]:
        """Evaluation rows whose key is among ``keys``."""
        held, order = (self._index or [])[which]
        found = np.zeros(self.rows, dtype=bool)
        found[order] = np.isin(held, keys)
        return found

    def _hashed(self, frame: pl.DataFrame, *, rounded: bool = False) -> Hashes:
        """One hash for each cell, shape (rows, columns); of the text, so that formats agree."""
        columns = []
        for number, name in enumerate(self.columns):
            values = frame[name]
            text = _rounded(values) if rounded else text_of(values)
            columns.append(text.hash(number).to_numpy())
        return np.stack(columns, axis=1)


def _rounded(values: pl.Series) -> pl.Series:
    import polars as pl

    numbers = values.cast(pl.Float64, strict=False)
    short = numbers.round_sig_figs(_DIGITS)
    text = text_of(short)
    return (
        text
        if values.dtype.is_numeric()
        else pl.select(
            pl.when(numbers.is_null() | ~numbers.is_finite()).then(text_of(values)).otherwise(text)
        ).to_series()
    )
