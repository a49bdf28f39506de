"""The data gate's sweep over Parquet against DuckDB's scan of the same files for the same numbers.

    python benchmarks/data.py --megabytes 300

Both count rows and missing values, take minimum and maximum, count cells of each column over its range, and look for
rows that stand in both files. Ours also holds every digest, looks for personal identifiers and profiles the rows.
Each runs in a process of its own, whose peak of memory is told.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from mlassay.digest import sha256_file
from mlassay.gates.data_scan import Asked, Scan
from mlassay.manifest import Column, DataFile, Manifest, SplitRule, root_digest

COLUMNS = 10
PART = 250_000
SPLITS = ("train", "test")


def write(folder: Path, megabytes: int) -> int:
    """Random rows in two files of about ``megabytes`` together; the number of rows."""
    rows = max(megabytes * 1_000_000 // (COLUMNS * 7 + 10), 1000)
    import duckdb

    for split, share in zip(SPLITS, (0.8, 0.2), strict=True):
        count = int(rows * share)
        parts = folder / f"{split}-parts"
        parts.mkdir()
        for number, start in enumerate(range(0, count, PART)):
            generator = np.random.default_rng([start, len(split)])
            size = min(PART, count - start)
            held = {f"c{n}": generator.normal(size=size).clip(-6, 6) for n in range(COLUMNS)}
            words = pl.Series(generator.choice(["north", "south", "east", "west"], size))
            pl.DataFrame({**held, "place": words}).write_parquet(parts / f"{number:05}.parquet")
        duckdb.connect().execute(
            f"copy (select * from '{parts}/*.parquet') to '{folder / split}.parquet' "
            "(format parquet, compression zstd, row_group_size 250000)"
        )
        for path in parts.iterdir():
            path.unlink()
        parts.rmdir()
    return rows


def manifest(folder: Path) -> Manifest:
    """A manifest of the two files."""
    columns = [Column(f"c{n}", "number", "feature", "before", -6.0, 6.0) for n in range(COLUMNS)]
    place = Column("place", "category", "feature", "before", values=("north", "south", "east", "west"))
    files = []
    for split in SPLITS:
        digest, size = sha256_file(folder / f"{split}.parquet")
        files.append(DataFile(f"{split}.parquet", size, digest))
    day = date(2026, 1, 1)
    return Manifest(
        name="made", description="made", owner="nobody", licence="CC0-1.0", terms="", purpose="", collected_from=day,
        collected_to=day, jurisdiction="", origin="", contains_model_outputs=False, public=True, public_why="made",
        personal_data=None, special_categories=None, label=None, missing="", columns=(*columns, place),
        split=SplitRule("files", files={split: (f"{split}.parquet",) for split in SPLITS}), files=tuple(files),
        root=root_digest(files), lines={}, digest="", path="made",
    )  # fmt: skip


def ours(folder: Path) -> dict[str, float]:
    """Seconds of the gate's sweep, the digests included."""
    made = replace(manifest(folder))
    start = time.perf_counter()
    scan = Scan(made, folder, Asked(trained=frozenset([0]), evaluated=1, sensitive=("place",), label="place"))
    seconds = time.perf_counter() - start
    assert not scan.faults.problems()
    assert not scan.split_problems()
    return {"seconds": seconds, "rows": scan.same.rows, "distinct": scan.same.distinct}


def theirs(folder: Path) -> dict[str, float]:
    """Seconds of DuckDB's scans for the same numbers."""
    import duckdb

    names = [f"c{n}" for n in range(COLUMNS)]
    start = time.perf_counter()
    base = duckdb.connect()
    base.execute("set preserve_insertion_order = false")
    files = f"['{folder}/train.parquet', '{folder}/test.parquet']"
    each = ", ".join(f"count({n}), min({n}), max({n})" for n in [*names, "place"])
    counted = base.execute(f"select count(*), {each} from read_parquet({files})").fetchone()
    for name in names:
        base.execute(
            f"select floor(({name} + 6) * 50 / 12), count(*) from read_parquet('{folder}/train.parquet') group by 1"
        ).fetchall()
    base.execute(f"select place, count(*) from read_parquet({files}) group by 1").fetchall()
    columns = ", ".join([*names, "place"])
    distinct, both = base.execute(
        "select count(*), count(*) filter (where low <> high) from (select min(filename) low, max(filename) high from "
        f"(select hash({columns}) one, hash('x', {columns}) two, filename from read_parquet({files}, filename = true)) "
        "group by one, two)"
    ).fetchone() or (0, 0)
    seconds = time.perf_counter() - start
    assert both == 0
    return {"seconds": seconds, "rows": (counted or (0,))[0], "distinct": distinct}


def apart(what: str, folder: Path) -> dict[str, float]:
    """Run one of both in a process of its own."""
    done = subprocess.run(
        [sys.executable, __file__, "--run", what, "--folder", str(folder)],
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Write the rows, run both, print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--run", choices=["ours", "theirs"])
    options = parser.parse_args()
    if options.run:
        found = ours(options.folder) if options.run == "ours" else theirs(options.folder)
        used = resource.getrusage(resource.RUSAGE_SELF)
        work = used.ru_utime + used.ru_stime
        print(json.dumps({**found, "work": work, "megabytes": used.ru_maxrss // 1024}))
        return
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = Path(name)
        rows = write(folder, options.megabytes)
        size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
        print(f"{platform.platform()}, {rows:,} rows, {size:,.0f} MB of Parquet")
        results = {what: apart(what, folder) for what in ("ours", "theirs")}
    print("| | seconds | of processor | peak MB | distinct rows |\n|---|---|---|---|---|")
    for what, found in results.items():
        parts = f"{found['seconds']:.1f} | {found['work']:.1f} | {found['megabytes']:.0f}"
        print(f"| {what} | {parts} | {found['distinct']:,.0f} |")
    print(f"ratio {results['ours']['seconds'] / results['theirs']['seconds']:.2f}")


if __name__ == "__main__":
    main()
