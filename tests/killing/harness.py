"""Runs a verb to its nth write and kills it there."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

HOOK = Path(__file__).parent / "hook"


def run(words, cwd, *, at=None, count=None):
    """One verb of mlassay in ``cwd``, killed before its ``at``-th write; the finished process."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    if at is not None:
        environment |= {"KILL_AT": str(at), "PYTHONPATH": str(HOOK)} | (
            {"KILL_COUNT": str(count)} if count else {}
        )
    return subprocess.run(
        [sys.executable, "-m", "mlassay", *map(str, words)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        timeout=120,
    )


def writes(words, cwd, scratch):
    """What a whole run of the verb writes, in order, tried on a copy of ``cwd``'s parent folder."""
    copied = copy(cwd.parent, scratch / "count")
    done = run(words, copied / cwd.name, at=0, count=scratch / "writes.txt")
    seen = (scratch / "writes.txt").read_text().splitlines()
    return done, seen


def copy(folder, to):
    """``folder`` with its clones' remotes pointing inside the copy."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(folder, to, symlinks=True)
    for clone in to.iterdir():
        if (clone / ".git").exists():
            subprocess.run(
                ["git", "-C", clone, "remote", "set-url", "origin", to / "remote.git"], check=False
            )
    return to


def killed(done):
    """Whether the process died of our SIGKILL."""
    return done.returncode == -signal.SIGKILL
