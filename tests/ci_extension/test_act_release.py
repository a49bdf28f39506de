"""The main line, played by act: a commit becomes a signed and recorded release whose promotion is asked for."""

import json
from pathlib import Path

import pytest

from tests.ci_extension.acting import git, mlassay, team

pytestmark = pytest.mark.ci_extension


def _push(repository):
    """What GitHub tells of a push to the main line."""
    return {
        "ref": "refs/heads/main",
        "after": git(repository, "rev-parse", "HEAD"),
        "repository": {"full_name": "acme/team", "default_branch": "main"},
    }


def test_a_commit_of_the_main_line_is_signed_recorded_and_proposed_and_its_record_is_not(tmp_path, stage):
    repository = team(tmp_path)
    secrets = {
        "MLASSAY_SIGNING_KEY": (tmp_path / "keys/mlassay-ci.pem").read_text(),
        "MLASSAY_DESK_KEY": (tmp_path / "keys/mlassay-desk.pem").read_text(),
    }
    played = stage.play(repository, "push", _push(repository), "main.yml", secrets)
    assert played.code == 0, played.log
    assert all(secret.splitlines()[1] not in played.log for secret in secrets.values())
    assert all(played.ran(job) for job in ("train", "rebuild", "unit", "gates", "sign", "record", "promote"))

    git(repository, "pull", "--quiet")
    (evidence,) = (repository / "evidence").iterdir()
    mlassay(repository, "run", "--run", str(tmp_path / "run"))
    assert (evidence / "verdict.json").read_bytes() == (tmp_path / "run/test/verdict.json").read_bytes()
    found = json.loads(mlassay(repository, "verify", "--json"))
    assert found["valid"]
    assert git(repository, "ls-remote", "--heads", "origin", "promotion/*"), (
        "the promotion waits on its branch"
    )

    again = stage.play(repository, "push", _push(repository), "main.yml", secrets)
    assert again.code == 0, again.log
    assert again.ran("validate")
    assert not again.ran("train")
    assert not list(Path(again.artifacts).iterdir())

    git(repository, "switch", "--quiet", "--create", "words")
    git(
        repository,
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "Change nothing that training or the gates look at",
    )
    asked = {"action": "opened", "number": 8, "pull_request": {"number": 8, "base": {"ref": "main"}}}
    reused = stage.play(repository, "pull_request", _push(repository) | asked, "pull-request.yml")
    assert reused.code == 0, reused.log
    assert evidence.name in reused.log
    assert not reused.ran("train")
