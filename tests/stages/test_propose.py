"""A change of policy, people or a manifest: the same way as a promotion, judged by what stood before it."""

from __future__ import annotations

import pytest

from mlassay.case.promotion import judge_merged
from mlassay.errors import ConfigurationError
from mlassay.stages.propose import propose
from mlassay.wiring import verifiers
from tests import factory
from tests.factory.project import POLICY
from tests.stages.promoting import clone, make_team

WHY = "Shorter waivers make people look again sooner."
MANIFEST = "data/applications.manifest.yaml"


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def edit(team, path, old, new):
    file = team.project.folder / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def proposed(team, who="dana", reason=WHY, **more):
    return propose(team.desk, team.key(who), reason, **more)


def test_a_change_of_policy_is_proposed_approved_and_landed(team):
    edit(team, "governance/policy.yaml", "days: 90", "days: 60")
    id_ = proposed(team).name.id
    assert team.unmet(id_) == {"approvals"}
    assert not team.say(id_, "lee").no
    done = team.merge(id_)
    assert done.decision.allowed
    assert b"days: 60" in team.repo.read(team.main(), "governance/policy.yaml")
    assert judge_merged(team.repo, done.commit, verifiers()).allowed
    assert team.repo.commit(done.commit).subject == "Change governance"


def test_only_governance_and_manifests_are_taken_from_the_work_tree(team):
    edit(team, "governance/policy.yaml", "days: 90", "days: 60")
    (team.project.folder / "train.py").write_text("print('not this')\n")
    (team.project.folder / "data/notes.txt").write_text("nor this\n")
    assert proposed(team, dry_run=True).files == ("governance/policy.yaml",)


def test_the_same_change_proposed_twice_is_one(team):
    edit(team, "governance/policy.yaml", "days: 90", "days: 60")
    first = proposed(team)
    assert proposed(team).already
    assert proposed(team).name == first.name


def test_nothing_changed_broken_files_and_poor_reasons_are_told(team):
    with pytest.raises(ConfigurationError, match="differs"):
        proposed(team)
    edit(team, "governance/policy.yaml", "days: 90", "days: many")
    with pytest.raises(ConfigurationError):
        proposed(team)
    edit(team, "governance/policy.yaml", "days: many", "days: 60")
    assert "only says yes" in proposed(team, reason="ok").no
    assert team.desk.forge.requests() == []


def test_nobody_approves_their_own_change(team):
    edit(team, "governance/policy.yaml", "days: 90", "days: 60")
    id_ = proposed(team, "lee").name.id
    assert "asked for it" in team.say(id_, "lee").no


def test_a_policy_that_would_let_itself_in_is_judged_by_the_one_before(team):
    edit(
        team, "governance/policy.yaml", "governance: {count: 1, roles: [risk-lead]}", "governance: {count: 1}"
    )
    id_ = proposed(team).name.id
    team.say(id_, "robin")
    assert team.unmet(id_) == {"approvals"}


def test_a_new_person_cannot_approve_the_change_that_brings_them_in(team):
    factory.project.person_key(team.project.keys, "mallory")
    public = (team.project.keys / "mallory.pub").read_text().rsplit(" ", 1)[0]
    people = team.project.folder / "governance/people.yaml"
    person = (
        f"  mallory:\n    name: M\n    team: elsewhere\n    roles: [risk-lead]\n"
        f"    keys: [{{key: {public}, valid_from: 2026-01-01}}]\n"
    )
    people.write_text(people.read_text().replace("signers:", f"{person}signers:"))
    id_ = proposed(team).name.id
    with pytest.raises(ConfigurationError, match="does not know this key"):
        team.say(
            id_, "mallory", reason="I am new here and I approve of me.", risk="That I may not be who I say."
        )


def test_a_manifest_needs_its_owner(team):
    edit(team, MANIFEST, "jurisdiction: nowhere", "jurisdiction: somewhere")
    id_ = proposed(team).name.id
    team.say(id_, "robin")
    assert team.unmet(id_) == {f"owner.{MANIFEST}"}
    team.say(id_, "lee")
    assert team.merge(id_).commit


def test_a_stale_checkout_does_not_take_back_what_others_changed(team, tmp_path):
    other = clone(team, tmp_path / "other")
    edit(team, "governance/policy.yaml", "days: 90", "days: 60")
    id_ = proposed(team).name.id
    team.say(id_, "lee")
    team.merge(id_)
    edit(other, "governance/policy.yaml", "isolation_from: moderate", "isolation_from: minor")
    with pytest.raises(ConfigurationError, match="behind"):
        proposed(other)


def test_two_changes_of_governance_do_not_both_land(team, tmp_path):
    other = clone(team, tmp_path / "other")
    edit(team, "governance/policy.yaml", "days: 90", "days: 60")
    edit(other, "governance/policy.yaml", "days: 90", "days: 30")
    first, second = proposed(team).name.id, proposed(other).name.id
    for id_ in (first, second):
        team.say(id_, "lee")
    assert team.merge(first).commit
    lost = team.merge(second)
    assert not lost.commit
    assert "previous-state" in {demand.id for demand in lost.decision.unmet}
    assert "Change governance" in lost.winner


def test_what_was_signed_is_what_lands(team):
    edit(team, "governance/policy.yaml", "days: 90", "days: 60")
    id_ = proposed(team).name.id
    team.say(id_, "lee")
    assert team.unmet(id_) == set()
    team.push(f"change/{id_}", {"governance/policy.yaml": POLICY.replace("days: 90", "days: 3000").encode()})
    assert "bound" in team.unmet(id_)
