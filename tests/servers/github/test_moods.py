"""The unpleasant sides, each beside the call that goes well."""

from __future__ import annotations

import time

import github as pygithub
import pytest
import requests

from tests.servers.github import GitHubServer
from tests.servers.github.fixture import github
from tests.servers.github.world import NAME, World, client, commit, git
from tests.tools import tool

__all__ = ["github"]
pytestmark = pytest.mark.ci_extension


@pytest.fixture
def world(github, tmp_path):
    return World(github, tmp_path)


@pytest.mark.parametrize(
    ("how", "status", "told"),
    [
        ("error", 502, "Server Error"),
        ("conflict", 409, "Head branch was modified"),
        ("unprocessable", 422, "Validation Failed"),
        ("forbidden", 403, "not accessible by integration"),
        ("unauthorized", 401, "Bad credentials"),
        ("not-mergeable", 405, "not mergeable"),
    ],
)
def test_a_call_is_refused_once_and_then_goes_well(world, how, status, told):
    pull = world.opened()
    world.github.misbehave(next="PUT /…/merge", how=how)
    with pytest.raises(pygithub.GithubException, match=told) as caught:
        pull.merge(sha=pull.head.sha)
    assert caught.value.status == status
    assert pull.merge(sha=pull.head.sha).merged
    merges = [call.status for call in world.github.calls if call.path.endswith("/merge")]
    assert merges == [status, 200]


def test_limits_say_when_to_come_back(world):
    repo = world.repo()
    world.github.misbehave(next="GET /repos/*", how="secondary-limit", seconds=7)
    with pytest.raises(pygithub.GithubException, match="secondary rate limit") as caught:
        repo.get_branches().totalCount  # noqa: B018  the property calls
    assert caught.value.headers["retry-after"] == "7"
    world.github.misbehave(next="GET /repos/*", how="primary-limit", status=429, seconds=9)
    with pytest.raises(pygithub.GithubException) as caught:
        repo.get_branch("main")
    assert caught.value.status == 429
    assert caught.value.headers["x-ratelimit-remaining"] == "0"
    assert 5 < int(caught.value.headers["x-ratelimit-reset"]) - time.time() < 11


def test_a_connection_is_dropped_before_or_after_the_write(world):
    pull = world.opened()
    world.github.misbehave(next="POST /…/comments", how="drop-before")
    world.github.misbehave(next="POST /…/comments", how="drop-after")
    for done in (0, 1):
        with pytest.raises(requests.exceptions.ConnectionError):
            pull.create_issue_comment("once")
        assert len(world.github.comments(NAME, 1)) == done
    assert [call.status for call in world.github.calls if call.method == "POST"][-2:] == [0, 0]


def test_a_merge_may_have_happened_though_nobody_was_told(world):
    pull = world.opened()
    world.github.misbehave(next="PUT /…/merge", how="drop-after")
    with pytest.raises(requests.exceptions.ConnectionError):
        pull.merge(sha=pull.head.sha)
    assert world.repo().get_pull(1).merge_commit_sha == world.main()


def test_a_push_is_dropped_too(world):
    commit(world.folder, "main", "more")
    world.github.misbehave(next="POST /*/git-receive-pack", how="drop-after")
    assert world.push("main", check=False).returncode != 0
    assert world.main() == git(world.folder, "rev-parse", "HEAD").stdout.strip()
    world.github.misbehave(next="GET /*/info/refs", how="error")
    assert world.push("main", check=False).returncode != 0


def test_slow_and_cut_short(world):
    repo = world.repo()
    world.github.misbehave(next="GET /…/branches/main", how="slow", seconds=0.3)
    began = time.monotonic()
    repo.get_branch("main")
    assert time.monotonic() - began > 0.3
    world.github.misbehave(next="GET /…/branches/main", how="garbled")
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        repo.get_branch("main")


def test_an_unknown_mood_is_a_mistake_of_the_test(github):
    with pytest.raises(ValueError, match="no misbehaviour"):
        github.misbehave(next="GET /", how="sulk")


