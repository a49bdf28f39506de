"""Kills git itself, in the midst of its own renames, links and syncs, by strace."""

import os
import re
import shutil
import subprocess
import time
from collections import Counter
from functools import cache
from pathlib import Path

CALLS = ",".join(
    f"?{call}"
    for call in [
        "link",
        "linkat",
        "rename",
        "renameat",
        "renameat2",
        "unlink",
        "unlinkat",
        "fsync",
        "fdatasync",
        "mkdir",
        "mkdirat",
        "symlink",
    ]
)
# Stands on PATH as git, or in the remote's place for its receive-pack: traces one command of git and, when that was
# killed, takes the whole process group along (unless git alone is to die).
WRAPPER = """\
#!/bin/sh
PATH="{path}"
export PATH
for word in {real} "$@"; do
    if [ "$word" = "$STRACED" ]; then
        echo started >> {log}
        started=$(grep -c started {log})
        if [ -n "$STRACE_AT" ] && [ $started != $STRACE_START ]; then
            exec {real} "$@"
        fi
        if [ -z "$STRACE_AT" ]; then
            exec strace {follow} -q -o {log} -A -e trace={calls} -e signal=none {real} "$@"
        fi
        strace {follow} -q -o /dev/null -e trace={calls} -e "inject=$STRACE_AT" {real} "$@"
        code=$?
        [ $code = 137 ] && [ -z "$STRACE_ALONE" ] && kill -9 0
        exit $code
    fi
done
exec {real} "$@"
"""


@cache
def missing():
    """Why strace cannot be used here; "" when it can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    done = subprocess.run(["strace", "-o", "/dev/null", "true"], capture_output=True, text=True, check=False)
    return f"strace cannot trace here: {done.stderr.strip()}" if done.returncode else ""


class GitKiller:
    """Lets a verb's git commands be traced and killed. ``command`` is one of git's, or git-receive-pack."""

    def __init__(self, folder: Path, command: str, *, follow: bool = False):
        folder.mkdir()
        self._log, self._command = folder / "log", command
        self._remote = command == "git-receive-pack"
        self._wrapper = folder / ("receive-pack" if self._remote else "git")
        real = "git-receive-pack" if self._remote else shutil.which("git")
        exec_path = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True).stdout
        text = WRAPPER.format(
            path=f"{os.environ['PATH']}:{exec_path.strip()}",
            real=real,
            follow="-f" if follow else "",
            log=self._log,
            calls=CALLS,
        )
        self._wrapper.write_text(text)
        self._wrapper.chmod(0o755)

    def environment(self, call=None, *, alone=False):
        """What a verb is to be run with: traced, or killed at ``call``, which is one of `calls`."""
        self._log.unlink(missing_ok=True)
        path = os.environ["PATH"] if self._remote else f"{self._wrapper.parent}:{os.environ['PATH']}"
        given = {"PATH": path, "STRACED": self._command}
        at = f"{call[0]}:signal=KILL:when={call[1]}" if call else ""
        given["STRACE_START"] = str(call[2]) if call else ""
        return given | ({"STRACE_AT": at} if at else {}) | ({"STRACE_ALONE": "1"} if alone else {})

    def attach(self, clone):
        """Let pushes of this clone go through the wrapper, where the remote's side is to be killed."""
        if self._remote:
            words = ["git", "-C", clone, "config", "remote.origin.receivepack", self._wrapper]
            subprocess.run(words, check=True)

    def calls(self):
        """``(name, how many of that name so far, in which start of the command, the whole line)`` of each call traced."""
        seen, calls, started = Counter(), [], 0
        for line in self._log.read_text().splitlines():
            if line == "started":
                started, seen = started + 1, Counter()
            elif found := re.match(r"(?:\d+ +)?(\w+)\(", line):
                seen[found[1]] += 1
                calls.append((found[1], seen[found[1]], started, line))
        return calls


def waiting(clone):
    """A git process that is at work in ``clone`` until its input is closed."""
    words = ["git", "-C", clone, "hash-object", "--stdin"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    where, deadline = Path(f"/proc/{process.pid}/cwd"), time.monotonic() + 10
    while where.readlink() != clone and time.monotonic() < deadline:
        time.sleep(0.01)
    return process
