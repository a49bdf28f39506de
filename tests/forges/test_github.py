"""GitHub's unpleasant sides: limits, lost answers, lagging branches, other merge methods, and the default token."""

from __future__ import annotations

import time

import pytest

from mlassay.case.reviews import Words, words_of
from mlassay.errors import RemoteError
from mlassay.git import MovedOn
from mlassay.ports import Annotation, Check
from tests.forges.test_hosted import MARKER, merged, opened
from tests.forges.worlds import CHECK, NAME

pytestmark = pytest.mark.ci_extension
PULLS = "POST /repos/team/mortgage/pulls"


@pytest.fixture
def hub(made):
    return made("github")


def pulls(hub):
    return hub.home.pulls


@pytest.mark.parametrize("how", ["drop-before", "drop-after", "error", "slow"])
def test_a_lost_answer_never_opens_two(hub, how):
    hub.server.misbehave(PULLS, how, seconds=0.2) if how == "slow" else hub.server.misbehave(PULLS, how)
    request = opened(hub)
    assert hub.forge.requests() == [request]
    assert len(pulls(hub)) == 1


def test_a_lost_answer_never_writes_two_comments(hub):
    request = opened(hub)
    hub.server.misbehave("POST …/comments", "drop-after")
    hub.forge.comment(request, MARKER, "Red.")
    assert len(hub.comments(request)) == 1


@pytest.mark.parametrize("how", ["drop-before", "drop-after", "error"])
def test_a_lost_answer_of_a_merge_is_looked_into(hub, how):
    main = hub.repo.head()
    hub.protect(checks=[CHECK])
    request = opened(hub)
    hub.forge.check(request.head, Check(CHECK, True, "Yes"))
    hub.server.misbehave("PUT …/merge", how)
    landed = hub.forge.merge(request, merged(hub, request), main)
    assert hub.repo.commit(landed).parents == (main, request.head)
    assert hub.branch("main") == landed


def test_a_merge_that_keeps_failing_is_told_with_nothing_done(hub):
    main = hub.repo.head()
    hub.protect(checks=[CHECK])
    request = opened(hub)
    hub.server.misbehave("PUT …/merge", "error", times=10)
    with pytest.raises(RemoteError, match="trouble of its own"):
        hub.forge.merge(request, merged(hub, request), main)
    assert hub.branch("main") == main


def test_a_conflict_of_the_api_that_lags_is_waited_for(hub):
    main = hub.repo.head()
    hub.protect(checks=[CHECK])
    request = opened(hub)
    hub.server.lag(hub.name, 3)
    request = hub.forge.update(request, hub.commit(request.head, "two"))
    hub.forge.check(request.head, Check(CHECK, True, "Yes"))
    landed = hub.forge.merge(request, merged(hub, request), main)
    assert hub.repo.commit(landed).parents == (main, request.head)


def test_a_branch_that_the_api_does_not_know_yet_is_waited_for(hub):
    hub.server.lag(hub.name, 4)
    request = opened(hub)
    assert [each.head for each in hub.forge.requests()] == [request.head]
    assert len(pulls(hub)) == 1


@pytest.mark.parametrize("how", ["secondary-limit", "primary-limit"])
def test_a_limit_is_waited_for_as_told_and_what_it_stopped_is_done(hub, how):
    slept: list[float] = []
    forge = hub.forge_of(hub.token, sleep=slept.append)
    hub.server.misbehave(PULLS, how, seconds=7)
    forge.open(NAME, hub.commit(hub.repo.head(), "one"), title="t", body="b")
    assert slept[0] == pytest.approx(7 if how == "secondary-limit" else 8, abs=1.1)
    assert any("going on in" in line for line in hub.said)
    assert len(pulls(hub)) == 1


def test_a_limit_without_a_time_is_waited_for_a_minute_then_longer(hub):
    slept: list[float] = []
    forge = hub.forge_of(hub.token, sleep=slept.append)
    hub.server.misbehave("GET …/pulls", "secondary-limit", times=2, seconds=None)
    forge.requests()
    assert slept == [60, 120]


def test_a_limit_longer_than_the_bound_is_told_and_not_waited_for(hub):
    slept: list[float] = []
    forge = hub.forge_of(hub.token, sleep=slept.append)
    hub.server.misbehave("GET …/pulls", "primary-limit", seconds=3000)
    with pytest.raises(RemoteError, match="left alone until") as caught:
        forge.requests()
    assert slept == []
    assert "run the same command again" in caught.value.problems[0].remedy


def test_reads_are_tried_again_a_bounded_number_of_times(hub):
    hub.server.misbehave("GET …/pulls", "error", times=3)
    assert hub.forge.requests() == []
    hub.server.misbehave("GET …/pulls", "drop-before", times=50)
    before = hub.forge.calls.made
    with pytest.raises(RemoteError, match="did not answer"):
        hub.forge.requests()
    assert hub.forge.calls.made - before == 5


def test_an_answer_cut_off_is_no_answer(hub):
    hub.server.misbehave("GET …/pulls", "garbled")
    opened(hub)
    hub.server.misbehave("GET …/pulls", "garbled", times=9)
    with pytest.raises(RemoteError, match="JSON"):
        hub.forge.requests()


def test_every_page_is_read(hub):
    request = opened(hub)
    hub.server.crowd(hub.name, 130)
    assert hub.forge.requests() == [request]


def test_a_repository_that_allows_no_merge_commits_gets_a_squash(hub):
    main = hub.repo.head()
    hub.protect(checks=[CHECK])
    hub.server.configure(hub.name, allow_merge_commit=False)
    request = opened(hub)
    hub.forge.check(request.head, Check(CHECK, True, "Yes"))
    landed = hub.forge.merge(request, merged(hub, request), main)
    assert hub.repo.commit(landed).parents == (main,)


