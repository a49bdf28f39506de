"""Gates of the team's own are planned like any other, held to policy's floors, and never taken for mlassay's."""

from __future__ import annotations

import pytest

from mlassay.config import load_config, load_policy
from mlassay.policy.weakenings import weaker_criteria
from tests.plan.test_making import FILES, ML, POLICY, plan, problems

AFTER = "store: git "
OWN = "  reasons: {run: python gates/reasons.py, uses: [gates], criteria: {given: {min: 0.9}}}\n"


def own(text: str = OWN) -> tuple[str, str]:
    return AFTER, f"{text}{AFTER}"


def demand(gate: str) -> tuple[str, str]:
    """Policy's lists for major and severe, with ``gate`` in both."""
    text = FILES[POLICY]
    lists = text[text.index("  major:    [data") : text.index("exemptions:")]
    return lists, lists.replace("adversarial]", f"adversarial, {gate}]")


def whats(**changes: tuple[str, str]) -> str:
    return " | ".join(f"{each.what} {each.remedy}" for each in problems(**changes))


def test_an_unknown_name_with_a_command_is_the_teams_own_gate() -> None:
    assert plan(ml=own()).gates["reasons"]["criteria"] == {"given": {"min": 0.9}}


def test_policy_may_demand_it_and_hold_its_criteria() -> None:
    demanded = demand("reasons")
    assert plan(ml=own(), policy=demanded)
    floor = (
        "  adversarial: {perturb: {columns: [pirat, lvrat]",
        "  reasons: {criteria: {given: {min: 0.95}}}\n  adversarial: {perturb: {columns: [pirat, lvrat]",
    )
    assert "gates.reasons.criteria.given.min is 0.9, looser" in whats(ml=own(), policy=floor)
    tight = own(OWN.replace("0.9", "0.97"))
    assert plan(ml=tight, policy=floor).gates["reasons"]["criteria"]["given"] == {"min": 0.97}
    assert "there is no gate 'reasons'" in whats(policy=floor)
    assert "there is no gate 'reasons'" in whats(policy=demanded)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("  reasons: {criteria: {given: {min: 0.9}}}\n", "there is no gate 'reasons'"),
        ("  biass: {run: x}\n", "did you mean 'bias'?"),
        ("  units: {run: x}\n", "did you mean 'unit'?"),
        ("  reasons: {run: x, given: {min: 0.9}}\n", "unknown key 'gates.reasons.given'"),
        ("  reasons: {run: x | y}\n", "only a shell knows"),
        ("  reasons: {run: x, uses: [../y]}\n", "leaves its folder"),
        ("  reasons: {run: x, sees: [nothing]}\n", "nothing"),
        ("  reasons: {run: x, uses: [data]}\n", "'data' grants the data file data/hmda.csv whole"),
        ("  reasons: {run: x, uses: [.mlassay/run]}\n", "mlassay's own folder"),
        ("  reasons: {run: x, limits: {wall: soon}}\n", "limits.wall"),
    ],
)
def test_what_is_wrong_with_one_is_told(text: str, what: str) -> None:
    assert what in whats(ml=own(text))


@pytest.mark.parametrize("name", ["data", "data/", "data/hmda.csv"])
def test_training_is_granted_no_data_file_by_way_of_what_it_uses(name: str) -> None:
    told = whats(ml=("uses: [train.py, requirements.lock]", f"uses: [train.py, {name}]"))
    assert "grants the data file data/hmda.csv whole" in told


@pytest.mark.parametrize(
    "change",
    [
        own("  parity: {twin: {run: x, uses: [data]}}\n"),
        ("radius: 0.05}", "radius: 0.05, command: {run: x, uses: [data]}}"),
    ],
)
def test_nor_is_a_command_inside_a_gates_criteria(change: tuple[str, str]) -> None:
    assert "grants the data file data/hmda.csv whole" in whats(ml=change)


