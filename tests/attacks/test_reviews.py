"""Reviews on a forge as approvals: what counts, what does not, and what only a record makes believable. With controls."""

import json
from dataclasses import replace

import pytest

from mlassay.audit.verify import verify
from mlassay.case.landing import landing_of
from mlassay.digest import canonical, sha256
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence.dsse import read_envelope
from mlassay.evidence.reviews import read_review_record
from mlassay.evidence.statement import PROVENANCE, REVIEW_RECORD, Statement, read_statement
from mlassay.stages._sealed import sealed
from mlassay.stages.merge import decided
from mlassay.stages.propose import propose
from mlassay.stages.review_record import unrecorded
from mlassay.stages.status import status
from mlassay.wiring import verifiers
from tests.factory.project import DESK, ci_key, signer_yaml
from tests.stages.promoting import SAID
from tests.stages.reviewing import make_reviewed


@pytest.fixture
def team(tmp_path):
    return make_reviewed(tmp_path)


def demands(team, id_):
    return {demand.id: demand for demand in decided(team.desk, id_)[1].demands}


def counts(team, id_):
    return demands(team, id_)["approvals"].met


def said(team, id_):
    found = demands(team, id_)
    return found["reviews"].what + found["approvals"].what


def problems(team):
    team.repo.fetch("origin")
    return verify(team.repo, team.main(), None, verifiers(), worktree=False).problems


def told(team):
    return " | ".join(str(problem) + problem.remedy for problem in problems(team))


def landed(team, who="robin"):
    """A promotion that landed by one review, and that nobody recorded yet."""
    id_ = team.ask().name.id
    team.review(id_, who)
    done = team.merge(id_)
    assert done.commit
    assert done.unrecorded
    return id_, done.commit


def path(id_):
    return f"promotions/staging/{id_}/record.dsse.json"


# What counts while a request is open


def test_a_review_with_its_words_counts_and_lands(team):
    id_ = team.ask().name.id
    assert not counts(team, id_)
    team.review(id_, "robin")
    assert counts(team, id_)
    assert team.merge(id_, dry_run=True).decision.allowed


@pytest.mark.parametrize("body", ["", "LGTM", "Reason: ok\nRisk: none", "> Reason: I read every page of it."])
def test_a_review_without_words_does_not_count_and_blocks_nobody_elses(team, body):
    id_ = team.ask().name.id
    team.review(id_, "lee", body=body)
    assert not counts(team, id_)
    assert "lee does not count" in said(team, id_)
    team.review(id_, "robin")
    assert team.merge(id_, dry_run=True).decision.allowed


def test_a_review_of_an_earlier_head_is_stale(team):
    id_ = team.ask().name.id
    team.review(id_, "robin", head="ab" * 20)
    assert not counts(team, id_)
    assert "it was of abababababab" in said(team, id_)
    team.review(id_, "robin")
    assert counts(team, id_)


def test_a_review_goes_stale_when_the_branch_moves(team):
    id_ = team.ask().name.id
    team.review(id_, "robin")
    assert counts(team, id_)
    team.push(f"promotion/staging/{id_}", {f"promotions/staging/{id_}/notes.txt": b"more\n"})
    assert not counts(team, id_)


def test_an_unknown_account_is_nobody_and_cannot_block_either(team):
    id_ = team.ask().name.id
    team.review(id_, "eve", body="Reason: I looked at all of it.\nRisk: None that I could name here.")
    team.review(id_, "eve", state="refused", body="I do not like it")
    assert not counts(team, id_)
    assert "666 is nobody's" in said(team, id_)
    team.review(id_, "robin")
    assert team.merge(id_, dry_run=True).decision.allowed


def test_a_renamed_account_is_still_the_same_person_and_a_taken_login_is_nobody(team):
    id_ = team.ask().name.id
    team.review(id_, "robin", account=5, login="robin-on-forge")
    assert not counts(team, id_)
    team.review(id_, "robin", login="robin-renamed")
    assert counts(team, id_)


