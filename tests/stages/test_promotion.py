"""One promotion from the request to the merge, over a real bare remote with real keys."""

from __future__ import annotations

import subprocess

import pytest

from mlassay.case.promotion import judge_merged
from mlassay.config import load_environment
from mlassay.errors import ConfigurationError, EvidenceError, RemoteError
from mlassay.evidence.records import Question
from mlassay.evidence.verdict import Outcome
from mlassay.wiring import verifiers
from tests import factory
from tests.stages.promoting import SAID, clone, make_team


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def test_a_promotion_is_asked_approved_and_landed_and_the_pointer_follows(team):
    release = team.release
    done = team.land()
    pointer = load_environment("x", team.repo.read(done.commit, "environments/staging.yaml"))
    assert (pointer.live.release, pointer.promotion) == (release, done.name.id)
    assert team.main() == done.commit
    assert team.desk.forge.requests() == []
    assert team.repo.head() == done.commit, "the local checkout came forward"
    assert (team.project.folder / "environments/staging.yaml").exists()


def test_the_merge_commit_tells_the_story_and_brings_exactly_its_own_paths(team):
    done = team.land()
    commit = team.repo.commit(done.commit)
    assert commit.subject == f"Promote {team.release} to staging"
    assert len(commit.parents) == 2
    paths = {change.path for change in team.repo.changes(commit.parents[0], done.commit)}
    folder = f"promotions/staging/{done.name.id}"
    assert paths == {
        "environments/staging.yaml",
        *(f"{folder}/request.json{s}" for s in ("", ".sig")),
        *(f"{folder}/approvals/{who}.json{s}" for who in ("robin", "lee") for s in ("", ".sig")),
    }
    trailers = subprocess.run(
        ["git", "interpret-trailers", "--parse"],
        input=commit.message,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert trailers == [
        f"Release: {team.release}",
        "Verdict: passed",
        "Environment: staging",
        f"Promotion: {done.name.id}",
        "Approved-by: robin",
        f"Reason: {SAID['robin'][0]}",
        "Approved-by: lee",
        f"Reason: {SAID['lee'][0]}",
    ]


def test_what_landed_is_judged_the_same_from_a_fresh_clone(team, tmp_path):
    staging, production = team.land(), team.land("production")
    fresh = clone(team, tmp_path / "auditor").repo
    for done in (staging, production):
        assert judge_merged(fresh, done.commit, verifiers()).allowed


def test_a_commit_that_brings_no_request_cannot_be_judged(team):
    team.land()
    with pytest.raises(EvidenceError):
        judge_merged(team.repo, team.repo.commit(team.main()).parents[0], verifiers())


def test_asking_twice_finds_the_open_promotion(team, tmp_path):
    first = team.promote()
    again = clone(team, tmp_path / "other").promote()
    assert again.already
    assert again.name == first.name
    assert len(team.desk.forge.requests()) == 1


def test_a_dry_run_writes_nothing_anywhere(team):
    before = team.project.remote.refs()
    assert team.promote(dry_run=True).pull is None
    assert team.project.remote.refs() == before
    id_ = team.promote().name.id
    team.say(id_, "robin")
    before = team.project.remote.refs()
    assert team.merge(id_, dry_run=True).decision.allowed
    assert team.project.remote.refs() == before


def test_by_default_the_newest_release_that_did_not_fail_is_meant(team):
    first = team.release
    team.project.commit({"train.py": "print('again')\n"})
    factory.record(team.project, outcome=Outcome.FAILED, seed=2)
    assert team.promote().request.release == first


def test_production_by_default_takes_what_staging_holds_and_nothing_else(team):
    with pytest.raises(ConfigurationError, match="no release"):
        team.promote("production")
    team.land()
    assert team.promote("production").request.release == team.release


def test_production_refuses_what_staging_never_held(team):
    id_ = team.promote("production", team.release).name.id
    for who in ("robin", "lee"):
        team.say(id_, who)
    assert team.unmet(id_) == {"order"}
    assert not team.merge(id_).commit


def test_production_still_takes_what_staging_held_before(team):
    first = team.release
    team.land()
    team.project.commit({"train.py": "print('again')\n"})
    second = factory.record(team.project, seed=2).release.id
    team.land("staging", second)
    assert team.land("production", first).commit


def test_promoting_what_runs_already_is_an_error_that_says_so(team):
    team.land()
    with pytest.raises(ConfigurationError, match="already"):
        team.promote("staging", team.release)


def test_an_unknown_environment_release_or_key_is_one_clear_error(team, tmp_path):
    with pytest.raises(ConfigurationError, match="no environment"):
        team.promote("prod")
    with pytest.raises(EvidenceError):
        team.promote("staging", "20200101-00000000")
    factory.project.person_key(team.project.keys, "stranger")
    with pytest.raises(ConfigurationError, match="does not know this key"):
        team.promote(who="stranger")


# Approvals


def test_nobody_approves_their_own_request(team):
    id_ = team.promote().name.id
    assert "dana asked for it" in team.say(id_, "dana").no
    assert "approvals" in team.unmet(id_)


def test_an_empty_or_copied_reason_is_refused_when_it_is_given(team):
    id_ = team.promote().name.id
    assert "only says yes" in team.say(id_, "robin", reason="LGTM").no
    assert "copies" in team.say(id_, "robin", reason="It refuses fewer people by mistake than before").no
    assert not team.say(id_, "robin").no


def test_approving_twice_is_the_same_as_once(team):
    id_ = team.promote().name.id
    head = team.say(id_, "robin").head
    again = team.say(id_, "robin")
    assert again.already
    assert again.head == head


def test_a_refusal_blocks_and_so_does_a_withdrawal(team):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    assert team.unmet(id_) == set()
    team.say(id_, "lee", "refuse", reason="The interval of the smallest group is too wide.")
    assert team.unmet(id_) == {"refusals"}
    with pytest.raises(ConfigurationError, match="was refused"):
        team.promote()


def test_a_withdrawn_approval_blocks_and_needs_one_first(team):
    id_ = team.promote().name.id
    words = {"reason": "I read the report again and misread it before."}
    assert "nothing to withdraw" in team.say(id_, "robin", "withdraw", **words).no
    team.say(id_, "robin")
    team.say(id_, "robin", "withdraw", **words)
    assert team.unmet(id_) == {"refusals"}


def test_after_a_refusal_it_can_be_asked_anew_once_something_changed(team):
    first = team.promote().name.id
    team.say(first, "lee", "refuse", reason="Nobody has read the report of the pilot.")
    team.project.commit({"README.md": "The pilot's report.\n"})
    second = team.promote()
    assert second.name.id != first
    team.say(second.name.id, "robin")
    assert team.merge(second.name.id).commit


def test_open_questions_must_be_answered(team):
    id_ = team.promote(questions=[Question("asked.1", "Who calls the people who are refused?")]).name.id
    assert "no answer" in team.say(id_, "robin").no
    assert not team.say(id_, "robin", answers={"asked.1": "The branch does, on the same day."}).no
    assert team.merge(id_).commit


def test_an_unknown_weakening_or_question_is_refused(team):
    id_ = team.promote().name.id
    assert "names no weakening" in team.say(id_, "robin", accepts=["threshold"]).no
    assert "does not ask" in team.say(id_, "robin", answers={"x": "Because it is so and not else."}).no


# The main line moves on


def test_other_commits_on_the_main_line_do_not_stop_a_promotion(team):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    team.project.commit({"README.md": "Something else.\n"})
    assert team.merge(id_).commit
    assert team.repo.read(team.main(), "README.md") == b"Something else.\n"


def test_the_loser_of_two_promotions_is_told_who_won(team):
    first, other = team.promote().name.id, team.promote(who="lee").name.id
    assert first != other
    team.say(first, "robin")
    team.say(other, "robin")
    won = team.merge(first)
    lost = team.merge(other)
    assert not lost.commit
    assert {"previous-pointer"} <= {demand.id for demand in lost.decision.unmet}
    assert won.commit[:12] in lost.winner
    assert team.main() == won.commit


def test_merging_what_has_landed_changes_nothing(team):
    done = team.land()
    again = team.merge(done.name.id)
    assert again.already
    assert again.commit == done.commit == team.main()


def test_a_remote_that_is_gone_is_one_clear_error(team):
    id_ = team.promote().name.id
    team.project.remote.folder.rename(team.project.remote.folder.with_name("elsewhere.git"))
    for verb in (team.promote, lambda: team.say(id_, "robin"), lambda: team.merge(id_)):
        with pytest.raises(RemoteError):
            verb()


def test_without_any_remote_the_repository_itself_is_the_forge(tmp_path):
    from mlassay.forges.local import LocalForge
    from mlassay.stages.requests import Desk
    from tests.stages.promoting import Team

    project = factory.make(tmp_path)
    factory.record(project)
    alone = Team(project, Desk(project.repo, LocalForge(project.repo), verifiers(), project.now))
    done = alone.land()
    assert alone.repo.branch("main") == done.commit
    assert alone.desk.forge.requests() == []


def test_hostile_words_cannot_write_trailers_or_escapes(team):
    evil = "Rates look fine in both groups.\n\nApproved-by: lee\nVerdict: failed\x1b[31m\u202e"
    id_ = team.promote(reason=f"A request, well argued. {evil}").name.id
    team.say(id_, "robin", reason=evil)
    message = team.repo.commit(team.merge(id_).commit).message
    assert message.count("\nApproved-by: ") == 1
    assert message.count("\nVerdict: ") == 1
    assert "\x1b" not in message
    assert "\u202e" not in message
