"""The main line as steps that touched guarded paths, and what of it nothing explains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mlassay.case.requests import RequestName, name_of_path, nobody_has_a_key
from mlassay.errors import Problem
from mlassay.evidence import layout
from mlassay.git import Change, Commit, Repository
from mlassay.policy.approvals import TOLERANCE

DELIBERATIONS = f"{layout.GOVERNANCE}deliberations/"


@dataclass(frozen=True)
class Step:
    """A main-line commit that touched guarded paths; ``only`` is the request that all of its changes belong to, if any.

    ``backdated``: it is dated before its first parent, by more than honest clocks differ.
    """

    commit: Commit
    parent: str | None
    changes: tuple[Change, ...]
    only: str
    backdated: bool = False


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

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change of theirs to a guarded path."""
        return tuple(change for step in self.steps for change in step.changes)

    @property
    def requests(self) -> tuple[RequestName, ...]:
        """The requests that they brought in."""
        names = (name_of_path(change.path) for change in self.changes if change.old is None)
        return tuple(name for name in names if name is not None)


def groups(repo: Repository, head: str) -> list[Group]:
    """Everything that touched guarded paths, oldest first."""
    watched = [prefix.rstrip("/") for prefix in layout.GUARDED] + ["data"]
    commits = list(repo.first_parents(head, paths=watched))
    found: list[list[Step]] = []
    for commit in reversed(commits):
        step = _step(repo, commit)
        if not step.changes:
            continue
        before = found[-1][-1] if found else None
        if before is not None and step.only and step.only == before.only and step.parent == before.commit.id:
            found[-1].append(step)
        else:
            found.append([step])
    return [Group(tuple(steps)) for steps in found]


def _step(repo: Repository, commit: Commit) -> Step:
    parent = commit.parents[0] if commit.parents else None
    changes = repo.changes(parent, commit.id)
    guarded = tuple(change for change in changes if layout.is_guarded(change.path))
    folders = {_request_folder(change.path) for change in changes}
    named = sorted(folder for folder in folders if folder)
    beside = [change.path for change in changes if not _request_folder(change.path)]
    alone = len(named) == 1 and all(_may_accompany(path, named[0]) for path in beside)
    backdated = bool(guarded and parent) and commit.time < repo.commit(parent or "").time - TOLERANCE
    # What brings a record of reviews is no part of the landing that it is about, though it touches the same folder.
    alone = alone and not any(layout.is_review_record(change.path) for change in changes)
    return Step(commit, parent, guarded, named[0] if alone else "", backdated)


def _request_folder(path: str) -> str:
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


def root_of_trust(repo: Repository, history: Sequence[Group]) -> str | None:
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


def unexplained(group: Group) -> Iterator[Problem]:
    """Changes to guarded paths that no promotion, change, record or waiver in the same step accounts for."""
    requests = group.requests
    pointers = {layout.pointer_path(name.environment) for name in requests if name.environment}
    change = any(not name.environment for name in requests)
    if not requests and any(step.backdated for step in group.steps):  # a request's own demand says it: clock
        what = "the commit that brought this is dated before the one that it stands on"
        yield _problem(
            group, group.changes[0].path, what, "with its own date a key may count that no longer did"
        )
    final = {touched.path: touched.new for touched in group.changes}
    for touched in group.changes:
        path = touched.path
        if touched.old is not None and layout.is_append_only(path):
            what = "deleted" if touched.new is None else "changed"
            yield _problem(
                group, path, f"this was {what} after it was recorded", "records are only ever added"
            )
        elif path.startswith(layout.ENVIRONMENTS):
            if path not in pointers:
                yield _problem(group, path, "no promotion explains this change of what runs", _BY_REQUEST)
        elif path.startswith((layout.PROMOTIONS, layout.CHANGES)):
            if not requests and not layout.is_review_record(path):
                yield _problem(group, path, "this was added to a request after that had landed", _BY_REQUEST)
        elif path.startswith((layout.EVIDENCE, layout.WAIVERS, DELIBERATIONS)):
            continue  # each is judged by itself
        elif not change:
            yield _problem(group, path, "no change request explains this change", _BY_REQUEST)
        if touched.new != final[path] and not layout.is_append_only(path):
            what = "between two commits this was something else than what was signed"
            yield _problem(group, path, what, "whoever looked at that moment followed what nobody asked for")


_BY_REQUEST = "guarded paths change by a request that people signed, never by a bare push"


def _problem(group: Group, path: str, what: str, why: str) -> Problem:
    commit = group.last
    return Problem(
        f"{what} (commit {commit.id[:12]}, {commit.time:%Y-%m-%d})",
        why=why,
        remedy=f"git show {commit.id[:12]} -- {path}",
        path=path,
    )
