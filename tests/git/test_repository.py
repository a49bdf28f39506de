"""Opening, resolving, reading by path, configuration, ordinary commits and fast-forwards."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.git import Identity, Repository


def test_opens_a_work_tree_a_folder_inside_it_and_a_bare_repository(team, remote, opened):
    inside = opened(team.folder / "evidence" / "r1")
    assert inside.folder == inside.worktree == team.folder
    assert inside.git_dir == team.folder / ".git"
    bare = opened(remote)
    assert (bare.worktree, bare.folder, bare.git_dir) == (None, remote, remote)
    assert bare.read(bare.resolve("main"), "readme") == b"hello\n"


def test_a_folder_without_a_repository_and_no_folder_are_one_clear_error_each(tmp_path):
    with pytest.raises(ConfigurationError, match="no git repository") as caught:
        Repository.open(tmp_path)
    assert "-C DIR" in caught.value.problems[0].remedy
    with pytest.raises(ConfigurationError, match="no such folder"):
        Repository.open(tmp_path / "nowhere")


def test_a_machine_without_git_is_told_so(team, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ConfigurationError, match="git is not installed"):
        team.resolve("HEAD")


def test_a_repository_with_sha256_ids_is_refused(tmp_path, git):
    git(tmp_path, "init", "--quiet", "--object-format=sha256", "new")
    with pytest.raises(ConfigurationError, match="sha256"):
        Repository.open(tmp_path / "new")


def test_init_twice_does_no_harm(tmp_path, commit):
    repository = Repository.init(tmp_path / "a b" / "ü", branch="trunk")
    assert repository.current_branch() == "trunk"
    assert repository.head() is None
    head = commit(repository.folder, "First", {"x": b"1"})
    assert Repository.init(repository.folder).head() == head
    assert Repository.init(tmp_path / "bare.git", bare=True).worktree is None


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="cannot make this folder"):
        Repository.init(tmp_path / "file" / "x")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_repository_of_another_user_is_refused_with_the_command_that_trusts_it(team):
    for path in (team.folder, team.git_dir):
        os.chown(path, 65534, 65534)
    with pytest.raises(ConfigurationError, match="belongs to another user") as caught:
        Repository.open(team.folder)
    assert f"git config --global --add safe.directory {team.folder}" in caught.value.problems[0].remedy
    assert len(caught.value.problems) == 1


def test_resolves_what_people_type(team):
    head = team.head()
    for name in ("HEAD", "main", "refs/heads/main", head, head[:10], "main~0", "main^{commit}"):
        assert team.resolve(name) == head
    assert team.resolve("main~1") == team.commit(head).parents[0]


@pytest.mark.parametrize(
    "name", ["nothing", "--all", "", "main:readme", "a\0b", "main\nmain", "0" * 40, "-h"]
)
def test_what_names_no_commit_is_a_configuration_error(team, name):
    with pytest.raises(ConfigurationError, match="names no commit"):
        team.resolve(name)


def test_a_tag_cannot_pose_as_a_branch(team, remote, git):
    head = team.head()
    for name in ("main", "origin/main"):
        git(team.folder, "tag", name, "HEAD~1")
        assert team.resolve(name) == head
    assert git(team.folder, "rev-parse", "main") != head  # the control: stock git is taken in


def test_tree_lists_files_links_and_submodules_with_their_modes(team, git):
    folder = team.folder
    (folder / "link").symlink_to("readme")
    (folder / "tool").write_bytes(b"#!/bin/sh\n")
    (folder / "tool").chmod(0o755)
    (folder / "data ü\n").write_bytes(b"x")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{team.head()},vendor")
    git(folder, "add", "link", "tool", "data ü\n")
    git(folder, "commit", "--quiet", "-m", "Kinds")
    head = team.head()
    seen = {path: (entry.mode, entry.kind, entry.size) for path, entry in team.tree(head).items()}
    assert seen == {
        "data ü\n": ("100644", "blob", 1),
        "evidence/r1/model": ("100644", "blob", 4000),
        "evidence/r2/model": ("100644", "blob", 4000),
        "link": ("120000", "blob", 6),
        "readme": ("100644", "blob", 6),
        "tool": ("100755", "blob", 10),
        "vendor": ("160000", "commit", None),
    }
    assert list(seen) == sorted(seen)
    assert {path: entry.id for path, entry in team.tree(head).items()} == {
        line.split("\t")[1]: line.split()[2]
        for line in git(folder, "ls-tree", "-rz", "HEAD").split("\0")
        if line
    }
    assert list(team.tree(head, "evidence/r2/")) == ["evidence/r2/model"]
    assert list(team.tree(head, "readme")) == ["readme"]
    assert team.tree(head, "evid") == {}
    assert team.entry(head, "evidence").id == git(folder, "rev-parse", "HEAD:evidence")
    assert team.entry(head, "").id == git(folder, "rev-parse", "HEAD^{tree}")
    assert team.entry(head, "readme/x") is None


def test_only_plain_files_are_read(team, commit, git):
    (team.folder / "link").symlink_to("/etc/passwd")
    git(team.folder, "update-index", "--add", "--cacheinfo", f"160000,{team.head()},vendor")
    git(team.folder, "add", "link")
    git(team.folder, "commit", "--quiet", "-m", "Traps")
    head = team.head()
    assert team.read(head, "readme") == b"hello\n"
    assert team.read(head, "nothing") is None
    assert team.read(head, "link/passwd") is None
    for path in ("link", "vendor", "evidence"):
        with pytest.raises(EvidenceError, match="not a plain file"):
            team.read(head, path)


@pytest.mark.parametrize(
    "path", ["../x", "a//b", "/etc/passwd", "./readme", ".git/config", "a/.GIT/b", "a\0b"]
)
def test_paths_that_leave_the_repository_are_refused(team, path):
    with pytest.raises(ConfigurationError, match="not a path inside"):
        team.read(team.head(), path)


def test_a_detached_head_has_no_branch(team, git):
    assert team.current_branch() == "main"
    git(team.folder, "checkout", "--quiet", "--detach")
    assert team.current_branch() is None
    assert team.head() == team.branch("main")
    assert team.branch("nothing") is None


def test_identity_is_git_s_own(team):
    assert team.identity() == Identity("Dev Eloper", "dev@example.org")


@pytest.mark.parametrize("config", ["", "[user]\nname = Only Name\n", "[user]\nemail = only@example.org\n"])
def test_without_an_identity_the_two_commands_are_given(team, own_configuration, config):
    (own_configuration / ".gitconfig").write_text(config)
    with pytest.raises(ConfigurationError, match="who you are") as caught:
        team.identity()
    assert "user.name" in caught.value.problems[0].remedy
    assert "user.email" in caught.value.problems[0].remedy


def test_configuration_is_read_and_written_here_only(team, own_configuration):
    before = (own_configuration / ".gitconfig").read_text()
    assert team.config("mlassay.key") is None
    team.set_config("mlassay.key", "-x = ü\n")
    assert team.config("mlassay.key") == "-x = ü\n"
    assert (own_configuration / ".gitconfig").read_text() == before
    for key in ("--global", "nodot", "a b.c", "a.b\nc.d"):
        with pytest.raises(ConfigurationError, match="not a key"):
            team.set_config(key, "x")


def test_an_ordinary_commit_takes_only_the_paths_it_was_given(team, git):
    git(team.folder, "config", "core.hooksPath", str(team.folder / "hooks"))
    git(team.folder, "config", "commit.gpgsign", "true")
    (team.folder / "hooks").mkdir()
    (team.folder / "hooks" / "pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (team.folder / "hooks" / "pre-commit").chmod(0o755)
    (team.folder / "new *").write_bytes(b"1")
    (team.folder / "new b").write_bytes(b"2")
    (team.folder / "readme").unlink()
    git(team.folder, "add", "new b")
    made = team.add_and_commit(["new *", "readme"], "Add one\n\n# not a comment")
    assert made == team.head()
    assert [change.path for change in team.changes(f"{team.commit(made).parents[0]}", made)] == [
        "new *",
        "readme",
    ]
    assert team.commit(made).message == "Add one\n\n# not a comment\n"
    assert team.uncommitted() == ["hooks/pre-commit", "new b"]


def test_an_ordinary_commit_without_changes_is_the_head(team):
    head = team.head()
    assert team.add_and_commit(["readme"], "Nothing") == head == team.head()


def test_the_first_commit_of_an_empty_repository(tmp_path):
    repository = Repository.init(tmp_path / "new")
    (tmp_path / "new" / "a").write_bytes(b"1")
    made = repository.add_and_commit(["."], "First", author=Identity("Other", "o@example.org"))
    assert repository.commit(made).author == Identity("Other", "o@example.org")
    assert list(repository.tree(made)) == ["a"]


def test_adding_a_path_that_is_not_there_is_one_clear_error(team):
    with pytest.raises(ConfigurationError, match=r"git cannot add these files.*nothing"):
        team.add_and_commit(["nothing"], "x")


def test_fast_forward_takes_a_clean_work_tree_along(team, record):
    (team.folder / "readme").write_bytes(b"my own edit\n")
    made = record(team, team.head(), {"evidence/r3/model": b"3"})
    assert team.fast_forward("main", made) is True
    assert team.head() == made
    assert (team.folder / "evidence/r3/model").read_bytes() == b"3"
    assert team.uncommitted() == ["readme"]
    assert team.fast_forward("main", made) is True


@pytest.mark.parametrize("state", ["modified", "untracked", "ignored", "staged"])
def test_fast_forward_loses_nothing_uncommitted(team, record, git, commit, state):
    commit(team.folder, "Ignore", {".gitignore": b"ignored\n"})
    head = team.head()
    path = {"modified": "readme", "staged": "readme"}.get(state, state)
    made = record(team, head, {path: b"theirs\n"})
    (team.folder / path).write_bytes(b"mine\n")
    if state == "staged":
        git(team.folder, "add", path)
    assert team.fast_forward("main", made) is False
    assert team.head() == head
    assert (team.folder / path).read_bytes() == b"mine\n"


def test_fast_forward_passes_over_uncommitted_files_that_are_what_it_brings(team, record):
    made = record(team, team.head(), {"readme": b"the same\n", "new/file": b"new\n"})
    (team.folder / "readme").write_bytes(b"the same\n")
    (team.folder / "new").mkdir()
    (team.folder / "new/file").write_bytes(b"new\n")
    assert team.fast_forward("main", made) is True
    assert team.head() == made
    assert team.uncommitted() == []


def test_fast_forward_moves_a_branch_that_is_not_checked_out_and_no_other_way_than_forward(
    team, record, git, tmp_path
):
    head = team.head()
    made = record(team, head, {"x": b"1"})
    other = record(team, head, {"x": b"2"})
    git(team.folder, "branch", "side", "main")
    assert team.fast_forward("side", made) is True
    assert team.branch("side") == made
    assert team.head() == head
    assert team.fast_forward("side", other) is False
    assert team.fast_forward("side", head) is False
    assert team.fast_forward("nothing", made) is False
    assert team.branch("side") == made
    git(team.folder, "worktree", "add", "--quiet", "-b", "elsewhere", str(tmp_path / "else where"), "main")
    assert team.fast_forward("elsewhere", made) is False
    linked = Repository.open(tmp_path / "else where")
    assert linked.fast_forward("elsewhere", made) is True
    assert (tmp_path / "else where" / "x").read_bytes() == b"1"
    linked.close()


def test_git_variables_of_a_surrounding_hook_do_not_lead_astray(team, tmp_path, git, monkeypatch):
    git(tmp_path, "init", "--quiet", "other")
    other = tmp_path / "other" / ".git"
    expected = team.head()
    for key, value in {
        "GIT_DIR": str(other),
        "GIT_COMMON_DIR": str(other),
        "GIT_WORK_TREE": str(tmp_path / "other"),
        "GIT_INDEX_FILE": str(other / "index"),
        "GIT_OBJECT_DIRECTORY": str(other / "objects"),
        "GIT_CONFIG_PARAMETERS": "'core.bare'='true'",
        "GIT_NAMESPACE": "x",
    }.items():
        monkeypatch.setenv(key, value)
    repository = Repository.open(team.folder)
    assert repository.head() == expected
    assert repository.read(expected, "readme") == b"hello\n"
    assert repository.uncommitted() == []
    repository.close()


PROGRAM = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from datetime import UTC, datetime
from mlassay.git import Identity, Repository
team = Repository.open(Path(sys.argv[1]))
head = team.head()
made = team.write_commit(head, {"évidence/é x": b"1"}, message="Ünicode", author=Identity("É", "e@example.org"),
                         when=datetime(2026, 1, 1, tzinfo=UTC))
team.push("origin", made, "refs/heads/main", head)
assert team.fast_forward("main", made)
assert [c.path for c in team.changes(head, made)] == ["évidence/é x"]
assert team.worktree_differences(made, [""]) == [] and team.uncommitted() == []
assert team.read(made, "évidence/é x") == b"1" and team.commit(made).author.name == "É"
team.close()
"""


