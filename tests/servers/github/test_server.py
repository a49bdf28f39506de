"""The stand-in under the client that the forge uses, and under real git."""

from __future__ import annotations

import github as pygithub
import pytest

from tests.servers.github.fixture import github
from tests.servers.github.world import NAME, World, client, commit, git, remote

__all__ = ["github"]
pytestmark = pytest.mark.ci_extension


@pytest.fixture
def world(github, tmp_path):
    return World(github, tmp_path)


def test_a_pull_request_is_opened_reviewed_and_merged_at_the_expected_head(world):
    repo = world.repo()
    pull = world.opened()
    assert (pull.number, pull.state, pull.mergeable_state) == (1, "open", "clean")
    with pytest.raises(pygithub.GithubException) as caught:
        pull.create_review(event="APPROVE", body="mine")
    assert caught.value.status == 422
    world.repo(world.sam).get_pull(1).create_review(event="APPROVE", body="Reason: fine")
    assert [(one.user.id, one.state, one.commit_id) for one in pull.get_reviews()] == [
        (502, "APPROVED", pull.head.sha)
    ]
    with pytest.raises(pygithub.GithubException) as caught:
        pull.merge(sha="1" * 40)
    assert caught.value.status == 409
    done = pull.merge(sha=pull.head.sha, merge_method="merge")
    assert done.merged
    assert done.sha == world.main()
    assert repo.get_pull(1).merged_by.login == "lee"
    with pytest.raises(pygithub.GithubException) as caught:
        pull.merge()
    assert caught.value.status == 405


@pytest.mark.parametrize(("method", "parents"), [("merge", 2), ("squash", 1), ("rebase", 1)])
def test_each_way_to_merge_makes_the_commits_that_github_makes(world, method, parents):
    pull = world.opened()
    commit(world.folder, "main", "other")
    world.push("main")
    done = pull.merge(merge_method=method)
    told = git(world.home.bare, "cat-file", "commit", "main").stdout
    assert told.count("\nparent ") == parents
    assert "committer GitHub" in told
    assert done.sha != pull.head.sha
    assert git(world.home.bare, "ls-tree", "--name-only", "main").stdout.split() == ["README", "one", "other"]


def test_a_way_that_is_switched_off_is_refused(world):
    world.github.configure(NAME, allow_squash_merge=False)
    pull = world.opened()
    with pytest.raises(pygithub.GithubException, match="not allowed") as caught:
        pull.merge(merge_method="squash")
    assert caught.value.status == 405
    assert world.repo().allow_squash_merge is False


@pytest.mark.parametrize("style", ["ruleset", "branch"])
def test_the_main_line_takes_a_merge_only_with_approval_and_the_apps_own_check(world, style):
    pull = world.opened()
    world.github.protect(NAME, reviews=1, checks=["mlassay/decide"], app="mlassay", style=style)

    def refused() -> str:
        with pytest.raises(pygithub.GithubException) as caught:
            pull.merge(sha=pull.head.sha)
        assert caught.value.status == 405
        return caught.value.data["message"]

    assert "approving review is required" in refused()
    world.github.review(NAME, 1, by="sam", body="Reason: fine")
    assert '"mlassay/decide" is expected' in refused()
    other = world.github.app("impostor")
    world.repo(other).create_check_run("mlassay/decide", pull.head.sha, conclusion="success")
    assert '"mlassay/decide" is expected' in refused()
    run = world.repo(world.app).create_check_run(
        "mlassay/decide", pull.head.sha, conclusion="failure", output={"title": "No", "summary": "Because."}
    )
    assert "is failing" in refused()
    run.edit(conclusion="success", output={"title": "Yes", "summary": "Because."})
    world.github.review(NAME, 1, by="sam", state="CHANGES_REQUESTED", body="no")
    assert "Changes have been requested" in refused()
    world.github.review(NAME, 1, by="sam")
    assert pull.merge(sha=pull.head.sha).merged


def test_only_an_app_posts_check_runs(world):
    with pytest.raises(pygithub.GithubException, match="authenticate via a GitHub App") as caught:
        world.repo().create_check_run("mlassay/decide", world.first, conclusion="success")
    assert caught.value.status == 403


def test_check_runs_are_listed_by_commit_and_the_newest_of_a_name_counts(world):
    repo = world.repo(world.app)
    for conclusion in ("failure", "success"):
        repo.create_check_run("mlassay/decide", world.first, conclusion=conclusion)
    runs = list(repo.get_commit(world.first).get_check_runs(check_name="mlassay/decide"))
    assert [(run.conclusion, run.app.slug) for run in runs] == [("success", "mlassay")]
    assert len(world.github.checks(NAME, world.first)) == 2


