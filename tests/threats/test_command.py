"""The same through the command, as an auditor runs it: on the small world, and on what the demonstration leaves."""

import json
import subprocess
import sys

import pytest

from tests.threats.attacks_anchor import made_anew
from tests.threats.corpus import STORIES
from tests.threats.play import Story

CHOSEN = [
    ("a pointer is written by hand", 3),
    ("a gate is judged by looser criteria", 3),
    ("a key comes in the change that it signs", 3),
    ("an object is replaced", 3),
    ("the clone is shallow", 2),
]


def audit(folder, *words):
    """``mlassay audit verify --json`` in ``folder``: its exit code and what it says."""
    command = [sys.executable, "-m", "mlassay", "audit", "verify", "--json", "-C", str(folder), *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


@pytest.mark.parametrize(("name", "code"), CHOSEN, ids=[name.replace(" ", "-") for name, _ in CHOSEN])
def test_the_command_names_the_rule_and_exits_as_it_must(liar, name, code):
    story: Story = STORIES[name]
    folder = story.play(liar, True) or liar.folder
    ended, said = audit(folder, "--at", "main")
    assert ended == code, said
    if code == 3:
        assert story.rule in {finding["rule"] for finding in said["findings"]}


def test_the_command_is_content_with_the_world(liar):
    ended, said = audit(liar.folder, "--at", "main")
    assert (ended, said["findings"]) == (0, [])


def test_without_an_anchor_a_history_made_anew_is_never_called_intact(liar, tmp_path):
    """Before anything was signed there is nothing that a new history breaks: only an anchor, or the root, tells."""
    liar.move(liar.names["root"])
    liar.move(made_anew(liar, "Another beginning"))
    ended, said = audit(liar.folder, "--at", "main")
    assert ended == 0
    assert said["verdict"].startswith("consistent since root")
    assert any("replaced whole" in text for text in said["unknown"]), said
    kept = tmp_path / "kept.anchor"
    kept.write_bytes(liar.world.anchor)
    assert audit(liar.folder, "--at", "main", "--anchor", str(kept))[0] == 3
    assert audit(liar.folder, "--at", "main", "--root", liar.names["root"])[0] == 3


def in_demo(folder, *words):
    """Git in the auditor's clone of the demonstration, in the name of a liar."""
    who = ("-c", "user.name=Mal", "-c", "user.email=mal@example.com")
    return subprocess.run(
        ["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def test_lies_in_the_demonstration_are_named(played):
    """Models that were really trained, tested and promoted by the verbs."""
    auditor = played / "auditor"
    assert audit(auditor)[0] == 0
    pointer = auditor / "environments/production.yaml"
    true = pointer.read_text()
    pointer.write_text(true.replace("share: 100", "share: 99"))
    in_demo(auditor, "commit", "-qam", "Tune")
    ended, said = audit(auditor)
    assert ended == 3
    assert [finding["rule"] for finding in said["findings"]] == ["pushed-pointer"]
    in_demo(auditor, "reset", "-q", "--hard", "HEAD~1")
    folder = next(path for path in sorted((auditor / "evidence").iterdir()))
    in_demo(auditor, "rm", "-rq", str(folder))
    in_demo(auditor, "commit", "-qm", "Remove a failed experiment")
    ended, said = audit(auditor)
    assert ended == 3
    assert {finding["rule"] for finding in said["findings"]} == {"append-only"}
