from __future__ import annotations

from pathlib import Path

import pytest

from mlassay.config import Approvals, Level, Policy, load_policy
from mlassay.errors import ConfigurationError, Problem

TEXT = (Path(__file__).parents[2] / "template/governance/policy.yaml").read_text()


def load(text: str) -> Policy:
    return load_policy("governance/policy.yaml", text.encode())


def problems(old: str, new: str) -> list[Problem]:
    assert old in TEXT
    with pytest.raises(ConfigurationError) as caught:
        load(TEXT.replace(old, new))
    return list(caught.value.problems)


def test_the_templates_policy_is_read_whole() -> None:
    policy = load(TEXT)
    assert policy.environments == ("staging", "production")
    assert policy.approvals["production"][Level.MAJOR] == Approvals(count=2, outside=1)
    assert policy.sensitive == ("afam",)
    assert policy.waivable == {"inconclusive": ("risk-lead",), "failed": ()}
    assert policy.isolation_from is Level.MAJOR
    assert not policy.demo
    assert TEXT.splitlines()[policy.lines["floors.bias.selection_rate_ratio.min"] - 1].startswith("  bias:")


def test_isolation_may_be_asked_for_never_but_not_forgotten() -> None:
    assert load(TEXT.replace("isolation_from: major", "isolation_from: never")).isolation_from is None
    assert "isolation_from" in problems("isolation_from: major", "")[0].what


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "environments: [staging, production]",
            "environments: [staging, prod]",
            "nothing about the environment 'prod'",
        ),
        ("moderate: {count: 1}", "moderate: {count: 0}", "approvals.staging.moderate asks nobody"),
        (
            "major:    {count: 2, outside: 1}",
            "major:    {count: 1, outside: 2}",
            "asks for 2 from outside among 1",
        ),
        (
            "severe:   {count: 3, outside: 2}",
            "severe:   {count: 1}",
            "asks for fewer people (count) than major",
        ),
        (
            "  severe:   [data, contract, unit, performance, bias, adversarial]",
            "  severe:   [data]",
            "gates.severe lacks",
        ),
        ("exemptions: {}", "exemptions: {data: it is slow}", "'data' cannot be exempted"),
        (
            "governance: {count: 1, roles: [risk-lead]}",
            "governance: {count: 0}",
            "changes.governance asks nobody",
        ),
        ("weakenings: [risk-lead]", "weakenings: []", "weakenings needs at least 1"),
        ("minimum_risk: moderate", "minimum_risk: modrate", "minimum_risk is"),
    ],
)
def test_a_policy_that_demands_too_little_is_refused(old: str, new: str, words: str) -> None:
    (problem, *_) = [problem for problem in problems(old, new) if words in problem.what]
    assert problem.line
    assert problem.remedy


def test_an_unknown_environment_gets_a_suggestion() -> None:
    found = problems("\n  staging:\n", "\n  stageing:\n")
    assert any("did you mean 'staging'?" in problem.remedy for problem in found)
