"""Git repositories and remotes as they are on bad days."""

import os
import shutil
import subprocess

import pytest

from tests.faults.clear import refused
from tests.killing import small
from tests.killing.small import git
from tests.killing.test_killed import sound

REMOTE_VERBS = ("record", "promote", "approve", "merge")


def tip(team):
    return git(team.parent / "remote.git", "rev-parse", "main")


@pytest.mark.parametrize("verb", REMOTE_VERBS)
def test_a_remote_that_is_gone_is_one_error_and_nothing_is_lost(verb, team, verbs):
    clone = team(small.STORY[verb][0])
    words = small.words(verb, clone.parent)
    (clone.parent / "remote.git").rename(clone.parent / "elsewhere.git")
    before = git(clone, "for-each-ref")
    refused(verbs.run(words, clone), 4, says="origin")
    assert git(clone, "for-each-ref") == before
    (clone.parent / "elsewhere.git").rename(clone.parent / "remote.git")
    assert verbs.run(words, clone).code == 0


@pytest.mark.parametrize("verb", REMOTE_VERBS)
def test_a_remote_that_refuses_is_quoted(verb, team, verbs):
    clone = team(small.STORY[verb][0])
    hook = clone.parent / "remote.git/hooks/pre-receive"
    hook.write_text("#!/bin/sh\necho 'the house rules say no' >&2\nexit 1\n")
    hook.chmod(0o755)
    words, before = small.words(verb, clone.parent), tip(clone)
    refused(verbs.run(words, clone), 4, says="the house rules say no")
    assert tip(clone) == before
    hook.unlink()
    assert verbs.run(words, clone).code == 0
    sound(verbs, clone.parent)


@pytest.mark.parametrize("verb", REMOTE_VERBS)
def test_a_remote_that_moved_on_is_built_upon(verb, team, verbs):
    clone = team(small.STORY[verb][0])
    other = clone.parent / "other"
    git(clone.parent, "clone", "-q", "remote.git", other)
    small.identify(other, "robin")
    (other / "notes.txt").write_text("Somebody else was here.\n")
    small.commit(other, "Note something")
    theirs = tip(clone)
    assert verbs.run(small.words(verb, clone.parent), clone).code == 0
    assert git(clone, "merge-base", theirs, "origin/main") == theirs, "what others pushed is still there"
    sound(verbs, clone.parent)


@pytest.mark.parametrize("verb", ["record", "merge"])
def test_without_an_identity_git_is_asked_for_one(verb, team, verbs, tmp_path):
    clone = team(small.STORY[verb][0])
    git(clone, "config", "--unset", "user.name")
    git(clone, "config", "--unset", "user.email")
    words = small.words(verb, clone.parent)
    refused(
        verbs.run(words, clone, environment={"HOME": str(tmp_path)}), 2, says="git does not know who you are"
    )
    small.identify(clone)
    assert verbs.run(words, clone).code == 0


def test_a_detached_head_records_and_leaves_the_branch(team, verbs):
    clone = team("sign")
    git(clone, "checkout", "-q", "--detach")
    assert verbs.run(["record"], clone).code == 0
    assert small.release(clone.parent)
    assert git(clone, "status", "--porcelain") == ""


@pytest.mark.parametrize(
    "words", [["train"], ["sign", "--key", "{keys}/ci.pem"], ["record"], ["verify"], ["status"]]
)
def test_a_shallow_clone_works_or_says_how_to_get_the_rest(words, team, verbs):
    clone = team("record")
    (clone / "README.md").write_text("A later commit.\n")
    small.commit(clone, "Write a README")
    shallow = clone.parent / "shallow"
    git(clone.parent, "clone", "-q", "--depth=1", f"file://{clone.parent}/remote.git", shallow)
    small.identify(shallow)
    shutil.copytree(clone / ".mlassay", shallow / ".mlassay")
    done = verbs.run([word.format(keys=clone.parent / "keys") for word in words], shallow)
    assert "Traceback" not in done.err
    if words == ["train"]:
        assert done.code == 0, done.err
    elif done.code:
        refused(done, 2, 3, 4, says="")
        assert "unshallow" in done.err or "train" in done.err, done.err


@pytest.mark.parametrize("words", [["verify"], ["status"], ["show", "{release}"], ["decide", "{request}"]])
def test_a_bare_clone_is_enough_to_read(words, team, verbs):
    clone = team("approve")
    bare = clone.parent / "bare"
    git(clone.parent, "clone", "-q", "--bare", "remote.git", bare)
    filled = {"release": small.release(clone.parent), "request": small.request(clone.parent)}
    done = verbs.run([word.format(**filled) for word in words], bare)
    assert done.code == 0, done.out + done.err


@pytest.mark.parametrize("words", [["train"], ["test"], ["sign", "--key", "{keys}/ci.pem"], ["validate"]])
def test_a_bare_clone_cannot_be_worked_in_and_says_so(words, team, verbs):
    clone = team("test")
    refused(
        verbs.run([word.format(keys=clone.parent / "keys") for word in words], clone.parent / "remote.git"),
        2,
        says="",
    )


def test_a_second_work_tree_goes_the_whole_way(team, verbs):
    clone = team("team")
    git(clone, "worktree", "add", "-q", "-b", "side", clone.parent / "side")
    side = clone.parent / "side"
    for verb in ("train", "test", "sign", "record", "promote", "approve", "merge"):
        done = verbs.run(small.words(verb, clone.parent), side)
        assert done.code == 0, (verb, done)
    assert git(side, "status", "--porcelain") == git(clone, "status", "--porcelain") == ""
    sound(verbs, clone.parent)


@pytest.mark.parametrize("verb", ["record", "merge"])
def test_a_stale_index_lock_stops_nothing_but_the_local_branch(verb, team, verbs):
    clone = team(small.STORY[verb][0])
    (clone / ".git/index.lock").touch()
    done = verbs.run(small.words(verb, clone.parent), clone)
    assert done.code == 0, done.err
    (clone / ".git/index.lock").unlink()
    assert verbs.run(small.words(verb, clone.parent), clone).code == 0
    assert git(clone, "rev-parse", "main") == tip(clone), "the next run brings the branch up"


@pytest.mark.parametrize("verb", ["promote", "approve", "merge"])
def test_commits_from_the_future_do_not_turn_the_clock_back(verb, team, verbs):
    clone = team(small.STORY[verb][0])
    later = {"GIT_AUTHOR_DATE": "2099-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2099-01-01T00:00:00Z"}
    (clone / "later.txt").write_text("From the future.\n")
    git(clone, "add", "later.txt")
    command = ["git", "commit", "-q", "-m", "Come from the future"]
    subprocess.run(command, cwd=clone, env=os.environ | later, check=True)
    git(clone, "pull", "-q", "--rebase")
    git(clone, "push", "-q", "origin", "HEAD:main")
    done = verbs.run(small.words(verb, clone.parent), clone)
    if done.code == 1:
        assert "x " in done.out or "no:" in done.out
    elif done.code:
        refused(done, 2, 3, says="")
    if not done.code:
        sound(verbs, clone.parent)


def test_a_branch_that_is_ahead_with_work_of_its_own_is_left_alone(team, verbs):
    clone = team("sign")
    (clone / "draft.txt").write_text("Not pushed.\n")
    git(clone, "add", "draft.txt")
    git(clone, "commit", "-q", "-m", "Draft")
    mine = git(clone, "rev-parse", "HEAD")
    done = verbs.run(["record"], clone)
    assert done.code == 0
    assert git(clone, "rev-parse", "HEAD") == mine
    assert "left as it is" in done.err
