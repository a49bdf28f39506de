"""Our workflows and actions, and the template as `mlassay init` leaves it, before three strict readers."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.actions.reading import ACTIONS, REUSABLE, ROOT
from tests.tools import tool

pytestmark = pytest.mark.ci_extension
BIN = Path(sys.executable).parent


@pytest.fixture
def rendered(tmp_path):
    """The template's workflows as a team gets them."""
    command = [sys.executable, "-m", "mlassay", "init", "team", "--name", "loans", "--owner", "kim"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    return tmp_path / "team/.github/workflows"


def _clean(*command):
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_zizmor_finds_nothing_at_its_strictest(rendered):
    _clean(
        BIN / "zizmor",
        "--offline",
        "--pedantic",
        "--strict-collection",
        "--quiet",
        ".github",
        "actions",
        rendered,
    )


def test_zizmor_still_finds_what_is_wrong(tmp_path):
    workflow = tmp_path / ".github/workflows/bad.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text((ROOT / ".github/workflows/ml-pr.yml").read_text().replace("permissions: {}", "", 1))
    with pytest.raises(AssertionError, match="excessive-permissions"):
        _clean(BIN / "zizmor", "--offline", "--pedantic", "--strict-collection", tmp_path)


def test_actionlint_finds_nothing(rendered):
    _clean(tool("actionlint"), *(ROOT / ".github/workflows").glob("*.yml"), *rendered.glob("*.yml"))


def test_every_file_is_of_githubs_schema(rendered):
    check = [BIN / "check-jsonschema", "--builtin-schema"]
    _clean(*check, "vendor.github-workflows", *REUSABLE, *rendered.glob("*.yml"))
    _clean(*check, "vendor.github-actions", *ACTIONS.glob("*/action.yml"))
