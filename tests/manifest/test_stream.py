"""Data in batches gives the same problems, splits and copies as the whole table does, to the word."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.manifest import (
    Column,
    Manifest,
    SplitRule,
    Table,
    check_data,
    check_splits,
    check_table,
    columnar,
    load_manifest,
    read_table,
    row_hashes,
    split_rows,
    stream,
)
from mlassay.manifest.columnar import as_text
from mlassay.manifest.faults import Faults
from mlassay.manifest.placing import Placing
from mlassay.manifest.row_hashes import RowHashes
from mlassay.manifest.stream import Batch, Rows
from mlassay.manifest.types import DataFile

PATH = "data/applications.manifest.yaml"
TEMPLATE = Path(__file__).parents[2] / "template"
BASE = load_manifest(PATH, (TEMPLATE / PATH).read_bytes())

TEXT = st.sampled_from(
    ["", "1", "2", "2.0", "0.1", "0.10000000000000002", "-0", "1e3", "5.", ".5", "+7", "nan", "inf", "x", "y\n", "\uff11",
     "0x1", "1_0", "999999999999999999", "1000000000000000000", "1e400", " 1", "3.0000000000000001", "3"]
)  # fmt: skip
REAL = st.one_of(st.none(), st.floats(), st.sampled_from([0.1, 0.10000000000000002, 3.0, 1e18, -0.0]))
WHOLE = st.one_of(st.none(), st.integers(-(2**62), 2**62), st.sampled_from([0, 3, 4, 10**18, 10**18 - 1]))
COLUMNS = st.builds(
    lambda kind, least, most, missing: Column(
        "a", kind, "feature", "before",
        least if kind in ("number", "integer") else None,
        most if kind in ("number", "integer") else None,
        ("x", "1", "true") if kind == "category" else (),
        missing,
    ),
    st.sampled_from(["number", "integer", "category", "text"]),
    st.sampled_from([None, 0.1, 0.0, -5.0]),
    st.sampled_from([None, 3.0, 1e18, 0.5]),
    st.booleans(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        (pl.String, TEXT),
        (pl.Float64, REAL),
        (pl.Int64, WHOLE),
        (pl.Boolean, st.sampled_from([True, False, None])),
    ],
    ids=["text", "reals", "whole numbers", "truth values"],
)
def test_faults_of_batches_are_those_of_the_table(dtype, values) -> None:  # type: ignore[no-untyped-def]
    @settings(max_examples=250, deadline=None)
    @given(COLUMNS, st.lists(values, max_size=12))
    def same(column: Column, cells: list[object]) -> None:
        frame = pl.DataFrame([pl.Series("a", cells, dtype=dtype)])
        manifest = replace(BASE, columns=(column,))
        table = Table(("a",), list(as_text(frame).iter_rows()))
        faults = Faults(manifest)
        for start in range(0, len(cells), 5):
            part = frame.slice(start, 5)
            faults.add(Batch(part, start, np.zeros(part.height, dtype=np.uint8)))
        assert faults.problems() == check_table(manifest, table)
        assert faults.missing == {"a": table.column("a").count("")}

    same()


def test_a_float_of_32_bits_on_the_border_is_inside_it() -> None:
    manifest = replace(BASE, columns=(Column("a", "number", "feature", "before", None, 0.1),))
    frame = pl.DataFrame({"a": pl.Series([0.1, 0.10000002], dtype=pl.Float32)})
    faults = Faults(manifest)
    faults.add(Batch(frame, 0, np.zeros(2, dtype=np.uint8)))
    assert [problem.what for problem in faults.problems()] == ["'a' is more than 0.1 in 1 row (2)"]


ROW = st.tuples(st.sampled_from(["x", "y"]), st.sampled_from(["1", "2", "3"]), st.sampled_from(["", "é"]))


@settings(max_examples=100, deadline=None)
@given(
    st.builds(
        lambda kind, fractions, seed: SplitRule(
            kind, fractions, seed, () if kind == "seeded" else ("b", "a")
        ),
        st.sampled_from(["seeded", "stratified", "key"]),
        st.sampled_from(
            [{"train": "0.5", "test": "0.5"}, {"a": "0.7", "b": "0.1", "c": "0.2"}, {"all": "1"}]
        ),
        st.integers(0, 2**40),
    ),
    st.lists(ROW, max_size=40),
)
def test_rows_in_batches_go_to_the_same_splits(rule: SplitRule, rows: list[tuple[str, ...]]) -> None:
    manifest = replace(BASE, columns=(*[Column(n, "text", "ignored", "before") for n in "abc"],), split=rule)
    frame = pl.DataFrame(rows, schema=["a", "b", "c"], orient="row")
    placing = Placing(rule, "abc", lambda: iter([frame.slice(at, 7) for at in range(0, len(rows), 7)]))
    codes = [placing.of_rows(frame.slice(at, 7), at) for at in range(0, len(rows), 7)]
    table = Table(("a", "b", "c"), rows)
    expected = split_rows(manifest, table)
    found = np.concatenate(codes) if codes else np.zeros(0)
    assert {name: np.flatnonzero(found == code).tolist() for code, name in enumerate(rule.names)} == expected


@pytest.mark.parametrize("held", [1 << 22, 100], ids=["in memory", "on disk"])
def test_copies_are_those_that_the_table_has(held: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_hashes, "_HELD", held)
    chance = random.Random(3)
    rows = [(str(chance.randrange(400)), str(chance.randrange(3))) for _ in range(1500)]
    sources = (("one", 600), ("two", 500), ("three", 400))
    rule = SplitRule("files", files={"train": ("one",), "tune": ("two",), "test": ("three",)})
    manifest = replace(BASE, columns=tuple(Column(n, "text", "ignored", "before") for n in "ab"), split=rule)
    table = Table(("a", "b"), rows, sources)
    codes = np.repeat(np.arange(3, dtype=np.uint8), [600, 500, 400])
    frame = pl.DataFrame(rows, schema=["a", "b"], orient="row")
    with RowHashes(below=2) as gathered:
        for at in range(0, 1500, 128):
            gathered.add(frame.slice(at, 128), at, codes[at : at + 128])
        same = gathered.same()
    assert same.distinct == len(set(rows))
    assert same.rows == 1500
    assert same.smallest == min(rows.count(row) for row in set(rows))
    assert same.below == sum(rows.count(row) == 1 for row in rows)
    expected = {p.what for p in check_splits(manifest, table)}
    for (one, other), (pairs, many) in same.shared.items():
        names = rule.names
        first = ", ".join(f"row {a + 1} is row {b + 1}" for a, b in pairs)
        assert f"the splits {names[one]} and {names[other]} share {many} rows: {first}, …" in expected
    assert len(same.shared) == len(expected)


def written(folder: Path, parts: dict[str, pl.DataFrame], split: SplitRule | None = None) -> Manifest:
    files = []
    for path, frame in parts.items():
        target = folder / path
        target.parent.mkdir(exist_ok=True)
        write = {"parquet": frame.write_parquet, "arrow": frame.write_ipc, "csv": frame.write_csv}
        write[path.rpartition(".")[2]](target)  # type: ignore[operator]
        data = target.read_bytes()
        files.append(DataFile(path, len(data), sha256(data)))
    return replace(BASE, files=tuple(files), split=split or BASE.split)


HMDA = pl.read_csv(TEMPLATE / "data/hmda.csv", infer_schema_length=None)


@pytest.mark.parametrize("whole", [1 << 26, 10], ids=["read whole", "read by path"])
def test_files_of_three_formats_are_one_table(
    whole: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "WHOLE", whole)
    monkeypatch.setattr(stream, "CSV_ROWS", 300)
    monkeypatch.setattr(columnar, "BATCH_ROWS", 250)
    manifest = written(
        tmp_path, {"data/a.csv": HMDA[:700], "data/b.parquet": HMDA[700:1500], "data/c.arrow": HMDA[1500:]}
    )
    table = read_table(manifest, tmp_path)
    batches = list(Rows(manifest, tmp_path).batches())
    rows = [row for batch in batches for row in as_text(batch.frame).iter_rows()]
    assert rows == table.rows
    codes = np.concatenate([batch.splits for batch in batches])
    expected = split_rows(manifest, table)
    assert {n: np.flatnonzero(codes == c).tolist() for c, n in enumerate(expected)} == expected


def test_a_file_that_is_written_to_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "WHOLE", 10)
    manifest = written(tmp_path, {"data/a.parquet": HMDA})
    rows = Rows(manifest, tmp_path)
    assert sum(batch.frame.height for batch in rows.batches()) == 2380  # the control
    reading = rows.batches()
    next(reading)
    with (tmp_path / "data/a.parquet").open("r+b") as file:
        file.write(b"PAR1")
    with pytest.raises(EvidenceError, match="written to while it was read"):
        list(reading)


def test_a_large_csv_is_held_to_the_same_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "WHOLE", 10)
    manifest = written(tmp_path, {"data/a.csv": HMDA})
    for change, words in ((b"no,1\n", "2 fields"), (b"\xff,1\n", "not UTF-8"), (b'"', "not CSV")):
        data = (tmp_path / "data/a.csv").read_bytes() + change
        (tmp_path / "data/b.csv").write_bytes(data)
        changed = replace(manifest, files=(DataFile("data/b.csv", len(data), sha256(data)),))
        with pytest.raises(ConfigurationError, match=words):
            list(Rows(changed, tmp_path).batches())


@pytest.mark.parametrize("broken", [False, True])
def test_a_check_says_the_same_of_each_format(broken: bool, tmp_path: Path) -> None:
    frame = HMDA.with_columns(pl.lit(9.0).alias("pirat")) if broken else HMDA
    first, second = (
        written(tmp_path, {f"data/a.{end}": frame[:1000], f"data/b.{end}": frame[995:]}, rule(end))
        for end in ("csv", "parquet")
    )
    one, other = check_data(first, tmp_path), check_data(second, tmp_path)
    assert one == other
    assert one.splits == {"train": 1000, "test": 1385}
    assert len(one.problems) == 1 + broken


def rule(end: str) -> SplitRule:
    return SplitRule("files", files={"train": (f"data/a.{end}",), "test": (f"data/b.{end}",)})
