"""One first-parent line read whole in one call, and a repository that jumps along it instead of stepping."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import accumulate, islice

from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.git import _command
from mlassay.git._listing import Ids, listed, packed, times
from mlassay.git._objects import shallow
from mlassay.git._values import TREE_MODE, Commit, full_id, path_parts
from mlassay.git.repository import Repository

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST = int((datetime(9998, 12, 31, tzinfo=UTC) - _EPOCH).total_seconds())
EARLIEST, LATEST = -(2**63), 2**63 - 1
NEAR = 20_000
"""So many commits git compares one by one in a tenth of a second."""
WINDOW = 30_000
"""So many commits are compared by one git process where every change is asked for."""
_MODE = re.compile(rb"(?:^|\x00.{20})(0?40000|1[0-7]{5})$", re.DOTALL)
_ENTRIES = re.compile(rb"(?:[0-7]{5,6} [^\0]++\0.{20})*+", re.DOTALL)

Value = tuple[str | None, ...]


class Line:
    """The first-parent line of ``head``, oldest commit first: the id and the committer's date (Unix, claimed) of each.

    ``latest`` is the running maximum of the dates: no commit can have landed before one that it stands upon. ``ordered``:
    no date contradicts the order.
    """

    def __init__(self, ids: Sequence[str], claimed: Sequence[int]) -> None:
        self.ids = ids
        self.claimed = claimed if isinstance(claimed, array) else array("q", claimed)
        self.ordered = sorted(self.claimed) == self.claimed.tolist()
        self.latest = self.claimed if self.ordered else array("q", accumulate(self.claimed, max))
        self._numbers = None if isinstance(ids, Ids) else dict(zip(ids, range(len(ids)), strict=True))

    def __len__(self) -> int:
        return len(self.ids)

    def number(self, commit: str) -> int | None:
        """The place of a commit, counted from the oldest (0); None when it is not on the line."""
        if isinstance(self.ids, Ids):
            return self.ids.number(commit)
        return self._numbers.get(commit) if self._numbers else None

    def claiming(self, low: int, high: int, places: range) -> Iterable[int]:
        """Those of ``places`` (one after the other) whose commits claim a time after ``low``, and up to ``high``."""
        claimed = self.claimed
        if self.ordered:
            first = bisect_right(claimed, low, places.start, places.stop)
            return range(first, bisect_right(claimed, high, first, places.stop))
        return [place for place in places if low < claimed[place] <= high]


def read_line(repo: Repository, head: str, *marks: str) -> Line:
    """The line of ``head``, as git lists it: ids and dates are held against the objects only where they are used.

    ``marks`` are commits that may lie on it, newest first: then so many processes more list a part of it each. Where one
    does not, they change nothing.
    """
    if repo.is_shallow:
        raise ConfigurationError(shallow("its history ends before the first commit"))
    listing = listed(repo, full_id(head), marks)
    if not listing:
        repo.commit(head)
        raise EvidenceError(Problem("the first-parent line cannot be read", remedy="git fsck", rule="object"))
    if packed(listing):
        return Line(Ids(listing), times(listing))
    words = listing.decode("ascii", "replace").split()
    words.reverse()
    ids = words[0::2]
    claimed = list(map(int, words[1::2]))
    if min(claimed) <= 0 or max(claimed) >= _LAST:
        # git reads dates before 1970 and absurd ones as something else; our own reading of the commit says which.
        for at, seconds in enumerate(claimed):
            if not 0 < seconds < _LAST:
                claimed[at] = _seconds(repo.commit(ids[at]).time)
    return Line(ids, claimed)


def every_change(repo: Repository, head: str, path: str) -> Iterator[Commit]:
    """The commits from ``head`` along first parents that changed what lies at ``path``, newest first, none passed over.

    On a repository that jumps along its line as well: there git compares each commit with the one before it, in windows,
    two at a time, as far as whoever asks reads on. EvidenceError where it cannot.
    """
    top = repo.line.number(head) if isinstance(repo, LineRepository) else None
    if not isinstance(repo, LineRepository) or top is None:
        yield from repo.first_parents(head, paths=[path])
        return
    tops = iter(range(top, -1, -WINDOW))
    with ThreadPoolExecutor(2) as pool:
        waiting = deque(pool.submit(_touching, repo, place, path) for place in islice(tops, 2))
        try:
            while waiting:
                for place in waiting.popleft().result():
                    yield repo.held(place)
                waiting.extend(pool.submit(_touching, repo, place, path) for place in islice(tops, 1))
        finally:
            for each in waiting:
                each.cancel()


def _touching(repo: LineRepository, top: int, path: str) -> list[int]:
    """The places of one window that git says changed a path, newest first."""
    bottom = top - WINDOW
    without = [f"^{repo.line.ids[bottom]}"] if bottom >= 0 else []
    asked = ["rev-list", "--first-parent", repo.line.ids[top], *without, "--", path]
    listed = _command.run(asked, repo.folder)
    if listed.code:
        what = f"git cannot tell which commits changed this: {_command.words(listed.err)}"
        raise EvidenceError(Problem(what, remedy="git fsck", path=path, rule="object"))
    places = [repo.line.number(id_) for id_ in listed.text.split()]
    return sorted((place for place in places if place is not None), reverse=True)


def time_of(seconds: int) -> datetime:
    """The time that a number of seconds since 1970 means, in UTC."""
    return _EPOCH + timedelta(seconds=seconds)


def _seconds(when: datetime) -> int:
    return int((when - _EPOCH).total_seconds())


class LineRepository(Repository):
    """A repository that knows one of its first-parent lines (`read_line`), so that walks along it jump.

    Walks for paths compare what lies there at distances that double, then halve: a value that came, went and came back
    between two looks is passed over. That is enough for what is only ever added and for what never repeats (pointers
    name their promotion); a full walk is `Repository`'s.
    """

    def __init__(self, repo: Repository, line: Line) -> None:
        super().__init__(repo.worktree, repo.git_dir, repo._common_dir)  # noqa: SLF001  the same class
        self._objects = repo._objects  # noqa: SLF001  what it has verified need not be read again
        self.line = line
        self._trees = lru_cache(maxsize=4096)(self._root_tree)
        self._names = lru_cache(maxsize=8192)(self._child)

    def first_parents(
        self, head: str, *, paths: Sequence[str] = (), until: str | None = None
    ) -> Iterator[Commit]:
        """As `Repository.first_parents`, jumping; commits that are not on the line are walked step by step."""
        number = self.line.number(head)
        if number is None or not paths:
            yield from super().first_parents(head, paths=paths, until=until)
            return
        parts = tuple(path_parts(path) for path in paths)
        bottom = -1 if until is None else self.line.number(until)
        for place in self._places(number, -1 if bottom is None else bottom, parts):
            yield self.commit(self.line.ids[place])

    def on_first_parent_line(self, commit: str, head: str) -> bool:
        """As `Repository.on_first_parent_line`, by the places of both where they have one."""
        top = self.line.number(full_id(head))
        if top is None:
            return super().on_first_parent_line(commit, head)
        number = self.line.number(full_id(commit))
        return number is not None and number <= top

    def held(self, number: int) -> Commit:
        """The commit at a place of the line, its date and first parent held against what git listed; EvidenceError otherwise."""
        commit = self.commit(self.line.ids[number])
        parents = self.line.ids[number - 1 : number] if number else []
        if list(commit.parents[:1]) != list(parents) or _seconds(commit.time) != self.line.claimed[number]:
            what = f"git lists commit {commit.id[:12]} with another date or parent than its bytes tell"
            raise EvidenceError(Problem(what, remedy="git fsck", rule="object", commit=commit.id))
        return commit

    def first_with(self, path: str, top: int) -> int | None:
        """The place where something first lay at ``path``, up to the place ``top``; None when nothing lies there."""
        parts = (path_parts(path),)
        if self._value(top, parts) == (None,):
            return None
        low, high = -1, top
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._value(middle, parts) == (None,) else (low, middle)
        return high

    def last_change(self, top: int, path: str) -> int | None:
        """The newest place up to ``top`` that changed what lies at ``path``; None when nothing ever lay there.

        What came and went within `NEAR` commits is not passed over: there git looks at each.
        """
        place = next(self._places(top, -1, (path_parts(path),)), None)
        bottom = max(-1 if place is None else place, top - NEAR)
        without = [f"^{self.line.ids[bottom]}"] if bottom >= 0 else []
        asked = ["rev-list", "--first-parent", "-1", self.line.ids[top], *without, "--", path]
        found = self.line.number(_command.run(asked, self.folder).text)
        return found if found is not None and self.differs(found, path) else place

    def differs(self, number: int, path: str) -> bool:
        """Whether the commit at a place changed what lies at ``path``, against the one before it on the line."""
        parts = (path_parts(path),)
        return self._value(number, parts) != self._value(number - 1, parts)

    def next_change(self, number: int, path: str) -> int | None:
        """The first place after ``number`` where something else lies at ``path``; None when it stays to the end."""
        parts = (path_parts(path),)
        value, same, step, last = self._value(number, parts), number, 1, len(self.line) - 1
        if number >= last:
            return None
        high = number + 1
        while self._value(high, parts) == value:
            if high == last:
                return None
            same, step = high, step * 2
            high = min(high + step, last)
        while high - same > 1:
            middle = (same + high) // 2
            same, high = (middle, high) if self._value(middle, parts) == value else (same, middle)
        return high

    def _places(self, top: int, bottom: int, parts: tuple[tuple[str, ...], ...]) -> Iterator[int]:
        """Places above ``bottom`` whose value is not that of the place before, newest first."""
        at = top
        while at > bottom:
            value, same, step = self._value(at, parts), at, 1
            low = at - 1
            while low > bottom and self._value(low, parts) == value:
                same, step = low, step * 2
                low = max(bottom, low - step)
            if self._value(low, parts) == value:
                return
            while same - low > 1:
                middle = (low + same) // 2
                low, same = (low, middle) if self._value(middle, parts) == value else (middle, same)
            yield same
            at = low

    def _value(self, number: int, parts: tuple[tuple[str, ...], ...]) -> Value:
        if number < 0:
            return (None,) * len(parts)
        tree = self._trees(self.line.ids[number])
        return tuple(self._at(tree, path) for path in parts)

    def _at(self, tree: str, parts: tuple[str, ...]) -> str | None:
        found: tuple[bool, str] | None = (True, tree)
        for part in parts:
            if found is None or not found[0]:
                return None
            found = self._names(found[1], part)
        return found[1] if found else None

    def _root_tree(self, commit: str) -> str:
        return self.commit(commit).tree

    def _child(self, tree: str, name: str) -> tuple[bool, str] | None:
        """Whether a name of a tree is a tree, and its id, found in the verified bytes without reading the (10,000) others."""
        data = self._objects.read(tree, "tree")
        wanted = b" " + name.encode("utf-8", "surrogateescape") + b"\0"
        at = data.find(wanted)
        while at >= 0:
            if mode := _MODE.search(data, max(0, at - 27), at):
                entries = _ENTRIES.match(data, 0, mode.start(1))
                if entries is None or entries.end() != mode.start(1):
                    # A name holds a space, and an id happens to look like an end: it is no entry, and all are read.
                    node = self._objects.nodes(tree, "").get(name)
                    return (node[0] == TREE_MODE, node[1]) if node else None
                start = at + len(wanted)
                return mode[1].endswith(b"40000"), data[start : start + 20].hex()
            at = data.find(wanted, at + 1)
        return None
