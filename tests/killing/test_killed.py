"""SIGKILL between any two writes of a verb: the same verb, run again, ends where a run that nobody killed ends."""

import re

import pytest

from tests.killing import harness, small
from tests.killing.small import git

# Verbs with many writes are split, so that workers share them.
PARTS = {"train": 3, "sign": 3, "test": 2}
RUNS = [(verb, part) for verb in small.STORY for part in range(PARTS.get(verb, 1))]


def settled(folder):
    """What the end of a run is held to: all but times, ids that hold times, and signatures."""
    team, remote = folder / "team", folder / "remote.git"
    assert git(team, "status", "--porcelain", "--untracked-files=all", "--", ":!governance") == ""
    assert git(team, "diff", "--cached", "--name-only") == ""
    assert not list((team / ".git").rglob("*.lock")), "no lock blocks whoever comes next"
    run = team / ".mlassay/run"
    left = {path.relative_to(run).as_posix(): path for path in sorted(run.rglob("*")) if path.is_file()}
    same = {
        name: left[name].read_bytes()
        for name in left
        if re.match(r"test/|sign/release|sign/model.onnx", name)
    }
    asked = small.request(folder) or "nothing"
    refs = git(remote, "for-each-ref", "--format=%(refname)").splitlines()
    return {
        "run folder": list(left),
        "bytes": same,
        "main": git(remote, "log", "--first-parent", "--format=%s", "main").replace(asked, "REQUEST"),
        "paths": [path.replace(asked, "REQUEST") for path in small.on_main(folder)],
        "refs": [ref.replace(asked, "REQUEST") for ref in refs],
        "current": git(team, "rev-parse", "main") == git(remote, "rev-parse", "main"),
    }


def sound(verbs, folder):
    """Every object of both repositories is whole, and every signature on the main line holds."""
    for repository in (folder / "team", folder / "remote.git"):
        git(repository, "fsck", "--strict", "--no-dangling", "--no-progress")
    done = verbs.run(["verify"], folder / "remote.git")
    assert done.code == 0, done.out + done.err


def again(verbs, words, team, expected):
    """The next run of a verb, which ends as one that nobody killed."""
    done = verbs.run(words, team)
    assert "Traceback" not in done.err
    assert done.code == expected.code, done.out + done.err


@pytest.mark.parametrize(("verb", "part"), RUNS, ids=[f"{verb}-{part}" for verb, part in RUNS])
def test_a_verb_killed_before_any_of_its_writes_can_be_run_again(verb, part, state, verbs, tmp_path):
    before = state(small.STORY[verb][0])
    whole = harness.copy(before, tmp_path / "whole")
    words = small.words(verb, whole)
    expected, writes = verbs.writes(words, whole / "team")
    assert expected.code == 0, expected.out + expected.err
    end = settled(whole)
    sound(verbs, whole)
    assert len(writes) >= 4, "a verb that writes nothing was not traced"
    for at in range(1 + part, len(writes) + 1, PARTS.get(verb, 1)):
        folder = harness.copy(before, tmp_path / "killed")
        words = small.words(verb, folder)
        done = verbs.run(words, folder / "team", at=at)
        assert done.killed, f"{at} of {len(writes)}: {done}"
        try:
            if verb not in {"train", "test", "sign"}:
                sound(verbs, folder)
            again(verbs, words, folder / "team", expected)
            assert settled(folder) == end
            sound(verbs, folder)
        except AssertionError as error:
            error.add_note(f"killed before write {at} of {len(writes)}: {writes[at - 1]}")
            raise
