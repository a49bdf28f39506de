"""What reading a promotion and reading a change have in common."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mlassay.errors import EvidenceError, Problem
from mlassay.git import Repository
from mlassay.policy import Touched


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request is judged: against which main-line commit (``parent``), at which ``head``, and when.

    ``since`` is the commit that the head's changes are counted from: where an open branch left the main line, or
    the parent itself once it is merged.
    """

    parent: str
    head: str
    since: str | None
    now: datetime


def touched_by(repo: Repository, place: Place) -> tuple[Touched, ...]:
    """Every path that the request changes; new is what the main line does not have."""
    return tuple(
        Touched(
            path=change.path,
            added=repo.entry(place.parent, change.path) is None,
            plain=change.new is not None and change.new.mode == "100644",
            gone=change.new is None,
        )
        for change in repo.changes(place.since, place.head)
    )


def object_at(repo: Repository, commit: str, path: str) -> str | None:
    """Git id of what lies at ``path``; None when nothing does."""
    entry = repo.entry(commit, path)
    return entry.id if entry else None


def needed(repo: Repository, commit: str, path: str) -> bytes:
    """A file at a release's source commit; EvidenceError when it is not there."""
    data = repo.read(commit, path)
    if data is None:
        what = f"the source commit {commit[:12]} has no {path}"
        raise EvidenceError(Problem(what, path=path, rule="evidence-source"))
    return data


def on_line(repo: Repository, base: str, parent: str) -> bool:
    """Whether the main line up to ``parent`` holds the commit ``base``; not when ``base`` is no commit at all."""
    try:
        return repo.on_first_parent_line(base, parent)
    except EvidenceError:
        return False
