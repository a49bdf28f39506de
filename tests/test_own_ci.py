"""This project's own CI and release: what runs, with which rights, and what the template's repository is sent."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.tools import tool

ROOT = Path(__file__).parent.parent
WORKFLOWS = ROOT / ".github" / "workflows"
OWN = ("ci.yml", "release.yml", "publish-template.yml")


def workflow(name: str) -> dict:
    return yaml.safe_load((WORKFLOWS / name).read_text())


def steps(job: dict) -> list[dict]:
    return job.get("steps", [])


def test_the_required_check_needs_every_other_job_and_counts_them():
    jobs = workflow("ci.yml")["jobs"]
    last = jobs["all"]
    assert set(last["needs"]) == set(jobs) - {"all"}
    assert last["if"] == "always()"
    assert f'= "{" ".join(["success"] * len(last["needs"]))}"' in steps(last)[0]["run"]


@pytest.mark.parametrize(
    "results",
    ["success success success", "success skipped success success", "success failure success success", ""],
)
def test_a_job_that_did_not_pass_fails_the_required_check(results):
    step = steps(workflow("ci.yml")["jobs"]["all"])[0]
    shell = ["bash", "-e", "-c", step["run"]]
    passed = {"RESULTS": "success success success success"}
    assert subprocess.run(shell, env=passed, capture_output=True, check=False).returncode == 0
    assert subprocess.run(shell, env={"RESULTS": results}, capture_output=True, check=False).returncode != 0


def test_ci_makes_what_the_script_for_a_clean_checkout_makes():
    wanted = re.findall(r"^make (\S+)$", (ROOT / ".ci" / "run").read_text(), re.MULTILINE)
    made = {step.get("run") for job in workflow("ci.yml")["jobs"].values() for step in steps(job)}
    assert wanted == ["check", "test", "test-ci"]
    assert {f"make {target}" for target in wanted} <= made


def test_every_target_that_a_workflow_makes_is_in_the_makefile():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name in OWN:
        for made in re.findall(
            r"run: make (?:\S+=\S+ )*(\S+)$", (WORKFLOWS / name).read_text(), re.MULTILINE
        ):
            assert made in targets


def test_all_four_pythons_and_three_systems_have_rows():
    jobs = workflow("ci.yml")["jobs"]
    for name in ("test", "portable"):
        assert jobs[name]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    systems = [jobs["test"]["runs-on"], *jobs["portable"]["strategy"]["matrix"]["system"]]
    assert [system.split("-")[0] for system in systems] == ["ubuntu", "macos", "windows"]


def test_only_the_template_has_a_secret_and_that_one_in_an_environment():
    assert "secrets." not in (WORKFLOWS / "ci.yml").read_text()
    assert "secrets." not in (WORKFLOWS / "release.yml").read_text()
    job = workflow("publish-template.yml")["jobs"]["publish"]
    assert job["environment"] == "template"
    assert (WORKFLOWS / "publish-template.yml").read_text().count("secrets.") == 1


def test_a_job_that_may_speak_for_this_project_runs_none_of_its_code():
    for name in OWN:
        for job in workflow(name)["jobs"].values():
            if "id-token" in job["permissions"]:
                assert job["environment"] == "release"
                assert all("run" not in step for step in steps(job))
                assert not any("checkout" in step["uses"] for step in steps(job))


@pytest.mark.parametrize("name", OWN)
def test_nothing_is_allowed_that_a_job_does_not_ask_for(name):
    held = workflow(name)
    assert held["permissions"] == {}
    for job in held["jobs"].values():
        assert "permissions" in job
        assert set(job["permissions"].values()) <= {"read"} or "id-token" in job["permissions"]


@pytest.mark.parametrize("name", OWN)
def test_actions_are_pinned_and_credentials_do_not_stay(name):
    text = (WORKFLOWS / name).read_text()
    for uses in re.findall(r"uses: (.+)$", text, re.MULTILINE):
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", uses) or uses.startswith(
            "./.github/workflows/"
        )
    for job in workflow(name)["jobs"].values():
        for step in steps(job):
            assert "${{" not in step.get("run", "")
            if "actions/checkout@" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.ci_extension
def test_the_linters_find_nothing():
    files = [WORKFLOWS / name for name in OWN]
    binaries = Path(sys.executable).parent
    zizmor = [binaries / "zizmor", "--offline", "--pedantic", "--strict-collection"]
    schema = [binaries / "check-jsonschema", "--builtin-schema"]
    dependabot = ROOT / ".github" / "dependabot.yml"
    for command in (
        [*zizmor, *files, dependabot],
        [tool("actionlint"), *files],
        [*schema, "vendor.github-workflows", *files],
        [*schema, "vendor.dependabot", dependabot],
    ):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def git(*arguments: str, at: Path) -> str:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@people.example"]
    done = subprocess.run(["git", *who, *arguments], cwd=at, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path):
    """A project with our script, a template, a check of pins that says yes, and a tag; and an empty remote."""
    folder = tmp_path / "project"
    for name in (".ci", ".github", "actions", "template/.github/workflows"):
        (folder / name).mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "publish-template", folder / ".ci" / "publish-template")
    (folder / "actions" / "pin.py").write_text("")
    (folder / "template" / "ml.yaml").write_text("one")
    (folder / "template" / ".github" / "workflows" / "main.yml").write_text("on: push\n")
    git("init", "--quiet", "--initial-branch=main", at=folder)
    released(folder, "v1.0.0")
    git("init", "--quiet", "--bare", "--initial-branch=main", "remote.git", at=tmp_path)
    return folder


def released(folder: Path, tag: str) -> None:
    git("add", ".", at=folder)
    git("commit", "--quiet", "--allow-empty", "--message", tag, at=folder)
    git("tag", tag, at=folder)


def publish(folder: Path) -> subprocess.CompletedProcess:
    command = [folder / ".ci" / "publish-template", folder.parent / "remote.git"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_template_is_published_as_a_repository_of_its_own(project):
    remote = project.parent / "remote.git"
    done = publish(project)
    assert done.returncode == 0, done.stderr
    assert git("ls-tree", "-r", "--name-only", "main", at=remote).split() == [
        ".github/workflows/main.yml",
        "ml.yaml",
    ]
    assert git("rev-list", "--count", "main", at=remote) == "1"
    assert git("rev-parse", "v1.0.0", at=remote) == git("rev-parse", "main", at=remote)


def test_a_second_run_changes_nothing_and_a_newer_version_comes_on_top(project):
    remote = project.parent / "remote.git"
    publish(project)
    first = git("rev-parse", "main", at=remote)
    again = publish(project)
    assert "there already" in again.stdout
    released(project, "v1.0.1")
    publish(project)
    assert git("rev-parse", "main", "v1.0.1", at=remote).split() == [first, first]
    (project / "template" / "ml.yaml").write_text("two")
    released(project, "v1.1.0")
    assert publish(project).returncode == 0
    assert git("rev-parse", "main^", at=remote) == first
    assert git("show", "v1.1.0:ml.yaml", at=remote) == "two"


def test_a_template_with_stale_pins_is_not_published(project):
    (project / "actions" / "pin.py").write_text(
        "import sys; sys.exit('the pins do not lead to what this commit holds')"
    )
    done = publish(project)
    assert done.returncode != 0
    assert "pins" in done.stderr
    assert git("for-each-ref", at=project.parent / "remote.git") == ""


def test_a_commit_without_a_version_is_not_published(project):
    git("tag", "--delete", "v1.0.0", at=project)
    assert publish(project).returncode != 0
    assert git("for-each-ref", at=project.parent / "remote.git") == ""


def test_the_deploy_key_leaves_no_file_and_is_not_said(project, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setenv("DEPLOY_KEY", "-----BEGIN a key that nobody may see")
    (tmp_path / "temporary").mkdir()
    done = publish(project)
    assert done.returncode == 0, done.stderr
    assert "nobody may see" not in done.stdout + done.stderr
    assert list((tmp_path / "temporary").iterdir()) == []
