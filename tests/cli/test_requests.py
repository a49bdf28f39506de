"""What the verbs around a request share: here, what is said where the checkout could not follow."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from click.testing import CliRunner

from mlassay.cli import cli
from mlassay.evidence.verdict import Outcome
from tests import factory
from tests.stages.promoting import make_team


def waive(team, release):
    reason = "Too few rows of one group; the next quarter settles it."
    until = (datetime.now(UTC) + timedelta(days=30)).date()
    words = ["waive", "bias", release, "--until", str(until), "--reason", reason]
    words += ["--key", str(team.project.keys / "lee"), "-C", str(team.project.folder)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, done.output
    return done


def test_a_waiver_that_the_checkout_could_not_follow_says_how_to_bring_it_here(tmp_path):
    team = make_team(tmp_path)
    team.project.commit({"train.py": "print('inconclusive')\n"})
    release = factory.record(team.project, seed=3, outcome=Outcome.INCONCLUSIVE).release.id
    mine = team.project.folder / f"governance/waivers/{release}.bias.lee.json"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("notes of mine\n")
    assert "git pull --ff-only" in " ".join(waive(team, release).stderr.split())
    assert mine.read_text() == "notes of mine\n"
    mine.unlink()
    assert waive(team, release).stderr == ""
    assert team.repo.head() == team.main()