@pytest.mark.parametrize(("state", "undoes"), [("refused", True), ("dismissed", True), ("commented", False)])
def test_a_later_review_of_the_same_account_undoes_an_approval(team, state, undoes):
    id_ = team.ask().name.id
    team.review(id_, "robin")
    team.review(id_, "robin", state=state, body="On second thought this needs more rows.")
    assert counts(team, id_) is not undoes
    team.review(id_, "robin")
    assert team.merge(id_, dry_run=True).decision.allowed


def test_a_refusing_review_blocks_until_it_is_dismissed(team):
    id_ = team.ask().name.id
    team.review(id_, "robin")
    no = team.review(id_, "lee", state="refused", body="Reason: The interval is too wide for me.")
    found = demands(team, id_)["refusals"]
    assert not found.met
    assert not found.final
    assert "The interval is too wide" in found.what
    said_ = team.forge.said[f"promotion/staging/{id_}"]
    said_[said_.index(no)] = replace(no, state="dismissed")
    assert team.merge(id_, dry_run=True).decision.allowed


def test_whoever_asked_does_not_count_by_review_either(team):
    id_ = team.promote(who="robin").name.id
    team.review(id_, "robin")
    assert not counts(team, id_)
    assert "asked for it" in said(team, id_)
    team.review(id_, "lee")
    assert team.merge(id_, dry_run=True).decision.allowed


def test_whoever_set_off_the_release_does_not_count(team):
    id_ = team.ask().name.id
    team.review(id_, "dana")
    assert not counts(team, id_)
    assert "dana does not count: they set off the run that made this release" in said(team, id_)


def test_a_key_and_a_review_of_one_person_count_once(team):
    team.land()
    team.forge.said.clear()
    id_ = team.ask(environment="production").name.id
    assert not team.say(id_, "robin").no
    team.review(
        id_, "robin", body="Reason: I looked once more at it all.\nRisk: Fewer rows than I would like."
    )
    found = demands(team, id_)
    assert not found["approvals"].met
    assert "they have approved already" in found["approvals"].what
    team.review(id_, "lee")
    assert team.merge(id_, dry_run=True).decision.allowed


def test_words_that_copy_anothers_do_not_count(team):
    id_ = team.ask().name.id
    assert not team.say(id_, "lee").no
    reason, risk = SAID["lee"]
    team.review(id_, "robin", body=f"Reason: {reason}\nRisk: {risk}")
    assert "robin does not count: the reason will not do" in said(team, id_)


def test_a_review_from_after_the_judgement_does_not_count(team):
    id_ = team.ask().name.id
    late = team.project.clock.replace(year=2031)
    team.review(id_, "robin", at=late)
    assert not counts(team, id_)


@pytest.mark.parametrize("reviews", ["", "gitea"])
def test_reviews_count_only_where_policy_says_so_and_on_its_forge(tmp_path, reviews):
    team = make_reviewed(tmp_path, reviews=reviews)
    id_ = team.promote().name.id
    team.review(id_, "robin")
    assert not counts(team, id_)
    assert not team.say(id_, "lee").no
    assert team.merge(id_, dry_run=True).decision.allowed


def test_a_branch_cannot_let_reviews_count_for_itself(tmp_path):
    team = make_reviewed(tmp_path, reviews="")
    id_ = team.promote().name.id
    policy = team.repo.read(team.main(), "governance/policy.yaml") + b"reviews: github\n"
    team.push(f"promotion/staging/{id_}", {"governance/policy.yaml": policy})
    team.review(id_, "robin")
    assert not counts(team, id_)


# After the merge


def test_a_landing_by_review_is_a_finding_until_its_record_follows_and_then_holds(team):
    id_, commit = landed(team)
    assert f"mlassay record --reviews {id_}" in told(team)
    assert [name.id for name in unrecorded(team.repo, team.main(), verifiers())] == [id_]
    assert status(team.repo, team.main(), [], verifiers()).unrecorded[0].id == id_
    done = team.record(id_)
    assert done.commit
    assert not done.already
    assert not problems(team)
    assert not unrecorded(team.repo, team.main(), verifiers())
    record = team.repo.read(team.main(), path(id_))
    statement = read_statement(read_envelope(record, "x").payload, "x")
    kept = read_review_record(statement.predicate, "x")
    assert (kept.merge, kept.number, kept.reviews[0].account) == (commit, 7, 102)
    assert team.record(id_).already
    assert team.merge(id_).already


