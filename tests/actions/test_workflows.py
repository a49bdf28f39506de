"""The boundaries that carry the security, read from the workflows themselves."""

import re

import pytest

from tests.actions.reading import REUSABLE, ROOT, TEMPLATE, jobs, read, verbs

ALL = [*REUSABLE, *TEMPLATE]
JOBS = jobs(ALL)
RUNS_THEIR_CODE = {"train", "test", "run"}
SECRET = re.compile(r"secrets\s*[.\[]|id-token")
PINNED = re.compile(r"uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
by_file = pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
by_job = pytest.mark.parametrize(("name", "job"), JOBS, ids=[name for name, _ in JOBS])

# Every permission that any job has. A new one is a decision to be looked at, here.
PERMISSIONS = {
    "ml-pr.yml:validate": {"contents": "read"},
    "ml-pr.yml:train": {"contents": "read"},
    "ml-pr.yml:unit": {"contents": "read"},
    "ml-pr.yml:gates": {"contents": "read"},
    "ml-report.yml:report": {
        "actions": "read",
        "contents": "read",
        "pull-requests": "write",
        "security-events": "write",
    },
    "ml-release.yml:validate": {"contents": "read"},
    "ml-release.yml:train": {"contents": "read"},
    "ml-release.yml:rebuild": {"contents": "read"},
    "ml-release.yml:unit": {"contents": "read"},
    "ml-release.yml:gates": {"contents": "read"},
    "ml-release.yml:sign": {"contents": "read", "id-token": "write"},
    "ml-release.yml:record": {"contents": "write"},
    "ml-release.yml:promote": {"contents": "write", "pull-requests": "write"},
    "ml-release.yml:reviews": {"contents": "write", "pull-requests": "read"},
    "ml-release.yml:verdict": {},
    "ml-decide.yml:decide": {"contents": "read", "checks": "write", "pull-requests": "read"},
    "ml-schedule.yml:status": {"contents": "read"},
    "ml-schedule.yml:verify": {"contents": "read"},
    "ml-schedule.yml:anchor": {"contents": "read"},
    "ml-schedule.yml:site": {"contents": "read"},
}


def _text(thing):
    return repr(thing)


@by_file
def test_nothing_is_allowed_to_a_workflow_as_a_whole(path):
    assert read(path)["permissions"] == {}


def test_each_job_has_the_permissions_that_stand_here_and_no_other():
    assert {name: job["permissions"] for name, job in jobs(REUSABLE)} == PERMISSIONS


def test_a_caller_gives_each_workflow_what_its_jobs_need_together_and_no_more():
    for name, job in jobs(TEMPLATE):
        called = job["uses"].split("/")[-1].split("@")[0]
        needed: dict[str, str] = {}
        for key, permissions in PERMISSIONS.items():
            if key.startswith(f"{called}:"):
                needed |= {k: v for k, v in permissions.items() if needed.get(k) != "write"}
        assert job["permissions"] == needed, name


@by_file
def test_everything_that_is_called_is_pinned_by_commit_with_its_version_beside(path):
    lines = [line.strip() for line in path.read_text().splitlines() if re.match(r"\s*-? *uses:", line)]
    assert lines
    assert [line for line in lines if not PINNED.search(line)] == []


@by_file
def test_no_expression_stands_in_a_command(path):
    for _, job in jobs([path]):
        assert not [step for step in job.get("steps", ()) if "${{" in step.get("run", "")]


@by_file
def test_no_workflow_runs_strangers_code_with_the_main_lines_rights(path):
    assert "pull_request_target" not in path.read_text()
    assert "secrets: inherit" not in path.read_text()


def test_reusable_workflows_are_only_called():
    assert all(set(read(path)["on"]) == {"workflow_call"} for path in REUSABLE)


def test_the_template_starts_on_what_its_three_files_are_for_and_nothing_else():
    assert {path.name: set(read(path)["on"]) for path in TEMPLATE} == {
        "pull-request.yml": {"pull_request", "pull_request_review"},
        "after.yml": {"workflow_run"},
        "main.yml": {"push", "schedule", "workflow_dispatch"},
    }
    main = read(ROOT / "template/.github/workflows/main.yml")
    assert main["on"]["push"] == {"branches": ["main"]}


def test_after_waits_for_the_workflow_that_has_that_name():
    after, pull = (
        read(ROOT / f"template/.github/workflows/{name}.yml") for name in ("after", "pull-request")
    )
    assert after["on"]["workflow_run"]["workflows"] == [pull["name"]]


@by_job
def test_a_checkout_leaves_no_token_behind_and_has_the_whole_history(name, job):
    for step in job.get("steps", ()):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
            assert step["with"]["fetch-depth"] == 0


@by_job
def test_a_job_that_sees_a_secret_runs_no_code_of_the_repository(name, job):
    if SECRET.search(_text(job)) and "steps" in job:
        assert not RUNS_THEIR_CODE & set(verbs(job))
        assert not [step for step in job["steps"] if "run" in step], "only actions, whose commits are pinned"
        assert "container" not in job
        assert job["runs-on"] == "ubuntu-24.04", "never a machine that a repository's code can have prepared"


@by_job
def test_a_job_that_sees_a_secret_is_in_an_environment_and_restores_no_cache(name, job):
    if "secrets." in _text(job) and "steps" in job:
        assert job["environment"] in {"mlassay-sign", "mlassay-desk"}
        assert "actions/cache" not in _text(job)


def test_on_the_main_line_only_jobs_that_run_the_teams_code_restore_a_cache():
    cached = {
        name.partition(":")[2]
        for name, job in jobs([path for path in ALL if path.name == "ml-release.yml"])
        if "actions/cache" in _text(job)
    }
    assert cached == {"train", "rebuild", "unit"}


@by_job
def test_only_sign_may_ask_for_an_identity_and_see_the_key_of_evidence(name, job):
    signs = name == "ml-release.yml:sign"
    if "steps" in job:
        assert ("id-token" in job["permissions"]) is signs
        assert ("MLASSAY_SIGNING_KEY" in _text(job)) is signs
        assert ("sign" in verbs(job)) is signs


def test_what_runs_for_a_pull_request_sees_no_secret_and_writes_nothing():
    paths = [path for path in ALL if path.name in {"ml-pr.yml", "pull-request.yml"}]
    for name, job in jobs(paths):
        assert not SECRET.search(_text(job)), name
        assert "github.token" not in _text(job), name
        assert "environment" not in job, name
        assert set(job["permissions"].values()) == {"read"}, name


@pytest.mark.parametrize("file", ["ml-report.yml", "ml-decide.yml"])
def test_what_follows_a_pull_request_checks_out_the_main_line_and_runs_nothing_of_the_repository(file):
    for _, job in jobs([path for path in REUSABLE if path.name == file]):
        assert not RUNS_THEIR_CODE & set(verbs(job))
        assert not [step for step in job["steps"] if "run" in step]
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert [step["with"]["ref"] for step in checkouts] == [
            "${{ github.event.repository.default_branch }}"
        ]


def test_two_promotions_to_one_environment_wait_for_each_other():
    promote = dict(jobs(REUSABLE))["ml-release.yml:promote"]
    assert promote["concurrency"]["cancel-in-progress"] is False
    assert "inputs.promote-to" in promote["concurrency"]["group"]


def test_a_commit_that_needs_no_release_trains_nothing():
    assert dict(jobs(REUSABLE))["ml-release.yml:train"]["if"] == "needs.validate.outputs.release == 'true'"


def test_a_pull_request_whose_verdict_is_known_trains_nothing():
    assert "needs.validate.outputs.reuse == ''" in dict(jobs(REUSABLE))["ml-pr.yml:train"]["if"]


def test_each_artifact_goes_into_its_own_folder_only():
    homes = {
        "mlassay-train": "train",
        "mlassay-unit": "parts",
        "mlassay-test": "test",
        "mlassay-sign": "sign",
    }
    for name, job in jobs(REUSABLE):
        for step in job["steps"]:
            given = step.get("with", {})
            if "download-artifact" in step.get("uses", ""):
                assert given["path"] == f".mlassay/run/{homes[given['name']]}", name
            if "upload-artifact" in step.get("uses", "") and given["name"] in homes:
                assert given["path"] == f".mlassay/run/{homes[given['name']]}", name
                assert given["include-hidden-files"] is True, name


@by_job
def test_every_job_ends_some_time(name, job):
    assert "uses" in job or job["timeout-minutes"]
