"""The load gate holds budgets and keeps times out of its report, so that a verdict stays the same."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx import helper

from mlassay.evidence.codec import report_json
from mlassay.evidence.verdict import Outcome
from mlassay.gates import load
from mlassay.gates.load import TIMED, LoadGate, Round, outcome_of
from tests.gates.subjects import finding, rows, subject
from tests.model.models import floats, linear, model

LOOSE = {
    **{name: {"max": 1e6} for name in TIMED if name != "rows_per_second"},
    "rows_per_second": {"min": 0.001},
    "model_bytes": {"max": 10_000},
}
TIGHT = {
    **{name: {"max": 1e-9} for name in TIMED if name not in ("rows_per_second", "memory_mb")},
    "rows_per_second": {"min": 1e12},
    "model_bytes": {"max": 10},
}
DATA = {"train": rows(60, seed=1), "test": rows(40, seed=2)}


def heavy(width=1500):
    """A model that takes some megabytes: two wide layers."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(3, width)), rng.normal(size=(width, width))
    nodes = [
        helper.make_node("MatMul", ["X", "A"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "B"], ["s"]),
        helper.make_node("ReduceMean", ["s"], ["m"], axes=[1], keepdims=1),
        helper.make_node("Sigmoid", ["m"], ["probabilities"]),
    ]
    return model(nodes, initialisers=[floats("A", first), floats("B", second)])


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(load, "CALLS", 12)


def judged(folder, criteria, proto=None):
    folder.mkdir()
    said = []
    made = replace(
        subject(folder, proto or linear(), gates={"load": criteria}, data=DATA), progress=said.append
    )
    report = LoadGate().test(made)
    return report, report_json(report), said


@pytest.mark.usefixtures("quick")
def test_wide_budgets_pass_and_impossible_ones_fail(tmp_path):
    good, bytes_, said = judged(tmp_path / "a", LOOSE)
    assert good.outcome is Outcome.PASSED, good.findings
    assert {f.id for f in good.findings} == {f"load.{name}" for name in LOOSE}
    assert "latency_p95_ms" in said[0], "the times are told to those who look on"
    assert judged(tmp_path / "b", LOOSE)[1] == bytes_, "and are no part of the report"
    bad, _, _ = judged(tmp_path / "c", TIGHT)
    assert {f.outcome for f in bad.findings} == {Outcome.FAILED}
    assert all(f.remedy for f in bad.findings)


@pytest.mark.usefixtures("quick")
def test_memory_is_what_the_model_adds(tmp_path):
    """9 MB of weights, held several times while they are read, against none; the interpreter and ONNX Runtime itself do not count."""
    criteria = {"memory_mb": {"max": 40}}
    assert judged(tmp_path / "small", criteria)[0].outcome is Outcome.PASSED
    assert judged(tmp_path / "large", criteria, heavy())[0].outcome is Outcome.FAILED


def test_a_budget_that_some_rounds_keep_is_inconclusive():
    rounds = [Round.of([1.0] * 20, [2.0] * 20, 1.0), Round.of([3.0] * 20, [2.0] * 20, 1.0)]
    assert outcome_of(rounds, "latency_p95_ms", {"max": 2.0}) is Outcome.INCONCLUSIVE
    assert outcome_of(rounds, "latency_p95_ms", {"max": 3.0}) is Outcome.PASSED
    assert outcome_of(rounds, "latency_p95_ms", {"max": 0.9}) is Outcome.FAILED
    assert outcome_of(rounds, "rows_per_second", {"min": 32_000.0}) is Outcome.PASSED
    nothing = [replace(each, values={**each.values, "latency_p95_ms": float("nan")}) for each in rounds]
    assert outcome_of(nothing, "latency_p95_ms", {"max": 1e9}) is Outcome.FAILED


def test_what_takes_too_long_is_inconclusive(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "SECONDS", 0.01)
    report, _, _ = judged(tmp_path / "a", {"latency_p95_ms": {"max": 5}})
    told = finding(report, "load.latency_p95_ms")
    assert told.outcome is Outcome.INCONCLUSIVE
    assert "longer than" in told.what


def test_only_a_size_needs_no_measurement(tmp_path, monkeypatch):
    monkeypatch.setattr(load, "SECONDS", 0)
    report, _, said = judged(tmp_path / "a", {"model_bytes": {"max": 10_000}})
    assert report.outcome is Outcome.PASSED
    assert said == []


def test_no_budget_is_said(tmp_path):
    assert (
        finding(judged(tmp_path / "a", {"rationale": "none"})[0], "load.budgets").outcome
        is Outcome.INCONCLUSIVE
    )
