"""The template as its own repository is sent it: by a release of this commit, with pins that lead somewhere."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.actions.reading import ROOT
from tests.tools import tool

pytestmark = pytest.mark.ci_extension
BIN = Path(sys.executable).parent


def _git(*words, at):
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@people.example"]
    done = subprocess.run(["git", *who, *words], cwd=at, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _clean(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """A clone of this project whose tip is pinned and tagged as a release is."""
    folder = tmp_path_factory.mktemp("published") / "project"
    _git("clone", "-q", "--no-local", ROOT, folder, at=ROOT)
    for _ in range(3):
        said = subprocess.run(
            [sys.executable, "actions/pin.py"], cwd=folder, capture_output=True, text=True, check=True
        ).stdout
        if said.startswith("every pin leads"):
            break
        _git("commit", "-q", "-a", "-m", "Pin", at=folder)
    _git("tag", "v9.9.9", at=folder)
    return folder


@pytest.fixture(scope="module")
def published(released):
    """A clone of the repository that the template was published to."""
    remote = released.parent / "template.git"
    _git("init", "-q", "--bare", "--initial-branch=main", remote, at=released)
    _clean(released / ".ci/publish-template", remote)
    _git("clone", "-q", remote, released.parent / "fork", at=released)
    return released.parent / "fork"


def test_what_is_published_is_the_template_of_the_release(released, published):
    assert _git("rev-parse", "HEAD^{tree}", at=published) == _git("rev-parse", "HEAD:template", at=released)
    assert _git("rev-parse", "v9.9.9", at=published) == _git("rev-parse", "HEAD", at=published)


def test_each_call_of_ours_leads_to_a_file_that_the_release_holds_just_so(released, published):
    calls = [
        line.split("uses: mlassay/mlassay/")[1].split()[0].split("@")
        for path in sorted((published / ".github/workflows").glob("*.yml"))
        for line in path.read_text().splitlines()
        if "uses: mlassay/mlassay/" in line
    ]
    assert calls
    for path, commit in calls:
        assert _git("show", f"{commit}:{path}", at=released) == _git("show", f"HEAD:{path}", at=released)


def test_its_workflows_are_clean_under_three_strict_readers(published):
    _clean(BIN / "zizmor", "--offline", "--pedantic", "--strict-collection", "--quiet", published)
    workflows = sorted((published / ".github/workflows").glob("*.yml"))
    _clean(tool("actionlint"), *workflows)
    check = [BIN / "check-jsonschema", "--builtin-schema"]
    _clean(*check, "vendor.github-workflows", *workflows)
    _clean(*check, "vendor.dependabot", published / ".github/dependabot.yml")
