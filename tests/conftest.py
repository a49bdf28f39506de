"""What all tests share: a clean identity for git, and the demonstration, played once for everybody."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("any machine", deadline=None)  # a busy machine is no reason to fail
settings.load_profile("any machine")


@pytest.fixture(autouse=True, scope="session")
def _quiet_environment():
    """Nothing of the machine's own git, keys or CI reaches a test."""
    for name in list(os.environ):
        if name.startswith(("GIT_", "MLASSAY_", "GITHUB_", "JENKINS_", "SSH_AUTH_SOCK")):
            del os.environ[name]
    os.environ["GIT_CONFIG_GLOBAL"] = os.devnull
    os.environ["GIT_CONFIG_SYSTEM"] = os.devnull


@pytest.fixture(scope="session")
def _played(tmp_path_factory, worker_id):
    from mlassay.files import lock  # wants a POSIX system, as playing does

    shared = (
        tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    )
    folder = shared / "checkout" / "played"  # inside another repository, as `make demo` plays it
    with lock(shared / "played.lock", wait_seconds=600):
        if not (shared / "played.txt").exists():
            subprocess.run(["git", "init", "--quiet", folder.parent], check=True)
            done = subprocess.run(
                [sys.executable, "-m", "mlassay", "demo", "--dir", folder],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            (shared / "played.txt").write_text(done.stdout)
    return folder, (shared / "played.txt").read_text()


@pytest.fixture
def narrated(_played):
    """What the demonstration printed."""
    return _played[1]


@pytest.fixture
def played(_played, tmp_path) -> Path:
    """A copy of the folder that the demonstration left, to be read or attacked; clones point at its own remote."""
    folder = tmp_path / "played"
    shutil.copytree(_played[0], folder, symlinks=True)
    for clone in ("team", "auditor"):
        subprocess.run(
            ["git", "-C", folder / clone, "remote", "set-url", "origin", folder / "remote.git"], check=True
        )
    return folder


@pytest.fixture
def story(played):
    """The acts of the demonstration by name."""
    return {act["act"]: act for act in json.loads((played / "story.json").read_text())["acts"]}


@pytest.fixture(scope="session")
def gitea(tmp_path_factory):
    """A real forge, for tests marked `ci_extension`: one server for each worker, its log among the run's folders."""
    from tests.servers.gitea import serve

    with serve(tmp_path_factory.mktemp("gitea") / "gitea.log") as server:
        yield server
