"""Verified trees as mappings, kept up to a bound; a large one is told from the version before it by what differs.

A folder of 10,000 records is a tree of half a megabyte that each record replaces whole. Every version is read and hashed;
only the entries between the bytes that two versions begin and end with are parsed again.
"""

from __future__ import annotations

import sys
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate

from mlassay.errors import EvidenceError
from mlassay.git._parse import parse_nodes, parse_tree

Node = tuple[str, str]
Differing = tuple[tuple[str, Node | None, Node | None], ...]

LARGE = 128  # entries; below, parsing is quicker than comparing
MOST_NODES = 120_000  # kept in all, so that memory stays flat however long the history
MOST_LARGE = 16  # folders whose last version is kept with its bytes
MOST_DELTAS = 4_096


@dataclass(frozen=True, slots=True)
class _Large:
    """One version of a large folder: its bytes, where each entry begins (and the last ends), and its nodes."""

    id: str
    raw: bytes
    starts: array[int]
    nodes: Mapping[str, Node]


class Trees:
    """Trees by id; ``read`` gives the verified bytes of one. Safe to share between threads."""

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        self._lock = threading.RLock()
        self._kept: OrderedDict[str, Mapping[str, Node]] = OrderedDict()
        self._weight = 0
        self._last: OrderedDict[str, _Large] = OrderedDict()
        self._deltas: dict[tuple[str, str], Differing] = {}

    def nodes(self, tree: str, path: str) -> Mapping[str, Node]:
        """Name -> (mode, id); ``path`` says of which folder this is likely another version."""
        with self._lock:
            found = self._kept.get(tree)
            if found is not None:
                self._kept.move_to_end(tree)
                return found
            return self._keep(tree, self._parse(tree, self._read(tree), path))

    def has(self, tree: str) -> bool:
        """Whether a tree is kept already."""
        return tree in self._kept

    def add(self, tree: str, raw: bytes, path: str) -> None:
        """Take verified bytes that were read for another purpose."""
        with self._lock:
            if tree not in self._kept:
                self._keep(tree, self._parse(tree, raw, path))

    def differing(self, old: str | None, new: str | None, path: str) -> Differing:
        """Every name with another node in one tree than in the other, and both nodes; None is the empty tree."""
        if old == new:
            return ()
        with self._lock:
            for _ in range(2):  # reading the one beside the other may tell
                if old and new and (told := self._told(old, new)) is not None:
                    return told
                left = self.nodes(old, path) if old else {}
                right = self.nodes(new, path) if new else {}
            names = {name for name, _ in left.items() ^ right.items()}
            return tuple((name, left.get(name), right.get(name)) for name in names)

    def _told(self, old: str, new: str) -> Differing | None:
        if (told := self._deltas.get((old, new))) is not None:
            return told
        if (told := self._deltas.get((new, old))) is not None:
            return tuple((name, was, now) for name, now, was in told)
        return None

    def _keep(self, tree: str, nodes: Mapping[str, Node]) -> Mapping[str, Node]:
        self._kept[tree] = nodes
        self._weight += len(nodes) + 1
        while self._weight > MOST_NODES and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._weight -= len(gone) + 1
        return nodes

    def _parse(self, tree: str, raw: bytes, path: str) -> Mapping[str, Node]:
        if len(raw) < LARGE * 30:
            return parse_tree(raw, tree)
        last = self._last.get(path)
        made = self._derived(last, tree, raw) if last is not None else None
        if made is None:
            found = parse_nodes(raw, tree)
            sizes = (len(mode) + len(name) + 22 for mode, name, _ in found)
            made = _Large(tree, raw, array("I", accumulate(sizes, initial=0)), parse_tree(raw, tree))
        self._last[path] = made
        self._last.move_to_end(path)
        if len(self._last) > MOST_LARGE:
            self._last.popitem(last=False)
        return made.nodes

    def _derived(self, base: _Large, tree: str, raw: bytes) -> _Large | None:
        """``tree`` by what differs from ``base``; None where that cannot be told, or says that something is amiss."""
        head = _alike(base.raw, raw)
        tail = _alike_at_end(base.raw, raw, min(len(base.raw), len(raw)) - head)
        first = min(bisect_right(base.starts, head) - 1, len(base.starts) - 1)
        after = bisect_left(base.starts, len(base.raw) - tail)
        start, end = base.starts[first], base.starts[after]
        shift = len(raw) - len(base.raw)
        if after < first or end + shift < start:
            return None
        gone = parse_tree(base.raw[start:end], base.id)
        middle = raw[start : end + shift]
        try:
            come = parse_tree(middle, tree)
        except EvidenceError:
            return None  # the whole tree is parsed, and says what is amiss, if anything is
        nodes = dict(base.nodes)
        for name in gone:
            del nodes[name]
        if not nodes.keys().isdisjoint(come):
            return None  # a name twice: the whole tree is parsed, and refused
        nodes.update(come)
        sizes = (len(mode) + len(name) + 22 for mode, name, _ in parse_nodes(middle, tree))
        starts = base.starts[:first]
        starts.extend(accumulate(sizes, initial=start))
        rest = base.starts[after + 1 :]
        starts.extend(_shifted(rest, shift))
        names = {name for name, _ in gone.items() ^ come.items()}
        if len(self._deltas) > MOST_DELTAS:
            self._deltas.clear()
        self._deltas[base.id, tree] = tuple((name, gone.get(name), come.get(name)) for name in names)
        return _Large(tree, raw, starts, nodes)


def _shifted(numbers: array[int], by: int) -> array[int]:
    """Each number and ``by``, none of which leaves its 32 bits: as one long addition, which is quicker than thousands."""
    if not by or not numbers:
        return numbers
    size = numbers.itemsize
    ones = int.from_bytes((1).to_bytes(size, "little") * len(numbers), "little")
    told = array("I", numbers)
    if sys.byteorder != "little":
        told.byteswap()
    total = int.from_bytes(told.tobytes(), "little") + by * ones
    made = array("I", total.to_bytes(size * len(numbers), "little"))
    if sys.byteorder != "little":
        made.byteswap()
    return made


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    low, high = 0, min(len(one), len(other))
    if one[:high] == other[:high]:
        return high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle)
    return low


def _alike_at_end(one: bytes, other: bytes, most: int) -> int:
    """How many bytes both end with, ``most`` at most."""
    low, high = 0, most + 1
    while high - low > 1:
        middle = (low + high) // 2
        left, right = len(one) - middle, len(other) - middle
        same = one[left : left + middle - low] == other[right : right + middle - low]
        low, high = (middle, high) if same else (low, middle)
    return low
