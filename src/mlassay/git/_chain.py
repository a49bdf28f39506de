"""A first-parent line as an index that grows backwards while it is asked: who wrote each commit, and what it changed.

git lists the ids, and is not believed: each commit's bytes are held against its id, and each id against the first parent
that the commit before it names. What changed is told by trees that were held against their ids as well.
"""

from __future__ import annotations

import io
import re
import subprocess
import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from pathlib import Path

from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.git import _command
from mlassay.git._landings import root_changes
from mlassay.git._objects import Objects
from mlassay.git._parse import parse_commit, parse_person
from mlassay.git._reader import ROUND
from mlassay.git._values import TREE_MODE, Identity

AT_ONCE = 32  # versions of a folder that are read together
FIRST = 32  # most questions are answered by a line's last few commits
_PLAIN = re.compile(
    rb"tree ([0-9a-f]{40})\n((?:parent [0-9a-f]{40}\n)*)author ([^\n]*> \d{1,10} [+-]\d{4})\n"
    rb"committer ([^\n]*> \d{1,10} [+-]\d{4})\n\n"
)

People = tuple[Identity, Identity]


class Chain:
    """The line of ``head``, newest first: number 0 is ``head`` itself. Safe to share between threads."""

    def __init__(self, objects: Objects, folder: Path, head: str) -> None:
        self._objects, self._folder = objects, folder
        self.head, self.whole = head, False
        self._next: str | None = head
        self._hints: Iterator[list[str]] | None = None
        self._ids, self._trees = bytearray(), bytearray()
        self._people: list[People] = []
        self._tops: list[tuple[str, ...]] = []
        self._others: dict[int, tuple[str, ...]] = {}
        self._merges = array("I")
        self._places = Places(self._ids)
        self._known: dict[object, object] = {}
        self._root = _Folder(self)
        self._lock = threading.RLock()

    def __len__(self) -> int:
        return len(self._people)

    def number(self, commit: str) -> int | None:
        """How many first parents ``head`` is away from a commit; None when it is not on the line."""
        with self._lock:
            while (found := self.knows(commit)) is None and self.read():
                continue
            return found

    def knows(self, commit: str) -> int | None:
        """As `number`, without reading any further."""
        with self._lock:
            return self._places.find(bytes.fromhex(commit))

    def id(self, number: int) -> str:
        """The id of a commit that was read."""
        return self._ids[number * 20 : number * 20 + 20].hex()

    def tree(self, number: int) -> str | None:
        """The root tree of a commit; None beyond the line's end."""
        return self._trees[number * 20 : number * 20 + 20].hex() or None

    def people(self, number: int) -> People:
        """Author and committer of a commit that was read."""
        return self._people[number]

    def others(self, number: int) -> tuple[str, ...]:
        """The parents of a commit beside its first."""
        return self._others.get(number, ())

    def parents(self, number: int) -> tuple[str, ...]:
        """All parents of a commit that was read."""
        first = (self.id(number + 1),) if number + 1 < len(self) else ()
        return (*first, *self.others(number))

    def merges(self, start: int, end: int) -> Sequence[int]:
        """The numbers from ``start`` up to ``end`` of the commits that have several parents."""
        return self._merges[bisect_left(self._merges, start) : bisect_left(self._merges, end)]

    def unlike(self, start: int, end: int) -> Iterator[int]:
        """Numbers from ``start`` up to ``end``: of commits by the same people that touch the same `top_names` only one.

        No merges: what those change is another question.
        """
        with self._lock:
            self._need(end - 1)
        found: dict[tuple[int, int], int] = {}
        for merge in (*self.merges(start, end), end):
            # Equal ones are the same objects, as long as this index stands.
            alike = zip(map(id, self._people[start:merge]), map(id, self._tops[start:merge]), strict=True)
            found.update(zip(alike, range(start, merge), strict=True))
            start = merge + 1
        yield from found.values()

    def top_names(self, number: int) -> tuple[str, ...]:
        """As `top_names` of what differs between a commit and its first parent."""
        with self._lock:
            self._need(number)
            return self._tops[number]

    def touching(self, path: tuple[str, ...], start: int) -> Iterator[int]:
        """Numbers from ``start`` on of the commits where something else lies at ``path`` than in their first parent."""
        if not path:
            yield from self._any(start)
            return
        with self._lock:
            folder = self._root
            for part in path[:-1]:
                folder = folder.below(part)
        at = start
        while True:
            with self._lock:
                found = folder.next(path[-1], at)
            if found is None:
                return
            yield found
            at = found + 1

    def root_names(self) -> set[str]:
        """Every name that a commit of the line changed in the root folder."""
        while self.compare():
            continue
        with self._lock:
            return self._root.names()

    def differing(self, number: int, folder: tuple[str, ...]) -> Iterator[str]:
        """Names in a folder that differ between a commit and its first parent."""
        old, new = (self._folder_tree(self.tree(at), folder) for at in (number + 1, number))
        return (name for name, _, _ in self._objects.differing(old, new, "/".join(folder)))

    def preload(self, numbers: Iterable[int], folder: tuple[str, ...]) -> None:
        """Read a folder as these commits and their first parents have it, many at a time."""
        roots = (self.tree(at) for number in numbers for at in (number + 1, number))
        self._objects.preload_folder(filter(None, roots), folder)

    def _folder_tree(self, tree: str | None, folder: tuple[str, ...]) -> str | None:
        node = self._objects.lookup(tree, folder) if tree else None
        return node[1] if node is not None and node[0] == TREE_MODE else None

    def read(self) -> bool:
        """Read some more commits; False at the line's end."""
        with self._lock:
            if self._next is None:
                return False
            ids, before = self._guess(self._next), len(self)
            try:
                for id_, raw in zip(ids, self._objects.bulk(ids, "commit"), strict=True):
                    if id_ != self._next:
                        break  # git's list is not the line that the commits themselves tell
                    self._add(id_, raw)
            except (EvidenceError, ConfigurationError):
                if len(self) == before:
                    raise
                # Whoever asks no further than this needs no more; whoever does is told at the next look.
            return True

    def compare(self) -> bool:
        """Tell for some more commits what they changed in the root folder; False at the line's end."""
        with self._lock:
            done = len(self._tops)
            if done + 1 >= len(self):
                self.read()
            end = min(len(self) if self.whole else len(self) - 1, done + ROUND)
            trees = [self.tree(number) for number in range(done, end + 1)]
            pairs = [(old, new) for new, old in pairwise(trees)]
            for number, tops in zip(range(done, end), root_changes(self._objects, pairs), strict=True):
                self._tops.append(self._known.setdefault(tops, tops))  # type: ignore[arg-type]
                for name in tops:
                    self._root.note(name.removesuffix("/"), number)
            return end > done or (not self.whole and self.read())

    def _guess(self, known: str) -> list[str]:
        """The next ids as git lists them, beginning with the one that is known to be next."""
        if self._hints is None:
            self._hints = _listed(self._folder, known)
        part = next(self._hints, [])
        if part[:1] != [known]:
            self._hints = iter(())
            return [known]
        return part

    def _add(self, id_: str, raw: bytes) -> None:
        found = _PLAIN.match(raw)
        if found is not None:
            tree, parents = found[1].decode(), found[2].decode().split()[1::2]
            people = self._same((found[3].rpartition(b"> ")[0], found[4].rpartition(b"> ")[0]))
        else:
            commit = parse_commit(id_, raw)
            tree, parents, people = commit.tree, list(commit.parents), (commit.author, commit.committer)
        self._ids += bytes.fromhex(id_)
        self._places.add(len(self))
        self._trees += bytes.fromhex(tree)
        if len(parents) > 1:
            self._others[len(self)] = tuple(parents[1:])
            self._merges.append(len(self))
        self._people.append(people)
        self._next = parents[0] if parents else None
        self.whole = self._next is None

    def _same(self, raw: tuple[bytes, bytes]) -> People:
        people = self._known.get(raw)
        if people is None:
            people = self._known[raw] = parse_person(raw[0] + b">"), parse_person(raw[1] + b">")
        return people  # type: ignore[return-value]

    def _need(self, number: int) -> None:
        while number >= len(self._tops) and self.compare():
            continue

    def _any(self, start: int) -> Iterator[int]:
        number = start
        while True:
            self._need(number)
            if number >= len(self._tops):
                return
            if self.tree(number) != self.tree(number + 1):
                yield number
            number += 1


