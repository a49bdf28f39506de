"""What the git room hands out: frozen values, its three errors, and the shapes that names must have."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from mlassay.errors import ConfigurationError, EvidenceError, Problem, RemoteError

TREE_MODE = "040000"
FILE_MODE = "100644"
EXECUTABLE_MODE = "100755"
LINK_MODE = "120000"
SUBMODULE_MODE = "160000"
LONG = 300  # characters of a path that is not remembered
FILE_MODES = frozenset({FILE_MODE, EXECUTABLE_MODE})


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a tree: six-digit ``mode``, ``kind`` (blob, tree, commit), object ``id``.

    ``size`` is what git's header says, in bytes, before the object was read and verified; None for trees,
    submodules and blobs that cannot be read. In a work tree ``kind`` may be ``special`` (a socket, a pipe).
    """

    mode: str
    kind: str
    id: str
    size: int | None

    @property
    def is_file(self) -> bool:
        """A plain file, the only thing that evidence may be: no link, no submodule, no folder."""
        return self.mode in FILE_MODES


@dataclass(frozen=True, slots=True)
class Identity:
    """A name and an address as git writes them; claimed, never proven."""

    name: str
    email: str

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit whose bytes were held against its id.

    ``time`` is the committer's, in UTC. ``signature`` is the armoured text of the gpgsig header, if any, and
    ``payload`` the bytes that it signs.
    """

    id: str
    tree: str
    parents: tuple[str, ...]
    author: Identity
    committer: Identity
    time: datetime
    message: str
    signature: bytes | None
    payload: bytes

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.strip("\n").partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Landing:
    """A commit by who made it, its parents, and the names in the root folder that differ from its first parent's.

    A name that is a folder in both, or in one alone, ends in a slash.
    """

    id: str
    author: Identity
    committer: Identity
    parents: tuple[str, ...]
    top_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """One path that differs: ``old`` None means added, ``new`` None means deleted."""

    path: str
    old: Entry | None
    new: Entry | None


class MovedOn(RemoteError):  # noqa: N818  says what happened
    """The compare-and-swap was lost: the ref is no longer where it was expected to be."""


class Declined(RemoteError):  # noqa: N818  the same
    """The remote was there and its own rules refused the push: a protected branch, a hook."""


MISSING = "it is missing"


class Corrupt(EvidenceError):  # noqa: N818  the same
    """An object is missing or does not have the bytes that its id promises; names object id and path."""

    def __init__(
        self, object_id: str, path: str = "", detail: str = "its bytes hash to something else"
    ) -> None:
        self.object_id = object_id
        self.path = path
        self.missing = detail == MISSING
        super().__init__(
            Problem(
                f"git object {object_id} is damaged or was tampered with: {detail}",
                why="an object's id is the digest of its bytes, so these are not the bytes that were recorded",
                remedy="clone again from a copy that you trust, and compare",
                path=path,
                rule="object",
            )
        )


def object_id(kind: str, data: bytes) -> str:
    """The SHA-1 object id of an object of ``kind`` with these bytes."""
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(data)) + data, usedforsecurity=False).hexdigest()


_ID = re.compile(r"[0-9a-f]{40}")
# The rules of git-check-ref-format(1), for full names.
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|\.$|/$")


def full_id(text: str) -> str:
    """``text`` when it is a full object id in lower-case hex; EvidenceError otherwise."""
    if not _ID.fullmatch(text):
        raise EvidenceError(
            Problem(f"{text[:80]!a} is not a full git object id", why="only a full id names bytes")
        )
    return text


def full_ref(text: str) -> str:
    """``text`` when it is a well-formed ref name under ``refs/``; ConfigurationError otherwise."""
    if not text.startswith("refs/") or _BAD_REF.search(text):
        raise ConfigurationError(Problem(f"{text[:200]!a} is not a full, well-formed name of a git ref"))
    return text


def path_parts(path: str) -> tuple[str, ...]:
    """The parts of a path inside the repository; ``""`` is the root, one ``/`` at the end is allowed."""
    return _parts(path) if len(path) <= LONG else _parts.__wrapped__(path)


@lru_cache(maxsize=4096)  # a record's few paths are asked for again and again
def _parts(path: str) -> tuple[str, ...]:
    if not path:
        return ()
    parts = tuple(path.removesuffix("/").split("/"))
    if any(bad_name(part) for part in parts) or "\0" in path:
        raise ConfigurationError(Problem(f"{path[:200]!a} is not a path inside a repository"))
    return parts


def bad_name(name: str) -> bool:
    """Whether no honest tree can hold an entry of this name."""
    return name in {"", ".", ".."} or name.lower() == ".git"


def encoded(path: str) -> bytes:
    """The bytes of a path, whatever the locale: git's are UTF-8, others survive the round trip."""
    return path.encode("utf-8", "surrogateescape")


def decoded(path: bytes) -> str:
    """The inverse of `encoded`."""
    return path.decode("utf-8", "surrogateescape")
