"""Clone, fetch and push over real remotes: one winner, clear refusals, no half state."""

from __future__ import annotations

import concurrent.futures
import os
import subprocess
import sys

import pytest

from mlassay.errors import ConfigurationError, RemoteError
from mlassay.git import MovedOn, Repository
from mlassay.git._command import words

MAIN = "refs/heads/main"


def test_push_moves_creates_and_deletes(team, remote, record, git):
    head = team.head()
    made = record(team, head, {"x": b"1"})
    team.push("origin", made, MAIN, head)
    team.push("origin", made, "refs/heads/promote/a", None)
    assert team.remote_ref("origin", MAIN) == team.remote_ref("origin", "refs/heads/promote/a") == made
    team.push("origin", None, "refs/heads/promote/a", made)
    assert team.remote_ref("origin", "refs/heads/promote/a") is None
    assert git(remote, "rev-parse", "main") == made


def test_a_lost_race_is_moved_on_and_changes_nothing(team, remote, record):
    head = team.head()
    first, second = record(team, head, {"x": b"1"}), record(team, head, {"x": b"2"})
    team.push("origin", first, MAIN, head)
    with pytest.raises(MovedOn, match="has moved on") as caught:
        team.push("origin", second, MAIN, head)
    assert caught.value.exit_code == 4
    with pytest.raises(MovedOn):
        team.push("origin", second, MAIN, None)
    with pytest.raises(MovedOn):
        team.push("origin", second, "refs/heads/none", head)
    with pytest.raises(MovedOn):
        team.push("origin", None, MAIN, head)
    assert team.remote_ref("origin", MAIN) == first
    assert team.remote_ref("origin", "refs/heads/none") is None


def test_a_push_that_is_repeated_after_it_was_killed_counts_as_done(team, remote, record):
    head = team.head()
    made = record(team, head, {"x": b"1"})
    for _ in range(2):
        team.push("origin", made, MAIN, head)
        team.push("origin", made, "refs/heads/a", None)
    for _ in range(2):
        team.push("origin", None, "refs/heads/a", made)
    assert team.remote_ref("origin", MAIN) == made


RACER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from mlassay.git import Identity, MovedOn, Repository
clone, number, ref, expected = sys.argv[1:]
team = Repository.open(Path(clone))
made = team.write_commit(team.head(), {"racer": number.encode()}, message=f"Racer {number}",
                         author=Identity("Racer", "r@example.org"), when=datetime(2026, 1, 1, tzinfo=UTC))
sys.stdin.read(1)
try:
    team.push("origin", made, ref, expected or None)
    print("won", made)
except MovedOn:
    print("moved on")
