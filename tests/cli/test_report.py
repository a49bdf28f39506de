"""``mlassay report`` as a command: what it prints, writes and hands to the CI."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner

from mlassay.cli import cli
from mlassay.evidence import Outcome
from tests import factory
from tests.stages.promoting import make_team


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def run(team, *arguments, outcome=Outcome.FAILED, **environment):
    left = factory.release.run_folder(team.project, outcome=outcome)
    artifact = team.project.keys.parent / "artifact"
    shutil.copytree(left / "test", artifact / "test")
    words = ["report", "-C", str(team.project.folder), "--run", str(artifact), "--head", team.repo.head()]
    return CliRunner().invoke(cli, [*words, *arguments], env=environment)


def test_without_a_forge_it_prints_the_page_and_tells_the_ci(team, tmp_path):
    outputs, sarif = tmp_path / "outputs", tmp_path / "findings.sarif"
    done = run(team, "--sarif", str(sarif), MLASSAY_OUTPUT=str(outputs))
    assert done.exit_code == 0, done.output
    assert done.output.startswith("🔴 toy: failed\n")
    assert "There is no page here" in done.output
    assert outputs.read_text() == "verdict=failed\nnumber=\nurl=\n"
    assert "bias.measured" in sarif.read_text()


def test_a_dry_run_tells_nobody(team, tmp_path):
    outputs = tmp_path / "outputs"
    assert run(team, "--dry-run", MLASSAY_OUTPUT=str(outputs)).exit_code == 0
    assert not outputs.exists()


def test_machines_get_json(team):
    value = json.loads(run(team, "--json", "--dry-run", outcome=Outcome.PASSED).stdout)
    assert (value["verdict"], value["agreed"], value["posted"]) == ("passed", True, False)
