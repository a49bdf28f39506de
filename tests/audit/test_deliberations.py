"""Deliberations on the main line: signed by hand, or by a change request, or a finding."""

from __future__ import annotations

import subprocess

import pytest

from mlassay.audit.verify import verify
from mlassay.stages.propose import propose
from mlassay.wiring import verifiers
from tests.audit.exporting import export, follow
from tests.stages.promoting import make_team

PATH = "governance/deliberations/0002-whom.md"
TEXT = b"We asked the two branches that serve the west bank, and they told us to wait.\n"


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def signed(team, text, who, tmp_path, namespace="mlassay"):
    """``ssh-keygen -Y sign``, as a person does it by hand."""
    file = tmp_path / "text.md"
    file.write_bytes(text)
    (tmp_path / "text.md.sig").unlink(missing_ok=True)
    key = str(team.project.keys / who)
    subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", key, str(file)], check=True)
    return (tmp_path / "text.md.sig").read_bytes()


def rules(team):
    team.repo.fetch("origin")
    report = verify(team.repo, team.main(), None, verifiers(), worktree=False)
    return [(finding.rule, finding.path) for finding in report.findings]


def test_a_text_that_a_person_signed_by_hand_is_explained(team, tmp_path):
    team.push("main", {PATH: TEXT, f"{PATH}.sig": signed(team, TEXT, "lee", tmp_path)})
    assert rules(team) == []


@pytest.mark.parametrize("how", ["nobody", "other words", "no person", "other namespace"])
def test_a_text_that_nobody_signed_as_it_stands_is_a_finding(team, tmp_path, how):
    signature = {
        "nobody": lambda: None,
        "other words": lambda: signed(team, b"Something else.\n", "lee", tmp_path),
        "no person": lambda: signed(team, TEXT, stranger(tmp_path), tmp_path),
        "other namespace": lambda: signed(team, TEXT, "lee", tmp_path, namespace="file"),
    }[how]()
    team.push("main", {PATH: TEXT} | ({f"{PATH}.sig": signature} if signature else {}))
    assert rules(team) == [("pushed-governance", PATH)]


@pytest.mark.parametrize("how", ["signed", "asked for", "nobody", "other words"])
def test_the_page_of_an_export_looks_at_who_signed_a_text(team, tmp_path, how):
    if how == "asked for":
        ask_for_it(team)
    else:
        words = b"Something else.\n" if how == "other words" else TEXT
        signature = {} if how == "nobody" else {f"{PATH}.sig": signed(team, words, "lee", tmp_path)}
        team.push("main", {PATH: TEXT} | signature)
    team.repo.fetch("origin")
    done = follow(export(team.repo, tmp_path, at=team.main()))
    assert done.returncode == (1 if how == "other words" else 0), done.stdout + done.stderr
    assert (f"ok: text signed by lee, {PATH}" in done.stdout) == (how == "signed")
    assert (f"NOT CHECKED: whose words {PATH} holds since" in done.stdout) == (how == "nobody")
    assert (f"{PATH} is signed by nobody as it stands" in done.stderr) == (how == "other words")
    assert ("ok: 1 changes of policy" in done.stdout) == (how == "asked for")


def stranger(tmp_path):
    key = tmp_path / "stranger"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    return key


def test_a_signed_text_may_be_signed_anew_and_is_never_just_changed(team, tmp_path):
    team.push("main", {PATH: TEXT, f"{PATH}.sig": signed(team, TEXT, "lee", tmp_path)})
    newer = TEXT + b"In May they agreed.\n"
    team.push("main", {PATH: newer, f"{PATH}.sig": signed(team, newer, "robin", tmp_path)})
    assert rules(team) == []
    team.push("main", {PATH: newer.replace(b"agreed", b"refused")})
    assert rules(team) == [("pushed-governance", PATH)]


def test_a_text_that_is_taken_away_needs_a_change_request(team, tmp_path):
    team.push("main", {PATH: TEXT, f"{PATH}.sig": signed(team, TEXT, "lee", tmp_path)})
    team.push("main", {PATH: None, f"{PATH}.sig": None})
    assert rules(team) == [("pushed-governance", PATH)]


def test_a_text_that_people_approved_by_a_change_request_needs_no_signature(team):
    ask_for_it(team)
    assert rules(team) == []


def ask_for_it(team):
    file = team.project.folder / PATH
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(TEXT)
    asked = propose(team.desk, team.key("dana"), "So that the reason is written down before the release.")
    assert not team.say(asked.name.id, "lee").no
    assert team.merge(asked.name.id).commit
