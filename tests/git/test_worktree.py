"""The work tree against commits: raw bytes and modes, and no command of the repository's configuration ever runs."""

from __future__ import annotations

import os
import subprocess
import time

import pytest

from mlassay.errors import ConfigurationError


def test_uncommitted_names_modified_staged_deleted_and_untracked_paths(team, git, commit):
    folder = team.folder
    commit(folder, "Ignore", {".gitignore": b"*.tmp\n", "staged é": b"1", "gone": b"1", "old": b"1"})
    assert team.uncommitted() == []
    (folder / "readme").write_bytes(b"changed\n")
    (folder / "staged é").write_bytes(b"2")
    git(folder, "add", "staged é")
    (folder / "gone").unlink()
    git(folder, "mv", "old", "new name")
    (folder / "dir").mkdir()
    (folder / "dir" / "un\ntracked").write_bytes(b"1")
    (folder / "x.tmp").write_bytes(b"1")
    expected = ["dir/un\ntracked", "gone", "new name", "old", "readme", "staged é"]
    assert team.uncommitted() == expected
    assert team.uncommitted(ignored_prefixes=["dir", "re", "gone"]) == [
        p for p in expected if p not in {expected[0], "gone"}
    ]


def test_uncommitted_before_the_first_commit_and_in_a_bare_repository(tmp_path, git, opened):
    git(tmp_path, "init", "--quiet", "new")
    (tmp_path / "new" / "a").write_bytes(b"1")
    assert opened(tmp_path / "new").uncommitted() == ["a"]
    git(tmp_path, "init", "--quiet", "--bare", "bare")
    with pytest.raises(ConfigurationError, match="bare"):
        opened(tmp_path / "bare").uncommitted()


def differing(team, *prefixes):
    return {
        change.path: (change.old and change.old.mode, change.new and change.new.mode)
        for change in team.worktree_differences(team.head(), prefixes or [""])
    }


def test_a_clean_work_tree_differs_nowhere(team):
    assert differing(team) == {}
    assert differing(team, "evidence", "readme", "nothing") == {}


def test_differences_are_found_by_bytes_and_modes(team):
    folder = team.folder
    (folder / "evidence/r1/model").write_bytes(b"other")
    (folder / "evidence/r1/new").write_bytes(b"new")
    (folder / "evidence/r2/model").unlink()
    (folder / "readme").chmod(0o755)
    assert differing(team) == {
        "evidence/r1/model": ("100644", "100644"),
        "evidence/r1/new": (None, "100644"),
        "evidence/r2/model": ("100644", None),
        "readme": ("100644", "100755"),
    }
    assert set(differing(team, "evidence/r1/", "evidence/r2")) == {
        "evidence/r1/model",
        "evidence/r1/new",
        "evidence/r2/model",
    }
    assert set(differing(team, "readme")) == {"readme"}


@pytest.mark.parametrize("hide", ["stat cache", "assume-unchanged", "skip-worktree", "eol", "ignored"])
def test_nothing_that_hides_a_change_from_git_hides_it_here(team, git, hide):
    path = team.folder / "readme"
    before = path.stat()
    if hide == "stat cache":
        git(team.folder, "config", "core.trustctime", "false")
        time.sleep(1.1)  # past the racy window of the index
        git(team.folder, "update-index", "--refresh")
        path.write_bytes(b"HELLO\n")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    elif hide == "eol":
        (team.git_dir / "info").mkdir(exist_ok=True)
        (team.git_dir / "info" / "attributes").write_text("* text eol=crlf\n")
        path.write_bytes(b"hello\r\n")
        git(team.folder, "add", "readme")
    elif hide == "ignored":
        (team.git_dir / "info" / "exclude").write_text("extra\n")
        (team.folder / "extra").write_bytes(b"1")
    else:
        git(team.folder, "update-index", f"--{hide}", "readme")
        path.write_bytes(b"HELLO\n")
    assert git(team.folder, "status", "--porcelain") == ""  # the control: git sees nothing
    assert set(differing(team)) == {"extra" if hide == "ignored" else "readme"}


