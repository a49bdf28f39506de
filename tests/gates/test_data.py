"""The data gate reads every file again and finds what its manifest does not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from mlassay.config import Train
from mlassay.config.types import Weigh
from mlassay.digest import canonical
from mlassay.evidence.verdict import Outcome
from mlassay.gates.data import DataGate
from mlassay.manifest import Column, SpecialCategories
from tests.gates.subjects import NUMBERS, REST, finding, manifest, rows, subject


def parts(train=None, test=None):
    return {"train": train or rows(seed=1), "test": test or rows(seed=2)}


def changed(row, at, text):
    return (*row[:at], text, *row[at + 1 :])


def test_data_that_is_what_its_manifest_says_passes(tmp_path):
    report = DataGate().test(subject(tmp_path))
    assert report.outcome is Outcome.PASSED
    assert report.measured["data"]["data"]["splits"] == {"train": 200, "test": 200}
    assert any("drift" in text for text in report.not_looked_at)
    canonical(dict(report.measured))


def test_a_file_with_another_digest_fails_and_is_named(tmp_path):
    made = subject(tmp_path)
    path = made.root / "data" / "data-test.csv"
    path.write_bytes(path.read_bytes().replace(b",x,", b",y,", 1))
    report = DataGate().test(made)
    assert report.outcome is Outcome.FAILED
    assert finding(report, "data.files.data").path == "data/data-test.csv"


def test_a_file_that_is_gone_fails(tmp_path):
    made = subject(tmp_path)
    (made.root / "data" / "data-train.csv").unlink()
    assert finding(DataGate().test(made), "data.files.data").outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("at", "text", "says"),
    [
        (0, "99", "more than 4"),
        (0, "many", "no number"),
        (2, "1.5", "no whole number"),
        (3, "z", "none of the declared"),
        (1, "", "missing"),
        (0, "nan", "no number"),
    ],
)
def test_a_value_that_is_not_declared_fails(tmp_path, at, text, says):
    test = rows(seed=2)
    test[7] = changed(test[7], at, text)
    report = DataGate().test(subject(tmp_path, data=parts(test=test)))
    assert says in finding(report, "data.columns.data").what
    assert report.outcome is Outcome.FAILED


def test_a_row_in_two_splits_fails(tmp_path):
    train, test = rows(seed=1), rows(seed=2)
    report = DataGate().test(subject(tmp_path, data=parts([*train, test[3]], test)))
    assert finding(report, "data.splits.data").outcome is Outcome.FAILED


def other(made, extra):
    more = manifest(made.root, (*NUMBERS, *REST), {"all": [*rows(seed=9), *extra]}, name="more")
    plan = made.plan
    config = replace(plan.config, train=Train("true", (), ("data/train", "more/all")))
    known = {**plan.manifests, "more": more}
    return replace(made, plan=replace(plan, manifests=known, config=config))


def test_evaluation_rows_in_another_data_set_that_training_sees_fail(tmp_path):
    made = subject(tmp_path)
    clean = DataGate().test(other(made, []))
    assert finding(clean, "data.overlap.more").outcome is Outcome.PASSED
    leaked = DataGate().test(other(made, rows(seed=2)[:4]))
    assert finding(leaked, "data.overlap.more").outcome is Outcome.FAILED
    assert finding(leaked, "data.overlap.more").numbers == {"rows": 4}


def test_training_on_the_evaluation_split_fails(tmp_path):
    made = subject(tmp_path, train=Train("true", (), ("data/train", "data/test")))
    assert finding(DataGate().test(made), "data.trained_on_test").outcome is Outcome.FAILED


def test_evaluation_rows_of_one_label_only_fail(tmp_path):
    test = [changed(r, 4, "no") for r in rows(seed=2)]
    report = DataGate().test(subject(tmp_path, data=parts(test=test)))
    assert finding(report, "data.label.label").outcome is Outcome.FAILED


def special(tmp_path, uses, *, role="ignored", **train):
    tmp_path.mkdir(exist_ok=True)
    root = tmp_path / "root"
    root.mkdir(exist_ok=True)
    held = SpecialCategories(("group",), "a test", tuple(uses), date(2030, 1, 1))
    columns = (*NUMBERS, Column("group", "category", role, "before", values=("x", "y")), REST[1])
    known = {"data": manifest(root, columns, parts(), special=held)}
    return subject(tmp_path, manifests=known, train=Train("true", (), ("data/train",), **train))


def test_a_special_category_used_as_allowed_passes(tmp_path):
    report = DataGate().test(special(tmp_path, ["test"], withhold=("group",)))
    assert finding(report, "data.special_categories.data").outcome is Outcome.PASSED
    assert report.outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("uses", "train", "refused"),
    [
        (["train"], {}, "test"),
        (["test"], {}, "train"),
        (["test"], {"withhold": ("group",), "weigh": Weigh(("group",))}, "weigh"),
    ],
    ids=["test", "train", "weigh"],
)
def test_a_special_category_used_otherwise_fails(tmp_path, uses, train, refused):
    report = DataGate().test(special(tmp_path, uses, role="feature", **train))
    assert finding(report, f"data.special_categories.data.{refused}").outcome is Outcome.FAILED
