"""The demonstration: the story it tells, and what a stranger with a clone can read back from it."""

import json
import re
import subprocess
import sys

import pytest

SUBJECTS = [
    r"Promote (\S+) to production",
    r"Promote (\S+) to staging",
    r"Record \S+: passed",
    r"Weigh training rows.*",
    r"Record \S+: failed \(.*bias.*\)",
    r"Withhold afam.*",
    r"Record \S+: failed \(.*bias.*\)",
    r"Train on all columns.*",
    r"Start from the template",
]


def stranger(folder, *words, home):
    """One verb, run by somebody with no key, no configuration and no agent."""
    return subprocess.run(
        [sys.executable, "-m", "mlassay", *words],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "LANG": "C"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def clone(played, tmp_path):
    """A fresh clone of the remote."""
    folder = tmp_path / "a clone, fresh ü"
    subprocess.run(["git", "clone", "--quiet", played / "remote.git", folder], check=True)
    return folder


def test_two_candidates_fail_on_bias_and_the_third_passes_every_gate(played, story):
    def gates(act):
        path = played / "auditor" / "evidence" / story[act]["release"] / "verdict.json"
        return {gate["gate"]: gate["outcome"] for gate in json.loads(path.read_text())["gates"]}

    assert gates("candidate-1")["bias"] == "failed"
    assert gates("candidate-2")["bias"] == "failed"
    third = gates("candidate-3")
    assert set(third) == {"data", "contract", "unit", "performance", "bias", "adversarial"}
    assert set(third.values()) == {"passed"}


def test_the_first_parent_log_reads_as_the_story(clone):
    log = subprocess.run(
        ["git", "-C", clone, "log", "--first-parent", "--format=%s"],
        capture_output=True,
        text=True,
        check=True,
    )
    subjects = log.stdout.splitlines()
    assert len(subjects) == len(SUBJECTS), subjects
    for pattern, subject in zip(SUBJECTS, subjects, strict=True):
        assert re.fullmatch(pattern, subject), subject


def test_a_stranger_with_a_clone_sees_what_runs_where(clone, story, tmp_path):
    done = stranger(clone, "status", "--json", home=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(story["candidate-3"]["release"]) >= 2
    assert story["candidate-1"]["release"] not in json.dumps(json.loads(done.stdout)["environments"])


def test_a_stranger_with_a_clone_can_verify_everything(clone, tmp_path):
    done = stranger(clone, "verify", home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("act", ["candidate-1", "candidate-2", "candidate-3"])
def test_a_stranger_can_verify_one_release_whatever_its_verdict(clone, story, act, tmp_path):
    done = stranger(clone, "verify", story[act]["release"], home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_the_demonstration_told_stands_in_the_evidence(narrated, played, story):
    for act in ("candidate-1", "candidate-2", "candidate-3"):
        release = story[act]["release"]
        verdict = json.loads((played / "auditor" / "evidence" / release / "verdict.json").read_text())
        assert release in narrated
        for gate in verdict["gates"]:
            assert gate["summary"] in narrated or (gate["outcome"] == "passed" and gate["gate"] != "bias")


def test_the_third_candidate_says_what_it_costs_and_what_was_not_shown(played, story):
    report = (played / "auditor" / "evidence" / story["candidate-3"]["release"] / "report.md").read_text()
    assert "What these tests do not show" in report
    assert "afam" in report
    assert "weigh" in report


def test_the_demonstration_refuses_a_folder_that_is_not_empty(tmp_path):
    (tmp_path / "mine").write_text("precious")
    done = subprocess.run(
        [sys.executable, "-m", "mlassay", "demo", "--dir", tmp_path],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
