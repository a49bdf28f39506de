"""A first-parent line as git lists it, kept in git's own bytes: no id is made a text before somebody asks for it."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Thread
from typing import TypeVar, overload

from mlassay.git import _command
from mlassay.git._values import full_id
from mlassay.git.repository import Repository

T = TypeVar("T")
_WIDTH = 52  # ten digits of a time between 2001 and 2286, a space, an id, and the end of the line
_TIME = struct.Struct("10s42x")
_MANY = 64
"""After so many searches for ids a table of all of them is quicker."""


class Ids(Sequence[str]):
    """The ids of a listing (`packed`), oldest first."""

    def __init__(self, listing: bytes) -> None:
        self._listing, self._count = listing, len(listing) // _WIDTH
        self._known: dict[str, int] = {}
        self._searched = 0

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(self._count))]
        at = index + self._count if index < 0 else index
        if not 0 <= at < self._count:
            raise IndexError(index)
        start = (self._count - 1 - at) * _WIDTH + 11
        id_ = self._listing[start : start + 40].decode("ascii")
        if self._searched < _MANY:
            self._known[id_] = at
        return id_

    def __iter__(self) -> Iterator[str]:
        return reversed(self._listing.decode("ascii").split()[1::2])

    def number(self, id_: str) -> int | None:
        """The place of an id, counted from the oldest; None when it is not listed."""
        if (found := self._known.get(id_)) is not None or self._searched >= _MANY:
            return found
        self._searched += 1
        if self._searched == _MANY:
            self._known = dict(zip(self, range(self._count), strict=True))
            return self._known.get(id_)
        at = self._listing.find(b" %s\n" % id_.encode("utf-8", "surrogateescape"))
        return None if at < 0 else self._count - 1 - at // _WIDTH


def begun(work: Callable[[], T]) -> Callable[[], T]:
    """Begin some work in a thread that the program does not wait for when it ends; call for what it answers or raises."""
    answers: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(work())
        except BaseException as error:  # noqa: BLE001  raised where the answer is asked for
            errors.append(error)

    def answer() -> T:
        thread.join()
        if errors:
            raise errors[0]
        return answers[0]

    thread = Thread(target=run, daemon=True)
    thread.start()
    return answer


def times(listing: bytes) -> array[int]:
    """The times of a `packed` listing, oldest first."""
    found = array("q", [int(text) for (text,) in _TIME.iter_unpack(listing)])
    found.reverse()
    return found


def packed(listing: bytes) -> bool:
    """Whether each line of a listing is as wide as every other: so are all but those of strange dates."""
    count = len(listing) // _WIDTH
    return (
        0 < count * _WIDTH == len(listing)
        and listing[10::_WIDTH] == b" " * count
        and listing[_WIDTH - 1 :: _WIDTH] == b"\n" * count
        and listing.isascii()
    )


def listed(repo: Repository, head: str, marks: Sequence[str]) -> bytes:
    """A line of time and id for each commit of the first-parent line of ``head``, newest first; nothing where git cannot.

    ``marks`` are commits that may lie on it, newest first: then as many processes more list a part each. Where one does
    not, they change nothing.
    """
    ends = [head, *(full_id(mark) for mark in marks if mark != head)]
    parts = [
        begun(partial(_part, repo, end, below)) for end, below in zip(ends, [*ends[1:], None], strict=True)
    ]
    found = [part() for part in parts]
    for part, below in zip(found, ends[1:], strict=False):
        last = part[-41:-1].decode("ascii", "replace")
        if not part or repo.commit(last).parents[:1] != (below,):
            return _part(repo, head, None)
    return b"".join(found) if all(found) else _part(repo, head, None)


def _part(repo: Repository, head: str, below: str | None) -> bytes:
    """Down to, but without ``below``."""
    asked = ["rev-list", "--first-parent", "--timestamp", head, *([f"^{below}"] if below else [])]
    # Without this git writes each line by itself to whoever reads a pipe.
    done = _command.run(asked, repo.folder, extra={"GIT_FLUSH": "0"})
    return b"" if done.code else done.out
