"""Whole Jenkinsfiles, played over the template with a shell that really runs: who holds a key, and what is left in git."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlassay.cli.play import Story
from tests.jenkins.playing import MLASSAY, PASSWORD, TEMPLATE, Play, play, snapshot, started

pytestmark = pytest.mark.ci_extension
HOSTILE = "change/$(touch${IFS}canary);'\"]]>&|`touch${IFS}canary`"
SECRETS = {"MLASSAY_KEY_FILE", "MLASSAY_GIT_USERNAME", "MLASSAY_GIT_PASSWORD", "MLASSAY_GIT_KEY_FILE"}
REASON = "It is better: $(touch canary) `touch canary` ]]> $HOME"
SIGN, RECORD, PROMOTE = (
    ("release", verb.capitalize(), f"mlassay {verb}") for verb in ("sign", "record", "promote")
)
CALLED = TEMPLATE.replace(
    "mlassayPipeline()",
    f"mlassayPipeline(releaseJob: 'release', command: '{MLASSAY}', requirements: 'none')",
)


@pytest.fixture(scope="module")
def plays(tmp_path_factory) -> dict[str, Play]:
    folder = tmp_path_factory.mktemp("jenkins")
    everybody = started(folder, "passing", "failing", "tampered", "hostile", "branch")
    passing, failing, tampered, hostile, branch = everybody
    assert CALLED != TEMPLATE
    asking = f", promote: 'staging', deskKey: 'desk', reason: '{REASON}'"
    passing.release(more=asking, plugins=["junit", "recordIssues"])
    passing.multibranch(CALLED)

    ml = failing.story.team / "ml.yaml"
    text = ml.read_text()
    ml.write_text(text.replace("roc_auc: {min: 0.70}", "roc_auc: {min: 0.99}"))
    assert ml.read_text() != text
    failing.story.git("commit", "-qam", "Ask for more")
    failing.story.git("push", "-q")
    failing.release()
    failing.start = "release"

    tampered.release(tamper={"stash": "mlassay-train", "file": ".mlassay/run/train/outputs/model.onnx"})
    tampered.start = "release"

    hostile.story.git("push", "-q", "origin", f"main:refs/heads/{HOSTILE}")
    hostile.multibranch(CALLED, branch=HOSTILE)

    branch.story.git("push", "-q", "origin", "main:refs/heads/topic")
    branch.multibranch(CALLED, branch="topic")
    play(folder, everybody)
    return {one.name: one for one in everybody}


def _stages(build) -> dict[str, str]:
    return {stage["name"]: stage["state"] for stage in build["stages"]}


def test_a_commit_of_the_main_line_ends_with_its_evidence_on_the_remote(plays):
    one = plays["passing"]
    assert one.builds["model"]["result"] == "SUCCESS", one.builds
    states = _stages(one.builds["release"])
    ran = {"Validate", "Train", "Rebuild", "Unit", "Gates", "Sign", "Record", "Promote"}
    assert {name for name, state in states.items() if state == "passed"} == ran
    assert {"verdict.json", "release.json", "report.md"} <= {Path(name).name for name in one.evidence()}


def test_the_verdict_is_byte_for_byte_that_of_a_run_on_the_developers_machine(plays):
    one = plays["passing"]
    one.story.verb("run", codes=(0,))
    ours = (one.story.team / ".mlassay/run/test/verdict.json").read_bytes()
    theirs = [data for name, data in one.evidence().items() if name.endswith("/verdict.json")]
    assert theirs == [ours]


@pytest.mark.parametrize("name", ["passing", "failing"])
def test_a_fresh_clone_verifies_what_was_recorded(plays, name, tmp_path):
    one = plays[name]
    subprocess.run(["git", "clone", "-q", one.url, tmp_path / "clone"], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "mlassay", "verify"],
        cwd=tmp_path / "clone",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_failed_gate_makes_the_build_red_and_is_recorded_all_the_same(plays):
    one = plays["failing"]
    build = one.builds["release"]
    assert build["result"] == "FAILURE"
    assert build["failure"] is None
    assert _stages(build)["Gates"] == "failed"
    assert _stages(build)["Record"] == "passed"
    verdict = json.loads(
        next(data for name, data in one.evidence().items() if name.endswith("/verdict.json"))
    )
    assert verdict["outcome"] == "failed"


def test_the_key_that_signs_evidence_and_the_one_that_asks_are_two(plays):
    seen = {}
    one = plays["passing"]
    for call in one.calls:
        if file := call["environment"].get("MLASSAY_KEY_FILE"):
            assert '--key\'="$MLASSAY_KEY_FILE"' in call["script"].replace("--ci-key", "--key")
            seen[call["stage"]] = file
    assert seen.keys() == {"Sign", "Promote"}
    assert "'--ci-key'" in next(call["script"] for call in one.calls if call["stage"] == "Promote")


def test_a_passed_release_is_asked_for_by_the_desk_with_the_reason_as_it_was_written(plays):
    one = plays["passing"]
    refs = one.story.git(
        "for-each-ref", "--format=%(refname:short)", "refs/heads/", cwd=Path(one.url)
    ).split()
    (branch,) = [ref for ref in refs if ref.startswith("promotion/staging/")]
    request = one.story.git(
        "show", f"{branch}:promotions/{branch.removeprefix('promotion/')}/request.json", cwd=Path(one.url)
    )
    assert json.loads(request)["reason"] == REASON
    assert not list(one.folder.rglob("canary"))


def test_the_signing_key_is_lent_to_sign_and_the_login_to_record_and_nobody_else_has_either(plays):
    held = {}
    for one in plays.values():
        for call in one.calls:
            for name in SECRETS & call["environment"].keys():
                held.setdefault(name, set()).add((call["job"], call["stage"], call["label"]))
    assert held == {
        "MLASSAY_KEY_FILE": {SIGN, PROMOTE},
        "MLASSAY_GIT_USERNAME": {RECORD, PROMOTE},
        "MLASSAY_GIT_PASSWORD": {RECORD, PROMOTE},
    }


def test_no_key_and_no_password_stands_in_a_command_or_in_a_log(plays):
    for one in plays.values():
        secrets = [PASSWORD, *one.story.key("ci").read_text().splitlines()[1:-1]]
        for call in one.calls:
            for secret in secrets:
                assert secret not in call["script"] + call["out"] + call["log"]


def test_nothing_runs_where_the_key_is_but_mlassay_and_the_digests(plays):
    labels = {call["label"] for call in plays["passing"].calls if call["agent"] == "sign"}
    verbs = {"mlassay sign", "mlassay record", "mlassay promote"}
    assert labels == verbs | {"digest of train", "digest of test", "digest of sign"}


def test_keys_are_gone_from_the_agent_when_the_build_ends(plays):
    for one in plays.values():
        assert not [path for path in one.folder.rglob("secretFiles/**/*") if path.is_file()]


def test_training_tests_and_signing_are_on_agents_of_their_own(plays):
    where = {call["stage"]: call["agent"] for call in plays["passing"].calls if call["job"] == "release"}
    assert where == {
        "Validate": "test",
        "Train": "train",
        "Rebuild": "rebuild",
        "Unit": "test",
        "Gates": "test",
        "Sign": "sign",
        "Record": "sign",
        "Promote": "sign",
    }


def test_what_was_altered_between_two_agents_is_refused_before_a_gate_or_a_key_sees_it(plays):
    build = plays["tampered"].builds["release"]
    assert build["result"] == "FAILURE"
    assert "mlassay-train has digest" in build["failure"]
    assert not [call for call in plays["tampered"].calls if call["stage"] in {"Gates", "Sign", "Record"}]
    assert plays["tampered"].evidence() == {}


def test_a_branch_is_tested_without_a_key_and_nothing_of_it_is_released(plays):
    build = plays["branch"].builds["model"]
    states = _stages(build)
    assert build["result"] == "SUCCESS", build
    assert states["Gates"] == "passed"
    assert {states[name] for name in ("Release", "Sign", "Record", "Promote")} == {"skipped"}


def test_a_hostile_branch_name_reaches_mlassay_as_one_word_and_runs_nothing(plays):
    one = plays["hostile"]
    assert one.builds["model"]["result"] == "FAILURE"
    asked = next(call for call in one.calls if call["stage"] == "Decide")
    assert asked["code"] not in {0, 127}
    assert not list(one.folder.rglob("canary"))
    assert not [call for call in one.calls if call["stage"] in {"Train", "Gates", "Sign"}]


def test_the_build_page_has_the_report_the_tests_and_the_findings(plays):
    shown = plays["passing"].builds["release"]["archived"]
    assert shown["report.md"].startswith("#")
    assert "<testsuite" in shown["junit"]
    assert json.loads(shown["recordIssues"])["version"] == "2.1.0"


def test_a_jenkins_without_those_plugins_does_all_the_rest(plays):
    shown = plays["failing"].builds["release"]["archived"]
    assert set(shown) == {"report.md", "verdict.json"}


def test_every_folder_is_the_jobs_own_workspace(plays):
    for one in plays.values():
        for call in one.calls:
            assert Path(call["folder"]).is_relative_to(one.folder / "agents")


@pytest.fixture(scope="module")
def untouched(plays, tmp_path_factory) -> Play:
    """The template's own Jenkinsfile, not a word changed, on a branch that changes no input of a recorded release."""
    folder = tmp_path_factory.mktemp("pinned")
    home, commit = snapshot(folder / "mlassay")
    story = plays["passing"].story
    story.git("fetch", "-q", "origin")
    story.git("checkout", "-q", "-B", "words", "origin/main")
    (story.team / "README.md").write_text("# Other words\n")
    story.git("commit", "-qam", "Say it otherwise")
    story.git("push", "-q", "origin", "words")
    one = Play("untouched", Story(story.folder, cross_checks=False))
    mirror = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{home.as_uri()}.insteadOf"}
    mirror["GIT_CONFIG_VALUE_0"] = "https://github.com/mlassay/mlassay.git"
    one.multibranch(TEMPLATE, branch="words", version=commit, environment=mirror)
    refs = story.git(
        "for-each-ref", "--format=%(refname:lstrip=2)", "refs/heads/promotion/", cwd=Path(one.url)
    )
    asking = Play("asking", Story(story.folder, cross_checks=False))
    asking.multibranch(CALLED, branch=refs.strip())
    play(folder, [one, asking])
    one.asking = asking
    return one


def test_the_templates_jenkinsfile_installs_the_pinned_commit_and_reuses_a_recorded_verdict(untouched):
    build = untouched.builds["model"]
    assert build["result"] == "SUCCESS", build
    states = _stages(build)
    assert {name for name, state in states.items() if state == "passed"} == {"Validate", "Reuse"}
    assert [call["label"].split(" ")[0] for call in untouched.calls] == ["fetch", "mlassay", "mlassay"]
    recorded = next(data for name, data in untouched.evidence().items() if name.endswith("/verdict.json"))
    assert build["archived"]["verdict.json"].encode() == recorded


def test_a_branch_that_asks_for_a_promotion_is_decided_and_nothing_is_trained(untouched):
    build = untouched.asking.builds["model"]
    assert build["result"] == "FAILURE"
    assert build["failure"] is None
    assert {name for name, state in _stages(build).items() if state != "skipped"} == {"Validate", "Decide"}
    assert untouched.asking.calls[-1]["code"] == 1


def test_what_is_installed_once_is_found_again(untouched):
    first, second = [call["seconds"] for call in untouched.calls if call["label"].startswith("mlassay")]
    assert second < first
