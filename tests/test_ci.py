from __future__ import annotations

from mlassay.ci import context

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "bank/loans",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_ACTOR": "dana",
    "GITHUB_ACTOR_ID": "11",
    "GITHUB_WORKFLOW_REF": "bank/loans/.github/workflows/release.yml@refs/heads/main",
}


def test_on_a_persons_machine_nothing_is_claimed():
    found = context({"GITHUB_SHA": "a" * 40, "GIT_COMMIT": "b" * 40})
    assert (found.kind, found.commit, found.run_id, found.actor) == ("local", "", "", "")


def test_github_actions_tells_commit_ref_run_and_builder():
    found = context(GITHUB)
    assert found.kind == "github-actions"
    assert (found.commit, found.ref, found.actor, found.actor_id) == (
        "a" * 40,
        "refs/heads/main",
        "dana",
        "11",
    )
    assert found.run_id == "https://github.com/bank/loans/actions/runs/7/attempts/2"
    assert found.builder == "https://github.com/bank/loans/.github/workflows/release.yml@refs/heads/main"


def test_who_runs_it_again_set_it_off_and_does_not_get_the_first_ones_number():
    found = context({**GITHUB, "GITHUB_TRIGGERING_ACTOR": "robin"})
    assert (found.actor, found.actor_id) == ("robin", "")


def test_jenkins_tells_commit_branch_run_and_job():
    found = context(
        {
            "JENKINS_URL": "https://ci.bank/",
            "BUILD_TAG": "jenkins-loans-7",
            "BUILD_URL": "https://ci.bank/job/loans/7/",
            "JOB_URL": "https://ci.bank/job/loans/",
            "GIT_COMMIT": "b" * 40,
            "GIT_BRANCH": "origin/main",
            "BUILD_USER_ID": "dana",
        }
    )
    assert found.kind == "jenkins"
    assert (found.commit, found.ref, found.actor) == ("b" * 40, "refs/heads/main", "dana")
    assert (found.run_id, found.builder) == ("https://ci.bank/job/loans/7/", "https://ci.bank/job/loans/")