def test_a_second_different_record_is_refused(team):
    id_, _ = landed(team)
    team.record(id_)
    tip = team.main()
    branch = f"promotion/staging/{id_}"
    team.forge.said[branch] = [
        replace(team.forge.said[branch][0], body="Reason: Other words altogether now.")
    ]
    with pytest.raises(ConfigurationError, match="another record"):
        team.record(id_)
    assert team.main() == tip


def test_the_next_environment_waits_for_the_record(team):
    id_, _ = landed(team)
    asked = team.ask(environment="production")
    assert not demands(team, asked.name.id)["main-line"].met
    team.record(id_)
    assert demands(team, asked.name.id)["main-line"].met


@pytest.mark.parametrize("kind", ["squash", "rebase"])
def test_what_the_forges_own_button_made_still_reads(team, kind):
    id_ = team.ask().name.id
    assert not team.say(id_, "lee").no
    team.review(id_, "robin", body="LGTM")
    team.forge.said.clear()
    pull = team.pull(id_)
    team.review(id_, "robin")
    repo, base = team.repo, team.main()
    line = [pull.head] if kind == "squash" else list(reversed(list(repo.commits_between(base, pull.head))))
    tip = base
    for step in line:
        commit = step if isinstance(step, str) else step.id
        files = {
            c.path: repo.blob(c.new.id)
            for c in repo.changes(
                repo.merge_base(base, commit) if kind == "squash" else repo.commit(commit).parents[0], commit
            )
        }
        tip = repo.write_commit(
            tip, files, message="By the button\n", author=repo.identity(), when=team.project.now()
        )
    repo.push("origin", tip, "refs/heads/main", base)
    team.project.now()
    assert not problems(team), "one signed approval is enough"
    assert team.record(id_).commit
    assert not problems(team)


def test_a_button_pressed_without_enough_reviews_is_a_finding_and_is_not_recorded(team):
    id_ = team.ask().name.id
    pull, base = team.pull(id_), team.main()
    files = {c.path: team.repo.blob(c.new.id) for c in team.repo.changes(base, pull.head)}
    who = team.repo.identity()
    tip = team.repo.write_commit(
        base, files, message="x\n", author=who, when=team.project.now(), parents=[base, pull.head]
    )
    team.repo.push("origin", tip, "refs/heads/main", base)
    assert "mlassay record --reviews" in told(team)
    done = team.record(id_)
    assert not done.decision.allowed
    assert not done.commit
    assert team.main() == tip
    team.review(id_, "robin", at=team.project.clock.replace(year=2029), head=pull.head)
    assert not team.record(id_).decision.allowed, "what was said after the merge comes too late"


def forged(team, id_, key="desk", kind=None, **changes):
    """Push a record that says something else, signed with ``key``."""
    done = team.record(id_, dry_run=True)
    request = json.loads(team.repo.read(team.main(), f"promotions/staging/{id_}/request.json"))
    about = {
        "request.json": changes.pop("request", sha256(canonical(request))),
        "release": request["release_digest"],
    }
    record = replace(done.record, **changes)
    data = sealed(team.ci(key), Statement(kind or REVIEW_RECORD, about, record.predicate())).to_bytes()
    team.push("main", {path(id_): data})


def test_a_record_of_the_truth_pushed_by_hand_holds_the_control(team):
    id_, _ = landed(team)
    forged(team, id_)
    assert not problems(team)


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        ({"key": "ci"}, "may not sign statements"),
        ({"kind": PROVENANCE}, "another request"),
        ({"request": "sha256:" + "0" * 64}, "another request"),
        ({"merge": "ab" * 20}, "landed as abababababab"),
        ({"head": "cd" * 20}, "the branch stood at cdcdcdcdcdcd"),
        ({"forge": "gitea"}, "reviews on gitea"),
        ({"reviews": ()}, "the reviews that were recorded do not meet approvals"),
    ],
)
def test_a_forged_record_is_a_finding(team, attack, words):
    id_, _ = landed(team)
    forged(team, id_, **attack)
    assert words in told(team)


