"""Each demand: a case that meets it (the control, said yes to) and the same case with one thing wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay.config import Approvals, Level
from mlassay.errors import Problem
from mlassay.evidence.records import Question, Refusal, Weakening, Withdrawal
from mlassay.evidence.verdict import Outcome
from mlassay.policy import Contributor, Signed, Touched, decide
from tests.policy.cases import (
    CHANGE,
    DIGEST,
    FACTS,
    FOLDER,
    NOW,
    POINTER,
    POLICY,
    REQUEST,
    TERMS,
    approval,
    case,
    change_case,
    key,
    people,
    person,
    signed,
    waived_case,
    waiver,
)


def unmet(judged):
    return {demand.id for demand in decide(judged).unmet}


def both(**more):
    return tuple(signed(approval(name, **more)) for name in ("robin", "lee"))


def test_a_promotion_with_everything_in_order_is_allowed():
    assert decide(case()).allowed, decide(case()).unmet
    assert decide(change_case()).allowed, decide(change_case()).unmet
    assert decide(waived_case()).allowed, decide(waived_case()).unmet


@pytest.mark.parametrize(
    ("demand", "wrong"),
    [
        ("order", {"held": frozenset()}),
        ("order", {"policy": replace(POLICY, environments=("staging",))}),
        ("previous-pointer", {"previous": None}),
        ("previous-pointer", {"previous": "99" * 20}),
        ("evidence-tree", {"evidence_tree": "99" * 20}),
        ("policy-unchanged", {"policy": replace(POLICY, digest="sha256:" + "0" * 64)}),
        ("pointer", {"pointer": None}),
        ("pointer", {"pointer": POINTER | {"state": "cut-out"}}),
        ("pointer", {"asked": replace(REQUEST, pointer=POINTER | {"environment": "staging"})}),
        ("pointer", {"asked": replace(REQUEST, pointer=POINTER | {"promotion": "20200101-00000000"})}),
        ("pointer", {"asked": replace(REQUEST, pointer=POINTER | {"releases": []})}),
        ("pointer", {"release": replace(FACTS, model_sha256="cd" * 32)}),
        ("only-its-own-paths", {"touched": ()}),
        (
            "only-its-own-paths",
            {"touched": (*case().touched, Touched("governance/policy.yaml", False, True))},
        ),
        ("only-its-own-paths", {"touched": (Touched("environments/production.yaml", False, False),)}),
        ("only-its-own-paths", {"touched": (Touched(f"{FOLDER}/request.json", False, True),)}),
        ("only-its-own-paths", {"touched": (Touched(f"{FOLDER}/../x/request.json", True, True),)}),
        ("only-its-own-paths", {"touched": (Touched(f"{FOLDER}/train.py", True, True),)}),
        ("evidence-valid", {"release": None}),
        ("evidence-valid", {"release": replace(FACTS, problems=(Problem("a bit flipped"),))}),
        ("evidence-valid", {"release": replace(FACTS, digest="sha256:" + "9" * 64)}),
        ("gates", {"release": replace(FACTS, gates={"performance": Outcome.PASSED})}),
        ("gates", {"release": replace(FACTS, gates={})}),
        ("gates", {"policy": replace(POLICY, gates={})}),
        ("gates", {"terms": None}),
        ("waiver.bias", {"release": replace(FACTS, gates=FACTS.gates | {"bias": Outcome.FAILED})}),
        ("waiver.bias", {"release": replace(FACTS, gates=FACTS.gates | {"bias": Outcome.INCONCLUSIVE})}),
        ("waiver.unit", {"release": replace(FACTS, gates=FACTS.gates | {"unit": Outcome.FAILED})}),
        ("isolation", {"release": replace(FACTS, isolation="none")}),
        ("isolation", {"release": replace(FACTS, isolation="")}),
        ("isolation", {"release": replace(FACTS, isolation="None")}),
        ("isolation", {"release": replace(FACTS, isolation="{}")}),
        ("risk-review", {"now": NOW.replace(year=2028), "people": people()}),
        ("floors", {"policy": replace(POLICY, floors={"bias": {"selection_rate_ratio": {"min": 0.9}}})}),
        ("base", {"base_on_line": False}),
        ("records", {"problems": (Problem("not canonical", path="approvals/x.json"),)}),
        ("request-signature", {"request": Signed(REQUEST, "request.json", REQUEST.digest, None)}),
        ("request-signature", {"request": signed(REQUEST, key("dana", valid_until=NOW - timedelta(days=1)))}),
        ("request-signature", {"request": signed(REQUEST, key("dana", revoked_at=NOW - timedelta(days=1)))}),
        ("clock", {"parent_time": NOW + timedelta(minutes=6)}),
        ("clock", {"asked": replace(REQUEST, requested_at=NOW + timedelta(minutes=6))}),
        ("weakenings", {"live_terms": None}),
        ("approvals", {"policy": replace(POLICY, approvals={})}),
        ("approvals", {"approvals": ()}),
    ],
)
def test_one_thing_wrong_is_enough_for_a_no(demand, wrong):
    assert demand in unmet(case(**wrong))
    assert demand not in unmet(case())


def test_an_empty_policy_never_allows():
    empty = replace(
        POLICY,
        environments=(),
        approvals={},
        gates={},
        floors={},
        sensitive=(),
        isolation_from=None,
        waivable={},
    )
    assert not decide(case(policy=empty, asked=replace(REQUEST, policy=empty.digest))).allowed


def test_a_clock_within_the_tolerance_is_no_reason_for_a_no():
    assert "clock" not in unmet(case(parent_time=NOW + timedelta(minutes=5)))


def test_the_first_environment_takes_what_no_other_held():
    asked = replace(REQUEST, environment="staging", pointer=POINTER | {"environment": "staging"})
    assert decide(case(asked=asked, held=frozenset(), live=None, live_terms=None)).allowed


def test_an_exempted_gate_may_be_missing_and_a_failed_one_may_not():
    policy = replace(POLICY, exemptions={"bias": "no personal data at all"})
    missing = replace(FACTS, gates={"performance": Outcome.PASSED})
    failed = replace(FACTS, gates=FACTS.gates | {"bias": Outcome.FAILED})
    assert decide(case(policy=policy, release=missing)).allowed
    assert "waiver.bias" in unmet(case(policy=policy, release=failed))


def test_isolation_is_not_demanded_below_the_level_that_policy_names():
    assert decide(
        case(policy=replace(POLICY, isolation_from=Level.SEVERE), release=replace(FACTS, isolation="none"))
    ).allowed


# Who may approve


def test_the_requester_never_approves_by_any_key():
    second = (key("dana"), key("dana-yubikey"))
    everybody = people(person("dana", "models", "developer", keys=second))
    own = signed(approval("dana"), second[1])
    answer = case(people=everybody, approvals=(signed(approval("lee")), own))
    assert {"own-approval", "approvals"} <= unmet(answer)


def test_an_approval_of_the_requester_blocks_even_beside_enough_others():
    assert unmet(case(approvals=(*both(), signed(approval("dana"))))) == {"own-approval"}


def test_two_keys_of_one_person_are_one_approval():
    two = person("robin", "models", "reviewer", keys=(key("robin"), key("robin-2")))
    again = signed(
        approval("robin", reason="Robin says yes a second time with another key."), key("robin-2"), "x.json"
    )
    assert "approvals" in unmet(case(people=people(two), approvals=(signed(approval("robin")), again)))


def test_one_key_under_two_ids_is_one_person_and_refused():
    twin = person("twin", "audit", keys=(key("robin"),))
    answer = case(
        people=people(twin), approvals=(signed(approval("robin")), signed(approval("twin"), key("robin")))
    )
    assert {"keys", "approvals"} <= unmet(answer)


def test_the_requesters_key_under_another_id_does_not_count():
    alias = person("alias", "audit", keys=(key("dana"),))
    answer = case(people=people(alias), approvals=(*both(), signed(approval("alias"), key("dana"))))
    assert {"keys", "own-approval"} <= unmet(answer)


def test_whoever_set_the_run_off_does_not_approve():
    facts = replace(FACTS, dispatcher=("Robin@Example.org",))
    assert {"own-approval", "approvals"} <= unmet(case(release=facts))


@pytest.mark.parametrize(
    "who",
    [
        Contributor("x", "ROBIN@example.org"),
        Contributor("Robin", "other@example.com"),
        Contributor("robin", ""),
    ],
)
def test_whoever_wrote_or_committed_what_changed_does_not_approve(who):
    assert {"own-approval", "approvals"} <= unmet(case(contributors=(who,)))


def test_a_stranger_among_the_contributors_excludes_nobody_by_name():
    assert decide(case(contributors=(Contributor("Stranger", "stranger@example.com"),))).allowed


def test_an_account_number_excludes_but_the_name_of_a_forge_does_not():
    robin = replace(people().people["robin"], accounts={"github": 4711})
    assert "approvals" in unmet(case(people=people(robin), contributors=(Contributor("x", "4711"),)))
    assert decide(
        case(people=people(robin), contributors=(Contributor("GitHub", "noreply@github.com"),))
    ).allowed


def test_outside_means_another_team_than_any_developers():
    inside = (signed(approval("robin")), signed(approval("sam")))
    assert decide(case(approvals=inside)).allowed
    colleague = person("kim", "operations", "developer")
    assert unmet(case(approvals=inside, people=people(colleague))) == {"outside"}


def test_nobody_is_outside_where_no_developer_is_known():
    everybody = people(person("dana", "models"))
    assert "outside" in unmet(case(people=everybody))


def test_the_team_of_whoever_committed_is_not_outside():
    lee = Contributor("", "lee@example.org")
    pat = person("pat", "risk")
    answer = case(
        people=people(pat),
        contributors=(lee,),
        approvals=(signed(approval("robin")), signed(approval("pat"))),
    )
    assert unmet(answer) == {"outside"}


def test_only_the_roles_that_policy_names_count():
    policy = replace(POLICY, approvals={"production": {Level.MAJOR: Approvals(2, 1, ("risk-lead",))}})
    assert unmet(case(policy=policy)) == {"approvals"}


@pytest.mark.parametrize(
    "bad",
    [
        {"request": "sha256:" + "0" * 64},
        {"at": NOW + timedelta(minutes=6)},
    ],
)
def test_an_approval_of_another_request_or_of_tomorrow_does_not_count(bad):
    assert "approvals" in unmet(case(approvals=(signed(approval("robin")), signed(approval("lee", **bad)))))


@pytest.mark.parametrize(
    "bad",
    [
        {"valid_until": NOW},
        {"revoked_at": NOW},
        {"compromised_since": NOW - timedelta(days=50)},
        {"demo": True},
    ],
)
def test_an_approval_under_a_bad_key_does_not_count(bad):
    approvals = (signed(approval("robin")), signed(approval("lee"), key("lee", **bad)))
    assert "approvals" in unmet(case(approvals=approvals))
    good = (
        signed(approval("robin")),
        signed(approval("lee"), key("lee", valid_until=NOW + timedelta(days=1))),
    )
    assert decide(case(approvals=good)).allowed


def test_demo_keys_count_in_a_demo_only():
    approvals = (signed(approval("robin"), key("robin", demo=True)), signed(approval("lee")))
    assert {"demo-keys", "approvals"} <= unmet(case(approvals=approvals))
    assert decide(case(approvals=approvals, policy=replace(POLICY, demo=True))).allowed


def test_an_unsigned_approval_and_a_strangers_do_not_count():
    bare = Signed(approval("lee"), "lee.json", approval("lee").digest, None)
    assert "approvals" in unmet(case(approvals=(signed(approval("robin")), bare)))
    assert "approvals" in unmet(case(approvals=(signed(approval("robin")), signed(approval("nobody")))))


def test_a_record_that_its_person_did_not_sign_blocks_even_beside_enough_approvals():
    bare = Signed(approval("sam"), "sam.json", approval("sam").digest, None)
    assert unmet(case(approvals=(*both(), bare))) == {"records"}
    assert decide(case(approvals=(*both(), signed(approval("sam"))))).allowed


def test_a_refusal_and_a_withdrawal_block():
    words = {"request": REQUEST.digest, "person": "sam", "reason": "No.", "at": NOW}
    assert unmet(case(refusals=(signed(Refusal(**words)),))) == {"refusals"}
    assert unmet(case(withdrawals=(signed(Withdrawal(**words)),))) == {"refusals"}


@pytest.mark.parametrize(
    "reason", ["", "LGTM", "lgtm!!!", "Looks good to me.", "ok", "too short", "aaaa aaaa aaaa aaaa"]
)
def test_an_approval_without_a_reason_is_refused(reason):
    assert {"reasons", "approvals"} <= unmet(
        case(approvals=(signed(approval("robin", reason=reason)), signed(approval("lee"))))
    )


def test_a_reason_copied_from_the_request_or_from_another_is_refused():
    copied = signed(approval("lee", reason=REQUEST.reason.upper()))
    assert "reasons" in unmet(case(approvals=(signed(approval("robin")), copied)))
    first = approval("robin").reason
    assert "reasons" in unmet(
        case(approvals=(signed(approval("robin")), signed(approval("lee", reason=f"  {first}!", at=NOW))))
    )


def test_where_the_risk_is_major_a_request_must_ask_whom_it_favours():
    assert unmet(case(asked=replace(REQUEST, questions=()))) == {"questions"}
    low = replace(
        TERMS,
        risk=replace(TERMS.risk, probability_impact=dict.fromkeys(TERMS.risk.probability_impact, (1, 1))),
    )
    assert decide(case(asked=replace(REQUEST, questions=()), terms=low, live_terms=low)).allowed


def test_open_questions_need_an_answer_of_every_approval():
    asked = replace(REQUEST, questions=(*REQUEST.questions, Question("worse-off", "Who is worse off?")))
    silent = tuple(signed(approval(name, asked)) for name in ("robin", "lee"))
    assert {"questions", "approvals"} <= unmet(case(asked=asked, approvals=silent))
    spoken = tuple(
        signed(
            approval(name, asked, answers={"worse-off": "Applicants with a short history, by two points."})
        )
        for name in ("robin", "lee")
    )
    assert decide(case(asked=asked, approvals=spoken)).allowed


# Weakenings


def weakened_case(accepts=(), who="lee", named=True):
    new = replace(TERMS, threshold="0.4")
    named_weakening = Weakening("threshold", "the decision threshold was moved", "0.5", "0.4")
    asked = replace(REQUEST, weakenings=(named_weakening,) if named else ())
    approvals = tuple(
        signed(approval(name, asked, accepts=tuple(accepts) if name == who else ()))
        for name in ("robin", "lee")
    )
    return case(asked=asked, terms=new, approvals=approvals)


def test_a_weakening_needs_to_be_named_and_accepted_by_somebody_who_may():
    assert decide(weakened_case(["threshold"])).allowed
    assert unmet(weakened_case()) == {"weakening.threshold"}
    assert unmet(weakened_case(["threshold"], who="robin")) == {"weakening.threshold"}
    assert "weakenings" in unmet(weakened_case(["threshold"], named=False))


# Waivers


@pytest.mark.parametrize(
    "bad",
    [
        {"gate": "performance"},
        {"release_digest": "sha256:" + "0" * 64},
        {"until": date(2026, 11, 20)},
        {"until": date(2027, 6, 1)},
        {"person": "robin"},
        {"person": "dana"},
        {"reason": "ok"},
        {"at": NOW + timedelta(hours=1)},
    ],
)
def test_a_waiver_holds_for_one_gate_of_one_release_for_a_time_by_somebody_who_may(bad):
    assert "waiver.bias" in unmet(waived_case(waiver(**bad)))
    assert "waiver.bias" not in unmet(waived_case())


def test_a_waiver_that_the_request_does_not_name_or_that_changed_is_refused():
    honest = waived_case()
    changed = replace(honest, waivers=(replace(honest.waivers[0], digest="sha256:" + "0" * 64),))
    assert "waivers" in unmet(changed)
    assert "waivers" in unmet(replace(honest, waivers=()))


def test_an_unsigned_waiver_does_not_carry():
    honest = waived_case()
    assert "waiver.bias" in unmet(replace(honest, waivers=(replace(honest.waivers[0], key=None),)))


def test_a_failed_gate_is_carried_only_where_policy_lets_somebody():
    failed = replace(FACTS, gates=FACTS.gates | {"bias": Outcome.FAILED})
    assert "waiver.bias" in unmet(waived_case(release=failed))
    lenient = replace(POLICY, waivable={"inconclusive": (), "failed": ("risk-lead",)})
    assert decide(waived_case(release=failed, policy=lenient)).allowed


# Changes


def test_a_change_is_bound_to_what_it_was_and_becomes():
    assert "previous-state" in unmet(change_case(before={"governance": "99" * 20}))
    assert "bound" in unmet(change_case(after={"governance": "99" * 20}))
    assert "only-its-own-paths" in unmet(
        change_case(touched=(*change_case().touched, Touched("train.py", False, True)))
    )


def test_a_change_may_take_a_file_away_but_no_record():
    gone = Touched("governance/sigstore.json", False, False, gone=True)
    assert decide(change_case(touched=(*change_case().touched, gone))).allowed
    waiver = "governance/waivers/20261120-1a2b3c4d.bias.lee.json"
    for touched in (Touched(waiver, False, False, gone=True), Touched(waiver, False, True)):
        assert unmet(change_case(touched=(*change_case().touched, touched))) == {"only-its-own-paths"}
    assert decide(change_case(touched=(*change_case().touched, Touched(waiver, True, True)))).allowed


def test_a_promotion_takes_no_pointer_away():
    gone = Touched("environments/production.yaml", False, False, gone=True)
    assert unmet(case(touched=(*case().touched[1:], gone))) == {"only-its-own-paths"}


def test_the_proposer_of_a_change_does_not_approve_it():
    assert {"own-approval", "approvals"} <= unmet(change_case(approvals=(signed(approval("dana", CHANGE)),)))


def test_a_manifest_needs_its_owner():
    path = "data/applications.manifest.yaml"
    asked = replace(CHANGE, paths=(replace(CHANGE.paths[0], path=path),))
    touched = (Touched(path, False, True), Touched("changes/20261121-77777777/request.json", True, True))
    without = change_case(asked=asked, touched=touched, owners={path: "lee"})
    assert unmet(without) == {f"owner.{path}"}
    assert decide(replace(without, approvals=(signed(approval("lee", asked)),))).allowed
    assert unmet(replace(without, owners={})) == {f"owner.{path}"}
    assert decide(replace(without, owners={path: "dana"})).allowed


@given(st.data())
def test_no_set_of_approvals_by_the_excluded_ever_allows(data):
    names = data.draw(st.lists(st.sampled_from(["dana", "robin", "nobody"]), max_size=6))
    facts = replace(FACTS, dispatcher=("robin",))
    approvals = tuple(
        signed(
            approval(
                name,
                reason=f"reason number {i} of {name}, at some length",
                risk=f"risk {i} of {name} at length",
            ),
            path=f"{i}.json",
        )
        for i, name in enumerate(names)
    )
    assert not decide(case(release=facts, approvals=approvals)).allowed


@given(st.sampled_from(["previous", "evidence_tree", "pointer", "release", "terms", "live_terms"]))
def test_unknown_is_no(part):
    assert not decide(case(**{part: None})).allowed


def test_every_unmet_demand_says_what_to_do():
    answer = decide(
        case(
            approvals=(),
            previous=None,
            held=frozenset(),
            base_on_line=False,
            release=replace(FACTS, digest=DIGEST[:-1] + "x"),
        )
    )
    assert answer.unmet
    assert all(demand.what and demand.remedy for demand in answer.unmet)
