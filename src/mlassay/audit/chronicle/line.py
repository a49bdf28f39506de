"""The first-parent line in the order that it proves: the place of each commit, and the earliest time that it can have."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from mlassay.audit.chronicle.types import Moment
from mlassay.git import Repository

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Line:
    """Every commit of the main line up to ``head``, read once; 28 bytes of memory for each."""

    def __init__(self, repo: Repository, head: str) -> None:
        ids, claimed = bytearray(), array("q")
        for commit in repo.first_parents(head):  # newest first
            ids += bytes.fromhex(commit.id)
            claimed.append(int((commit.time - _EPOCH).total_seconds()))
        self._ids, self._claimed = bytes(ids), claimed
        self._latest = array("q", claimed)
        for at in range(len(claimed) - 2, -1, -1):
            self._latest[at] = max(claimed[at], self._latest[at + 1])

    @property
    def first(self) -> Moment:
        """The oldest commit."""
        return self._moment(len(self._claimed) - 1)

    @property
    def head(self) -> Moment:
        """The newest commit."""
        return self._moment(0)

    def at(self, number: int) -> Moment:
        """The commit at a place, counted from the first (0)."""
        return self._moment(len(self._claimed) - 1 - number)

    def moments(self, commits: Iterable[str]) -> dict[str, Moment]:
        """Where each of ``commits`` stands; those that are not on the line are left out. One pass for all of them."""
        wanted = {bytes.fromhex(commit): commit for commit in commits}
        found = {}
        for at in range(len(self._claimed)):
            commit = wanted.get(self._ids[20 * at : 20 * at + 20])
            if commit is not None:
                found[commit] = self._moment(at)
        return found

    def _moment(self, at: int) -> Moment:
        id_ = self._ids[20 * at : 20 * at + 20].hex()
        number = len(self._claimed) - 1 - at
        return Moment(id_, number, _time(self._claimed[at]), _time(self._latest[at]))


def _time(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)
