"""Commits made from objects alone: the work tree, the index and every ref stay as they are."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from mlassay.errors import ConfigurationError, Problem
from mlassay.git import _command
from mlassay.git._objects import Objects
from mlassay.git._values import (
    FILE_MODE,
    FILE_MODES,
    TREE_MODE,
    Identity,
    encoded,
    full_id,
    object_id,
    path_parts,
)

# Types of objects inside a pack (gitformat-pack(5)).
PACK_TYPES = {"commit": 1, "tree": 2, "blob": 3}


class Draft:
    """A tree under construction on top of ``base`` (a tree id, or None for the empty tree)."""

    def __init__(self, objects: Objects, base: str | None) -> None:
        self._objects = objects
        self._base = base
        self.new: dict[str, tuple[str, bytes]] = {}  # id -> (kind, data), in the order of making

    def add(self, kind: str, data: bytes) -> str:
        """Note a new object and return its id."""
        id_ = object_id(kind, data)
        self.new.setdefault(id_, (kind, data))
        return id_

    def build(self, changes: Mapping[str, bytes | None]) -> str:
        """The root tree's id after ``changes``; the empty tree is written like any other."""
        asked = {path_parts(path): data for path, data in changes.items()}
        if () in asked or any(path.endswith("/") for path in changes):
            raise ConfigurationError(Problem("a commit changes files, each by its full path"))
        return self._folder(self._base, asked, "") or self.add("tree", b"")

    def _folder(
        self, tree: str | None, asked: Mapping[tuple[str, ...], bytes | None], path: str
    ) -> str | None:
        nodes = dict(self._objects.nodes(tree, path)) if tree else {}
        below: dict[str, dict[tuple[str, ...], bytes | None]] = {}
        for parts, data in asked.items():
            if len(parts) > 1:
                below.setdefault(parts[0], {})[parts[1:]] = data
            else:
                self._file(nodes, parts[0], data, path)
        for name, inner in below.items():
            where = f"{path}/{name}" if path else name
            mode, id_ = nodes.get(name, (TREE_MODE, None))
            if mode != TREE_MODE:
                raise ConfigurationError(
                    Problem("a file cannot become a folder in the same commit", path=where)
                )
            made = self._folder(id_, inner, where)
            if made is None:
                nodes.pop(name, None)
            else:
                nodes[name] = (TREE_MODE, made)
        return self.add("tree", raw_tree(nodes)) if nodes else None

    def _file(self, nodes: dict[str, tuple[str, str]], name: str, data: bytes | None, path: str) -> None:
        mode, _ = nodes.get(name, (FILE_MODE, ""))
        if mode == TREE_MODE:
            where = f"{path}/{name}" if path else name
            raise ConfigurationError(Problem("a folder cannot become a file in the same commit", path=where))
        if data is None:
            nodes.pop(name, None)
        else:
            nodes[name] = (mode if mode in FILE_MODES else FILE_MODE, self.add("blob", data))


def raw_tree(nodes: Mapping[str, tuple[str, str]]) -> bytes:
    """The bytes of a tree object; git sorts a folder as if its name ended in ``/``."""

    def order(item: tuple[str, tuple[str, str]]) -> bytes:
        name, (mode, _) = item
        return encoded(name) + (b"/" if mode == TREE_MODE else b"")

    return b"".join(
        mode.lstrip("0").encode() + b" " + encoded(name) + b"\0" + bytes.fromhex(id_)
        for name, (mode, id_) in sorted(nodes.items(), key=order)
    )


def raw_commit(tree: str, parents: Sequence[str], who: Identity, when: datetime, message: str) -> bytes:
    """The bytes of an unsigned commit by one person at one moment, in UTC."""
    if when.tzinfo is None:
        raise ValueError("a commit needs a time with a time zone")
    if any(c in part for part in (who.name, who.email) for c in "<>\n\r\0") or not who.name.strip():
        raise ConfigurationError(Problem(f"{str(who)[:200]!a} is not a name that git can write"))
    if "\0" in message or not message.strip():
        raise ConfigurationError(Problem("a commit message is text, and never empty"))
    person = f"{who.name.strip()} <{who.email.strip()}> {int(when.astimezone(UTC).timestamp())} +0000"
    lines = [f"tree {tree}", *(f"parent {full_id(parent)}" for parent in parents)]
    lines += [f"author {person}", f"committer {person}", "", message.rstrip("\n"), ""]
    return "\n".join(lines).encode("utf-8")


def pack(objects: Mapping[str, tuple[str, bytes]]) -> bytes:
    """A pack of whole objects (gitformat-pack(5)), so that one git process can write them all."""
    out = [b"PACK" + (2).to_bytes(4) + len(objects).to_bytes(4)]
    for kind, data in objects.values():
        size = len(data)
        byte = PACK_TYPES[kind] << 4 | size & 15
        size >>= 4
        header = bytearray()
        while size:
            header.append(byte | 128)
            byte, size = size & 127, size >> 7
        header.append(byte)
        out += [bytes(header), zlib.compress(data)]
    body = b"".join(out)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def store(folder: Path, objects: Mapping[str, tuple[str, bytes]]) -> None:
    """Write ``objects`` as loose ones, fsynced; git checks their form and that what they name is there."""
    result = _command.run(["unpack-objects", "-q", "--strict"], folder, data=pack(objects))
    if result.code:
        raise _command.failure(
            result,
            "git could not write the commit",
            path=str(folder),
            remedy="see that you may write to this repository's .git/objects",
        )
