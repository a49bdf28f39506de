"""Kills this process group just before its nth write, found by tracing; loaded by Python itself at start-up.

KILL_AT is n, or 0 to count only; KILL_COUNT is a file for the number of writes that a whole run makes, one line for
each. Only the first Python process of a run counts: its children find no KILL_AT.
"""

import atexit
import os
import signal
import sys

_at = os.environ.pop("KILL_AT", None)
_count = os.environ.pop("KILL_COUNT", None)

# What changes something that outlives the process. A started process may be a git that writes, or a push.
_EVENTS = {
    "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
    "subprocess.Popen", "shutil.rmtree", "shutil.copyfile", "shutil.move", "os.posix_spawn",
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def _install(at):
    seen = []

    def tick(what):
        seen.append(what)
        if len(seen) == at:
            os.killpg(0, signal.SIGKILL)

    def hook(event, args):
        if event in _EVENTS:
            tick(f"{event} {args[0]!r:.150}")
        elif event == "open" and isinstance(args[0], str | bytes) and (args[2] or 0) & _WRITING:
            path = os.fsdecode(args[0])
            if not path.startswith(("/dev/", "/proc/")):
                tick(f"open {path}")

    fsync = os.fsync

    def counted(descriptor):
        tick("fsync")
        fsync(descriptor)

    os.fsync = counted
    sys.addaudithook(hook)

    def leave():
        descriptor = os.open(_count, os.O_WRONLY | os.O_CREAT)
        os.write(descriptor, "\n".join(seen).encode())

    if _count:
        atexit.register(leave)


if _at is not None:
    _install(int(_at))
