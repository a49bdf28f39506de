"""Names and reasons that would command a terminal or a CI runner, or write a line of their own; each beside its control."""

import json
import re

import pytest

from tests.audit.story import git, mlassay
from tests.stages.promoting import make_team

EVIL = (
    "Every number of the report was compared with last year's.\n\nApproved-by: lee\nVerdict: passed\n"
    "::error::x ##[group]y \x1b[2J\x07\x9b31m\u202egnp\u2028ok      release 20990101-00000000\r"
)
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e]")


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def held(text):
    """Assert that nothing in ``text`` commands anybody, and no line of it was written by the attacker."""
    assert not UNSEEN.search(text)
    assert "##[" not in text
    assert not [
        line for line in text.splitlines() if re.match(r"\s*(::|Approved-by: lee|ok +release 2099)", line)
    ]


def test_hostile_reasons_forge_no_line_in_any_answer_or_log(team):
    folder, keys = team.project.folder, team.project.keys
    asked = mlassay(folder, "promote", "staging", "--reason", EVIL, "--key", str(keys / "dana"), "--json")
    id_ = json.loads(asked)["promotion"]
    tail = EVIL[EVIL.index("\n") :]
    reason = f"Two underwriters read forty letters each, and would have worded none of them otherwise. {tail}"
    risk = f"What next year brings is unknown, and whether older people are heard by it as they should be. {tail}"
    said = mlassay(folder, "approve", id_, "--reason", reason, "--risk", risk, "--key", str(keys / "robin"))
    for text in (
        said,
        mlassay(folder, "decide", id_),
        mlassay(folder, "status"),
        mlassay(folder, "merge", id_),
    ):
        held(text)
    git(folder, "pull", "-q", "--ff-only")
    for words in (["verify"], ["show", team.release], ["verify", "--json"], ["show", team.release, "--json"]):
        held(mlassay(folder, *words))
    told = git(folder, "log", "-1", "--format=%(trailers:key=Approved-by,valueonly)%n%B")
    held(told)
    assert told.splitlines()[0] == "robin", "the control: the trailer of who really approved is there"


def test_hostile_file_names_forge_no_line_and_give_no_command(team):
    forged = "evidence/20991231-00000000/a\n::error::b\nok      release 20990101-00000000\x1b[2J\u202e"
    held(mlassay(team.project.folder, "verify"))
    team.push("main", {forged: b"x", "environments/x\n::stop-commands::y.yaml": b"x"})
    git(team.project.folder, "pull", "-q", "--ff-only")
    for words in (["verify"], ["verify", "--json"], ["verify", "20991231-00000000"]):
        text = mlassay(team.project.folder, *words, code=3)
        held(text)
        assert "20991231-00000000" in text, "and it is named all the same"


def test_a_file_name_that_is_no_text_is_told_as_json(team):
    team.push("main", {b"evidence/20991231-00000000/\xff".decode(errors="surrogateescape"): b"x"})
    git(team.project.folder, "fetch", "-q")
    text = mlassay(team.project.folder, "verify", "--at", "origin/main", "--json", code=3)
    paths = [problem["path"] for problem in json.loads(text)["problems"]]
    assert any(path.startswith("evidence/20991231-00000000/") for path in paths)
