"""A verdict as JUnit XML, the form that Jenkins and most CI pages show: a suite for each gate, a case for each finding."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from mlassay.evidence import Finding, GateReport, Outcome, Verdict
from mlassay.render.text import plain, where

CASES = 5000  # of one gate
NAME = 200


def junit(verdict: Verdict) -> str:
    """XML of ``verdict``; the same text for the same verdict: no times, no host.

    A failed finding is a ``failure``, an inconclusive one an ``error``: what was not settled must not look green.
    """
    suites = [_suite(verdict, gate) for gate in verdict.gates]
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites name={_attribute(verdict.model_name)}>",
        *(line for suite in suites for line in suite),
        "</testsuites>",
    ]
    return "\n".join(lines) + "\n"


def _suite(verdict: Verdict, gate: GateReport) -> list[str]:
    findings = list(gate.findings[:CASES]) or [_nothing(gate)]
    outcomes = [finding.outcome for finding in findings]
    counts = (
        f'tests="{len(findings)}" failures="{outcomes.count(Outcome.FAILED)}" '
        f'errors="{outcomes.count(Outcome.INCONCLUSIVE)}" skipped="0"'
    )
    model = plain(verdict.model_name, NAME)
    cases = [line for finding in findings for line in _case(f"{model}.{gate.gate}", finding)]
    return [f"  <testsuite name={_attribute(gate.gate)} {counts}>", *cases, "  </testsuite>"]


def _nothing(gate: GateReport) -> Finding:
    """A gate without findings says nothing, which is never a pass."""
    return Finding(
        f"{gate.gate}.nothing", Outcome.INCONCLUSIVE, gate.summary, "nothing tested is nothing passed", ""
    )


def _case(classname: str, finding: Finding) -> list[str]:
    opening = f"    <testcase classname={_attribute(classname)} name={_attribute(finding.id)}"
    if finding.outcome is Outcome.PASSED:
        return [f"{opening}/>"]
    tag = "failure" if finding.outcome is Outcome.FAILED else "error"
    told = [("what", finding.what), ("why", finding.why), ("do", finding.remedy), ("where", where(finding))]
    told += [(name, str(value)) for name, value in sorted(finding.numbers.items())]
    text = "\n".join(f"{plain(name, NAME)}: {plain(value)}" for name, value in told if value)
    message = f"message={_attribute(finding.what)} type={_attribute(finding.outcome)}"
    return [f"{opening}>", f"      <{tag} {message}>{escape(text)}</{tag}>", "    </testcase>"]


def _attribute(value: object) -> str:
    return quoteattr(plain(value))
