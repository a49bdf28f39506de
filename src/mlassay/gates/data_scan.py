"""One sweep over the rows of one data set, in bounded batches, for everything that the data gate asks of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.errors import Problem
from mlassay.gates.data_personal import Personal
from mlassay.gates.data_profile import Profile
from mlassay.gates.data_proxies import COLUMNS, ROWS, proxies
from mlassay.manifest.checks import split_problems
from mlassay.manifest.columnar import text_of
from mlassay.manifest.faults import Faults
from mlassay.manifest.row_hashes import Hashes, RowHashes, Same, hashes
from mlassay.manifest.stream import Rows
from mlassay.manifest.types import Manifest

if TYPE_CHECKING:
    import polars as pl

    from mlassay.manifest.stream import Batch

TRAINING, EVALUATION = "training", "evaluation"
GROUPS = 10_000  # different groups of the sensitive columns that are counted


@dataclass(frozen=True, slots=True)
class Asked:
    """What a data set is for: splits that training sees and the one that is evaluated (by place), and columns."""

    trained: frozenset[int] = frozenset()
    evaluated: int | None = None
    sensitive: tuple[str, ...] = ()
    label: str = ""
    inputs: tuple[str, ...] = ()  # of the model, among the columns of this set
    smallest: int = 0  # rows that a group of the quasi-identifiers should have


class Scan:
    """What one sweep found. EvidenceError and ConfigurationError where a file is not what its manifest says."""

    def __init__(self, manifest: Manifest, root: Path, asked: Asked) -> None:
        self.manifest, self.asked = manifest, asked
        self.rows = Rows(manifest, root)
        self.faults = Faults(manifest)
        self.personal = Personal(manifest)
        self.profile = Profile(manifest)
        self.labels: Counter[str] = Counter()
        self.groups: dict[str, Counter[tuple[str, ...]]] = {TRAINING: Counter(), EVALUATION: Counter()}
        self.of_split = np.zeros(max(len(manifest.split.names), 1), dtype=np.int64)
        self.same = Same()
        self.alike: Same | None = None
        self._evaluated: list[pl.DataFrame] = []
        self._held = 0
        self._constant = {column.name: "" for column in manifest.features}
        self._seen = 0
        self._run()

    @property
    def constant(self) -> list[str]:
        """Features that have one value in all rows that training sees; none when there are fewer than two rows."""
        return sorted(self._constant) if self._seen > 1 else []

    def split_problems(self) -> list[Problem]:
        """Splits that share rows, and splits without rows."""
        names = self.manifest.split.names
        empty = [name for name, rows in zip(names, self.of_split.tolist(), strict=True) if not rows]
        return split_problems(self.manifest, self.same.named(names), empty)

    def _run(self) -> None:
        quasi = self.manifest.personal_data.quasi_identifiers if self.manifest.personal_data else ()
        with RowHashes() as copies, RowHashes(below=self.asked.smallest) as alike:
            for batch in self.rows.batches():
                self.of_split += np.bincount(batch.splits, minlength=len(self.of_split))
                self.faults.add(batch)
                self.personal.add(batch)
                copies.add(batch.frame, batch.start, batch.splits)
                if quasi:
                    alike.add(batch.frame.select(quasi), batch.start, batch.splits)
                self._parts(batch)
            self.same = copies.same()
            self.alike = alike.same() if quasi else None

    def _parts(self, batch: Batch) -> None:
        for code in np.unique(batch.splits).tolist():
            frame = batch.of(code)
            if code in self.asked.trained:
                self.profile.add(frame)
                self._constants(frame)
                self._group(TRAINING, frame)
            if code == self.asked.evaluated:
                self._group(EVALUATION, frame)
                self._hold(frame)
                if self.asked.label:
                    counts = text_of(frame[self.asked.label]).value_counts(name="\0rows")
                    self.labels.update(dict(counts.iter_rows()))

    def _group(self, part: str, frame: pl.DataFrame) -> None:
        import polars as pl

        if not self.asked.sensitive or len(self.groups[part]) > GROUPS:
            return
        texts = pl.DataFrame([text_of(frame[name]) for name in self.asked.sensitive])
        counted = texts.group_by(pl.all()).agg(pl.len().alias("\0rows"))
        self.groups[part].update({tuple(row[:-1]): row[-1] for row in counted.iter_rows()})

    def _hold(self, frame: pl.DataFrame) -> None:
        room = ROWS - self._held
        if self.asked.sensitive and self.asked.inputs and room > 0:
            kept = dict.fromkeys((*self.asked.inputs[:COLUMNS], *self.asked.sensitive))
            self._evaluated.append(frame.select(list(kept)).head(room))
            self._held += self._evaluated[-1].height

    def proxies(self) -> dict[str, Any]:
        """What the model's inputs tell of each sensitive group, on the first evaluation rows."""
        import polars as pl

        if not self._evaluated:
            return {}
        frame = pl.concat(self._evaluated)
        return {
            name: {told.group: told.as_json() for told in found}
            for name in self.asked.sensitive
            if (found := proxies(frame, self.asked.inputs, name))
        }

    def _constants(self, frame: pl.DataFrame) -> None:
        if not frame.height:
            return
        self._seen += frame.height
        for name in list(self._constant):
            values = frame[name]
            first = self._constant[name] or text_of(values.head(1))[0]
            if (
                bool((values == values[0]).fill_null(value=False).all())
                and text_of(values.head(1))[0] == first
            ):
                self._constant[name] = first
            elif values.null_count() == frame.height and self._constant[name] == "":
                continue
            else:
                del self._constant[name]


def shared_rows(
    asked: tuple[Rows, int], seen: tuple[Rows, frozenset[int]], columns: Sequence[str]
) -> tuple[int, int]:
    """Evaluation rows (of a split) that are among the rows that training sees, over some columns as text: how many, and
    the first of them (from 1 in its split, 0 where there is none).
    """
    if not columns:
        return 0, 0
    one, two = (
        np.concatenate(part) for part in zip(*_keys(asked[0], frozenset([asked[1]]), columns), strict=True)
    )
    seen_too = np.zeros(len(one), dtype=bool)
    for first, second in _keys(*seen, columns):
        near = np.isin(first, one)
        pairs = set(zip(first[near].tolist(), second[near].tolist(), strict=True))
        for number in np.flatnonzero(np.isin(one, first[near])).tolist():
            seen_too[number] |= (int(one[number]), int(two[number])) in pairs
    found = np.flatnonzero(seen_too)
    return len(found), int(found[0]) + 1 if len(found) else 0


def _keys(rows: Rows, codes: frozenset[int], columns: Sequence[str]) -> Iterator[tuple[Hashes, Hashes]]:
    import polars as pl

    none = np.empty(0, dtype=np.uint64)
    yield none, none
    for batch in rows.batches():
        for code in sorted(codes & set(np.unique(batch.splits).tolist())):
            frame = batch.of(code)
            yield hashes(pl.DataFrame([text_of(frame[name]) for name in columns]))
