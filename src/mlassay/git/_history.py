"""Walks and comparisons by tree ids alone: no rename guesses, and no history simplification to surprise an audit."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mlassay.errors import EvidenceError, Problem
from mlassay.git._chain import Chain
from mlassay.git._landed import Landed
from mlassay.git._objects import MOST_FILES, Objects
from mlassay.git._values import TREE_MODE, Change, Commit, path_parts

ASIDE = 64  # commits that are looked at one by one before their line gets an index of its own
MOST_LINES = 4

Node = tuple[str, str]


def first_parents(objects: Objects, head: str, paths: Sequence[str], until: str | None) -> Iterator[Commit]:
    """Commits from ``head`` along first parents, newest first; with ``paths`` those that changed one of them."""
    wanted = [path_parts(path) for path in paths]
    next_id: str | None = head
    while next_id is not None and next_id != until:
        commit = objects.commit(next_id)
        next_id = commit.parents[0] if commit.parents else None
        if not wanted:
            yield commit
            continue
        before = objects.commit(next_id).tree if next_id else None
        if any(_touched(objects, before, commit.tree, parts) for parts in wanted):
            yield commit


def _touched(objects: Objects, old: str | None, new: str, parts: tuple[str, ...]) -> bool:
    """Whether what lies at ``parts`` differs; folders with equal ids are never read."""
    if old == new:
        return False
    if old is None:
        return objects.lookup(new, parts) is not None
    before, after = (TREE_MODE, old), (TREE_MODE, new)
    for depth, part in enumerate(parts):
        folder = "/".join(parts[:depth])
        pair = [_child(objects, node, folder, part) for node in (before, after)]
        if pair[0] == pair[1]:
            return False
        if pair[0] is None or pair[1] is None:
            rest = parts[depth + 1 :]
            there = pair[0] or pair[1]
            return there is not None and (not rest or _exists(objects, there, rest))
        before, after = pair[0], pair[1]
    return before != after


def _child(objects: Objects, node: Node, folder: str, name: str) -> Node | None:
    return objects.nodes(node[1], folder).get(name) if node[0] == TREE_MODE else None


def _exists(objects: Objects, node: Node, parts: tuple[str, ...]) -> bool:
    return node[0] == TREE_MODE and objects.lookup(node[1], parts) is not None


def changes(objects: Objects, old: str | None, new: str) -> list[Change]:
    """What differs between two root trees, sorted by path; ``old`` None is the empty tree."""
    before: dict[str, Node] = {}
    after: dict[str, Node] = {}
    waiting: list[tuple[str, str | None, str | None]] = [("", old, new)]
    while waiting:
        folder, left, right = waiting.pop()
        for name, was, now in objects.differing(left, right, folder):
            path = f"{folder}/{name}" if folder else name
            trees = _tree_id(was), _tree_id(now)
            if trees[0] or trees[1]:
                waiting.append((path, *trees))
            _note(before, path, was)
            _note(after, path, now)
        if len(before) + len(after) > 2 * MOST_FILES:
            raise EvidenceError(Problem(f"more than {MOST_FILES} files differ", path=folder, rule="tree"))
    return paired(objects, before, after)


def paired(objects: Objects, before: Mapping[str, Node], after: Mapping[str, Node]) -> list[Change]:
    """Changes from the differing files of two sides, sorted by path."""
    old, new = objects.entries(before), objects.entries(after)
    return [Change(path, old.get(path), new.get(path)) for path in sorted(before.keys() | after.keys())]


def _tree_id(node: Node | None) -> str | None:
    return node[1] if node is not None and node[0] == TREE_MODE else None


def _note(side: dict[str, Node], path: str, node: Node | None) -> None:
    if node is not None and node[0] != TREE_MODE:
        side[path] = node


class Lines:
    """First-parent lines of one repository, each indexed as it is asked about; a few of the newest are kept."""

    def __init__(self, objects: Objects, folder: Path) -> None:
        self._objects, self._folder = objects, folder
        self._chains: list[Chain] = []
        self._landed: tuple[Chain, Landed] | None = None

    def first_parents(self, head: str, paths: Sequence[str], until: str | None) -> Iterator[Commit]:
        """Commits from ``head`` along first parents, newest first; with ``paths`` those that changed one of them."""
        wanted = [path_parts(path) for path in paths]
        if not wanted:
            yield from first_parents(self._objects, head, paths, until)
            return
        for step in self._aside(head):
            if isinstance(step, Commit):
                if step.id == until:
                    return
                before = self._objects.commit(step.parents[0]).tree if step.parents else None
                if any(_touched(self._objects, before, step.tree, parts) for parts in wanted):
                    yield step
                continue
            chain, start = step
            end = chain.number(until) if until is not None else None
            for number in _merged(chain, wanted, start):
                if end is not None and start <= end <= number:
                    return
                yield self._objects.commit(chain.id(number))

    def touching(self, head: str, paths: Sequence[str]) -> list[str]:
        """Ids of all that `first_parents` gives."""
        wanted = [path_parts(path) for path in paths]
        found: list[str] = []
        for step in self._aside(head):
            if isinstance(step, Commit):
                before = self._objects.commit(step.parents[0]).tree if step.parents else None
                found += (
                    [step.id] if any(_touched(self._objects, before, step.tree, p) for p in wanted) else []
                )
            else:
                found += map(step[0].id, _merged(step[0], wanted, step[1]))
        return found

    def root_names(self, head: str) -> set[str]:
        """Every name that ever lay in the root folder on the line of ``head``, and perhaps of what came after it."""
        found: set[str] = set()
        for step in self._aside(head):
            if isinstance(step, Commit):
                before = self._objects.commit(step.parents[0]).tree if step.parents else None
                found.update(name for name, _, _ in self._objects.differing(before, step.tree, ""))
            else:
                found |= step[0].root_names()
        return found

    def on_line(self, commit: str, head: str) -> bool:
        """Whether ``commit`` is ``head`` or one of its first parents, however far back."""
        return self.place(commit, head) is not None

    def place(self, commit: str, head: str) -> int | None:
        """How many first parents ``head`` is away from ``commit``; None when that is not on its line."""
        steps = 0
        for step in self._aside(head):
            if isinstance(step, Commit):
                if step.id == commit:
                    return steps
                steps += 1
                continue
            chain, start = step
            number = chain.number(commit)
            return steps + number - start if number is not None and number >= start else None
        return None

    def length(self, head: str) -> int:
        """How many commits the line of ``head`` has, itself included."""
        steps = 0
        for step in self._aside(head):
            if isinstance(step, Commit):
                steps += 1
                continue
            chain, start = step
            while chain.read():
                continue
            return steps + len(chain) - start
        return steps

    def places(self, base: str | None, head: str) -> tuple[Chain, Landed, int, int] | None:
        """An index that holds both commits and the whole line, and their numbers in it; None where there is none yet."""
        for chain in self._chains:
            top = chain.knows(head)
            bottom = len(chain) if base is None else chain.knows(base)
            if chain.whole and top is not None and bottom is not None:
                if self._landed is None or self._landed[0] is not chain:
                    self._landed = (chain, Landed(self._objects, chain))
                return chain, self._landed[1], top, bottom
        return None

    def knows(self, commit: str) -> bool:
        """Whether a commit is on a line that was indexed so far."""
        return self._find(commit) is not None

    def forget(self) -> None:
        """Drop every index."""
        self._chains, self._landed = [], None

    def _aside(self, head: str) -> Iterator[Commit | tuple[Chain, int]]:
        """The commits from ``head`` to where its line meets one that is known, and then where that is."""
        next_id: str | None = head
        for _ in range(ASIDE if self._chains else 0):
            if next_id is None:
                return
            if (found := self._find(next_id)) is not None:
                yield found
                return
            commit = self._objects.commit(next_id)
            yield commit
            next_id = commit.parents[0] if commit.parents else None
        if next_id is not None:
            found = self._find(next_id)
            if found is None:
                found = Chain(self._objects, self._folder, next_id), 0
                self._chains = [found[0], *self._chains[: MOST_LINES - 1]]
            yield found

    def _find(self, commit: str) -> tuple[Chain, int] | None:
        for chain in self._chains:
            if (number := chain.knows(commit)) is not None or commit == chain.head:
                return chain, number or 0
        return None


def _merged(chain: Chain, paths: Sequence[tuple[str, ...]], start: int) -> Iterator[int]:
    last = -1
    for number in heapq.merge(*(chain.touching(path, start) for path in paths)):
        if number != last:
            yield number
        last = number
