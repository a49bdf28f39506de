"""All that bytes can prove of a manifest, for data of any size and format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlassay.errors import Problem
from mlassay.manifest.checks import check_splits, check_table, split_problems
from mlassay.manifest.formats import format_of
from mlassay.manifest.table import read_table, split_rows
from mlassay.manifest.types import Manifest

HELD = 1 << 28  # bytes of CSV up to which the table is held whole, as the light install does


@dataclass(frozen=True, slots=True)
class Checked:
    """How many rows there are, how many of each split, and what is wrong with them."""

    rows: int
    splits: Mapping[str, int]
    problems: Sequence[Problem]


def check_data(manifest: Manifest, root: Path) -> Checked:
    """Read every file and hold its rows to the manifest. EvidenceError and ConfigurationError as `read_table`.

    A CSV of ordinary size needs no other library; all else is read in batches, by polars.
    """
    formats = {format_of(file) for file in manifest.files}
    if formats <= {"csv"} and sum(file.size for file in manifest.files) <= HELD:
        table = read_table(manifest, root)
        splits = {split: len(numbers) for split, numbers in split_rows(manifest, table).items()}
        return Checked(len(table), splits, [*check_table(manifest, table), *check_splits(manifest, table)])
    return _in_batches(manifest, root)


def _in_batches(manifest: Manifest, root: Path) -> Checked:
    import numpy as np

    from mlassay.manifest.faults import Faults
    from mlassay.manifest.row_hashes import RowHashes
    from mlassay.manifest.stream import Rows

    names = manifest.split.names
    counts = np.zeros(max(len(names), 1), dtype=np.int64)
    faults = Faults(manifest)
    with RowHashes() as copies:
        for batch in Rows(manifest, root).batches():
            counts += np.bincount(batch.splits, minlength=len(counts))
            faults.add(batch)
            copies.add(batch.frame, batch.start, batch.splits)
        same = copies.same()
    splits = dict(zip(names, counts.tolist(), strict=True))
    problems = [
        *faults.problems(),
        *split_problems(manifest, same.named(names), [n for n in names if not splits[n]]),
    ]
    return Checked(same.rows, splits, problems)
