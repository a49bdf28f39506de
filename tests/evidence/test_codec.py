from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay.digest import canonical
from mlassay.errors import EvidenceError
from mlassay.evidence.codec import read_report, read_verdict, report_json, verdict_json
from mlassay.evidence.verdict import Finding, GateReport, Outcome, Verdict

texts, outcomes = st.text(), st.sampled_from(Outcome)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
    max_leaves=5,
)
findings = st.builds(
    Finding,
    id=texts,
    outcome=outcomes,
    what=texts,
    why=texts,
    remedy=texts,
    path=texts,
    line=st.none() | st.integers(1),
    numbers=st.dictionaries(texts, texts | st.integers()),
)
reports = st.builds(
    GateReport,
    gate=texts,
    outcome=outcomes,
    summary=texts,
    criteria=st.dictionaries(texts, plain),
    measured=st.dictionaries(texts, plain),
    findings=st.lists(findings, max_size=3).map(tuple),
    not_looked_at=st.lists(texts, max_size=3).map(tuple),
    self_reported=st.booleans(),
)
verdicts = st.builds(
    Verdict,
    model_name=texts,
    outcome=outcomes,
    inputs=st.dictionaries(texts, texts),
    gates=st.lists(reports, max_size=3, unique_by=lambda report: report.gate).map(tuple),
    risk=st.dictionaries(texts, plain),
    objective=texts,
)

REPORT = GateReport(
    "bias", Outcome.FAILED, "s", {}, {}, (Finding("bias.x", Outcome.FAILED, "w", "y", "r"),), ()
)
VERDICT = Verdict("m", Outcome.FAILED, {"model": "sha256:1"}, (REPORT,), {}, "o")


@given(reports)
def test_reports_read_back_the_same(report):
    assert read_report(report_json(report), "x") == report


@given(verdicts)
def test_verdicts_read_back_the_same(verdict):
    assert read_verdict(verdict_json(verdict), "x") == verdict


@given(st.binary(max_size=300) | plain.map(canonical))
def test_anything_else_is_refused_and_never_crashes(data):
    for read in (read_report, read_verdict):
        with pytest.raises(EvidenceError) as caught:
            read(data, "verdict.json")
        assert caught.value.problems[0].path == "verdict.json"


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v | {"version": 2},
        lambda v: v | {"extra": 1},
        lambda v: v | {"outcome": "fine"},
        lambda v: v | {"outcome": ["passed"]},
        lambda v: v | {"inputs": {"model": 1}},
        lambda v: v | {"gates": v["gates"] * 2},
        lambda v: v | {"gates": [v["gates"][0] | {"self_reported": 0}]},
        lambda v: (
            v | {"gates": [v["gates"][0] | {"findings": [v["gates"][0]["findings"][0] | {"line": True}]}]}
        ),
        lambda v: (
            v
            | {
                "gates": [
                    v["gates"][0] | {"findings": [v["gates"][0]["findings"][0] | {"numbers": {"n": True}}]}
                ]
            }
        ),
        lambda v: {k: x for k, x in v.items() if k != "risk"},
    ],
)
def test_a_verdict_of_another_shape_is_refused(change):
    value = json.loads(verdict_json(VERDICT))
    assert read_verdict(canonical(value), "x") == VERDICT  # the control
    with pytest.raises(EvidenceError):
        read_verdict(canonical(change(value)), "x")


def test_a_float_left_in_a_report_is_a_bug_and_not_a_number():
    report = GateReport("bias", Outcome.PASSED, "s", {}, {"ratio": 0.8}, (), ())
    with pytest.raises(TypeError, match="decimal string"):
        report_json(report)
