"""Real repositories in temporary folders, made with stock git and cut off from the configuration of this machine."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mlassay.git import Identity, Repository

Git = Callable[..., str]


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, with an identity; nothing inherited from hooks or from this machine."""
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(
        "[user]\nname = Dev Eloper\nemail = dev@example.org\n[init]\ndefaultBranch = main\n"
    )
    for key in [key for key in os.environ if key.startswith("GIT_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    return home


def run_git(folder: Path, *arguments: str, data: bytes | None = None) -> str:
    done = subprocess.run(["git", *arguments], cwd=folder, input=data, capture_output=True, check=False)
    assert done.returncode == 0, (arguments, done.stderr.decode())
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


def make_commit(folder: Path, message: str, files: dict[str, bytes]) -> str:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    run_git(folder, "add", "--all")
    run_git(folder, "commit", "--quiet", "--allow-empty", "-m", message)
    return run_git(folder, "rev-parse", "HEAD")


@pytest.fixture
def git() -> Git:
    """Stock git, as a person would run it: ``git(folder, *arguments) -> output``."""
    return run_git


@pytest.fixture
def commit() -> Callable[[Path, str, dict[str, bytes]], str]:
    """One commit by stock git: ``commit(folder, message, {path: bytes}) -> id``."""
    return make_commit


@pytest.fixture
def record() -> Callable[..., str]:
    """One commit by mlassay: ``record(repository, base, {path: bytes}) -> id``."""

    def write(
        repository: Repository, base: str | None, changes: dict[str, bytes | None], message: str = "Record"
    ) -> str:
        who, when = Identity("Dev Eloper", "dev@example.org"), datetime(2026, 11, 20, 12, tzinfo=UTC)
        return repository.write_commit(base, changes, message=message, author=who, when=when)

    return write


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Repository]:
    """A repository with two commits: ``evidence/r1/model``, ``evidence/r2/model``, ``readme``."""
    folder = tmp_path / "team"
    folder.mkdir()
    run_git(folder, "init", "--quiet", "-b", "main")
    first = {"readme": b"hello\n", "evidence/r1/model": os.urandom(2000).hex().encode()}
    make_commit(folder, "First", first)
    make_commit(folder, "Second", {"evidence/r2/model": os.urandom(2000).hex().encode()})
    repository = Repository.open(folder)
    yield repository
    repository.close()


@pytest.fixture
def remote(team: Repository, tmp_path: Path) -> Path:
    """A bare remote of ``team``, called origin there and holding its main branch."""
    bare = tmp_path / "remote.git"
    run_git(tmp_path, "init", "--quiet", "--bare", "-b", "main", str(bare))
    run_git(team.folder, "remote", "add", "origin", str(bare))
    run_git(team.folder, "push", "--quiet", "-u", "origin", "main")
    return bare


@pytest.fixture
def opened() -> Iterator[Callable[[Path], Repository]]:
    """Opens repositories and ends their processes afterwards."""
    made: list[Repository] = []

    def open_(path: Path) -> Repository:
        made.append(Repository.open(path))
        return made[-1]

    yield open_
    for repository in made:
        repository.close()
