"""Which demands the present people can never meet, whoever asks."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from mlassay.config import load_people, load_policy
from mlassay.policy.enough import never_met
from tests import factory

NOW = datetime(2026, 11, 21, tzinfo=UTC)


@pytest.fixture
def rules(tmp_path):
    project = factory.make(tmp_path)
    policy = load_policy("p", (project.folder / "governance/policy.yaml").read_bytes())
    return policy, load_people("p", (project.folder / "governance/people.yaml").read_bytes())


def lacking(policy, people, now=NOW):
    return [what for what, _ in never_met(policy, people, now)]


def without(people, *ids):
    return dataclasses.replace(people, people={k: v for k, v in people.people.items() if k not in ids})


def test_the_people_that_there_are_suffice(rules):
    assert lacking(*rules) == []


def test_nobody_outside_is_told_for_each_level_that_asks_for_some(rules):
    policy, people = rules
    told = dict(never_met(policy, without(people, "lee"), NOW))
    assert "a promotion to production at moderate" in told
    assert "a promotion to production at minor" not in told
    assert "outside" in told["a promotion to production at moderate"]
    assert "a change of governance" in told, "only a risk lead may agree to that"


def test_one_person_alone_can_approve_nothing_of_their_own(rules):
    policy, people = rules
    assert "a promotion to staging at minor" in lacking(policy, without(people, "lee", "robin"))


def test_keys_that_have_ended_are_nobodys(rules):
    policy, people = rules
    assert lacking(policy, people, datetime(2000, 1, 1, tzinfo=UTC))


def test_levels_under_the_least_are_never_asked_for(rules):
    policy, people = rules
    at = [what for what in lacking(policy, without(people, "lee", "robin")) if "minor" in what]
    assert at
    severe = dataclasses.replace(policy, minimum_risk=max(policy.gates, key=lambda level: level.rank))
    assert not [what for what in lacking(severe, without(people, "lee", "robin")) if "minor" in what]


def test_without_developers_nobody_is_outside(rules):
    policy, people = rules
    plain = {k: dataclasses.replace(v, roles=("reviewer", "risk-lead")) for k, v in people.people.items()}
    told = dict(never_met(policy, dataclasses.replace(people, people=plain), NOW))
    assert "cannot be told who is outside" in told["a promotion to production at major"]