@pytest.mark.parametrize("home", ["unset", "read-only", "missing"])
@pytest.mark.parametrize(
    "locale", [{"LANG": "C"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_works_in_any_locale_under_umask_077_without_a_home(tmp_path, git, commit, home, locale):
    folder = tmp_path / "with space é"
    folder.mkdir()
    git(folder, "init", "--quiet", "-b", "main")
    commit(folder, "First", {"a": b"1"})
    git(tmp_path, "init", "--quiet", "--bare", "-b", "main", "remote é.git")
    git(folder, "remote", "add", "origin", str(tmp_path / "remote é.git"))
    git(folder, "push", "--quiet", "origin", "main")
    environment = {"PATH": os.environ["PATH"], **locale}
    if home != "unset":
        environment["HOME"] = "/proc/1/root" if home == "read-only" else "/nonexistent/home"
    (tmp_path / "program.py").write_text(PROGRAM, "utf-8")
    command = [sys.executable, "-W", "error", str(tmp_path / "program.py"), str(folder)]
    done = subprocess.run(command, env=environment, umask=0o077, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_is_named_and_loses_nothing(team, tmp_path):
    program = (
        "import sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from mlassay.git import Identity, Repository\n"
        "import os\n"
        "source, small = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "team = Repository.clone(source, small / 'team')\n"
        "head = team.head()\n"
        "try:\n"
        "    team.write_commit(head, {'big': os.urandom(4 << 20)}, message='x', author=Identity('a', 'b'),\n"
        "                      when=datetime(2026, 1, 1, tzinfo=UTC))\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, int(error.exit_code), error)\n"
        "assert (team.head(), team.uncommitted(), team.fsck()) == (head, [], []), team.fsck()\n"
        "try:\n"
        "    Repository.clone(source, small / 'again' / '1') and [Repository.clone(source, small / 'n' / str(i)) for i in range(99)]\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, int(error.exit_code), error)\n"
    )
    small = tmp_path / "small"
    small.mkdir()
    sandbox = ["bwrap", "--dev-bind", "/", "/", "--size", str(1 << 20), "--tmpfs", str(small)]
    try:
        probe = subprocess.run([*sandbox, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("bubblewrap is not installed")
    if probe.returncode:
        pytest.skip("this machine makes no namespaces")
    command = [*sandbox, sys.executable, "-c", program, str(team.folder), str(small)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    local, remote = done.stdout.splitlines()
    assert local.startswith("ConfigurationError 2")
    assert local.endswith("git could not write the commit: no space is left on this disk")
    assert remote.startswith("RemoteError 4 cannot clone")
    assert remote.endswith("no space is left on this disk")


def test_gitpython_is_imported_only_when_an_object_is_read():
    program = "import sys, mlassay.git; sys.exit('git' in sys.modules or 'gitdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_an_index_that_is_locked_is_named_and_a_commit_can_be_dated(team):
    lock = team.git_dir / "index.lock"
    lock.write_bytes(b"")
    (team.folder / "readme").write_bytes(b"new\n")
    with pytest.raises(ConfigurationError, match=r"index.lock") as caught:
        team.add_and_commit(["readme"], "x")
    assert "delete the index.lock" in caught.value.problems[0].remedy
    lock.unlink()
    when = datetime(2026, 11, 20, 12, tzinfo=UTC)
    assert team.commit(team.add_and_commit(["readme"], "x", when=when)).time == when


def test_a_commit_that_git_refuses_is_one_clear_error(team):
    (team.folder / "readme").write_bytes(b"new\n")
    head = team.head()
    with pytest.raises(ConfigurationError, match="git cannot commit"):
        team.add_and_commit(["readme"], "x", author=Identity("", ""))
    assert team.head() == head
