"""Findings by name: what is not passed comes first, in lists and in suggestions."""

import pytest

from mlassay.errors import ConfigurationError
from mlassay.evidence import Finding, GateReport, Outcome, Verdict
from mlassay.render.finding import find, not_passed


def _gate(name: str, **findings: Outcome) -> GateReport:
    told = tuple(Finding(f"{name}.{key}", outcome, key, "", "") for key, outcome in findings.items())
    return GateReport(name, Outcome.worst(list(findings.values())), "", {}, {}, told, ())


@pytest.fixture
def verdict():
    gates = (
        _gate("contract", file=Outcome.PASSED),
        _gate("performance", recall=Outcome.INCONCLUSIVE),
        _gate("bias", ratio=Outcome.FAILED, rows=Outcome.PASSED),
    )
    return Verdict("loans", Outcome.FAILED, {}, gates, {}, "")


def test_what_is_not_passed_is_told_failed_first(verdict):
    assert [finding.id for _, finding in not_passed(verdict)] == ["bias.ratio", "performance.recall"]


def test_a_name_that_is_like_none_gets_a_list_that_begins_with_what_is_not_passed(verdict):
    with pytest.raises(ConfigurationError) as refused:
        find(verdict, "zzz")
    assert "findings are: bias.ratio, performance.recall, contract.file, bias.rows" in str(
        refused.value.problems[0].remedy
    )