def test_a_floor_in_the_wrong_place_is_told() -> None:
    floor = (
        "  adversarial: {perturb: {columns: [pirat, lvrat]",
        "  reasons: {given: {min: 0.95}}\n  adversarial: {perturb: {columns: [pirat, lvrat]",
    )
    assert "'given' is no key of a gate of your own" in whats(ml=own(), policy=floor)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        (
            {"criteria": {"a": {"min": 0.9}}},
            {"criteria": {"a": {"min": 0.8}}},
            ["criteria.own.criteria.a.min"],
        ),
        ({"criteria": {"a": {"min": 0.9}}}, {"criteria": {"a": {"min": 0.95}}}, []),
        ({"criteria": {"a": {"min": 0.9}}}, {"criteria": {}}, ["criteria.own.criteria.a"]),
        ({"run": "x"}, {"run": "y"}, ["criteria.own.run"]),
    ],
)
def test_whatever_loosens_one_is_named(old: dict, new: dict, named: list[str]) -> None:
    assert [each.id for each in weaker_criteria({"own": new}, {"own": old})] == named


def test_a_gate_that_goes_is_named() -> None:
    assert [each.id for each in weaker_criteria({}, {"own": {"run": "x"}})] == ["gate.own"]


@pytest.mark.parametrize(
    ("old", "new", "weaker"),
    [
        ({"lock": True}, {"lock": False}, True),
        ({"lock": False}, {"lock": True}, False),
        ({"secrets": {"max": 0}}, {"secrets": {"max": 3}}, True),
        ({"secrets": {"max": 0}}, {"secrets": {"max": 0, "accept": ["a: b"]}}, True),
        ({"secrets": {"accept": ["a: b", "c: d"]}}, {"secrets": {"accept": ["a: b"]}}, False),
        ({}, {"licences": {"packages": {"allow": ["MIT"]}}}, False),
        ({"licences": {"packages": {"allow": ["MIT"]}}}, {"licences": {"packages": {"allow": ["MIT", "X"]}}}, True),
        ({}, {"vulnerabilities": {"database": "osv"}}, False),
        ({"vulnerabilities": {"database": "osv", "max": 0}}, {}, True),
        ({}, {"seed_rationale": "none needed"}, True),
    ],
)  # fmt: skip
def test_lists_of_what_is_accepted_weaken_by_growing(old: dict, new: dict, weaker: bool) -> None:
    assert bool(weaker_criteria({"supply": new}, {"supply": old})) is weaker


def test_a_default_is_written_out_so_that_loosening_it_is_named() -> None:
    policy = load_policy(POLICY, FILES[POLICY].encode())
    from mlassay.plan.floors import criteria_in_force

    def force(text: str):
        return criteria_in_force(load_config(ML, FILES[ML].replace(AFTER, f"{text}{AFTER}").encode()), policy)

    before, after = force("  supply: {}\n"), force("  supply: {secrets: {max: 4}, locks: false}\n")
    assert before["supply"]["secrets"] == {"max": 0}
    named = [each.id for each in weaker_criteria(after, before)]
    assert named == ["criteria.supply.locks", "criteria.supply.secrets.max"]


@pytest.mark.parametrize("gate", ["supply", "standards"])
def test_a_gate_with_defaults_runs_when_only_policy_demands_it(gate: str) -> None:
    plan(policy=demand(gate))


def test_policy_forbids_what_would_switch_a_rule_off_or_accept_more() -> None:
    anchor = "  adversarial: {perturb: {columns: [pirat, lvrat]"
    floor = (anchor, f"  standards: {{lock: true}}\n  supply: {{secrets: {{accept: []}}}}\n{anchor}")
    told = whats(
        ml=own('  standards: {lock: false}\n  supply: {secrets: {accept: ["a: b"]}}\n'), policy=floor
    )
    assert "gates.standards.lock is false" in told
    assert "gates.supply.secrets.accept is [a: b]" in told
