"""Walks and comparisons by tree ids alone: no rename guesses, and no history simplification to surprise an audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from mlassay.git._objects import Objects
from mlassay.git._values import TREE_MODE, Change, Commit, path_parts

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
        if left == right:
            continue
        lefts = objects.nodes(left, folder) if left else {}
        rights = objects.nodes(right, folder) if right else {}
        for name in lefts.keys() | rights.keys():
            path = f"{folder}/{name}" if folder else name
            was, now = lefts.get(name), rights.get(name)
            if was == now:
                continue
            waiting.append((path, _tree_id(was), _tree_id(now)))
            _note(before, path, was)
            _note(after, path, now)
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


def on_first_parent_line(objects: Objects, commit: str, head: str) -> bool:
    """Whether ``commit`` is ``head`` or one of its first parents, however far back."""
    return any(step.id == commit for step in first_parents(objects, head, (), None))
