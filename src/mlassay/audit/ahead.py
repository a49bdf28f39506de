"""The main line, listed by git while everything else is loaded: this module needs little, and comes first."""

from __future__ import annotations

import json
import os
import re

from mlassay.errors import EvidenceError
from mlassay.evidence import layout
from mlassay.git import Line, Repository, begun, read_line

MANY = 16
"""So many releases make a line worth listing in parts."""
PARTS = 4
"""So many processes list at most, one for each processor."""
_ID = re.compile("[0-9a-f]{40}")


class Listing:
    """The listing of the line of ``head``, begun at once; whoever finds that nothing is to be answered need not wait."""

    def __init__(self, repository: Repository, head: str) -> None:
        self._line = begun(lambda: read_line(repository, head, *_marks(repository, head)))

    def line(self) -> Line:
        """The line, once it was read; raises as `read_line` does."""
        return self._line()


def _marks(repository: Repository, head: str) -> list[str]:
    """Source commits of releases that part the line evenly, newest first: likely on it; whether they are, git says."""
    processors = min(
        PARTS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    folder = layout.EVIDENCE.rstrip("/")
    try:
        known = sorted(filter(layout.is_release_id, repository.names(head, folder)))
        if len(known) < MANY:
            return []
        chosen = [known[len(known) * part // processors] for part in range(processors - 1, 0, -1)]
        return [mark for release in chosen if (mark := _source(repository, head, release))]
    except EvidenceError:
        return []  # only a hint


def _source(repository: Repository, head: str, release: str) -> str:
    """The commit that release.json names, believed by nobody: an empty text for whatever is no id."""
    data = repository.read(head, f"{layout.evidence_dir(release)}/{layout.RELEASE}") or b""
    try:
        commit = json.loads(data)["source"]["commit"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return commit if isinstance(commit, str) and _ID.fullmatch(commit) else ""
