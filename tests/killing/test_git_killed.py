"""SIGKILL inside of git, at its own renames, links and syncs, on both sides of a push: the next run goes on all the same."""

import os
import re

import pytest

from tests.killing import git_killer, harness, small
from tests.killing.small import git
from tests.killing.test_killed import again, settled, sound

COMMANDS = ("unpack-objects", "push", "git-receive-pack", "merge")


@pytest.fixture(scope="module", autouse=True)
def _strace():
    if why := git_killer.missing():
        if os.environ.get("CI"):
            pytest.fail(f"CI must try this: {why}")
        pytest.skip(f"git cannot be killed in the midst of its work: {why}")


def telling(calls):
    """The calls that did something; of the many alike for objects, the first and the last of each kind."""
    # Which folders of objects are there already hangs on ids, and these on the time.
    did = [
        call
        for call in calls
        if call[-1].endswith("= 0") and not re.match(r"mkdir.*objects/\w\w\"", call[-1])
    ]
    alike = [call for call in did if "objects/" in call[-1] or call[0].startswith("f")]
    kept = [
        call for name in {call[0] for call in alike} for call in _ends([c for c in alike if c[0] == name])
    ]
    return [call for call in did if call not in alike or call in kept]


def _ends(calls):
    return calls if len(calls) < 3 else [calls[0], calls[-1]]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("verb", ["record", "merge"])
def test_a_verb_whose_git_was_killed_with_it_can_be_run_again(verb, command, state, verbs, tmp_path):
    before = state(small.STORY[verb][0])
    killer = git_killer.GitKiller(tmp_path / "killer", command)
    whole = harness.copy(before, tmp_path / "whole")
    killer.attach(whole / "team")
    expected = verbs.run(small.words(verb, whole), whole / "team", environment=killer.environment())
    assert expected.code == 0, expected.err
    end, calls = settled(whole), telling(killer.calls())
    assert calls
    for call in calls:
        folder = harness.copy(before, tmp_path / "killed")
        killer.attach(folder / "team")
        words = small.words(verb, folder)
        assert verbs.run(words, folder / "team", environment=killer.environment(call)).killed, call
        try:
            again(verbs, words, folder / "team", expected)
            assert settled(folder) == end
            sound(verbs, folder)
        except AssertionError as error:
            error.add_note(f"git was killed at: {call}")
            raise


@pytest.fixture
def stopped(state, tmp_path, verbs):
    """A clone whose run was killed just before git put the new index in its place, and its lock."""
    folder = harness.copy(state("sign"), tmp_path / "stopped")
    killer = git_killer.GitKiller(tmp_path / "killer", "merge")
    done = verbs.run(["record"], folder / "team", environment=killer.environment(("rename", 2, 1)))
    index = folder / "team/.git/index.lock"
    assert done.killed
    assert index.exists()
    return folder / "team", index


def test_a_lock_that_somebody_else_made_is_left_alone(state, verbs, tmp_path):
    team = harness.copy(state("sign"), tmp_path / "team") / "team"
    lock = team / ".git/index.lock"
    lock.write_text("")
    done = verbs.run(["record"], team)
    assert (done.code, lock.exists()) == (0, True)
    assert "was left as it is" in done.err, "no dead run of ours left that lock: it stays, and the branch too"


def test_a_lock_older_than_the_run_that_died_is_left_alone(stopped, verbs):
    team, lock = stopped
    os.utime(lock, (1, 1))
    verbs.run(["record"], team)
    assert lock.exists()


def test_locks_stay_while_any_git_is_at_work_there(stopped, verbs):
    team, lock = stopped
    waiting = git_killer.waiting(team)
    try:
        verbs.run(["record"], team)
        assert lock.exists()
    finally:
        waiting.stdin.close()
        waiting.wait()
    verbs.run(["record"], team)
    assert not lock.exists()


def test_a_persons_own_file_where_a_killed_move_stopped_is_not_lost(stopped, verbs):
    team, _ = stopped
    report = next(team.glob("evidence/*/report.md"))
    report.write_text("My own notes about this.\n")
    done = verbs.run(["record"], team)
    assert done.code == 0
    assert report.read_text() == "My own notes about this.\n"
    report.unlink()
    assert verbs.run(["record"], team).code == 0
    assert git(team, "rev-parse", "main") == git(team, "rev-parse", "origin/main")