def test_statuses_count_as_checks_too(world):
    world.github.protect(NAME, checks=["legacy"])
    pull = world.opened()
    with pytest.raises(pygithub.GithubException):
        pull.merge()
    commit_ = world.repo().get_commit(pull.head.sha)
    commit_.create_status("success", context="legacy", description="fine")
    assert commit_.get_combined_status().state == "success"
    assert [one.creator.login for one in commit_.get_statuses()] == ["lee"]
    assert pull.merge().merged


@pytest.mark.parametrize("style", ["ruleset", "branch"])
def test_a_protected_main_line_refuses_pushes_but_from_whom_it_names(world, style):
    world.github.protect(NAME, reviews=1, push=[world.app], style=style)
    head = commit(world.folder, "main", "record")
    refused = world.push("main", check=False)
    assert refused.returncode != 0
    assert {"ruleset": "GH013: Repository rule violations found", "branch": "GH006"}[style] in refused.stderr
    assert world.main() == world.first
    world.push("main", token=world.app)
    assert world.main() == head


def test_classic_protection_wants_the_check_also_of_who_is_let_past_reviews(world):
    world.github.protect(NAME, reviews=1, checks=["mlassay/decide"], push=[world.app], style="branch")
    head = commit(world.folder, "main", "record")
    assert "is expected" in world.push("main", token=world.app, check=False).stderr
    world.push("main:staging", token=world.app)
    world.repo(world.app).create_check_run("mlassay/decide", head, conclusion="success")
    world.push("main", token=world.app)
    assert world.main() == head


def test_nobody_forces_or_deletes_a_protected_branch(world):
    commit(world.folder, "main", "second")
    world.push("main")
    world.github.protect(NAME)
    git(world.folder, "checkout", "--quiet", "-B", "main", world.first)
    commit(world.folder, "main", "other")
    assert "Cannot force-push" in world.push("+main", check=False).stderr
    assert "Cannot delete" in world.push(":main", check=False).stderr
    world.github.unprotect(NAME)
    world.push("+main")  # the control: what refused was the protection


def test_a_push_of_the_requests_own_commit_to_main_merges_it(world):
    pull = world.opened()
    world.push(f"{pull.head.sha}:refs/heads/main", ":refs/heads/promote/staging/1")
    found = world.repo().get_pull(1)
    assert found.merged
    assert found.merge_commit_sha == pull.head.sha


@pytest.mark.parametrize("style", ["ruleset", "branch"])
def test_the_main_line_takes_the_push_of_a_request_that_has_all_it_needs(world, style):
    pull = world.opened()
    world.github.protect(NAME, reviews=1, style=style)
    assert world.push(f"{pull.head.sha}:refs/heads/main", check=False).returncode != 0
    world.github.review(NAME, 1, by="sam")
    world.push(f"{pull.head.sha}:refs/heads/main")
    assert world.repo().get_pull(1).merged


def test_a_push_to_the_branch_moves_the_request_and_its_reviews_stay_with_their_commit(world):
    pull = world.opened()
    old = pull.head.sha
    world.github.review(NAME, 1, by="sam")
    git(world.folder, "checkout", "--quiet", "promote/staging/1")
    new = commit(world.folder, "promote/staging/1", "two")
    world.push("promote/staging/1")
    assert world.repo().get_pull(1).head.sha == new
    assert [(one.commit_id, one.state) for one in pull.get_reviews()] == [(old, "APPROVED")]


def test_stale_reviews_are_dismissed_where_the_rules_say_so(world):
    world.opened()
    world.github.protect(NAME, reviews=1, dismiss_stale=True)
    world.github.review(NAME, 1, by="sam")
    git(world.folder, "checkout", "--quiet", "promote/staging/1")
    commit(world.folder, "promote/staging/1", "two")
    world.push("promote/staging/1")
    assert [one.state for one in world.repo().get_pull(1).get_reviews()] == ["DISMISSED"]


def test_a_review_is_dismissed_by_hand(world):
    pull = world.opened()
    review = world.repo(world.sam).get_pull(1).create_review(event="APPROVE", body="Reason: fine")
    pull.get_review(review.id).dismiss("not any more")
    assert [one.state for one in pull.get_reviews()] == ["DISMISSED"]


def test_deleting_the_branch_closes_the_request(world):
    world.opened()
    world.repo().get_git_ref("heads/promote/staging/1").delete()
    assert world.repo().get_pull(1).state == "closed"
    assert not world.repo().get_pull(1).merged


def test_a_request_is_edited_and_closed(world):
    pull = world.opened()
    pull.edit(title="Another", body="anew")
    assert (world.repo().get_pull(1).title, world.repo().get_pull(1).body) == ("Another", "anew")
    pull.edit(state="closed")
    assert [one.number for one in world.repo().get_pulls(state="open")] == []
    assert [one.number for one in world.repo().get_pulls(state="closed")] == [1]


def test_one_request_for_a_branch_and_none_for_a_branch_that_is_not_there(world):
    world.opened()
    for head, told in (
        ("promote/staging/1", "already exists"),
        ("nowhere", "invalid"),
        ("main", "No commits"),
    ):
        with pytest.raises(pygithub.GithubException, match=told) as caught:
            world.repo().create_pull(base="main", head=head, title="again", body="")
        assert caught.value.status == 422


