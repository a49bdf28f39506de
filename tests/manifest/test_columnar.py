"""Parquet and Arrow files: the same rows as a CSV of the same text, bounded, and one clear error when they are not."""

from __future__ import annotations

import io
import math
import random
import struct
import subprocess
import sys
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, Problem
from mlassay.manifest import Manifest, check_table, load_manifest, read_split, read_table, sizes
from mlassay.manifest.columnar import Columnar, text_of
from mlassay.manifest.drafting import draft_manifest
from mlassay.manifest.sizes import parts
from mlassay.manifest.types import SplitRule

PATH = "data/applications.manifest.yaml"
FRAME = pl.DataFrame(
    {
        "whole": [1, None, -3],
        "real": [0.1, 2.0, None],
        "word": pl.Series(["x", "", "é"], dtype=pl.Categorical),
        "yes": [True, False, None],
        "day": [date(2027, 6, 1), None, date(1, 1, 1)],
        "money": [Decimal("1.50"), Decimal("-0.10"), None],
    }
)
TEXTS = [
    ("1", "0.1", "x", "true", "2027-06-01", "1.50"),
    ("", "2", "", "false", "", "-0.10"),
    ("-3", "", "é", "", "0001-01-01", ""),
]


def parquet(frame: pl.DataFrame, **how) -> bytes:  # type: ignore[no-untyped-def]
    held = io.BytesIO()
    frame.write_parquet(held, **how)
    return held.getvalue()


def arrow(frame: pl.DataFrame, **how) -> bytes:  # type: ignore[no-untyped-def]
    held = io.BytesIO()
    frame.write_ipc(held, **how)
    return held.getvalue()


WRITTEN = {"parquet": parquet(FRAME), "arrow": arrow(FRAME, compression="lz4")}


def rows_of(format_, data: bytes) -> list[tuple[str, ...]]:  # type: ignore[no-untyped-def]
    return [row for frame in Columnar("f", format_, data).texts() for row in frame.iter_rows()]


@pytest.mark.parametrize("format_", ["parquet", "arrow"])
def test_each_type_becomes_the_text_that_the_rule_says(format_: str) -> None:
    assert rows_of(format_, WRITTEN[format_]) == TEXTS


