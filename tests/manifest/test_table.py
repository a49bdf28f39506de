from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.manifest import (
    Manifest,
    SplitRule,
    Table,
    check_splits,
    check_table,
    load_manifest,
    read_split,
    read_table,
    reweigh,
    split_rows,
)

PATH = "data/applications.manifest.yaml"


def manifest_of(folder: Path) -> Manifest:
    return load_manifest(PATH, (folder / PATH).read_bytes())


def with_data(folder: Path, data: bytes) -> Manifest:
    """The manifest as it would be for other bytes."""
    manifest = manifest_of(folder)
    (folder / "data/hmda.csv").write_bytes(data)
    return replace(manifest, files=(replace(manifest.files[0], size=len(data), digest=sha256(data)),))


def test_the_templates_data_is_what_its_manifest_says(folder: Path) -> None:
    manifest = manifest_of(folder)
    table = read_table(manifest, folder)
    assert len(table) == 2380
    assert Counter(table.column("afam")) == {"no": 2041, "yes": 339}
    assert check_table(manifest, table) == []
    assert check_splits(manifest, table) == []


def test_strata_are_alike_in_both_splits(folder: Path) -> None:
    manifest = manifest_of(folder)
    train, test = (read_split(manifest, folder, split) for split in ("train", "test"))
    assert len(train) + len(test) == 2380
    assert not set(train.row_digests()) & set(test.row_digests())
    for column in ("deny", "afam"):
        assert abs(train.column(column).count("yes") - test.column(column).count("yes")) <= 3


def test_one_flipped_bit_names_the_file(folder: Path) -> None:
    manifest = manifest_of(folder)
    data = bytearray((folder / "data/hmda.csv").read_bytes())
    data[1000] ^= 1
    (folder / "data/hmda.csv").write_bytes(data)
    with pytest.raises(
        EvidenceError, match=r"data/hmda\.csv: the data is not what the manifest says: its digest"
    ):
        read_table(manifest, folder)


def test_a_longer_a_linked_and_a_missing_file_are_refused(folder: Path) -> None:
    manifest, path = manifest_of(folder), folder / "data/hmda.csv"
    with path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(EvidenceError, match="it has 159,654 bytes"):
        read_table(manifest, folder)
    path.rename(folder / "elsewhere.csv")
    with pytest.raises(ConfigurationError, match="is not there"):
        read_table(manifest, folder)
    path.symlink_to(folder / "elsewhere.csv")
    with pytest.raises(ConfigurationError, match="symbolic link"):
        read_table(manifest, folder)


def test_an_unknown_split_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="no split 'tset'"):
        read_split(manifest_of(folder), folder, "tset")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("deny,pirat", "deny,Pirat", 1), "lacks pirat and has Pirat besides"),
        (lambda text: text.replace("deny,pirat", "pirat,deny", 1), "another order"),
        (lambda text: text + "no,1\n", "2 fields"),
        (lambda text: text + '"no,1\n', "not CSV"),
        (lambda text: text + "no\udcff\n", "not UTF-8"),
    ],
)
def test_a_file_that_is_another_table_is_refused(change, words: str, folder: Path) -> None:  # type: ignore[no-untyped-def]
    data = change((folder / "data/hmda.csv").read_text()).encode("utf-8", "surrogateescape")
    with pytest.raises(ConfigurationError, match=words):
        read_table(with_data(folder, data), folder)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("no,0.265,", "no,9.265,", "'pirat' is more than 3 in 1 row (2)"),
        ("no,0.265,", "no,nan,", "'pirat' is no number in 1 row (2)"),
        ("no,0.265,", "no,,", "'pirat' is missing in 1 row (2)"),
        ("no,0.265,", "maybe,0.265,", "'deny' is none of the declared values in 1 row (2)"),
        (",0.921875,2,2,", ",0.921875,2.5,2,", "'chist' is no whole number in 1 row (2)"),
    ],
)
def test_a_value_that_was_not_declared_is_named_with_its_row(
    old: str, new: str, words: str, folder: Path
) -> None:
    text = (folder / "data/hmda.csv").read_text()
    assert old in text
    manifest = with_data(folder, text.replace(old, new, 1).encode())
    assert [problem.what for problem in check_table(manifest, read_table(manifest, folder))] == [words]


