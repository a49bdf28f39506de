"""JUnit XML of a verdict: the form that CI pages read, and hostile text inert in it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from mlassay.evidence import GateReport, Outcome
from mlassay.render.junit import junit
from tests.render import verdicts


def suites(verdict):
    return {suite.get("name"): suite for suite in ET.fromstring(junit(verdict).encode())}


def shaped(suite):
    """What the schema that Jenkins publishes asks of a suite: names, counts that add up, known children in known places."""
    cases = list(suite)
    assert {case.tag for case in cases} == {"testcase"}
    assert all(case.get("name") and case.get("classname") for case in cases)
    assert all(len(case) <= 1 for case in cases)
    tags = [child.tag for case in cases for child in case]
    assert set(tags) <= {"failure", "error"}
    assert all(set(child.attrib) == {"message", "type"} for case in cases for child in case)
    assert int(suite.get("tests")) == len(cases)
    assert int(suite.get("failures")) == tags.count("failure")
    assert int(suite.get("errors")) == tags.count("error")
    return cases


def test_a_suite_for_each_gate_and_a_case_for_each_finding():
    found = suites(verdicts.FAILED)
    assert list(found) == ["unit", "bias"]
    (case,) = shaped(found["bias"])
    assert case.get("name") == "bias.selection_rate_ratio.afam=yes"
    assert case.get("classname") == "mortgage-approval.bias"
    (failure,) = case
    assert failure.tag == "failure"
    assert "lower rate is 0.4130" in failure.get("message")
    assert "where: ml.yaml:33" in failure.text
    assert [list(case) for case in shaped(found["unit"])] == [[]]


def test_what_is_not_settled_and_a_gate_that_says_nothing_do_not_look_green():
    open_ = verdicts.verdict(verdicts.bias(Outcome.INCONCLUSIVE, "0.9", "0.7", "1.0"))
    assert [child.tag for case in shaped(suites(open_)["bias"]) for child in case] == ["error"]
    silent = GateReport("data", Outcome.INCONCLUSIVE, "said nothing", {}, {}, (), ())
    (case,) = shaped(suites(verdicts.verdict(silent))["data"])
    assert case[0].tag == "error"


def test_hostile_text_is_inert_and_the_same_verdict_gives_the_same_text():
    text = junit(verdicts.evil())
    for name, suite in suites(verdicts.evil()).items():
        assert name in ("unit", "bias")
        shaped(suite)
    assert "<script" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "::error::" not in text
    assert "]]>" not in text
    assert text == junit(verdicts.evil())


def test_ten_megabytes_in_a_finding_stay_small():
    finding = verdicts.bias(Outcome.FAILED, "0" * 10_000_000, "0", "1")
    assert len(junit(verdicts.verdict(finding))) < 10_000
