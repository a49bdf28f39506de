"""A pull request, played by act from a fork's point of view: the same verdict as here, and nothing secret in sight."""

import pytest

from tests.ci_extension.acting import git, mlassay, team

pytestmark = pytest.mark.ci_extension

WORKFLOW = "pull-request.yml"


def _payload(repository, action="opened"):
    """What GitHub tells of a pull request that a stranger opened from their own copy."""
    head = {"ref": "better", "sha": git(repository, "rev-parse", "HEAD")}
    return {
        "action": action,
        "number": 7,
        "repository": {"full_name": "acme/team", "default_branch": "main"},
        "pull_request": {
            "number": 7,
            "head": head | {"repo": {"full_name": "stranger/team", "fork": True}},
            "base": {"ref": "main", "repo": {"full_name": "acme/team"}},
        },
    }


@pytest.fixture
def proposed(tmp_path):
    """The team's repository with a stranger's better model checked out."""
    repository = team(tmp_path)
    git(repository, "switch", "--quiet", "--create", "better")
    text = (repository / "ml.yaml").read_text()
    (repository / "ml.yaml").write_text(text.replace("{seed: 7}", "{seed: 8}"))
    git(repository, "commit", "--quiet", "--all", "-m", "Draw another seed")
    return repository


def test_a_pull_request_from_a_fork_gets_the_verdict_that_this_machine_gives(proposed, stage):
    played = stage.play(proposed, "pull_request", _payload(proposed), WORKFLOW)
    assert played.code == 0, played.log
    assert all(played.ran(job) for job in ("validate", "train", "unit", "gates"))
    assert sorted(path.name for path in played.artifacts.iterdir()) == [
        "mlassay-test",
        "mlassay-train",
        "mlassay-unit",
    ]
    mlassay(proposed, "run")
    run = proposed / ".mlassay/run"
    here, there = (run / "test/verdict.json", played.artifacts / "mlassay-test/verdict.json")
    assert there.read_bytes() == here.read_bytes()


def test_a_pull_request_that_fails_a_gate_is_red_and_says_why(proposed, stage):
    path = proposed / "tests/test_model.py"
    path.write_text(path.read_text() + "\n\ndef test_no():\n    assert False\n")
    git(proposed, "commit", "--quiet", "--all", "-m", "Expect the impossible")
    played = stage.play(proposed, "pull_request", _payload(proposed, "synchronize"), WORKFLOW)
    assert played.code != 0
    assert played.ran("gates")
    assert '"failed"' in (played.artifacts / "mlassay-test/verdict.json").read_text()


def test_a_review_trains_nothing(proposed, stage):
    played = stage.play(proposed, "pull_request_review", _payload(proposed, "submitted"), WORKFLOW)
    assert played.code == 0, played.log
    assert played.ran("validate")
    assert not played.ran("train")
    assert not list(played.artifacts.iterdir())