class _Folder:
    """For each name right below one folder the numbers of the commits that changed it, told as far as was asked."""

    def __init__(self, chain: Chain, above: _Folder | None = None, name: str = "") -> None:
        self._chain, self._above, self._name = chain, above, name
        self.parts: tuple[str, ...] = (*above.parts, name) if above is not None else ()
        self._numbers: dict[str, array[int]] = {}
        self._below: dict[str, _Folder] = {}
        self._told, self._at_once = 0, 1

    def below(self, name: str) -> _Folder:
        """The folder of that name in this one."""
        return self._below.setdefault(name, _Folder(self._chain, self, name))

    def names(self) -> set[str]:
        """The names that are known to have been changed."""
        return set(self._numbers)

    def note(self, name: str, number: int) -> None:
        """Remember that a commit changed a name; numbers come in ascending order."""
        self._numbers.setdefault(name, array("I")).append(number)

    def next(self, name: str, start: int) -> int | None:
        """The first commit from ``start`` on that changed ``name``; None when there is none to the line's end."""
        while True:
            numbers = self._numbers.get(name)
            if numbers is not None and numbers[-1] >= start:
                return numbers[bisect_left(numbers, start)]
            if not self._advance():
                return None

    def _advance(self) -> bool:
        if self._above is None:
            return self._chain.compare()
        numbers: list[int] = []
        while len(numbers) < self._at_once:
            number = self._above.next(self._name, self._told)
            if number is None:
                break
            self._told = number + 1
            numbers.append(number)
        # Most questions are answered by the newest; who asks further back is likely to go on.
        self._at_once = min(2 * self._at_once, AT_ONCE)
        self._chain.preload(numbers, self.parts)
        for number in numbers:
            for name in self._chain.differing(number, self.parts):
                self.note(name, number)
        return bool(numbers)