def test_many_bad_rows_are_counted_not_listed(folder: Path) -> None:
    text = (folder / "data/hmda.csv").read_text().replace("\nno,", "\nNO,")
    manifest = with_data(folder, text.encode())
    (problem,) = check_table(manifest, read_table(manifest, folder))
    assert "in 2,095 rows (1, 2, 3, 4, 5, …)" in problem.what


def test_a_row_in_two_splits_is_found_when_files_are_splits(folder: Path) -> None:
    manifest = manifest_of(folder)
    rows = (folder / "data/hmda.csv").read_text().splitlines()
    parts = {"data/a.csv": rows[:1001], "data/b.csv": [rows[0], *rows[1001:], rows[7]]}
    files = []
    for path, lines in parts.items():
        data = ("\n".join(lines) + "\n").encode()
        (folder / path).write_bytes(data)
        files.append(replace(manifest.files[0], path=path, size=len(data), digest=sha256(data)))
    rule = SplitRule("files", files={"train": ("data/a.csv",), "test": ("data/b.csv",)})
    manifest = replace(manifest, files=tuple(files), split=rule)
    table = read_table(manifest, folder)
    assert {split: len(numbers) for split, numbers in split_rows(manifest, table).items()} == {
        "train": 1000,
        "test": 1381,
    }
    (problem,) = check_splits(manifest, table)
    assert "share" in problem.what
    assert "row 7 is row 2381" in problem.what


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8)


@given(st.lists(st.tuples(CELL, CELL), max_size=10))
def test_csv_is_read_back_the_same(rows: list[tuple[str, str]]) -> None:
    table = Table(("a", "b"), rows)
    assert list(csv.reader(io.StringIO(table.to_csv().decode(), newline=""))) == [
        ["a", "b"],
        *map(list, rows),
    ]


def test_columns_come_and_go() -> None:
    table = Table(("a", "b"), [("1", "x"), ("2", "y")])
    assert table.without(["b", "nothing"]) == Table(("a",), [("1",), ("2",)])
    assert table.with_column("w", ["7", "8"]).to_csv() == b"a,b,w\n1,x,7\n2,y,8\n"
    with pytest.raises(ValueError):
        table.with_column("a", ["7", "8"])
    with pytest.raises(ValueError):
        table.with_column("w", ["7"])
    with pytest.raises(KeyError):
        table.column("nothing")


def test_weights_make_groups_and_labels_independent(folder: Path) -> None:
    table = read_table(manifest_of(folder), folder)
    weights = reweigh(table, ["afam"], "deny")
    total: Counter[tuple[str, str]] = Counter()
    for group, label, weight in zip(table.column("afam"), table.column("deny"), weights, strict=True):
        total[group, label] += float(weight)  # type: ignore[assignment]
    rates = {
        group: total[group, "yes"] / (total[group, "yes"] + total[group, "no"]) for group in ("no", "yes")
    }
    assert rates["no"] == pytest.approx(rates["yes"], abs=1e-6)
    assert sum(total.values()) == pytest.approx(2380, abs=1e-4)


def test_weights_are_those_of_kamiran_and_calders_by_hand() -> None:
    table = Table(("g", "y"), [("a", "1"), ("a", "1"), ("a", "0"), ("b", "0")])
    # P(a) P(1) / P(a, 1) = 3/4 * 2/4 / (2/4); P(a) P(0) / P(a, 0) = 3/4 * 2/4 / (1/4); P(b) P(0) / P(b, 0)
    assert reweigh(table, ["g"], "y") == ["0.750000000", "0.750000000", "1.500000000", "0.500000000"]