def test_one_that_allows_neither_is_told_what_to_allow(hub):
    main = hub.repo.head()
    hub.protect(checks=[CHECK])
    hub.server.configure(hub.name, allow_merge_commit=False, allow_squash_merge=False)
    request = opened(hub)
    hub.forge.check(request.head, Check(CHECK, True, "Yes"))
    with pytest.raises(RemoteError, match="Squash merges are not allowed"):
        hub.forge.merge(request, merged(hub, request), main)


def test_a_renamed_repository_is_told_with_its_new_name(hub):
    opened(hub)
    hub.server.rename(hub.name, "team/loans")
    with pytest.raises(RemoteError) as caught:
        hub.forge.requests()
    assert "git remote set-url" in caught.value.problems[0].remedy
    with pytest.raises(RemoteError) as caught:
        opened(hub, hub.commit(hub.repo.head(), "two"))
    assert "git remote set-url" in caught.value.problems[0].remedy


def test_the_default_token_is_warned_of_once(hub):
    hub.server.configure(hub.name, can_approve_pull_request_reviews=True)
    held = {"contents": "write", "pull_requests": "write"}
    forge = hub.forge_of(hub.server.actions_token(held))
    head = hub.commit(hub.repo.head(), "one")
    forge.open(NAME, head, title="t", body="b")
    assert len([line for line in hub.said if "runs no checks" in line and "deploy key" in line]) == 1
    assert not next(iter(pulls(hub).values())).runs_checks


def test_an_apps_pull_request_is_not_warned_of(hub):
    opened(hub)
    assert hub.said == []


def test_a_repository_that_forbids_the_default_token_is_told_the_other_way(hub):
    forge = hub.forge_of(hub.server.actions_token({"contents": "write", "pull_requests": "write"}))
    with pytest.raises(RemoteError, match="own token") as caught:
        forge.open(NAME, hub.commit(hub.repo.head(), "one"), title="t", body="b")
    assert "App" in caught.value.problems[0].remedy


def test_a_missing_permission_is_named(hub):
    forge = hub.forge_of(hub.server.actions_token({"contents": "write", "pull_requests": "read"}))
    with pytest.raises(RemoteError, match="may not do this") as caught:
        forge.open(NAME, hub.commit(hub.repo.head(), "one"), title="t", body="b")
    assert "pull_requests=write" in caught.value.problems[0].why


def test_a_check_run_carries_all_its_annotations_once_even_when_an_answer_is_lost(hub):
    request = opened(hub)
    notes = [Annotation("ml.yaml", line, f"finding {line}", "bias") for line in range(1, 131)]
    hub.server.misbehave("PATCH …/check-runs/…", "drop-after")
    hub.forge.check(
        request.head, Check(CHECK, False, "No\x1b[31m", "s" * 70_000, "https://example.org", notes)
    )
    (run,) = hub.server.checks(hub.name, request.head)
    assert [note["start_line"] for note in run.annotations] == list(range(1, 131))
    assert (run.status, run.conclusion) == ("completed", "failure")
    assert len(run.output["summary"]) <= 65_535
    assert "\x1b" not in run.output["title"]


def test_a_check_that_nobody_has_decided_is_in_progress(hub):
    request = opened(hub)
    hub.forge.check(request.head, Check(CHECK, None, "Waiting"))
    (run,) = hub.server.checks(hub.name, request.head)
    assert (run.status, run.conclusion) == ("in_progress", None)


def test_a_persons_token_posts_a_status_since_only_apps_may_post_check_runs(hub):
    request = opened(hub)
    hub.forge_of(hub.person("robin")).check(request.head, Check(CHECK, True, "Yes " * 100))
    (status,) = hub.home.statuses
    assert (status.context, status.state, len(status.description)) == (CHECK, "success", 140)


def test_a_person_may_write_the_sticky_comment_too(hub):
    request = opened(hub)
    forge = hub.forge_of(hub.person("robin"))
    for text in ("red", "green"):
        forge.comment(request, MARKER, text)
    assert hub.comments(request) == [("robin", f"{MARKER}\ngreen")]


def test_a_slow_answer_is_only_slow(hub):
    hub.server.misbehave("GET …/pulls", "slow", seconds=0.3)
    started = time.monotonic()
    assert hub.forge.requests() == []
    assert time.monotonic() - started >= 0.3


def test_a_lost_race_for_the_branch_is_told_although_the_api_lags(hub):
    request = opened(hub)
    hub.server.lag(hub.name, 5)
    newer = hub.forge.update(request, hub.commit(request.head, "two"))
    with pytest.raises(MovedOn):
        hub.forge.update(request, hub.commit(request.head, "other"))
    assert [each.head for each in hub.forge.requests()] == [newer.head]


def test_words_that_somebody_else_put_into_a_review_are_nobodys(hub):
    request = opened(hub)
    for who, words in (("robin", "Reason: mine.\nRisk: mine."), ("lee", "LGTM")):
        hub.review(request, who, "approved", words)
    mine, other = hub.home.pulls[request.number].reviews
    mine.body, mine.editor = "Reason: mine, with a word more.\nRisk: mine.", mine.account
    assert [review.body for review in hub.forge.reviews(request)] == [mine.body, "LGTM"]
    other.body, other.editor = "Reason: put into lee's mouth.\nRisk: none.", mine.account
    told = hub.forge_of(hub.token).reviews(request)
    assert told[0].body == mine.body
    assert (told[1].state, told[1].account) == ("approved", hub.account("lee"))
    assert "put into" not in told[1].body
    assert words_of(told[1].body) == Words()
