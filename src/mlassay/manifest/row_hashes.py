"""Rows that are the same, among more rows than memory holds: by 128 bits of hash, spilled to disk in parts.

Two different rows are taken for the same with a chance below n^2 / 2^129 for n rows: 10^-22 for a hundred million.
The hash is polars' own, twice with different seeds; it lives no longer than one run.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import polars as pl

SEEDS = (0x6D6C6173, 0x73617921)
_HELD = 1 << 19  # rows up to which nothing is written to disk
_BITS = 6
_TYPE = np.dtype([("one", "u8"), ("two", "u8"), ("row", "u4"), ("split", "u1")])
Hashes = NDArray[np.uint64]


@dataclass
class Same:
    """What same rows there are: distinct ones, those of the smallest group, and pairs in two splits.

    ``shared`` maps two splits to the first pairs of rows (from 0) and their number; ``below`` counts rows in groups that are too small.
    """

    rows: int = 0
    distinct: int = 0
    smallest: int = 0
    below: int = 0
    shared: dict[tuple[int, int], tuple[list[tuple[int, int]], int]] = field(default_factory=dict)

    def named(self, names: Sequence[str]) -> dict[tuple[str, str], tuple[Sequence[tuple[int, int]], int]]:
        """``shared`` by the names of splits, with rows from 1."""
        return {
            (names[one], names[other]): ([(a + 1, b + 1) for a, b in pairs], many)
            for (one, other), (pairs, many) in sorted(self.shared.items())
        }


def hashes(frame: pl.DataFrame) -> tuple[Hashes, Hashes]:
    """Two hashes of 64 bits for each row; the same for rows of the same values (of the same types)."""
    one, two = (frame.hash_rows(seed).to_numpy() for seed in SEEDS)
    return one, two


class RowHashes:
    """Gathers rows and says which are the same. A context: what it wrote to disk is gone after it."""

    def __init__(self, below: int = 0) -> None:
        self._below = below  # rows in groups smaller than this are counted
        self._held: list[NDArray[np.void]] = []
        self._rows = 0
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._files: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files:
            file.close()
        if self._folder:
            self._folder.cleanup()

    def add(self, frame: pl.DataFrame, start: int, splits: NDArray[np.uint8]) -> None:
        """Some more rows, the first of them row ``start``."""
        one, two = hashes(frame)
        made = np.empty(len(one), dtype=_TYPE)
        made["one"], made["two"], made["split"] = one, two, splits
        made["row"] = np.arange(start, start + len(one), dtype=np.uint32)
        self._rows += len(made)
        if self._folder is None and self._rows <= _HELD:
            self._held.append(made)
        else:
            self._spill(made)

    def same(self, shown: int = 5) -> Same:
        """What was found, with at most ``shown`` pairs for each two splits."""
        total = Same(rows=self._rows)
        for part in self._parts():
            _gather(part, total, self._below)
        for key, (pairs, many) in total.shared.items():
            total.shared[key] = sorted(pairs, key=lambda pair: pair[1])[:shown], many
        return total

    def _spill(self, made: NDArray[np.void]) -> None:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="mlassay-rows-")
            self._files = [(Path(self._folder.name) / f"{n}").open("w+b") for n in range(1 << _BITS)]
            held, self._held = self._held, []
            for each in held:
                self._spill(each)
        parts = (made["one"] >> np.uint64(64 - _BITS)).astype(np.uint8)
        order = np.argsort(parts, kind="stable")
        ends = np.searchsorted(parts[order], np.arange((1 << _BITS) + 1))
        moved = made[order]
        for number, file in enumerate(self._files):
            file.write(moved[ends[number] : ends[number + 1]].tobytes())

    def _parts(self) -> Iterator[NDArray[np.void]]:
        if self._folder is None:
            yield np.concatenate(self._held) if self._held else np.empty(0, dtype=_TYPE)
            return
        for file in self._files:
            file.flush()
            file.seek(0)
            yield np.fromfile(file, dtype=_TYPE)


def _gather(part: NDArray[np.void], total: Same, below: int) -> None:
    if not len(part):
        return
    order = np.argsort(part["one"], kind="stable")
    one = part["one"][order]
    starts = np.flatnonzero(np.r_[True, one[1:] != one[:-1]])
    sizes = np.diff(np.r_[starts, len(one)])
    if below == 0 and (sizes == 1).all():
        total.distinct += len(one)
        total.smallest = 1
        return
    many = np.repeat(sizes > 1, sizes)
    single = int((sizes == 1).sum())
    rest = part[order[many]]
    rest = rest[np.lexsort((rest["row"], rest["split"], rest["two"], rest["one"]))]
    first = np.r_[True, (rest["one"][1:] != rest["one"][:-1]) | (rest["two"][1:] != rest["two"][:-1])]
    starts = np.flatnonzero(first[: len(rest)])
    sizes = np.diff(np.r_[starts, len(rest)])
    found = [1] if single else []
    if len(sizes):
        found.append(int(sizes.min()))
        _pairs(rest, starts, sizes, total)
    total.smallest = min(([total.smallest] if total.smallest else []) + found)
    total.distinct += single + len(sizes)
    total.below += int(sizes[sizes < below].sum()) + (single if below > 1 else 0)


def _pairs(rest: NDArray[np.void], starts: NDArray[np.intp], sizes: NDArray[np.intp], total: Same) -> None:
    firsts = np.repeat(starts, sizes)
    across = np.flatnonzero(rest["split"] != rest["split"][firsts])
    if not len(across):
        return
    ones, others = rest["split"][firsts[across]].astype(int), rest["split"][across].astype(int)
    for key in {(int(a), int(b)) for a, b in set(zip(ones.tolist(), others.tolist(), strict=True))}:
        chosen = across[(ones == key[0]) & (others == key[1])]
        order = chosen[np.argsort(rest["row"][chosen])[:16]]
        pairs = [(int(rest["row"][firsts[n]]), int(rest["row"][n])) for n in order]
        known, many = total.shared.get(key, ([], 0))
        total.shared[key] = sorted([*known, *pairs], key=lambda pair: pair[1])[:16], many + len(chosen)
