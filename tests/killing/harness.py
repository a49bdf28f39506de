"""Runs a verb to its nth write and kills it there."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
HOOK = HERE / "hook"
BUG = 70


@dataclass
class Done:
    """A finished verb; ``code`` is negative when a signal ended it."""

    code: int
    out: str
    err: str

    @property
    def killed(self):
        """Whether our SIGKILL ended it."""
        return self.code == -signal.SIGKILL


class Verbs:
    """Verbs of mlassay, each in a fork of one process that has imported everything already."""

    def __init__(self):
        self._scratch = Path(tempfile.mkdtemp(prefix="mlassay-killing-"))
        self._server = subprocess.Popen(
            [sys.executable, HERE / "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def close(self):
        """End the server."""
        self._server.stdin.close()
        self._server.wait(30)
        self._server.stdout.close()
        shutil.rmtree(self._scratch)

    def run(self, words, cwd, *, at=None, count=None, environment=None):
        """One verb in ``cwd``, killed before its ``at``-th write (never for 0 and None)."""
        asked = {
            "words": list(map(str, words)),
            "cwd": str(cwd),
            "at": at,
            "count": str(count) if count else None,
            "out": str(self._scratch / "out"),
            "environment": {"TMPDIR": str(self._scratch)} | (environment or {}),
        }
        print(json.dumps(asked), file=self._server.stdin, flush=True)
        code = int(self._server.stdout.readline())
        return Done(code, *((self._scratch / f"out.{name}").read_text() for name in ("stdout", "stderr")))

    def writes(self, words, cwd, **options):
        """``(the whole run, what it wrote in order)``."""
        count = self._scratch / "writes"
        count.unlink(missing_ok=True)
        done = self.run(words, cwd, at=0, count=count, **options)
        return done, count.read_text().splitlines()


def process(words, cwd, *, at=None, environment=None, **options):
    """One verb as people start it: a new process of its own."""
    given = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | (environment or {})
    if at is not None:
        given |= {"KILL_AT": str(at), "PYTHONPATH": str(HOOK)}
    options = {"stdin": subprocess.DEVNULL, "timeout": 120} | options
    done = subprocess.run(
        [sys.executable, "-m", "mlassay", *map(str, words)],
        cwd=cwd,
        env=given,
        capture_output=True,
        check=False,
        start_new_session=True,
        encoding="utf-8",
        errors="replace",
        **options,
    )
    return Done(done.returncode, done.stdout, done.stderr)


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
