"""The first-parent line in the order that it proves: the place of each commit, and the earliest time that it can have."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from mlassay.audit.chronicle.types import Moment
from mlassay.git import LineRepository, Repository

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Line:
    """Every commit of the main line up to ``head``, listed once; what is told of one was held against its bytes."""

    def __init__(self, repo: Repository, head: str) -> None:
        self._repo = LineRepository(repo, head)
        self._line = self._repo.line

    @property
    def first(self) -> Moment:
        """The oldest commit."""
        return self.at(0)

    @property
    def head(self) -> Moment:
        """The newest commit."""
        return self.at(len(self._line) - 1)

    def at(self, number: int) -> Moment:
        """The commit at a place, counted from the first (0)."""
        commit, claimed = self._repo.held(number).id, _time(self._line.claimed[number])
        return Moment(commit, number, claimed, _time(self._line.latest[number]))

    def moments(self, commits: Iterable[str]) -> dict[str, Moment]:
        """Where each of ``commits`` stands; those that are not on the line are left out."""
        numbers = ((commit, self._line.number(commit)) for commit in commits)
        return {commit: self.at(number) for commit, number in numbers if number is not None}


def _time(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)