def test_the_api_learns_of_a_push_some_calls_later(world):
    repo = world.repo()
    world.github.lag(NAME, calls=2)
    world.branch()
    for _ in range(2):
        with pytest.raises(pygithub.GithubException) as caught:
            repo.create_pull(base="main", head="promote/staging/1", title="t", body="")
        assert caught.value.status == 422
    pull = repo.create_pull(base="main", head="promote/staging/1", title="t", body="")
    old = pull.head.sha
    git(world.folder, "checkout", "--quiet", "promote/staging/1")
    new = commit(world.folder, "promote/staging/1", "two")
    world.push("promote/staging/1")
    assert [repo.get_pull(1).head.sha for _ in range(3)] == [old, old, new]


def test_whether_it_merges_is_worked_out_a_moment_later(world):
    world.opened()
    world.github.compute(NAME, 1, calls=1)
    assert [world.repo().get_pull(1).mergeable for _ in range(2)] == [None, True]


def test_an_expired_token_is_refused_by_api_and_git(world):
    world.github.expire(world.lee)
    with pytest.raises(pygithub.BadCredentialsException):
        world.repo()
    commit(world.folder, "main", "more")
    assert world.push("main", check=False).returncode != 0
    world.push("main", token=world.sam)


def test_a_renamed_repository_is_found_under_its_old_name(world):
    pull = world.opened()
    world.github.rename(NAME, "acme/loans")
    repo = world.repo()
    assert repo.full_name == "acme/loans"
    assert 301 in [call.status for call in world.github.calls]
    assert git(world.folder, "ls-remote", world.home.clone_url.replace("loans", "mortgage")).returncode == 0
    answer = requests.post(
        f"{world.github.url}/repos/{NAME}/issues/{pull.number}/comments",
        json={"body": "x"},
        headers={"Authorization": f"Bearer {world.lee}"},
        allow_redirects=False,
        timeout=5,
    )
    assert answer.status_code == 307


def test_what_is_gone_or_closed_to_one_is_not_found(world):
    world.github.permit(NAME, "sam", "none")
    world.home.private = True
    with pytest.raises(pygithub.UnknownObjectException):
        world.repo(world.sam)
    assert world.repo().private
    world.github.delete(NAME)
    with pytest.raises(pygithub.UnknownObjectException):
        world.repo()


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("POST", "/pulls", {"head": "x"}, "base"),
        ("POST", "/pulls", {"head": "x", "base": "main", "titel": "x"}, "unknown in the body: titel"),
        ("GET", "/pulls?state=merged", None, "merged"),
        ("GET", "/pulls?stat=open", None, "unknown in the query: stat"),
        ("GET", "/nowhere", None, "plays no such operation"),
        ("POST", "/check-runs", {"name": "x", "head_sha": "x", "conclusion": "fine"}, "fine"),
    ],
)
def test_what_the_contract_does_not_allow_fails_the_test(tmp_path, method, path, body, told):
    with GitHubServer(tmp_path, tool("octokit-openapi")) as server:
        token = server.app("mlassay")
        server.repository(NAME)
        url = f"{server.url}/repos/{NAME}{path}"
        requests.request(method, url, json=body, headers={"Authorization": f"Bearer {token}"}, timeout=5)
    with pytest.raises(AssertionError, match=told):
        server.verify()


def test_an_answer_that_github_would_not_give_fails_the_test(tmp_path):
    with GitHubServer(tmp_path, tool("octokit-openapi")) as server:
        lee, home = server.user("lee"), server.repository(NAME)
        client(server, lee).get_repo(NAME)
        server.verify()
        home.default_branch = 7  # type: ignore[assignment]
        client(server, lee).get_repo(NAME)
    with pytest.raises(AssertionError, match=r"default_branch: 7 is not of type"):
        server.verify()


def test_a_token_in_an_address_fails_the_test(tmp_path):
    with GitHubServer(tmp_path, tool("octokit-openapi")) as server:
        lee = server.user("lee")
        requests.get(f"{server.url}/users/{lee}", timeout=5)
    with pytest.raises(AssertionError, match="a token in the address"):
        server.verify()