@settings(max_examples=300, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_reads_back_as_itself(number: float) -> None:
    (text,) = text_of(pl.Series([number]))
    assert float(text) == number


def test_numbers_of_32_bits_are_spelled_by_their_own_width() -> None:
    numbers = [struct.unpack("f", random.Random(seed).randbytes(4))[0] for seed in range(500)]
    finite = [number for number in [*numbers, 0.1, 16777216.0] if math.isfinite(number)]
    column = pl.Series(finite, dtype=pl.Float32)
    texts = text_of(column)
    assert pl.Series([float(text) for text in texts]).cast(pl.Float32).to_list() == column.to_list()
    assert text_of(pl.Series([0.1], dtype=pl.Float32)).to_list() == ["0.1"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (-0.0, "0"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (-1.5e-9, "-1.5e-9"),
        (5e-324, "5e-324"),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
    ],
)
def test_odd_numbers_are_spelled_as_rfc_8785_does(number: float, text: str) -> None:
    assert text_of(pl.Series([number])).to_list() == [text]


@pytest.mark.parametrize(
    "values",
    [[datetime(2027, 1, 1)], [[1]], [{"a": 1}], [b"x"]],
    ids=["instant", "list", "structure", "bytes"],
)
def test_types_without_one_spelling_are_refused_by_name(values: list[object]) -> None:
    for format_, data in (
        ("parquet", parquet(pl.DataFrame({"odd": values}))),
        ("arrow", arrow(pl.DataFrame({"odd": values}))),
    ):
        with pytest.raises(ConfigurationError, match="odd"):
            Columnar("f", format_, data)  # type: ignore[arg-type]


def as_files(folder: Path, parts_: dict[str, pl.DataFrame], rule: SplitRule | None = None) -> Manifest:
    manifest = load_manifest(PATH, (folder / PATH).read_bytes())
    files = []
    for path, frame in parts_.items():
        end = path.rpartition(".")[2]
        data = {"parquet": parquet, "arrow": arrow}[end](frame) if end != "csv" else csv(frame)
        (folder / path).write_bytes(data)
        files.append(replace(manifest.files[0], path=path, size=len(data), digest=sha256(data)))
    return replace(manifest, files=tuple(files), split=rule or manifest.split)


def csv(frame: pl.DataFrame) -> bytes:
    return frame.write_csv().encode()


def hmda(folder: Path) -> pl.DataFrame:
    return pl.read_csv(folder / "data/hmda.csv", infer_schema_length=None)


@pytest.mark.parametrize("end", ["parquet", "arrow"])
def test_a_split_is_the_same_rows_in_any_format(end: str, folder: Path) -> None:
    # Texts that a CSV spells otherwise than the rule ("2.0") would be other rows: write the CSV by the rule, too.
    frame = hmda(folder)
    texts = pl.DataFrame([text_of(frame[name]) for name in frame.columns])
    rule = SplitRule("seeded", {"train": "0.5", "test": "0.5"}, 3)
    columnar = as_files(folder, {f"data/t.{end}": frame}, rule)
    plain = as_files(folder, {"data/t.csv": texts}, rule)
    for split in ("train", "test"):
        assert read_split(columnar, folder, split).rows == read_split(plain, folder, split).rows
    assert check_table(columnar, read_table(columnar, folder)) == []


def test_only_the_files_of_a_split_are_read_where_files_are_splits(folder: Path) -> None:
    frame = hmda(folder)
    rule = SplitRule("files", files={"train": ("data/a.parquet",), "test": ("data/b.arrow",)})
    manifest = as_files(folder, {"data/a.parquet": frame[:2000], "data/b.arrow": frame[2000:]}, rule)
    assert len(read_table(manifest, folder)) == 2380
    (folder / "data/a.parquet").unlink()
    assert len(read_split(manifest, folder, "test")) == 380


def test_another_header_is_refused(folder: Path) -> None:
    manifest = as_files(folder, {"data/t.parquet": hmda(folder).rename({"afam": "Afam"})})
    with pytest.raises(ConfigurationError, match="lacks afam and has Afam besides"):
        read_table(manifest, folder)


def test_a_declared_format_wins_over_the_name(folder: Path) -> None:
    manifest = as_files(folder, {"data/t.parquet": hmda(folder)})
    (folder / "data/t.parquet").rename(folder / "data/t.bin")
    file = replace(manifest.files[0], path="data/t.bin")
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_table(replace(manifest, files=(file,)), folder)
    assert len(read_table(replace(manifest, files=(replace(file, format="parquet"),)), folder)) == 2380


def test_a_manifest_can_be_drafted_from_a_parquet_file(folder: Path) -> None:
    drafted = draft_manifest(
        {"data/t.parquet": parquet(hmda(folder))},
        name="t",
        label="deny",
        split=SplitRule("seeded", {"all": "1"}),
    )
    assert b"data/t.parquet" in drafted.manifest
    assert b"pirat" in drafted.manifest


def test_a_csv_is_read_without_numpy_or_polars(folder: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from mlassay.manifest import load_manifest, read_table, check_table\n"
        f"m = load_manifest({PATH!r}, Path({PATH!r}).read_bytes()); check_table(m, read_table(m, Path('.')))\n"
        "assert not {'numpy', 'polars'} & set(sys.modules), sorted(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True)


def test_sizes_are_read_from_the_structure_alone() -> None:
    frame = pl.DataFrame({"a": range(5000), "b": ["text"] * 5000})
    data = parquet(frame, row_group_size=1000)
    found = parts("f", "parquet", io.BytesIO(data), len(data))
    assert [(part.rows, part.columns) for part in found] == [(1000, 2)] * 5
    assert all(part.unpacked > 8000 / 8 for part in found)
    data = arrow(frame, compression="zstd")
    assert parts("f", "arrow", io.BytesIO(data), len(data))[-1].unpacked > 40_000


@pytest.mark.parametrize(("format_", "write"), [("parquet", parquet), ("arrow", arrow)])
def test_a_bomb_is_refused_before_it_is_unpacked(format_, write, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    data = write(pl.DataFrame({"a": [0.0] * 200_000}), compression="zstd")
    assert len(rows_of(format_, data)) == 200_000  # the control
    monkeypatch.setattr(sizes, "PART_BYTES", 10)
    with pytest.raises(ConfigurationError, match="unpacks to"):
        Columnar("f", format_, data)
    monkeypatch.setattr(sizes, "PART_BYTES", 1 << 30)
    monkeypatch.setattr(sizes, "PART_CELLS", 1000)
    with pytest.raises(ConfigurationError, match="cells are read at once"):
        Columnar("f", format_, data)


def test_one_long_text_that_stands_for_many_rows_is_refused() -> None:
    data = parquet(pl.DataFrame({"a": ["x" * 60_000] * 10_000}), compression="zstd")
    assert len(data) < 100_000
    with pytest.raises(ConfigurationError, match="holds a text of 60,000 bytes"):
        list(Columnar("f", "parquet", data).texts())


def problems_of(format_, data: bytes) -> tuple[Problem, ...]:  # type: ignore[no-untyped-def]
    try:
        rows_of(format_, data)
    except ConfigurationError as error:
        return error.problems
    return ()


@pytest.mark.parametrize("format_", ["parquet", "arrow"])
def test_a_broken_file_gives_one_clear_error_or_is_read(
    format_: str, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = WRITTEN[format_]
    chance = random.Random(5)
    refused = 0
    for _ in range(400):
        data = bytearray(whole)
        if chance.random() < 0.3:
            del data[chance.randrange(len(data)) :]
        for _ in range(chance.randrange(1, 4)):
            if data:
                data[chance.randrange(len(data))] = chance.randrange(256)
        problems = problems_of(format_, bytes(data))
        assert [problem.path for problem in problems] in ([], ["f"])
        refused += len(problems)
    assert refused > 100
    assert "panicked" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "data", [b"", b"PAR1PAR1", b"ARROW1", b"PAR1" + b"\0" * 20 + b"\xff\xff\xff\x7fPAR1"]
)
@pytest.mark.parametrize("format_", ["parquet", "arrow"])
def test_other_bytes_are_refused(format_, data: bytes) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ConfigurationError, match="this is no"):
        Columnar("f", format_, data)
