"""Where a request landed: the commits of the main line that brought it, and the one before them."""

from __future__ import annotations

from dataclasses import dataclass

from mlassay.case.common import object_at
from mlassay.case.requests import RequestName
from mlassay.evidence import layout
from mlassay.git import Repository


@dataclass(frozen=True, slots=True)
class Landing:
    """The successive main-line commits that brought one request: a merge is one (``last``), a rebase several."""

    name: RequestName
    last: str
    parent: str


def landing_of(repo: Repository, tip: str, name: RequestName) -> Landing | None:
    """The landing of a request on the main line up to ``tip``; None when it never landed, or with the first commit."""
    steps = list(repo.first_parents(tip, paths=[name.folder]))
    if not steps or not steps[-1].parents:
        return None
    last = steps[-1]
    for step in reversed(steps[:-1]):
        if step.parents[0] != last.id or brings_record(repo, step.id, name):
            break
        last = step
    return Landing(name, last.id, steps[-1].parents[0])


def record_path(name: RequestName) -> str:
    """Where the reviews of a request are recorded."""
    return f"{name.folder}/{layout.REVIEW_RECORD}"


def brings_record(repo: Repository, commit: str, name: RequestName) -> bool:
    """Whether a commit is the one that brought the record of reviews: never a part of the landing itself."""
    path, parents = record_path(name), repo.commit(commit).parents
    before = object_at(repo, parents[0], path) if parents else None
    return before is None and object_at(repo, commit, path) is not None
