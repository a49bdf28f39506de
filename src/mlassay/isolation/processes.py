"""The processes below one process, as /proc shows them: how many, how much memory and time, killed how."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Process:
    """One process: ``started`` (ticks since boot) tells it from a later one with the same ``pid``."""

    pid: int
    parent: int
    started: int
    cpu_seconds: float  # its own and that of the children it has waited for
    resident_bytes: int


def descendants(root: int) -> list[Process]:
    """Every process below ``root`` (without it), found by parents; orphans count where they went."""
    children: dict[int, list[Process]] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - twenty times a second
        if name.isdigit() and (process := _read(int(name))):
            children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    pending = [root]
    while pending:
        below = children.pop(pending.pop(), [])
        found += below
        pending += [p.pid for p in below]
    return found


def _read(pid: int) -> Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - twenty times a second
            # The name stands in parentheses and may hold anything, parentheses too.
            fields = file.read().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return Process(
        pid=pid,
        parent=int(fields[1]),
        started=int(fields[19]),
        cpu_seconds=sum(int(f) for f in fields[11:15]) / _TICKS,
        resident_bytes=int(fields[21]) * _PAGE,
    )


def memory(processes: Iterable[Process], at_least: int = 0) -> int:
    """Bytes of memory in use: proportional shares (PSS), which count a shared page once.

    The plain sum is always larger and much cheaper to read, so it is answered while it is below ``at_least``.
    """
    all_of_them = list(processes)
    plain = sum(p.resident_bytes for p in all_of_them)
    if plain <= at_least or len(all_of_them) < 2:
        return plain
    return sum(_proportional(p) for p in all_of_them)


def _proportional(process: Process) -> int:
    try:
        with open(f"/proc/{process.pid}/smaps_rollup", "rb") as file:  # noqa: PTH123 - the same
            for line in file:
                if line.startswith(b"Pss:"):
                    return int(line.split()[1]) << 10
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended
    except PermissionError:
        pass  # it made itself unreadable: its whole size counts
    return process.resident_bytes


def nameless_files(processes: Iterable[Process]) -> int:
    """Bytes of files that are open below no name (unlinked, or memfd), where no walk would find them."""
    sizes: dict[tuple[int, int], int] = {}
    for process in processes:
        folder = f"/proc/{process.pid}/fd"
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            for name in os.listdir(folder):  # noqa: PTH208 - the same
                with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                    path = f"{folder}/{name}"
                    if not os.readlink(path).endswith(" (deleted)"):  # noqa: PTH115 - the same
                        continue
                    status = os.stat(path)  # noqa: PTH116 - the same
                    sizes[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(sizes.values())


def kill(processes: Iterable[Process]) -> None:
    """Stop all, then kill all, so that none can answer the death of another by starting more.

    A process that has the pid of one that ended since it was listed is left alone.
    """
    listed = list(processes)
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for process in listed:
            now = _read(process.pid)
            if now is not None and now.started == process.started:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(process.pid, number)


def set_oom_first(pid: int) -> None:
    """Ask the kernel to end ``pid`` and its later children before anything else when memory runs out."""
    with contextlib.suppress(OSError):  # a second bound where it can be had, never needed
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000", encoding="ascii")
