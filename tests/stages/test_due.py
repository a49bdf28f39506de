"""What people must look at soon: risks of what is live, waivers that it leans on, keys."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from mlassay.config import load_people
from mlassay.evidence.verdict import Outcome
from mlassay.render.due import due_json, due_lines
from mlassay.stages.due import _of_keys, due
from mlassay.stages.waive import waive
from mlassay.wiring import verifiers
from tests import factory
from tests.factory.project import people_yaml
from tests.stages.promoting import make_team

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def of(team, days, now=NOW):
    team.repo.fetch("origin")
    return due(team.repo, team.main(), days, now, verifiers())


def test_nothing_is_due_where_nothing_runs(team):
    assert of(team, 3000) == ()
    assert due_lines((), 30) == ["nothing ends within 30 days"]


def test_the_risks_of_what_is_live_are_due_by_the_day_in_its_verdict(team):
    team.land("staging")
    assert of(team, 30) == ()
    (one,) = of(team, 365 * 5)
    assert (one.until, one.overdue) == (date(2030, 1, 1), False)
    assert "staging" in one.what
    assert not of(team, 1, datetime(2030, 1, 1, 23, 59, tzinfo=UTC))[0].overdue
    late = of(team, 0, datetime(2030, 1, 2, tzinfo=UTC))
    assert late[0].overdue
    assert due_lines(late, 0)[0].startswith("OVERDUE since 2030-01-01: staging")
    assert due_json(late)["overdue"] == 1


def test_a_waiver_is_due_while_what_it_carries_is_live(team):
    team.project.commit({"train.py": "print('inconclusive')\n"})
    release = factory.record(team.project, seed=3, outcome=Outcome.INCONCLUSIVE).release.id
    why = "Too few rows of one group; the next quarter settles it."
    waive(team.desk, team.key("lee"), "bias", release, why, date(2026, 12, 31))
    assert of(team, 365) == ()
    id_ = team.promote("staging", release).name.id
    answers = {"waived.bias": "The next quarter brings enough rows to settle it."}
    for who in ("robin", "lee"):
        team.say(id_, who, answers=answers)
    assert team.merge(id_).commit
    (one,) = of(team, 60)
    assert "waiver of lee for the gate 'bias'" in one.what
    assert not one.overdue
    assert of(team, 10) == ()
    assert of(team, 0, datetime(2027, 1, 1, tzinfo=UTC))[0].overdue


def keys_due(tmp_path, person="", signer="", extra=""):
    keys = tmp_path / "keys"
    keys.mkdir()
    text = people_yaml(keys, signer)
    if person:
        text = text.replace("valid_from: 2026-01-01}]", f"valid_from: 2026-01-01, {person}}}]", 1)
    return list(_of_keys(load_people("governance/people.yaml", (text + extra).encode()), NOW))


def test_keys_without_an_end_are_never_due(tmp_path):
    assert keys_due(tmp_path) == []


def test_the_last_key_of_a_person_is_due_on_its_last_day(tmp_path):
    (one,) = keys_due(tmp_path, person="valid_until: 2026-11-30")
    assert (one.what, one.until, one.overdue) == ("the last key of dana", date(2026, 11, 30), False)


def test_a_key_that_has_ended_is_overdue_and_a_revoked_one_is_nobodys_business(tmp_path):
    (one,) = keys_due(tmp_path, person="valid_until: 2026-11-20")
    assert one.overdue
    (tmp_path / "b").mkdir()
    assert keys_due(tmp_path / "b", person="revoked: {at: 2026-05-01, because: a lost laptop}") == []


def test_the_key_of_a_ci_signer_is_due_unless_another_goes_on(tmp_path):
    ends = "valid_from: 2026-01-01\nvalid_until: 2026-12-01"
    (one,) = keys_due(tmp_path, signer=ends)
    assert "CI signer ci" in one.what
    (tmp_path / "b/keys2").mkdir(parents=True)
    public = factory.project.ci_key(tmp_path / "b/keys2", "ci2")
    other = "\n".join(factory.project.signer_yaml("ci2", public)) + "\n"
    assert keys_due(tmp_path / "b", signer=ends, extra=other) == []


def test_the_verb_exits_1_when_something_is_overdue_and_tells_the_ci(team, tmp_path):
    config = team.project.read("ml.yaml").replace("2030-01-01", "2026-11-01")
    team.project.commit({"ml.yaml": config})
    env = {**os.environ, "GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": str(tmp_path / "out")}
    env["GITHUB_STEP_SUMMARY"] = str(tmp_path / "summary")
    command = [
        sys.executable,
        "-m",
        "mlassay",
        "status",
        "--due",
        "30",
        "--json",
        "-C",
        str(team.project.folder),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert (done.returncode, json.loads(done.stdout)) == (0, {"due": [], "overdue": 0})
    people = team.project.read("governance/people.yaml")
    ended = people.replace("valid_from: 2026-01-01}]", "valid_from: 2026-01-01, valid_until: 2026-02-01}]", 1)
    team.project.commit({"governance/people.yaml": ended})
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 1, done.stderr
    assert json.loads(done.stdout)["overdue"] == 1
    assert "::error::the last key of dana" in done.stderr
    assert "\n1\n" in (tmp_path / "out").read_text()
    assert "1 overdue" in (tmp_path / "summary").read_text()
