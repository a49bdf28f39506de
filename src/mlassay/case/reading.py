"""One folder of records read from git objects: plain files only, problems collected and named, never the first alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from mlassay.errors import EvidenceError, Problem
from mlassay.git import Repository

RECORD_BYTES = 64 << 20
ARTIFACT_BYTES = 2 << 30
FOLDER_BYTES = 256 << 20
"""Of all files of one folder that are no artifacts: many that are just small enough would fill any machine."""

T = TypeVar("T")


@dataclass
class Reading:
    """The files of ``folder`` by name, and everything found wrong so far; ``overfull``: there was too much to read any."""

    folder: str
    files: dict[str, bytes] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    overfull: bool = False

    @classmethod
    def of(
        cls, repo: Repository, commit: str, folder: str, *, artifacts: frozenset[str] = frozenset()
    ) -> Reading:
        """Every file below ``folder`` at ``commit``; odd modes, damaged objects and absurd sizes become problems.

        ``artifacts`` are the names that may be large.
        """
        reading = cls(folder)
        entries = reading.attempt(lambda: repo.tree(commit, folder)) or {}
        sizes = [
            e.size or 0 for path, e in entries.items() if path.removeprefix(folder + "/") not in artifacts
        ]
        if sum(size for size in sizes if size <= RECORD_BYTES) > FOLDER_BYTES:
            what = (
                f"the files of this folder have more than {FOLDER_BYTES:,} bytes together, and were not read"
            )
            reading.wrong(
                "", what, "nothing that mlassay records is so large, and it would fill this machine's memory"
            )
            reading.overfull = True
            return reading
        repo.prefetch(entries.values())
        for path, entry in entries.items():
            name = path.removeprefix(folder + "/")
            limit = ARTIFACT_BYTES if name in artifacts else RECORD_BYTES
            if entry.mode != "100644":
                reading.wrong(name, f"this is no plain file (mode {entry.mode})", _MODE_WHY, rule="tree")
            if entry.kind == "blob" and entry.mode != "120000":
                if (entry.size or 0) > limit:
                    reading.wrong(name, f"this file has {entry.size:,} bytes; at most {limit:,} are read")
                    continue
                data = reading.attempt(partial(repo.blob, entry.id, path))
                if data is not None:
                    reading.files[name] = data
        return reading

    def attempt(self, check: Callable[[], T]) -> T | None:
        """What ``check`` answers; None when it raised EvidenceError, whose problems are kept."""
        try:
            return check()
        except EvidenceError as error:
            self.problems.extend(error.problems)
            return None

    def wrong(
        self, name: str, what: str, why: str = "", remedy: str = "", *, rule: str = "evidence-bytes"
    ) -> None:
        """Keep a problem of the file ``name`` of this folder, which breaks ``rule``."""
        self.problems.append(Problem(what, why, remedy or _REMEDY, self.path(name), rule=rule))

    def path(self, name: str) -> str:
        """A file's path in the repository."""
        return f"{self.folder}/{name}"


_MODE_WHY = "a link, a submodule or an executable is nothing that mlassay records"
_REMEDY = "compare with the commit that brought it in: git log --first-parent -- <path>"