"""


@pytest.mark.parametrize(("ref", "exists"), [(MAIN, True), ("refs/heads/promote/new", False)])
def test_of_twenty_processes_at_once_exactly_one_wins(team, remote, ref, exists):
    expected = team.head() if exists else ""
    command = [sys.executable, "-c", RACER, str(team.folder)]
    racers = [
        subprocess.Popen(
            [*command, str(n), ref, expected], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for n in range(20)
    ]
    with concurrent.futures.ThreadPoolExecutor(20) as pool:  # all are let go at once
        said = [out.strip() for out, _ in pool.map(lambda racer: racer.communicate("x", timeout=120), racers)]
    won = [line.split()[1] for line in said if line.startswith("won")]
    assert len(won) == 1
    assert said.count("moved on") == 19
    assert team.remote_ref("origin", ref) == won[0]


def test_a_lock_that_passes_is_waited_for_and_one_that_stays_is_named(team, remote, record, monkeypatch):
    head = team.head()
    made = record(team, head, {"x": b"1"})
    lock = remote / "refs" / "heads" / "main.lock"
    lock.write_bytes(b"")
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(team.push, "origin", made, MAIN, head)
        with pytest.raises(concurrent.futures.TimeoutError):
            waiting.result(timeout=0.5)
        lock.unlink()
        waiting.result(timeout=20)
    assert team.remote_ref("origin", MAIN) == made
    lock.write_bytes(b"")
    monkeypatch.setattr("mlassay.git._remote.TRIES", 2)
    with pytest.raises(RemoteError, match="stayed locked") as caught:
        team.push("origin", head, MAIN, made)
    assert not isinstance(caught.value, MovedOn)
    assert "main.lock" in caught.value.problems[0].remedy
    assert team.remote_ref("origin", MAIN) == made


def hook(remote, name, text):
    (remote / "hooks").mkdir(exist_ok=True)
    (remote / "hooks" / name).write_text(text)
    (remote / "hooks" / name).chmod(0o755)


def test_a_remote_that_declines_is_quoted_without_control_characters(team, remote, record):
    head = team.head()
    made = record(team, head, {"x": b"1"})
    hook(
        remote,
        "pre-receive",
        "#!/bin/sh\nprintf 'main is \\033[31mprotected\\033[0m\\a by \\033]0;x\\007policy\\n' >&2\nexit 1\n",
    )
    with pytest.raises(
        RemoteError, match=r"main is protected by policy.*pre-receive hook declined"
    ) as caught:
        team.push("origin", made, MAIN, head)
    assert not isinstance(caught.value, MovedOn)
    assert all(c.isprintable() for c in str(caught.value))
    assert "pull request" in caught.value.problems[0].remedy
    assert team.remote_ref("origin", MAIN) == head


def test_hooks_of_the_clone_do_not_run(team, remote, record, git, tmp_path):
    git(team.folder, "config", "core.hooksPath", str(tmp_path / "hooks"))
    hook(tmp_path, "pre-push", "#!/bin/sh\nexit 1\n")
    made = record(team, team.head(), {"x": b"1"})
    team.push("origin", made, MAIN, team.head())
    assert team.remote_ref("origin", MAIN) == made


def test_a_remote_that_cannot_be_written_is_a_remote_error(team, remote, record):
    head = team.head()
    made = record(team, head, {"x": b"1"})
    # Root may write anywhere, so a file stands where the folder of the ref must be.
    (remote / "refs" / "heads" / "promote").write_bytes(b"")
    with pytest.raises(RemoteError) as caught:
        team.push("origin", made, "refs/heads/promote/x", None)
    assert not isinstance(caught.value, MovedOn)
    assert team.remote_ref("origin", MAIN) == head


@pytest.mark.parametrize("verb", ["fetch", "remote_ref", "push"])
def test_a_remote_that_is_gone_is_one_clear_error(team, remote, verb, record):
    made = record(team, team.head(), {"x": b"1"})
    remote.rename(remote.with_name("gone"))
    ask = {
        "fetch": lambda: team.fetch("origin"),
        "remote_ref": lambda: team.remote_ref("origin", MAIN),
        "push": lambda: team.push("origin", made, MAIN, team.head()),
    }[verb]
    with pytest.raises(RemoteError, match="does not appear to be a git repository") as caught:
        ask()
    assert caught.value.exit_code == 4
    assert "git remote -v" in caught.value.problems[0].remedy
    assert len(caught.value.problems) == 1


def test_no_route_and_no_rights_are_told_apart(team, git):
    git(team.folder, "remote", "add", "origin", "http://user:secret@127.0.0.1:1/x.git")
    with pytest.raises(RemoteError) as caught:
        team.fetch("origin")
    assert "network" in caught.value.problems[0].remedy
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("name", ["--upload-pack=touch x", "ext::sh -c touch% x", "", "a\nb", "-o"])
def test_remotes_that_are_options_or_commands_are_refused(team, name):
    with pytest.raises(ConfigurationError, match="not a remote"):
        team.remote_ref(name, MAIN)


@pytest.mark.parametrize(
    "ref",
    [
        "main",
        "refs/heads/a..b",
        "refs/heads/*",
        "refs/heads/a b",
        "refs/heads/x.lock",
        "--all",
        "refs/heads/",
    ],
)
def test_refs_must_be_full_and_well_formed(team, remote, ref):
    with pytest.raises(ConfigurationError, match="name of a git ref"):
        team.push("origin", team.head(), ref, None)


def test_remote_ref_is_exact(team, remote, git):
    git(remote, "update-ref", "refs/heads/refs/heads/other", "main")
    assert team.remote_ref("origin", "refs/heads/other") is None
    assert team.remote_ref("origin", "HEAD") == team.head()


def test_fetch_brings_branches_prunes_them_and_leaves_tags_and_local_branches(
    team, remote, tmp_path, git, commit, opened
):
    other = Repository.clone(remote, tmp_path / "other é")
    head = commit(other.folder, "Third", {"x": b"1"})
    git(other.folder, "tag", "v1")
    git(other.folder, "push", "--quiet", "origin", "main", "main:promote/a", "v1")
    before = team.head()
    git(
        team.folder, "config", "remote.origin.fetch", "+refs/heads/*:refs/heads/*"
    )  # a mirror's refspec is not obeyed
    team.fetch("origin")
    assert team.refs("refs/remotes/origin/") == {
        "refs/remotes/origin/main": head,
        "refs/remotes/origin/promote/a": head,
    }
    assert (team.branch("main"), team.refs("refs/tags/")) == (before, {})
    git(remote, "update-ref", "-d", "refs/heads/promote/a")
    team.fetch("origin")
    assert list(team.refs("refs/remotes/origin/")) == ["refs/remotes/origin/main"]
    assert team.fast_forward("main", head)
    other.close()


def test_fetches_at_once_do_not_trip_over_each_other(team, remote, tmp_path, commit, git):
    other = Repository.clone(remote, tmp_path / "other")
    for n in range(3):
        head = commit(other.folder, f"More {n}", {"x": b"%d" % n})
        git(other.folder, "push", "--quiet", "origin", "main", *(f"main:b{i}" for i in range(20)))
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            list(pool.map(team.fetch, ["origin"] * 4))
        assert set(team.refs("refs/remotes/origin/").values()) == {head}
    other.close()


def test_the_remote_to_use(team, git):
    assert team.remote() is None
    git(team.folder, "remote", "add", "only", "/x")
    assert team.remote() == "only"
    git(team.folder, "remote", "add", "other", "/x")
    assert team.remote() is None
    git(team.folder, "remote", "add", "origin", "/x")
    assert team.remote() == "origin"
    git(team.folder, "config", "branch.main.remote", "other")
    assert team.remote() == "other"
    git(team.folder, "config", "branch.main.remote", ".")
    assert team.remote() == "origin"


def test_clone_into_a_folder_with_something_in_it_or_from_nowhere(team, remote, tmp_path):
    with pytest.raises(ConfigurationError, match="not empty"):
        Repository.clone(remote, team.folder)
    with pytest.raises(RemoteError, match="cannot clone"):
        Repository.clone(tmp_path / "nowhere", tmp_path / "new" / "clone")
    clone = Repository.clone(str(remote), tmp_path / "a clone.git", bare=True, branch="main")
    assert (clone.worktree, clone.head()) == (None, team.head())
    clone.close()


def test_a_clone_of_damaged_objects_fails_instead_of_copying_them(team, tmp_path):
    id_ = team.entry(team.head(), "evidence/r1/model").id
    path = team.git_dir / "objects" / id_[:2] / id_[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(RemoteError, match="cannot clone"):
        Repository.clone(team.folder, tmp_path / "clone")
    assert not (tmp_path / "clone").exists()


def test_words_are_cleaned_capped_and_without_passwords():
    assert words(
        "fatal: a\x1b[31mb\x1b[0m\nremote: error: c\r\nhint: no\nfatal: https://me:pw@h/x\x00\n"
    ) == "ab; c; https://h/x".replace("//h", "//…@h")
    assert len(words("x" * 10_000)) == 600


def test_a_remote_that_never_answers_ends_in_an_error(team, git, monkeypatch):
    git(team.folder, "remote", "add", "origin", "ssh://h/x.git")
    monkeypatch.setenv("GIT_SSH_COMMAND", "sleep 3; false")
    monkeypatch.setattr("mlassay.git._command.REMOTE_TIMEOUT", 0.3)
    with pytest.raises(RemoteError, match="did not answer"):
        team.fetch("origin")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_remote_of_another_user_is_refused_with_the_command_that_trusts_it(team, remote):
    os.chown(remote, 65534, 65534)
    with pytest.raises(RemoteError, match="dubious ownership") as caught:
        team.fetch("origin")
    assert f"git config --global --add safe.directory {remote}" in caught.value.problems[0].remedy
