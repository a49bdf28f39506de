"""Runs `supply_worker` over files, bounded in time and memory; a file that it dies of is named and the next is read."""

from __future__ import annotations

import json
import os
import resource
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE_SECONDS = 20
START_SECONDS = 60
MEMORY_BYTES = 4 << 30
ANSWER_BYTES = 1 << 20
DEATHS = 20
"""So many files may end the worker before the rest is called unread: starting it costs a second."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One file, and what to look for in it."""

    path: str
    secrets: bool
    python: bool


@dataclass(slots=True)
class Seen:
    """What was found: ``(path, line, kind)`` of secrets, ``(path, line, test, severity, confidence, text)`` of code,
    and files that could not be looked at, with the reason.
    """

    secrets: list[tuple[str, int, str]] = field(default_factory=list)
    code: list[tuple[str, int, str, str, str, str]] = field(default_factory=list)
    unread: dict[str, str] = field(default_factory=dict)


def scan(root: Path, files: Sequence[Asked], *, file_seconds: float = FILE_SECONDS) -> Seen:
    """Look at every file below ``root``; nothing of them is imported or run."""
    seen, left, deaths = Seen(), list(files), 0
    while left:
        if deaths > DEATHS:
            seen.unread |= {each.path: "too many files before it ended the reader" for each in left}
            break
        done, reason = _round(root, left, seen, file_seconds)
        left = left[done:]
        if left:
            deaths += 1
            seen.unread[left[0].path] = reason
            left = left[1:]
    seen.secrets.sort()
    seen.code.sort()
    return seen


def _round(root: Path, files: Sequence[Asked], seen: Seen, file_seconds: float) -> tuple[int, str]:
    """``(files that were answered for, why the next one was not)`` of one worker."""
    with tempfile.TemporaryDirectory(prefix="mlassay-scan-") as folder:
        asked = Path(folder, "asked.json")
        listed = [[each.path, each.secrets, each.python] for each in files]
        asked.write_text(json.dumps({"root": str(root.resolve()), "files": listed}))
        with asked.open("rb") as standard_input:
            worker = subprocess.Popen(
                [sys.executable, "-P", "-X", "utf8", "-m", "mlassay.gates.supply_worker"],
                stdin=standard_input,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env=_environment(folder),
                start_new_session=True,
            )
        try:
            _bound(worker.pid)
            return _listen(worker, files, seen, file_seconds)
        finally:
            worker.kill()
            worker.wait()
            if worker.stdout is not None:
                worker.stdout.close()


def _environment(folder: str) -> dict[str, str]:
    kept = {
        name: os.environ[name]
        for name in ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
        if name in os.environ
    }
    return kept | {
        "HOME": folder,
        "TMPDIR": folder,
        "XDG_CACHE_HOME": folder,
        "PYTHONHASHSEED": "0",
        "LC_ALL": "C.UTF-8",
    }


def _bound(pid: int) -> None:
    if hasattr(resource, "prlimit"):
        try:
            resource.prlimit(pid, resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0))
        except (ProcessLookupError, PermissionError, ValueError):
            return  # it is gone already, or this machine bounds it more tightly


def _listen(
    worker: subprocess.Popen[bytes], files: Sequence[Asked], seen: Seen, file_seconds: float
) -> tuple[int, str]:
    assert worker.stdout is not None  # noqa: S101 - a pipe was asked for
    done, patience, buffer = 0, float(START_SECONDS), b""
    deadline = time.monotonic() + patience
    while done < len(files):
        wait = deadline - time.monotonic()
        if wait <= 0 or not select.select([worker.stdout], [], [], wait)[0]:
            return done, f"it took longer than {file_seconds:g} seconds to read"
        piece = os.read(worker.stdout.fileno(), 1 << 16)
        if not piece:
            return done, "the reader died of it"
        buffer += piece
        *lines, buffer = buffer.split(b"\n")
        for line in lines:
            done += _heard(json.loads(line), seen)
            deadline = time.monotonic() + file_seconds
        if len(buffer) > ANSWER_BYTES:
            return done, "there is too much in it to say"
    return done, ""


def _heard(answer: dict[str, Any], seen: Seen) -> int:
    if "begin" in answer:
        return 0
    path = answer["end"]
    seen.secrets += [(path, line, kind) for line, kind in answer["secrets"]]
    seen.code += [
        (path, line, test, severity, sure, text) for line, test, severity, sure, text in answer["code"]
    ]
    if answer["unread"]:
        seen.unread[path] = answer["unread"]
    return 1
