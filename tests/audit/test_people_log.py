"""Who could sign what, when: keys with what ended them, roles with what they allow, and the changes that brought it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mlassay.audit.chronicle.differences import governance_differences
from mlassay.audit.people_log import people_log
from mlassay.render.audit_people import people_lines
from tests.audit.told_fixtures import chronicle, ids

YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def of(log, id_):
    (found,) = [each for each in log.signatories if each.id == id_]
    return found


def with_key(**fields):
    """The story's chronicle with fields of robin's key changed by its last state of governance."""
    told = chronicle()
    last = told.governance[-1]
    robin = last.people.people["robin"]
    robin = replace(robin, keys=(replace(robin.keys[0], **fields),))
    people = replace(last.people, people={**last.people.people, "robin": robin})
    return replace(told, governance=(*told.governance[:-1], replace(last, people=people)))


def test_each_person_is_told_with_what_policy_lets_them_do():
    log = people_log(chronicle())
    assert [each.id for each in log.signatories] == ["dana", "lee", "robin", "ci"]
    assert "approve promotions to production" in of(log, "robin").may
    assert "accept weakenings" not in of(log, "robin").may
    assert {"accept weakenings", "waive gates that are inconclusive", "approve changes of governance"} <= set(
        of(log, "lee").may
    )
    assert "https://slsa.dev/provenance/v1" in of(log, "ci").signs


def test_what_was_before_a_change_is_told_as_it_was():
    change = chronicle().changes[0].moment
    before = people_log(chronicle(), change.time - timedelta(seconds=1))
    assert of(before, "robin").roles == ("reviewer",)
    assert before.since.commit == ids()["root"]
    after = people_log(chronicle(), change.time)
    assert of(after, "robin").roles == ("reviewer", "auditor")
    assert after.since.commit == ids()["governance_commit"]


def test_before_the_root_of_trust_nobody_could_sign():
    log = people_log(chronicle(), YEAR)
    assert (log.since, log.signatories) == (None, ())
    assert "nobody could sign anything" in "\n".join(people_lines(log))


def test_steps_name_the_change_that_explains_each():
    steps = people_log(chronicle()).steps
    assert [(step.root, step.change.id if step.change else "") for step in steps] == [
        (True, ""),
        (False, ids()["governance"]),
    ]
    assert steps[1].change.decision.allowed


def test_a_revoked_key_is_told_with_its_reason_and_told_later_to_who_asks_about_before():
    when = chronicle().head.time
    told = with_key(revoked_at=when - timedelta(minutes=1), revoked_because="left the team")
    (key,) = of(people_log(told), "robin").keys
    assert (key.standing, key.revoked_because) == ("revoked", "left the team")
    (key,) = of(people_log(told, told.first.time), "robin").keys
    assert key.standing == "valid"
    assert key.later.startswith("revoked later")


def test_a_key_in_wrong_hands_is_told_from_then_on():
    told = with_key(compromised_since=YEAR)
    assert of(people_log(told), "robin").keys[0].standing == "in wrong hands"
    assert "found later to be in wrong hands" in of(people_log(told, told.first.time), "robin").keys[0].later


def test_a_key_that_ended_or_has_not_begun_is_no_valid_one():
    assert (
        of(people_log(with_key(valid_until=YEAR + timedelta(days=9))), "robin").keys[0].standing == "expired"
    )
    later = with_key(valid_from=datetime(2030, 1, 1, tzinfo=UTC))
    assert of(people_log(later), "robin").keys[0].standing == "not valid yet"


def test_differences_name_people_keys_and_every_value_of_the_policy():
    before, after = chronicle().governance
    fewer = replace(
        after.people, people={id_: p for id_, p in after.people.people.items() if id_ != "robin"}, signers={}
    )
    looser = replace(after.policy, waivable={**after.policy.waivable, "failed": ("developer",)})
    told = governance_differences(after, replace(after, people=fewer, policy=looser))
    assert told == (
        "robin was taken away",
        "CI signer ci was taken away",
        "policy waivable.failed: none became developer",
    )
    assert governance_differences(before, before) == ()
    assert governance_differences(before, replace(after, people=None, policy=None)) == (
        "people.yaml is missing or cannot be read",
        "policy.yaml is missing or cannot be read",
    )


def test_a_step_that_no_change_explains_is_told_loudly():
    told = chronicle()
    bare = replace(told, governance=(told.governance[0], replace(told.governance[1], change="")))
    assert "EXPLAINED BY NO CHANGE REQUEST" in "\n".join(people_lines(people_log(bare)))
