"""Git without git: histories as values in memory, told anew in a moment when one commit of them is another.

Every id is computed here, so that a story may be altered anywhere and all later commits follow; one pack carries it
into a bare repository.
"""

from __future__ import annotations

import hashlib
import subprocess
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path

from mlassay.evidence import layout
from mlassay.git import Identity

FILE, SCRIPT, LINK, MODULE = "100644", "100755", "120000", "160000"
Entry = tuple[str, str]
"""Mode and object id."""
Files = Mapping[str, Entry]
Delta = tuple[tuple[str, Entry | None], ...]
"""Paths of one commit that differ from its first parent's, and what they become (None: gone)."""

_KINDS = {"commit": 1, "tree": 2, "blob": 3}
DATA: dict[str, tuple[str, bytes]] = {}
"""Every object that was ever made in this process, by id: kind and content."""


def add(kind: str, data: bytes) -> str:
    """Keep an object; its id."""
    id_ = hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()
    DATA[id_] = (kind, data)
    return id_


def plain(data: bytes | str) -> Entry:
    """A plain file with these bytes."""
    return FILE, add("blob", data.encode() if isinstance(data, str) else data)


def read(entry: Entry) -> bytes:
    """The bytes of a file."""
    return DATA[entry[1]][1]


def tree(files: Files) -> str:
    """The id of a tree with these files."""
    return _tree(tuple(sorted(files.items())))


@cache
def _tree(files: tuple[tuple[str, Entry], ...]) -> str:
    entries: dict[bytes, tuple[str, str]] = {}
    folders: dict[str, list[tuple[str, Entry]]] = {}
    for path, entry in files:
        head, slash, rest = path.partition("/")
        if slash:
            folders.setdefault(head, []).append((rest, entry))
        else:
            entries[head.encode()] = entry
    for name, inside in folders.items():
        entries[name.encode() + b"/"] = ("40000", _tree(tuple(inside)))
    lines = (
        b"%s %s\0%s" % (mode.encode(), name.removesuffix(b"/"), bytes.fromhex(id_))
        for name, (mode, id_) in sorted(entries.items())
    )
    return add("tree", b"".join(lines))


@dataclass(frozen=True, slots=True)
class Node:
    """A commit before it has an id: its parents are numbers of earlier nodes."""

    delta: Delta
    parents: tuple[int, ...]
    message: bytes
    when: datetime
    author: Identity
    committer: Identity
    headers: bytes = b""
    zone: str = "+0000"

    def raw(self, tree_id: str, parents: Sequence[str]) -> bytes:
        """The commit as git writes it."""
        lines = [f"tree {tree_id}", *(f"parent {id_}" for id_ in parents)]
        for word, who in (("author", self.author), ("committer", self.committer)):
            lines.append(f"{word} {who.name} <{who.email}> {int(self.when.timestamp())} {self.zone}")
        return "\n".join(lines).encode() + b"\n" + self.headers + b"\n" + self.message


@dataclass
class History:
    """Nodes in the order in which they were made; ``tip`` is the newest of the main line."""

    nodes: list[Node] = field(default_factory=list)
    files: list[dict[str, Entry]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    tip: int = -1

    def add(self, node: Node) -> int:
        """Make a commit; its number."""
        files = dict(self.files[node.parents[0]]) if node.parents else {}
        for path, entry in node.delta:
            if entry is None:
                files.pop(path, None)
            else:
                files[path] = entry
        self.nodes.append(node)
        self.files.append(files)
        self.ids.append(add("commit", node.raw(tree(files), [self.ids[p] for p in node.parents])))
        return len(self.nodes) - 1

    def copy(self) -> History:
        """The same, to be told on."""
        return History(list(self.nodes), list(self.files), list(self.ids), self.tip)

    def line(self) -> list[int]:
        """The main line, oldest first."""
        found, at = [], self.tip
        while at >= 0:
            found.append(at)
            parents = self.nodes[at].parents
            at = parents[0] if parents else -1
        return found[::-1]

    @property
    def head(self) -> str:
        """The id of the main line's newest commit."""
        return self.ids[self.tip]

    def subtree(self, at: int, folder: str) -> str | None:
        """The tree of a folder; None when it is not there."""
        inside = {
            path.removeprefix(f"{folder}/"): entry
            for path, entry in self.files[at].items()
            if path.startswith(f"{folder}/")
        }
        return tree(inside) if inside else None

    def write(self, folder: Path) -> Path:
        """A bare repository with all of this, main at the tip."""
        git = folder / "altered.git"
        (git / "objects/pack").mkdir(parents=True)
        (git / "refs/heads").mkdir(parents=True)
        (git / "HEAD").write_text("ref: refs/heads/main\n")
        (git / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = true\n")
        (git / "refs/heads/main").write_text(f"{self.head}\n")
        pack = _pack(self._reachable())
        command = ["git", "index-pack", "--stdin"]
        subprocess.run(command, cwd=git, input=pack, check=True, capture_output=True)
        return git

    def _reachable(self) -> Iterator[str]:
        seen: set[str] = set()
        waiting = list(self.ids)
        while waiting:
            id_ = waiting.pop()
            if id_ in seen or id_ not in DATA:  # a submodule's commit lies elsewhere
                continue
            seen.add(id_)
            yield id_
            kind, data = DATA[id_]
            if kind == "commit":
                waiting.append(data[5:45].decode())
            elif kind == "tree":
                waiting += _children(id_)


@cache
def _children(id_: str) -> tuple[str, ...]:
    data, found, at = DATA[id_][1], [], 0
    while at < len(data):
        end = data.index(b"\0", at)
        found.append(data[end + 1 : end + 21].hex())
        at = end + 21
    return tuple(found)


@cache
def _packed(id_: str) -> bytes:
    kind, data = DATA[id_]
    size, first = len(data), (_KINDS[kind] << 4) | (len(data) & 15)
    size >>= 4
    head = bytearray()
    while size:
        head.append(first | 128)
        first, size = size & 127, size >> 7
    head.append(first)
    return bytes(head) + zlib.compress(data, 1)


def _pack(ids: Iterator[str]) -> bytes:
    parts = [_packed(id_) for id_ in ids]
    body = b"PACK\0\0\0\2" + len(parts).to_bytes(4) + b"".join(parts)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def told(nodes: Sequence[Node], tip: int) -> History:
    """A history of these nodes."""
    made = History(tip=tip)
    for node in nodes:
        made.add(node)
    return made


def guarded(history: History) -> list[frozenset[tuple[str, Entry]]]:
    """What was guarded at each commit of the main line; commits that change nothing of it are left out."""
    states: list[frozenset[tuple[str, Entry]]] = []
    for at in history.line():
        state = frozenset(item for item in history.files[at].items() if layout.is_guarded(item[0]))
        if not states or states[-1] != state:
            states.append(state)
    return states


def with_delta(node: Node, delta: Mapping[str, Entry | None]) -> Node:
    """The same commit with another change."""
    return replace(node, delta=tuple(delta.items()))