class Places:
    """Where in a row of 20-byte ids each one stands: a hash table of a few bytes for each, however long the row."""

    def __init__(self, ids: bytearray) -> None:
        self._ids, self._count = ids, 0
        self._slots = array("I", bytes(4 * 1024))

    def add(self, number: int) -> None:
        """Note the id that stands at ``number``."""
        self._count += 1
        if self._count * 2 > len(self._slots):
            self._slots = array("I", bytes(8 * len(self._slots)))
            for old in range(number):
                self._put(old)
        self._put(number)

    def find(self, id_: bytes) -> int | None:
        """The number of an id; None when it was never added."""
        slots, mask = self._slots, len(self._slots) - 1
        at = hash(id_) & mask  # with a seed that nobody outside this process can aim at
        while number := slots[at]:
            start = (number - 1) * 20
            if self._ids[start : start + 20] == id_:
                return number - 1
            at = (at + 1) & mask
        return None

    def _put(self, number: int) -> None:
        slots, mask = self._slots, len(self._slots) - 1
        at = hash(bytes(self._ids[number * 20 : number * 20 + 20])) & mask
        while slots[at]:
            at = (at + 1) & mask
        slots[at] = number + 1


def _listed(folder: Path, head: str) -> Iterator[list[str]]:
    """Ids of a first-parent line as git lists them, some at first, then many at a time. Only a guess."""
    command = ["git", *_command.OPTIONS, "rev-list", "--first-parent", "--end-of-options", head]
    with subprocess.Popen(
        command, cwd=folder, env=_command.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        lines = process.stdout or io.BytesIO()
        try:
            size = FIRST
            while part := [line.strip().decode("ascii", "replace") for line in islice(lines, size)]:
                yield part
                size = ROUND
        finally:
            process.kill()
