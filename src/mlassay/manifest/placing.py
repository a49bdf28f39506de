"""The split of each row of a batch: `mlassay.manifest.split`'s rules for data that no memory holds whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlassay.manifest.columnar import text_of
from mlassay.manifest.split import limits
from mlassay.manifest.types import SplitRule

if TYPE_CHECKING:
    import polars as pl

Draws = NDArray[np.uint64]
Codes = NDArray[np.uint8]


class Placing:
    """Places rows by a rule. ``frames`` gives all rows anew; a stratified split reads them once before anything else."""

    def __init__(
        self, rule: SplitRule, columns: Sequence[str], frames: Callable[[], Iterator[pl.DataFrame]]
    ) -> None:
        self.rule, self.columns = rule, tuple(columns)
        self._all = self._stratified(frames) if rule.kind == "stratified" else None
        self._files = {path: code for code, name in enumerate(rule.files) for path in rule.files[name]}

    def of_file(self, path: str) -> int:
        """The split of a whole file, as its place among the split's names."""
        return self._files[path]

    def of_rows(self, frame: pl.DataFrame, start: int) -> Codes:
        """The split of each of some rows, of which the first is row ``start``."""
        if self._all is not None:
            return self._all[start : start + frame.height]
        fields = self.rule.by if self.rule.kind == "key" else self.columns
        tops = np.array([limit for _, limit in limits(self.rule, 1 << 64)][:-1], dtype=np.uint64)
        return np.searchsorted(tops, draws(self.rule.seed, frame, fields), side="right").astype(np.uint8)

    def _stratified(self, frames: Callable[[], Iterator[pl.DataFrame]]) -> Codes:
        known: dict[tuple[str, ...], int] = {}
        drawn, strata = [], []
        for frame in frames():
            drawn.append(draws(self.rule.seed, frame, self.columns))
            strata.append(_strata(frame, self.rule.by, known))
        if not drawn:
            return np.zeros(0, dtype=np.uint8)
        numbers, places = np.concatenate(drawn), np.concatenate(strata)
        order = np.lexsort((numbers, places))
        chosen = np.zeros(len(numbers), dtype=np.uint8)
        ordered = places[order]
        ends = np.searchsorted(ordered, np.arange(len(known) + 1))
        for first, last in pairwise(ends.tolist()):
            rows = order[first:last]
            # Rows of one draw are one row written twice: all go where the first of them goes.
            before = np.searchsorted(numbers[rows], numbers[rows], side="left")
            tops = [limit for _, limit in limits(self.rule, len(rows))]
            chosen[rows] = np.searchsorted(tops[:-1], before, side="right").astype(np.uint8)
        return chosen


def draws(seed: int, frame: pl.DataFrame, fields: Sequence[str]) -> Draws:
    """The draw of each row (`mlassay.manifest.split`), over the text of ``fields``."""
    import polars as pl

    head = b"mlassay split v1\n%d\n" % seed
    texts = pl.DataFrame([text_of(frame[name]) for name in dict.fromkeys(fields)])
    written = [pl.format("{}:{},", pl.col(name).str.len_bytes(), pl.col(name)) for name in fields]
    found = texts.select(pl.concat_str(written).alias("row"))["row"].to_list()
    sha = hashlib.sha256
    firsts = b"".join(sha(head + sha(row.encode()).digest()).digest()[:8] for row in found)
    return np.frombuffer(firsts, dtype=">u8").astype(np.uint64)


def _strata(frame: pl.DataFrame, by: Sequence[str], known: dict[tuple[str, ...], int]) -> NDArray[np.int32]:
    import polars as pl

    texts = pl.DataFrame([text_of(frame[name]) for name in by])
    distinct = texts.unique(maintain_order=True)
    codes = [known.setdefault(row, len(known)) for row in distinct.iter_rows()]
    coded = distinct.with_columns(pl.Series("\0code", codes, dtype=pl.Int32))
    joined = texts.join(coded, on=list(by), how="left", maintain_order="left")
    return joined["\0code"].to_numpy()
