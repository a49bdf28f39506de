"""Drift is told from the profile that the live release's report holds, and chance alone is no drift."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from mlassay.digest import canonical
from mlassay.evidence import report_json
from mlassay.evidence.verdict import Outcome
from mlassay.gates.data import DataGate
from mlassay.gates.data_profile import Cells, Profile, compared, counts_of
from mlassay.manifest import Column
from tests.gates.subjects import NUMBERS, REST, finding, manifest, rows, subject


def moved(given, by=0.0, labels=0.0, seed=5):
    """Rows whose first column lies ``by`` further, and of which a share has been relabelled yes."""
    generator = np.random.default_rng(seed)
    return [
        (
            str(round(min(float(row[0]) + by, 4.0), 4)),
            *row[1:-1],
            "yes" if generator.random() < labels else row[-1],
        )
        for row in given
    ]


def against(tmp_path, train, gates=None, *, before=None, columns=None):
    """The report of a release trained on ``train`` while one trained on ``before`` is live."""
    live = tmp_path / "live"
    (live / "gates").mkdir(parents=True)
    old = subject(tmp_path / "old", data={"train": before or rows(2000, seed=1), "test": rows(seed=2)})
    (live / "gates/data.json").write_bytes(report_json(DataGate().test(old)))
    manifests = None
    if columns:
        (tmp_path / "new/root").mkdir(parents=True)
        held = manifest(tmp_path / "new/root", columns, {"train": train, "test": rows(seed=2)})
        manifests = {"data": held}
    made = subject(
        tmp_path / "new", gates=gates, data={"train": train, "test": rows(seed=2)}, manifests=manifests
    )
    return DataGate().test(replace(made, live=live / "model.onnx"))


@pytest.fixture(autouse=True)
def _folders(tmp_path):
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()


EVERY = {"data": {"drift": {"max": 0.25}, "drift_ks": {"max": 0.2}, "label_shift": {"max": 0.1}}}


def test_the_same_rows_have_not_moved(tmp_path):
    report = against(tmp_path, rows(2000, seed=1), EVERY)
    for rule in ("drift", "drift_ks", "label_shift"):
        assert finding(report, f"data.{rule}.data").outcome is Outcome.PASSED
    assert report.outcome is Outcome.PASSED


def test_other_rows_of_the_same_kind_have_not_moved(tmp_path):
    report = against(tmp_path, rows(2000, seed=9), EVERY)
    assert report.outcome is Outcome.PASSED
    canonical(dict(report.measured))


def test_few_other_rows_of_the_same_kind_are_within_chance(tmp_path):
    report = against(tmp_path, rows(40, seed=9), before=rows(40, seed=1))
    assert float(finding(report, "data.drift.data").numbers["psi"]) > 0.25
    assert finding(report, "data.drift.data").outcome is Outcome.PASSED


def test_rows_that_have_moved_fail_and_the_column_is_named(tmp_path):
    report = against(tmp_path, moved(rows(2000, seed=9), by=1.0), EVERY)
    found = finding(report, "data.drift.data")
    assert found.outcome is Outcome.FAILED
    assert "PSI over 0.2500 and over chance): a " in found.what
    assert finding(report, "data.drift_ks.data").outcome is Outcome.FAILED
    assert "distribution of a in" in finding(report, "data.drift_ks.data").what


def test_rows_that_have_moved_a_little_wait_for_people(tmp_path):
    report = against(tmp_path, moved(rows(2000, seed=9), by=0.38))
    assert finding(report, "data.drift.data").outcome is Outcome.INCONCLUSIVE


def test_labels_that_have_become_more_common_fail(tmp_path):
    report = against(tmp_path, moved(rows(2000, seed=9), labels=0.5), EVERY)
    found = finding(report, "data.label_shift.data")
    assert found.outcome is Outcome.FAILED
    assert float(found.numbers["lower"]) > 0.1


def test_other_cells_are_inconclusive_only_where_a_criterion_asks(tmp_path):
    columns = (*(replace(c, minimum=-5.0) for c in NUMBERS[:2]), replace(NUMBERS[2], minimum=-1.0))
    rest = tuple(replace(c, values=(*c.values, "other")) for c in REST[:1])
    report = against(tmp_path, rows(2000, seed=1), columns=(*columns, *rest, REST[1]))
    assert report.measured["data"]["data"]["drift"]["other_cells"] == ["a", "b", "n", "group"]
    assert finding(report, "data.drift.data").outcome is Outcome.PASSED  # of the label, which kept its values


@pytest.mark.parametrize("text", ["", "{", "[]", '{"measured": {"data": 3}}', '{"measured": {"data": {"data": {"profile": {"columns": {"a": 1}, "rows": "x"}}}}}'])  # fmt: skip
def test_a_live_release_without_a_profile_is_said(tmp_path, text):
    live = tmp_path / "live"
    (live / "gates").mkdir(parents=True)
    if text:
        (live / "gates/data.json").write_text(text)
    quiet = replace(subject(tmp_path / "new"), live=live / "model.onnx")
    assert DataGate().test(quiet).outcome is Outcome.PASSED
    asked = replace(subject(tmp_path / "new", gates=EVERY), live=live / "model.onnx")
    assert finding(DataGate().test(asked), "data.drift.data").outcome is Outcome.INCONCLUSIVE


def test_while_nothing_is_live_nothing_has_drifted(tmp_path):
    report = DataGate().test(subject(tmp_path / "new", gates=EVERY))
    assert finding(report, "data.drift.data").outcome is Outcome.PASSED
    assert any("no release is live" in text for text in report.not_looked_at)


def test_a_profile_holds_counts_over_declared_cells_and_no_value(tmp_path):
    made = DataGate().test(subject(tmp_path / "new"))
    profile = made.measured["data"]["data"]["profile"]
    assert profile["rows"] == 200
    counts = [int(n) for n in profile["columns"]["a"]["counts"].split()]
    assert (len(counts), sum(counts)) == (53, 200)
    assert profile["columns"]["group"]["cells"].startswith("2 values ")
    assert len(json.dumps(profile)) < 1500


def test_cells_hold_borders_missing_values_and_what_lies_outside():
    cells = Cells.of(Column("a", "number", "feature", "before", 0.0, 1.0))
    assert cells is not None
    values = pl.Series([0.0, 1.0, -0.1, 1.1, None, 0.02, float("nan"), 0.5])
    counts = cells.count(values)
    assert counts[[0, 1, 2, 26, 50, 51, 52]].tolist() == [1, 1, 1, 1, 1, 1, 2]
    assert (cells.count(pl.Series([str(v) if v is not None else "" for v in values])) == counts).all()
    whole = Cells.of(Column("n", "integer", "feature", "before", 1.0, 4.0))
    assert whole is not None
    assert whole.count(pl.Series([1, 4, 4, 0, 9, None])).tolist() == [1, 1, 0, 0, 2, 1, 1]
    assert Cells.of(Column("a", "number", "feature", "before")) is None
    assert Cells.of(Column("a", "number", "feature", "before", 3.0, 3.0)) is None


def test_counts_that_are_not_of_these_cells_are_not_read():
    cells = Cells.of(Column("g", "category", "feature", "before", values=("x", "y")))
    assert cells is not None
    good = {"cells": cells.name, "counts": "1 2 0 0"}
    assert counts_of(good, cells) is not None
    for bad in ({}, None, {**good, "cells": "3"}, {**good, "counts": "1 2 0"}, {**good, "counts": "1 2 0 -1"}, {**good, "counts": "1 2 0 ²"}):  # fmt: skip
        assert counts_of(bad, cells) is None


def test_ten_thousand_columns_have_a_profile_of_the_first_five_hundred(tmp_path):
    columns = tuple(Column(f"c{n}", "number", "feature", "before", 0.0, 1.0) for n in range(10_000))
    held = type("M", (), {"columns": columns})
    profile = Profile(held)  # type: ignore[arg-type]
    assert (len(profile.cells), profile.left_out) == (500, 9500)
    assert compared(profile, {"columns": {}})[0] == []