def test_links_are_compared_and_never_followed(team, git, tmp_path):
    (team.folder / "link").symlink_to("readme")
    git(team.folder, "add", "link")
    git(team.folder, "commit", "--quiet", "-m", "Link")
    assert differing(team) == {}
    (team.folder / "link").unlink()
    (team.folder / "link").symlink_to("/etc/passwd")
    assert differing(team) == {"link": ("120000", "120000")}
    (team.folder / "evidence").rename(tmp_path / "moved")
    (team.folder / "evidence").symlink_to(tmp_path / "moved")
    expected = {
        "evidence": (None, "120000"),
        "evidence/r1/model": ("100644", None),
        "evidence/r2/model": ("100644", None),
    }
    assert differing(team, "evidence") == expected
    assert differing(team, "evidence/r1") == {k: v for k, v in expected.items() if "r2" not in k}


def test_a_pipe_is_reported_and_not_opened(team):
    os.mkfifo(team.folder / "pipe")
    (change,) = team.worktree_differences(team.head(), ["pipe"])
    assert (change.old, change.new.kind, change.new.id) == (None, "special", "")


def test_nothing_that_a_hostile_configuration_names_is_run_by_reading(team, git, tmp_path, remote):
    mark = tmp_path / "ran"
    evil = tmp_path / "evil"
    evil.write_text(f'#!/bin/sh\necho "$0 $@" >> "{mark}"\ncat\n')
    evil.chmod(0o755)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for hook in (
        "post-index-change",
        "reference-transaction",
        "post-checkout",
        "pre-commit",
        "pre-push",
        "post-merge",
    ):
        (hooks / hook).symlink_to(evil)
    head = team.head()
    for key, value in {
        "core.fsmonitor": str(evil),
        "core.hooksPath": str(hooks),
        "core.sshCommand": str(evil),
        "core.pager": str(evil),
        "core.editor": str(evil),
        "core.askPass": str(evil),
        "filter.x.clean": str(evil),
        "filter.x.smudge": str(evil),
        "filter.y.process": str(evil),
        "filter.y.required": "true",
        "diff.x.textconv": str(evil),
        "diff.external": str(evil),
        "diff.x.command": str(evil),
        "gpg.program": str(evil),
        "log.showSignature": "true",
        "credential.helper": f"!{evil}",
        "alias.status": f"!{evil}",
    }.items():
        git(team.folder, "config", key, value)
    (team.git_dir / "info").mkdir(exist_ok=True)
    (team.git_dir / "info" / "attributes").write_text("readme filter=x diff=x\n*/** filter=y\n")
    (team.folder / "readme").write_bytes(b"hullo\n")
    mark.unlink(missing_ok=True)
    assert team.resolve("main") == head
    assert team.read(head, "readme") == b"hello\n"
    assert team.uncommitted() == ["readme"]
    assert set(differing(team)) == {"readme"}
    assert list(team.changes(None, head))
    assert team.fsck() == []
    assert team.identity()
    assert len(list(team.commits_between(None, head))) == 2
    team.fetch("origin")
    assert team.remote_ref("origin", "refs/heads/main") == head
    assert not mark.exists()
    subprocess.run(
        ["git", "status"], cwd=team.folder, capture_output=True, check=False
    )  # the control: stock git does
    assert mark.exists()


def test_a_filter_whose_name_cannot_be_switched_off_is_refused(team, git):
    git(team.folder, "config", "filter.a=b.clean", "cat")
    with pytest.raises(ConfigurationError, match="content filter"):
        team.uncommitted()


def test_the_user_s_own_filters_stay(team, git, own_configuration, commit):
    with (own_configuration / ".gitconfig").open("a") as file:
        file.write('[filter "up"]\nclean = tr a-z A-Z\n')
    commit(team.folder, "Filter", {".gitattributes": b"up filter=up\n", "up": b"abc"})
    os.utime(team.folder / "up")
    assert team.uncommitted() == []
    assert set(differing(team)) == {"up"}  # raw bytes are raw bytes
