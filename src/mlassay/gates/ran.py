"""A command of the team's that a gate runs: what it is given, how it ended, and what it said, the same each time."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlassay.isolation import Outcome as Ran

FOLDER = ".mlassay"  # of the copy: the model and the report, away from the team's own files
LINES = 12
LINE = 160
_ENDED = {
    "signal": "it was ended by a signal",
    "wall": "it ran longer than it may",
    "memory": "it used more memory than it may",
    "disk": "it wrote more than it may",
    "processes": "it started more processes than it may",
    "not-started": "it could not be started",
}
# What differs between two runs of the same tests: times, addresses, temporary places.
_TIMES = re.compile(r"\b\d+(?:\.\d+)?\s?(?:s|ms|us|sec|secs|seconds?|minutes?)\b")
_PLACES = re.compile(r"0x[0-9a-fA-F]+|/tmp/\S+|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*|\b\d\d:\d\d:\d\d\b")


def copy_one(source: Path, target: Path) -> None:
    """Copy a file or a folder of the checkout, links as links, so that a command can spoil nothing but its copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and not source.is_symlink():
        ignored = shutil.ignore_patterns(".git", FOLDER)
        shutil.copytree(
            source, target, symlinks=True, ignore=ignored, copy_function=shutil.copy, dirs_exist_ok=True
        )
    elif source.exists() or source.is_symlink():
        shutil.copy(source, target, follow_symlinks=False)


def how_ended(ran: Ran) -> str:
    """How a command ended, in words."""
    return f"it ended with exit code {ran.exit_code}" if ran.ended == "exited" else _ENDED[ran.ended]


def first_lines(ran: Ran, work: str) -> str:
    """The first lines of a command's output, without what differs in each run, as a remedy begins."""
    text = ran.log.decode("utf-8", errors="replace").replace(work, "<work>")
    text = _TIMES.sub("…s", _PLACES.sub("<…>", text))
    lines = [" ".join(line.split())[:LINE] for line in text.splitlines() if line.strip()]
    said = " | ".join(lines[:LINES])
    return f"its output began: {said}" if said else "it said nothing; run it in a checkout"
