"""``audit trace``, ``audit people`` and ``audit list`` as people and programs call them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import pty
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlassay.audit.listing import COLUMNS
from mlassay.cli.audit import audit
from mlassay.errors import ConfigurationError
from mlassay.evidence.records import Waiver
from mlassay.git import Identity, Repository
from tests.audit.told import MANIFEST
from tests.audit.told_fixtures import ids, story

DOCS = Path(__file__).parents[2] / "docs/verbs"
EVIL = "=cmd|'/C calc'!A0\x1b]0;owned\x07 <script>alert(1)</script> ##[error]x"


def run(*arguments, folder=None, code=0):
    result = CliRunner().invoke(audit, [*arguments, "-C", str(folder or story().team.project.folder)])
    if isinstance(result.exception, Exception) and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


@pytest.fixture
def clone(tmp_path):
    return Repository.clone(story().team.project.remote.folder, tmp_path / "clone")


@pytest.fixture
def attacked(clone):
    """A clone whose newest commit pushes a hostile waiver, and takes a role for somebody."""
    path = f"governance/waivers/{ids()['first']}.bias.lee.json"
    known = f"governance/waivers/{ids()['second']}.bias.lee.json"
    waiver = Waiver.parse(clone.read(clone.head(), known) or b"", known)
    hostile = replace(waiver, release=ids()["first"], reason=EVIL).to_bytes()
    people = clone.read(clone.head(), "governance/people.yaml").replace(
        b"[developer]", b"[developer, risk-lead]"
    )
    when = clone.commit(clone.head()).time + timedelta(minutes=1)
    commit = clone.write_commit(
        clone.head(),
        {path: hostile, "governance/people.yaml": people},
        message="Tidy up",
        author=Identity("Dana", "dana@example.org"),
        when=when,
    )
    assert clone.fast_forward("main", commit)
    return clone


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_list_is_a_table_csv_or_json_of_the_same_rows(kind):
    told = json.loads(run("list", kind, "--json").stdout)
    assert (told["version"], told["kind"], told["checked"], told["sample"]) == (1, kind, True, None)
    assert told["columns"] == list(COLUMNS[kind])
    rows = list(csv.DictReader(io.StringIO(run("list", kind, "--csv").stdout)))
    assert [row["id"] for row in rows] == [row["id"] for row in told["rows"]]
    shown = run("list", kind).stdout
    assert all(row["id"] in shown for row in rows)


def test_a_sample_needs_its_seed_and_says_it():
    told = json.loads(run("list", "releases", "--json", "--sample", "2", "--seed", "x").stdout)
    assert told["sample"] == {"size": 2, "seed": "x"}
    assert (told["total"], len(told["rows"])) == (3, 2)
    assert (
        "2 of 3 releases, drawn by the seed 'x'"
        in run("list", "releases", "--sample", "2", "--seed", "x").stdout
    )
    assert "--seed" in run("list", "releases", "--sample", "2", code=2).stderr
    run("list", "releases", "--csv", "--json", code=2)


def test_what_does_not_hold_is_said_and_ends_with_3(attacked):
    result = run("list", "waivers", folder=attacked.folder, code=3)
    assert "not hold" in result.stderr
    assert ids()["first"] in result.stdout
    run("trace", "person", "lee", folder=attacked.folder, code=3)
    people = run("people", folder=attacked.folder, code=3).stdout
    assert "EXPLAINED BY NO CHANGE REQUEST" in people
    assert "dana: roles developer became developer, risk-lead" in people


def test_no_check_says_that_nobody_looked(attacked):
    result = run("list", "waivers", "--no-check", "--json", folder=attacked.folder)
    assert json.loads(result.stdout)["checked"] is False
    assert "Nothing was checked" in result.stderr


def test_hostile_words_are_text_wherever_they_are_shown(attacked):
    for arguments in (
        ("list", "waivers", "--csv"),
        ("list", "waivers"),
        ("list", "waivers", "--json"),
        ("trace", "model", ids()["first"]),
        ("trace", "person", "lee"),
        ("trace", "person", "lee", "--json"),
        ("trace", "commit", "HEAD"),
    ):
        out = run(*arguments, folder=attacked.folder, code=3).stdout
        assert not {"\x1b", "\x07"} & set(out), arguments
        assert "##[" not in out
    (row,) = [
        row
        for row in csv.DictReader(
            io.StringIO(run("list", "waivers", "--csv", folder=attacked.folder, code=3).stdout)
        )
        if row["release"] == ids()["first"]
    ]
    assert row["reason"].startswith("'=cmd")
    assert row["key"] == ""


@pytest.mark.parametrize(
    ("kind", "what"),
    [("model", "first"), ("data", MANIFEST), ("person", "robin"), ("commit", "promotion_commit")],
)
def test_every_trace_is_told_in_words_and_as_json(kind, what):
    asked = ids().get(what, what)
    told = json.loads(run("trace", kind, asked, "--json").stdout)
    assert (told["version"], told["kind"], told["asked"], told["checked"]) == (1, kind, asked, True)
    assert ids()["first"] in run("trace", kind, asked).stdout


def test_an_unknown_name_is_one_clear_error():
    with pytest.raises(ConfigurationError, match="no person or CI signer 'robbin'"):
        run("trace", "person", "robbin")
    run("trace", "model", "x", "--commits", code=2)


def test_people_are_told_as_they_were_at_a_time_and_at_a_commit():
    told = json.loads(run("people", "--at", ids()["promotion_commit"], "--json").stdout)
    assert told["head"] == ids()["promotion_commit"]
    robin = next(each for each in told["signatories"] if each["id"] == "robin")
    assert robin["roles"] == ["reviewer"]
    now = json.loads(run("people", "--json").stdout)
    assert [step["change"] for step in now["steps"]] == ["", ids()["governance"]]
    assert "nobody could sign anything" in run("people", "--at", "2026-01-01").stdout
    with pytest.raises(ConfigurationError):
        run("people", "--at", "the day before never")


@pytest.mark.parametrize("kind", COLUMNS)
def test_every_column_is_explained(kind):
    page = (DOCS / "audit-list.md").read_text()
    assert [name for name in COLUMNS[kind] if f"`{name}`" not in page] == []


def test_every_member_of_the_json_of_people_is_explained():
    page = (DOCS / "audit-people.md").read_text()
    told = json.loads(run("people", "--json").stdout)
    names = {
        *told,
        *told["signatories"][0],
        *told["signatories"][0]["keys"][0],
        *told["steps"][0],
        *told["since"],
    }
    assert [name for name in sorted(names) if f"`{name}`" not in page] == []


@pytest.mark.parametrize(
    ("kind", "what"),
    [("model", "first"), ("data", MANIFEST), ("person", "lee"), ("commit", "later_commit")],
)
def test_every_member_of_the_json_of_traces_is_explained(kind, what):
    page = (DOCS / "audit-trace.md").read_text()
    told = json.loads(run("trace", kind, ids().get(what, what), "--json").stdout)
    assert [name for name in sorted(set(members(told))) if f"`{name}`" not in page] == []


def members(value):
    """Every name of a member, at any depth; gates are named by the team."""
    if isinstance(value, list):
        for each in value:
            yield from members(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            if name != "gates":
                yield from members(each)


@pytest.mark.parametrize("arguments", [("list", "promotions"), ("people",)])
def test_a_repository_without_governance_is_no_empty_record(arguments, tmp_path):
    git = ["git", "-c", "user.name=Dana", "-c", "user.email=dana@example.org", "-C", str(tmp_path)]
    subprocess.run([*git, "init", "-q", "-b", "main", "other"], check=True)
    git[-1] = str(tmp_path / "other")
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "Begin"], check=True)
    result = run(*arguments, folder=tmp_path / "other", code=3)
    assert "is this the right repository?" in result.stderr


def test_a_list_is_folded_on_a_narrow_terminal_and_stays_whole_for_programs():
    command = [sys.executable, "-m", "mlassay", "audit", "list", "promotions", "-C"]
    command.append(str(story().team.project.folder))
    whole = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert max(map(len, whole.splitlines())) > 60
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as screen:
        narrow = {**os.environ, "COLUMNS": "60", "LINES": "30"}
        process = subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL, env=narrow)
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # how Linux says that the other end was closed
            while part := screen.read(4096):
                shown += part
        process.wait()
    lines = shown.decode().replace("\r", "").splitlines()
    assert max(map(len, lines)) <= 60
    assert " ".join(" ".join(lines).split()) == " ".join(whole.split())
