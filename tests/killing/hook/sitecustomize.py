"""Kills this process group just before its nth write, found by tracing; loaded by Python itself at start-up.

KILL_AT is n, or 0 to count only; KILL_COUNT is a file for the number of writes that a whole run makes, one line for
each. Only the first Python process of a run counts: its children find no KILL_AT.
"""

import atexit
import os
import signal
import sys

# What changes something that outlives the process. A started process may be a git that writes, or a push.
_EVENTS = {
    "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
    "ctypes.dlopen", "subprocess.Popen", "os.posix_spawn",
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# git commands that only read as mlassay uses them: to die before one is to die before the write that follows.
_READING = {
    "cat-file", "for-each-ref", "diff-index", "ls-files", "ls-remote", "ls-tree", "merge-base", "remote", "rev-list",
    "rev-parse", "status", "symbolic-ref", "var", "version",
}  # fmt: skip


def _only_reads(command):
    words = list(map(str, command)) if isinstance(command, list | tuple) else [str(command)]
    if os.path.basename(words[0]) != "git":  # noqa: PTH119
        return words[1:3] == ["-Y", "verify"]
    rest = iter(words[1:])
    for word in rest:
        if word == "-c":
            next(rest)
        elif not word.startswith("-"):
            return word in _READING or (word == "config" and ("--get" in words or "--list" in words))
    return True


def install(at, count=None):
    """Count writes from now on; die before the ``at``-th one. Returns what writes ``count``, if that is asked for.

    What lies in TMPDIR is not counted: no later run looks there.
    """
    seen = []
    passing = os.environ.get("TMPDIR", "/tmp").rstrip("/") + "/"

    def tick(what):
        seen.append(what)
        if len(seen) == at:
            os.killpg(0, signal.SIGKILL)

    def hook(event, args):
        if event == "subprocess.Popen":
            if not _only_reads(args[1]):
                tick(f"{event} {args[1]!r:.600}")
        elif event in _EVENTS:
            if not str(args[0]).startswith(passing) and not (event == "os.rmdir" and args[-1] != -1):
                tick(f"{event} {args[0]!r:.150}")
        elif event == "open" and isinstance(args[0], str | bytes) and (args[2] or 0) & _WRITING:
            path = os.fsdecode(args[0])
            if not path.startswith(("/dev/", "/proc/", passing)):
                tick(f"open {path}")

    fsync = os.fsync

    def counted(descriptor):
        tick("fsync")
        fsync(descriptor)

    os.fsync = counted
    sys.addaudithook(hook)

    def leave():
        lines = "\n".join(seen)
        descriptor = os.open(count, os.O_WRONLY | os.O_CREAT)
        os.write(descriptor, lines.encode())

    return leave


if "KILL_AT" in os.environ:
    _at, _count = int(os.environ.pop("KILL_AT")), os.environ.pop("KILL_COUNT", None)
    _leave = install(_at, _count)
    if _count:
        atexit.register(_leave)
