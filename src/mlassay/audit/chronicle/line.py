"""The first-parent line in the order that it proves: the place of each commit, and the earliest time that it can have."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from mlassay.audit.chronicle.types import Moment
from mlassay.errors import EvidenceError, Problem
from mlassay.git import Repository
from mlassay.git.line import read_line

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Line:
    """Every commit of the main line up to ``head``, listed once; what is told of one was held against its bytes."""

    def __init__(self, repo: Repository, head: str) -> None:
        self._repo, self._line = repo, read_line(repo, head)

    @property
    def first(self) -> Moment:
        """The oldest commit."""
        return self.at(0)

    @property
    def head(self) -> Moment:
        """The newest commit."""
        return self.at(len(self._line) - 1)

    def at(self, number: int) -> Moment:
        """The commit at a place, counted from the first (0); EvidenceError when git listed it otherwise than its bytes tell."""
        ids, claimed = self._line.ids, _time(self._line.claimed[number])
        commit = self._repo.commit(ids[number])
        if commit.parents[:1] != tuple(ids[max(0, number - 1) : number]) or commit.time != claimed:
            what = f"git lists commit {commit.id[:12]} with another date or parent than its bytes tell"
            raise EvidenceError(Problem(what, remedy="git fsck", rule="object", commit=commit.id))
        return Moment(commit.id, number, claimed, _time(self._line.latest[number]))

    def moments(self, commits: Iterable[str]) -> dict[str, Moment]:
        """Where each of ``commits`` stands; those that are not on the line are left out."""
        numbers = ((commit, self._line.number(commit)) for commit in commits)
        return {commit: self.at(number) for commit, number in numbers if number is not None}


def _time(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)