def test_a_record_with_a_review_of_another_head_or_other_words_is_a_finding(team):
    id_, _ = landed(team)
    (word,) = team.record(id_, dry_run=True).record.reviews
    forged(team, id_, reviews=(replace(word, head="ab" * 20),))
    assert "not the branch's head" in told(team)


def test_words_that_do_not_fit_their_digest_are_a_finding(team):
    id_, _ = landed(team)
    (word,) = team.record(id_, dry_run=True).record.reviews
    forged(team, id_, reviews=(replace(word, body="Reason: I said nothing of the kind at all."),))
    assert "not those of its digest" in told(team)


def test_a_record_by_a_key_that_nobody_knew_before_the_landing_is_a_finding(team):
    ci_key(team.project.keys, "stranger")
    id_, _ = landed(team)
    with pytest.raises(ConfigurationError, match="does not know this CI key"):
        team.record(id_, key="stranger")
    forged(team, id_, key="stranger")
    assert "was not in governance/people.yaml" in told(team)


def test_the_key_of_evidence_records_no_reviews(team):
    id_, _ = landed(team)
    with pytest.raises(ConfigurationError, match="may not sign"):
        team.record(id_, key="ci")


def test_a_record_that_is_edited_later_is_a_finding(team):
    id_, _ = landed(team)
    team.record(id_)
    data = team.repo.read(team.main(), path(id_))
    team.push("main", {path(id_): data.replace(b"=", b"+", 1) + b" "})
    assert "changed after it was recorded" in told(team)
    assert "is not what was recorded" in told(team)


def test_a_record_that_is_deleted_is_a_finding(team):
    id_, _ = landed(team)
    team.record(id_)
    team.push("main", {path(id_): None})
    assert "deleted after it was recorded" in told(team)


def test_a_forged_record_bars_no_true_one_and_stays_a_finding(team):
    id_, _ = landed(team)
    forged(team, id_, key="ci")
    asked = team.ask(environment="production").name.id
    team.push("main", {path(id_): None})
    assert team.record(id_).commit
    assert demands(team, asked)["main-line"].met
    assert "deleted after it was recorded" in told(team)


def test_a_record_for_what_never_landed_is_a_finding(team):
    id_, _ = landed(team)
    team.record(id_)
    data = team.repo.read(team.main(), path(id_))
    team.push("main", {path("20261121-00000000"): data})
    assert "had not landed" in told(team)
    with pytest.raises(ConfigurationError, match="has not landed"):
        team.record(team.ask(environment="production").name.id)


def test_a_record_that_comes_with_the_request_itself_lets_nothing_in(team):
    id_ = team.ask().name.id
    team.review(id_, "robin")
    team.push(f"promotion/staging/{id_}", {path(id_): b"{}"})
    team.forge.said.clear()
    team.review(id_, "robin")
    assert not demands(team, id_)["only-its-own-paths"].met


def test_a_record_that_policy_did_not_ask_for_explains_nothing(tmp_path):
    team = make_reviewed(tmp_path, reviews="")
    id_ = team.promote().name.id
    assert not team.say(id_, "robin").no
    team.merge(id_)
    assert not problems(team)
    with pytest.raises(ConfigurationError, match="counts no reviews"):
        team.record(id_, key="ci")
    team.push("main", {path(id_): b"{}\n"})
    assert "counted no reviews" in told(team)


def test_a_change_that_brings_a_desks_key_in_cannot_be_vouched_for_by_that_key(team):
    team.repo.fetch("origin")
    team.repo.fast_forward("main", team.main())
    file = team.project.folder / "governance/people.yaml"
    mine = "\n".join(signer_yaml("mine", ci_key(team.project.keys, "mine"), DESK)) + "\n"
    file.write_text(file.read_text() + mine)
    change = propose(team.desk, team.key("dana"), reason="The desk gets a second key for the spring.").name
    pull, base = team.pull(change.id), team.main()
    team.review(change.id, "lee")
    assert team.merge(change.id).unrecorded
    done = team.record(change.id, dry_run=True)
    assert done.decision.allowed
    with pytest.raises(EvidenceError, match="vouches for no key of its own"):
        team.record(change.id, key="mine")
    assert team.record(change.id).commit
    assert not problems(team)
    assert landing_of(team.repo, team.main(), change).parent == base
    assert pull.number
