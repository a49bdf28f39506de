"""Starts one command without bubblewrap and outlives whatever it leaves behind.

Run as a program of its own, with nothing of mlassay loaded: it becomes the parent of every orphan below it
(PR_SET_CHILD_SUBREAPER), so that a daemon which forked twice cannot get away, and it kills them all when the
command ends, when it is told to (a byte on the control pipe) or when mlassay dies (the pipe closes).

    python -I -S launcher.py CONTROL REPORT FILE-BYTES DATA-BYTES COMMAND [ARGUMENT...]
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main(arguments: list[str]) -> int:
    """Run the command, leave nothing alive, and write one line of JSON on what became of it."""
    control, report = int(arguments[0]), int(arguments[1])
    for descriptor in (control, report):
        os.set_inheritable(descriptor, False)  # the command must not hold what speaks for it
    limit(resource.RLIMIT_FSIZE, int(arguments[2]))
    limit(resource.RLIMIT_DATA, int(arguments[3]))
    limit(resource.RLIMIT_CORE, 0)
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")
    # Python ignores these two; a command is to meet them as any other program would.
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    woken = wake_on_child()
    refused, refuses = os.pipe()
    child = os.fork()
    if child == 0:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        start(arguments[4:], refuses)
    os.close(refuses)
    reason = os.read(refused, 4096).decode("utf-8", errors="replace")  # empty once exec has happened
    status = watch(child, control, woken)
    end_all()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    answer = {"status": status, "not_started": reason, "cpu": used.ru_utime + used.ru_stime}
    os.write(report, json.dumps(answer).encode() + b"\n")
    return 0


def limit(which: int, value: int) -> None:
    """Lower one resource limit to ``value``, or to what is already enforced."""
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def start(command: list[str], refuses: int) -> None:
    """Become the command; where that is impossible, say why and end."""
    try:
        os.execvp(command[0], command)  # noqa: S606 - no shell is wanted
    except (OSError, ValueError) as error:
        os.write(refuses, (getattr(error, "strerror", None) or str(error)).encode())
    os._exit(127)


def wake_on_child() -> int:
    """A descriptor that becomes readable whenever a child has ended."""
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    return readable


def watch(child: int, control: int, woken: int) -> int | None:
    """The wait status of ``child``, or None when we were told to end it first; reaps orphans meanwhile."""
    while True:
        ready = select.select([control, woken], [], [])[0]
        if woken in ready:
            os.read(woken, 4096)
            while (ended := reap()) is not None:
                if ended[0] == child:
                    return ended[1]
        if control in ready:
            return None


def reap() -> tuple[int, int] | None:
    """``(pid, wait status)`` of one child that has ended, or None."""
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def end_all() -> None:
    """Kill everything below us. No child left means no descendant left: every orphan becomes our child."""
    while True:
        below = descendants()
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that none can start more
            for pid in below:
                try:
                    os.kill(pid, number)
                except (ProcessLookupError, PermissionError):
                    continue
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        select.select([], [], [], 0.001)


def descendants() -> list[int]:
    """Process ids below ours."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - names only
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123 - many, and often
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(name))
    found: list[int] = []
    pending = [os.getpid()]
    while pending:
        below = children.pop(pending.pop(), [])
        found += below
        pending += below
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
