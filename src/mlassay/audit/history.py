"""The main line as steps that touched guarded paths, and what of it nothing explains."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from mlassay.case.requests import RequestName, name_of_path, nobody_has_a_key
from mlassay.evidence import layout
from mlassay.git import Change, Commit, Repository
from mlassay.policy.approvals import TOLERANCE


@dataclass(frozen=True)
class Step:
    """A main-line commit that touched guarded paths; ``only`` is the request that all of its changes belong to, if any.

    ``behind_parent`` and ``behind_record``: it is dated before its first parent, or before an earlier step, by more
    than honest clocks differ.
    """

    commit: Commit
    parent: str | None
    changes: tuple[Change, ...]
    only: str
    behind_parent: bool = False
    behind_record: bool = False


@dataclass(frozen=True)
class Group:
    """Successive steps that landed together: one, or several that touch only one request (a rebase merge)."""

    steps: tuple[Step, ...]

    @property
    def last(self) -> Commit:
        """The commit that they are judged at."""
        return self.steps[-1].commit

    @property
    def parent(self) -> str | None:
        """The commit before them, whose policy and people judge them."""
        return self.steps[0].parent

    @cached_property
    def changes(self) -> tuple[Change, ...]:
        """Every change of theirs to a guarded path."""
        return tuple(change for step in self.steps for change in step.changes)

    @cached_property
    def requests(self) -> tuple[RequestName, ...]:
        """The requests that they brought in."""
        names = (name_of_path(change.path) for change in self.changes if change.old is None)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    @cached_property
    def folders(self) -> frozenset[str]:
        """The folders of these requests."""
        return frozenset(name.folder for name in self.requests)

    @cached_property
    def pointers(self) -> frozenset[str]:
        """What these requests may change of what runs."""
        return frozenset(layout.pointer_path(name.environment) for name in self.requests if name.environment)

    @cached_property
    def asks_for_change(self) -> bool:
        """Whether one of these requests is for a change of governance or manifests."""
        return any(not name.environment for name in self.requests)


AT_ONCE = 16
"""Commits whose changes are read together, before each is looked at."""


def watched_commits(repo: Repository, head: str) -> list[str]:
    """Ids of the commits up to ``head`` that may have touched guarded paths, oldest first."""
    watched = [prefix.rstrip("/") for prefix in layout.GUARDED] + ["data"]
    return repo.touching(head, watched)[::-1]


def groups(repo: Repository, commits: Sequence[str]) -> Iterator[Group]:
    """Everything among `watched_commits` that touched guarded paths, oldest first."""
    within = {prefix.rstrip("/") for prefix in layout.GUARDED} | {"data"}
    found: list[Step] = []
    latest: datetime | None = None
    for number, id_ in enumerate(commits):
        if number % AT_ONCE == 0:
            repo.read_ahead(commits[number : number + AT_ONCE], within)
        step = _step(repo, repo.commit(id_), latest)
        if not step.changes:
            continue
        latest = max(step.commit.time, latest or step.commit.time)
        if found and not (step.only and step.only == found[-1].only and step.parent == found[-1].commit.id):
            yield Group(tuple(found))
            found = []
        found.append(step)
    if found:
        yield Group(tuple(found))


def _step(repo: Repository, commit: Commit, latest: datetime | None) -> Step:
    parent = commit.parents[0] if commit.parents else None
    changes = repo.changes(parent, commit.id)
    guarded = tuple(change for change in changes if layout.is_guarded(change.path))
    folders = {request_folder(change.path) for change in changes}
    named = sorted(folder for folder in folders if folder)
    beside = [change.path for change in changes if not request_folder(change.path)]
    alone = len(named) == 1 and all(_may_accompany(path, named[0]) for path in beside)
    behind_parent = bool(guarded and parent) and commit.time < repo.commit(parent or "").time - TOLERANCE
    # Any commit may be put between, so that a parent's date alone would prove nothing.
    behind_record = bool(guarded and latest) and commit.time < (latest or commit.time) - TOLERANCE
    # What brings a record of reviews is no part of the landing that it is about, though it touches the same folder.
    alone = alone and not any(layout.is_review_record(change.path) for change in changes)
    return Step(commit, parent, guarded, named[0] if alone else "", behind_parent, behind_record)


def request_folder(path: str) -> str:
    """The folder of the request that a path under promotions/ or changes/ belongs to; an empty text for others."""
    for prefix in (layout.PROMOTIONS, layout.CHANGES):
        if path.startswith(prefix):
            parts = path.split("/")
            end = next((at for at, part in enumerate(parts) if layout.is_release_id(part)), len(parts) - 2)
            return "/".join(parts[: end + 1])
    return ""


def _may_accompany(path: str, folder: str) -> bool:
    """Whether a path may change together with the request in ``folder``."""
    if folder.startswith(layout.CHANGES):
        return layout.is_guarded(path)
    environment = folder.removeprefix(layout.PROMOTIONS).rpartition("/")[0]
    return path == layout.pointer_path(environment)


def root_of_trust(repo: Repository, history: Iterable[Group]) -> str | None:
    """The first commit with policy and people of whom anybody has a key; the first with any, where nobody ever has.

    What came with it or before it, nothing can explain.
    """
    first: str | None = None
    for group in history:
        commit = group.last.id
        if repo.entry(commit, layout.PEOPLE) and repo.entry(commit, layout.POLICY):
            first = first or commit
            if not nobody_has_a_key(repo, commit):
                return commit
    return first
