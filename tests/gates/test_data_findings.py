"""Groups, near copies, forbidden columns, columns without use, constant columns, odd formats: each is named."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl
import pytest

from mlassay.config import Train
from mlassay.digest import canonical, sha256
from mlassay.evidence.verdict import Outcome
from mlassay.gates.data import DataGate
from mlassay.manifest import Column, DataFile, PersonalData
from tests.gates.subjects import NUMBERS, REST, finding, manifest, rows, subject


def held(tmp_path, parts=None, columns=(*NUMBERS, *REST), gates=None, personal=None, **changes):
    """A subject over these rows, columns and criteria of the data gate."""
    root = tmp_path / "root"
    root.mkdir(exist_ok=True)
    made = manifest(root, columns, parts or {"train": rows(seed=1), "test": rows(seed=2)})
    made = replace(made, personal_data=personal)
    return subject(tmp_path, manifests={"data": made}, gates={"data": gates or {}}, **changes)


def test_groups_that_are_large_enough_pass_and_small_ones_are_named(tmp_path):
    fine = DataGate().test(held(tmp_path, gates={"group_rows": {"min": 50}}))
    assert finding(fine, "data.group_rows.data.training").outcome is Outcome.PASSED
    test = [row for row in rows(seed=2) if row[3] == "x" or float(row[0]) > 1.5]
    report = DataGate().test(
        held(tmp_path, {"train": rows(seed=1), "test": test}, gates={"group_rows": {"min": 50}})
    )
    found = finding(report, "data.group_rows.data.evaluation")
    assert found.outcome is Outcome.FAILED
    assert "group=y " in found.what
    assert int(found.numbers["rows_to_settle"]) == 50 - int(found.numbers["smallest"])
    assert finding(report, "data.group_rows.data.training").outcome is Outcome.PASSED


def test_a_combination_that_nobody_has_is_too_small(tmp_path):
    region = Column("region", "category", "ignored", "before", values=("n", "s"))
    parts = {
        split: [(*row[:4], "n" if row[3] == "x" else "s", row[4]) for row in rows(seed=seed)]
        for seed, split in ((1, "train"), (2, "test"))
    }
    made = held(tmp_path, parts, (*NUMBERS, REST[0], region, REST[1]), {"group_rows": {"min": 1}})
    plan = replace(made.plan, policy=replace(made.plan.policy, sensitive=("group", "region")))
    report = DataGate().test(replace(made, plan=plan))
    assert "group=x & region=s 0" in finding(report, "data.group_rows.data.training").what


def test_rows_all_of_one_group_are_named(tmp_path):
    test = [(*row[:3], "x", row[4]) for row in rows(seed=2)]
    report = DataGate().test(held(tmp_path, {"train": rows(seed=1), "test": test}))
    assert finding(report, "data.one_group.data.group").outcome is Outcome.INCONCLUSIVE


def test_rows_that_few_share_quasi_identifiers_with(tmp_path):
    personal = PersonalData("consent", date(2030, 1, 1), ("n", "group"))
    report = DataGate().test(held(tmp_path, gates={"smallest_group": {"min": 3}}, personal=personal))
    assert finding(report, "data.smallest_group.data").outcome is Outcome.PASSED
    odd = [(*rows(seed=1)[0][:2], "10", "x", "yes")]
    train = [row for row in rows(seed=1) if row[2] != "10"] + odd
    test = [row for row in rows(seed=2) if row[2] != "10"]
    report = DataGate().test(
        held(
            tmp_path, {"train": train, "test": test}, gates={"smallest_group": {"min": 3}}, personal=personal
        )
    )
    found = finding(report, "data.smallest_group.data")
    assert found.outcome is Outcome.FAILED
    assert found.numbers["smallest"] == 1
    assert found.numbers["rows_in_smaller"] == 1
    assert report.measured["data"]["data"]["smallest_group"] == 1


def test_personal_data_without_quasi_identifiers_is_inconclusive_where_asked(tmp_path):
    personal = PersonalData("consent", date(2030, 1, 1))
    report = DataGate().test(held(tmp_path, gates={"smallest_group": {"min": 3}}, personal=personal))
    assert finding(report, "data.smallest_group.data").outcome is Outcome.INCONCLUSIVE


def test_near_copies_are_found_and_others_are_not(tmp_path):
    gates = {"near_duplicates": {"max": 0.01}}
    train, test = rows(seed=1), rows(seed=2)
    clean = DataGate().test(held(tmp_path, gates=gates))
    assert finding(clean, "data.near_duplicates.data").outcome is Outcome.PASSED
    one = [(*row[:1], "3.9876", *row[2:]) for row in test[:3]]
    rounded = [(f"{float(row[0]) + 1e-7:.7f}", *row[1:]) for row in test[10:14]]
    report = DataGate().test(held(tmp_path, {"train": [*train, *one, *rounded], "test": test}, gates=gates))
    found = finding(report, "data.near_duplicates.data")
    assert found.outcome is Outcome.FAILED
    assert found.numbers["rows"] == 7
    assert "first: row 1, 2, 3, 11, 12, …" in found.what
    assert finding(report, "data.splits.data").outcome is Outcome.PASSED


def test_exact_copies_are_not_counted_as_near_ones(tmp_path):
    gates = {"near_duplicates": {"max": 0.0}}
    test = rows(seed=2)
    report = DataGate().test(held(tmp_path, {"train": [*rows(seed=1), *test[:5]], "test": test}, gates=gates))
    assert finding(report, "data.near_duplicates.data").outcome is Outcome.PASSED
    assert finding(report, "data.splits.data").outcome is Outcome.FAILED


def test_a_forbidden_column_may_not_be_seen(tmp_path):
    gates = {"forbidden": {"columns": ["a", "group", "elsewhere"]}}
    report = DataGate().test(held(tmp_path, gates=gates))
    assert "an input of the model" in finding(report, "data.forbidden.a").what
    assert "given to training" in finding(report, "data.forbidden.group").what
    assert finding(report, "data.forbidden.elsewhere").outcome is Outcome.PASSED
    train = Train("true", (), ("data/train",), withhold=("a", "group"))
    repaired = DataGate().test(held(tmp_path, gates=gates, train=train))
    assert finding(repaired, "data.forbidden.a").outcome is Outcome.PASSED
    assert finding(repaired, "data.forbidden.group").outcome is Outcome.PASSED


def test_an_input_that_is_known_only_afterwards_fails(tmp_path):
    late = replace(NUMBERS[0], available_at="after")
    report = DataGate().test(held(tmp_path, columns=(late, *NUMBERS[1:], *REST)))
    assert finding(report, "data.known_after").outcome is Outcome.FAILED


def test_columns_that_nothing_uses_are_listed(tmp_path):
    extra = Column("colour", "category", "ignored", "before", values=("red", "blue"))
    parts = {
        split: [(*row, "red" if n % 2 else "blue") for n, row in enumerate(rows(seed=seed))]
        for seed, split in ((1, "train"), (2, "test"))
    }
    report = DataGate().test(held(tmp_path, parts, (*NUMBERS, *REST, extra)))
    assert report.measured["data"]["data"]["not_used"] == ["colour"]


def test_a_constant_column_is_named(tmp_path):
    train = [(row[0], "1", *row[2:]) for row in rows(seed=1)]
    report = DataGate().test(held(tmp_path, {"train": train, "test": rows(seed=2)}))
    assert finding(report, "data.constant.data.b").outcome is Outcome.INCONCLUSIVE


def test_no_rows_at_all_fail(tmp_path):
    report = DataGate().test(held(tmp_path, {"train": rows(seed=1), "test": []}))
    assert report.outcome is Outcome.FAILED
    assert "has no rows" in finding(report, "data.splits.data").what
    assert finding(report, "data.label.label").outcome is Outcome.FAILED


def as_files(made, end, change=lambda frame: frame):
    """The same subject with each file in another format."""
    files = []
    old = made.plan.manifests["data"]
    for file in old.files:
        path = file.path.replace(".csv", f".{end}")
        frame = change(pl.read_csv(made.root / file.path))
        write = frame.write_parquet if end == "parquet" else frame.write_ipc
        write(made.root / path)
        data = (made.root / path).read_bytes()
        files.append(DataFile(path, len(data), sha256(data)))
    split = replace(old.split, files={"train": (files[0].path,), "test": (files[1].path,)})
    known = {"data": replace(old, files=tuple(files), split=split)}
    return replace(made, plan=replace(made.plan, manifests=known))


@pytest.mark.parametrize("end", ["parquet", "arrow"])
def test_parquet_and_arrow_give_the_report_that_the_csv_gives(tmp_path, end):
    gates = {"near_duplicates": {"max": 0.5}, "group_rows": {"min": 30}}
    made = held(tmp_path, gates=gates)
    first, second = DataGate().test(made), DataGate().test(as_files(made, end))
    assert canonical(dict(first.measured)) == canonical(dict(second.measured))
    assert first.findings == second.findings


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_in_a_parquet_file_fail(tmp_path, odd):
    def spoilt(frame):
        first = pl.when(pl.int_range(pl.len()) == 3).then(odd).otherwise(pl.col("a"))
        return frame.with_columns(first.alias("a"))

    report = DataGate().test(as_files(held(tmp_path), "parquet", spoilt))
    assert finding(report, "data.columns.data").what == "'a' is no number in 2 rows (4, 204)"


def test_a_parquet_file_that_is_none_is_a_finding(tmp_path):
    made = as_files(held(tmp_path), "parquet")
    old = made.plan.manifests["data"]
    (made.root / old.files[1].path).write_bytes(b"PAR1 nothing PAR1")
    bad = replace(old.files[1], size=17, digest=sha256(b"PAR1 nothing PAR1"))
    known = {"data": replace(old, files=(old.files[0], bad))}
    report = DataGate().test(replace(made, plan=replace(made.plan, manifests=known)))
    assert "no Parquet file" in finding(report, "data.files.data").what
    assert report.outcome is Outcome.FAILED


def test_columns_may_be_called_what_tables_call_their_own(tmp_path):
    names = ("count", "len", "row", "literal", "index")
    old = (*NUMBERS, *REST)
    columns = tuple(replace(column, name=name) for column, name in zip(old, names, strict=True))
    made = held(tmp_path, columns=columns, gates={"near_duplicates": {"max": 0.5}, "group_rows": {"min": 30}})
    config = replace(made.plan.config, evaluate=replace(made.plan.config.evaluate, label="index"))
    policy = replace(made.plan.policy, sensitive=("literal",))
    report = DataGate().test(replace(made, plan=replace(made.plan, config=config, policy=policy)))
    assert report.outcome is Outcome.PASSED
    assert finding(report, "data.label.index").outcome is Outcome.PASSED
    assert finding(report, "data.group_rows.data.training").outcome is Outcome.PASSED
