"""Promises of the behaviour gate are held to columns and answers that there are, and to policy's own promises."""

from __future__ import annotations

import pytest

from mlassay.policy.weakenings import weaker_criteria
from tests.plan.test_making import plan, problems

AFTER = "store: git "


def told(text: str) -> tuple[str, str]:
    return AFTER, f"  behaviour: {text}\n{AFTER}"


def whats(text: str) -> str:
    return " | ".join(each.what for each in problems(ml=told(text)))


def test_promises_about_what_there_is_are_planned() -> None:
    text = (
        "{invariant: {columns: [pirat]}, monotone: {lvrat: down}, "
        "never: [{when: {lvrat: {min: 0.9}}, answer: favourable}, {when: {afam: ['yes']}, answer: 'no'}]}"
    )
    made = plan(ml=told(text))
    assert made.gates["behaviour"]["violations"] == {"max": 0}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{invariant: {columns: [nobody]}}", "there is no column 'nobody'"),
        ("{invariant: {columns: [deny]}}", "'deny' is no input"),
        ("{monotone: {single: up}}", "which has no order"),
        ("{monotone: {pirat: sideways}}", "sideways"),
        ("{never: [{when: {pirat: ['1']}, answer: favourable}]}", "'pirat' is a number"),
        ("{never: [{when: {pirat: {min: 2, max: 1}}, answer: favourable}]}", "nothing meets it"),
        ("{never: [{when: {single: [perhaps]}, answer: favourable}]}", "'perhaps' is no value"),
        ("{never: [{when: {single: ['yes']}, answer: perhaps}]}", "'perhaps' is no answer"),
        ("{never: [{when: {single: ['yes']}}]}", "answer"),
        ("{never: [{when: {}, answer: favourable}]}", "when"),
    ],
)
def test_what_cannot_be_held_is_named(text: str, what: str) -> None:
    assert what in whats(text)


FIRST = {"when": {"a": {"max": 0}}, "answer": "favourable"}
OTHER = {"when": {"b": ["x"]}, "answer": "favourable"}


@pytest.mark.parametrize(
    ("old", "new", "weaker"),
    [
        ({"monotone": {"a": "up"}}, {"monotone": {"a": "up", "b": "down"}}, False),
        ({}, {"monotone": {"a": "up"}}, False),
        ({"monotone": {"a": "up"}}, {}, True),
        ({"monotone": {"a": "up"}}, {"monotone": {"a": "down"}}, True),
        ({"invariant": {"columns": ["a"]}}, {"invariant": {"columns": ["a", "b"]}}, False),
        ({"invariant": {"columns": ["a", "b"]}}, {"invariant": {"columns": ["a"]}}, True),
        ({"never": [FIRST]}, {"never": [FIRST, OTHER]}, False),
        ({}, {"never": [FIRST]}, False),
        ({"never": [FIRST, OTHER]}, {"never": [OTHER]}, True),
        ({"never": [FIRST]}, {"never": [{**FIRST, "when": {"a": {"max": -9}}}]}, True),
        ({"violations": {"max": 0}}, {"violations": {"max": 2}}, True),
    ],
)
def test_a_promise_that_goes_or_changes_is_a_weakening_and_one_that_comes_is_not(
    old: dict, new: dict, weaker: bool
) -> None:
    assert bool(weaker_criteria({"behaviour": new}, {"behaviour": old})) is weaker


def test_policys_promises_may_be_added_to_and_not_dropped() -> None:
    floor = (
        "  behaviour: {never: [{when: {lvrat: {min: 0.9}}, answer: favourable}], monotone: {lvrat: down}}\n"
    )
    policy = (
        "  adversarial: {perturb: {columns: [pirat, lvrat]",
        f"{floor}  adversarial: {{perturb: {{columns: [pirat, lvrat]",
    )
    more = "{never: [{when: {lvrat: {min: 0.9}}, answer: favourable}, {when: {pirat: {min: 0.5}}, answer: favourable}]}"
    made = plan(ml=told(more), policy=policy)
    assert len(made.gates["behaviour"]["never"]) == 2
    assert made.gates["behaviour"]["monotone"] == {"lvrat": "down"}
    less = "{never: [{when: {pirat: {min: 0.5}}, answer: favourable}], monotone: {lvrat: up}}"
    found = [each.what for each in problems(ml=told(less), policy=policy)]
    assert any("gates.behaviour.never" in what and "looser" in what for what in found)
    assert any("gates.behaviour.monotone.lvrat is up" in what for what in found)