def test_requests_are_found_by_head_and_by_commit(world):
    pull = world.opened()
    world.opened("promote/staging/2", "two")
    repo = world.repo()
    assert [one.number for one in repo.get_pulls(head="acme:promote/staging/1")] == [1]
    assert [one.number for one in repo.get_commit(pull.head.sha).get_pulls()] == [1]
    assert [one.number for one in repo.get_pulls(head="promote/staging/1")] == [2, 1]  # no owner: passed over


def test_a_forks_request_is_found_by_its_head_only(world):
    fork = world.github.fork(NAME, "kim")
    kim = world.github.user("kim")
    git(world.folder, "checkout", "--quiet", "main")
    head = commit(world.folder, "idea", "idea")
    git(world.folder, "push", remote(fork.clone_url, kim), "idea")
    pull = world.repo(kim).create_pull(base="main", head="kim:idea", title="Idea", body="")
    assert pull.head.repo.full_name == "kim/mortgage"
    assert [one.number for one in world.repo().get_pulls(head="kim:idea")] == [1]
    assert list(world.repo().get_commit(head).get_pulls()) == []
    theirs = client(world.github, kim).get_repo("kim/mortgage")
    assert [one.base.repo.full_name for one in theirs.get_commit(head).get_pulls()] == [NAME]
    assert pull.merge().merged


def test_comments_are_made_found_over_pages_and_written_anew(world):
    pull = world.opened()
    for number in range(45):
        world.github.comment(NAME, 1, "sam", f"word {number}")
    mine = pull.create_issue_comment("<!-- mlassay --> one")
    mine.edit("<!-- mlassay --> two")
    found = list(pull.get_issue_comments())
    assert len(found) == 46
    assert (found[-1].body, found[-1].user.id) == ("<!-- mlassay --> two", 501)
    with pytest.raises(pygithub.GithubException, match="too long"):
        mine.edit("x" * 65537)


def test_reviewers_are_asked_for_among_those_who_may_read(world):
    pull = world.opened()
    pull.create_review_request(reviewers=["sam"])
    assert [one.login for one in world.repo().get_pull(1).requested_reviewers] == ["sam"]
    for nobody in ("nobody", "lee"):
        with pytest.raises(pygithub.GithubException) as caught:
            pull.create_review_request(reviewers=[nobody])
        assert caught.value.status == 422


def test_forty_pages_of_requests(world):
    world.github.crowd(NAME, 1200)
    world.github.calls.clear()
    assert len(list(world.repo().get_pulls(state="open"))) == 1200
    assert [call.status for call in world.github.calls] == [200] * 41


def test_people_are_known_by_number_and_by_what_they_may_do(world):
    hub = client(world.github, world.lee)
    assert hub.get_user().id == 501
    assert hub.get_user_by_id(502).login == "sam"
    world.github.permit(NAME, "sam", "maintain")
    assert world.repo().get_collaborator_permission("sam") == "write"
    world.github.permit(NAME, "kim", "none")
    assert {(one.login, one.role_name) for one in world.repo().get_collaborators()} >= {
        ("lee", "write"),
        ("sam", "maintain"),
    }
    assert "kim" not in {one.login for one in world.repo().get_collaborators()}
    assert hub.get_rate_limit().rate.limit == 5000


def test_what_the_default_token_does_sets_off_no_workflow(world):
    world.branch()
    token = world.github.actions_token({"contents": "write", "pull_requests": "write"})
    with pytest.raises(pygithub.GithubException, match="not permitted to create") as caught:
        world.repo(token).create_pull(base="main", head="promote/staging/1", title="t", body="")
    assert caught.value.status == 403
    world.github.configure(NAME, can_approve_pull_request_reviews=True)
    world.repo(token).create_pull(base="main", head="promote/staging/1", title="t", body="")
    assert not world.github.pull(NAME, 1).runs_checks
    assert not world.github.events(NAME)[-1].triggers
    world.opened("promote/staging/2", "two")
    assert world.github.pull(NAME, 2).runs_checks


def test_a_token_without_the_permission_is_told_so(world):
    pull = world.opened()
    token = world.github.actions_token()
    with pytest.raises(pygithub.GithubException, match="not accessible by integration") as caught:
        world.repo(token).get_pull(1)
    assert caught.value.status == 403
    assert caught.value.headers["x-accepted-github-permissions"] == "pull_requests=read"
    git(world.folder, "checkout", "--quiet", "main")
    commit(world.folder, "main", "more")
    assert "denied to github-actions" in world.push("main", token=token, check=False).stderr
    world.github.permit(NAME, "sam", "read")
    with pytest.raises(pygithub.GithubException) as caught:
        world.repo(world.sam).get_pull(pull.number).merge()
    assert caught.value.status == 403
