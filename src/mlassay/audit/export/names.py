"""Names that any shell, archive and file system can hold, for names that anybody may have given a file."""

from __future__ import annotations

import hashlib
import re

FILES = "files/"
LONGEST = 200  # bytes of one part of a path, which most file systems can hold

_SAFE = re.compile(rb"[A-Za-z0-9._@+=-]")
_ESCAPES = {
    7: b"\\a",
    8: b"\\b",
    9: b"\\t",
    10: b"\\n",
    11: b"\\v",
    12: b"\\f",
    13: b"\\r",
    34: b'\\"',
    92: b"\\\\",
}


def stored(path: str) -> str:
    """Where a file of the repository lies in the export: the same path below ``files/``, other bytes as ``%XX``.

    A part that gets too long for a file system is named by its digest.
    """
    return FILES + "/".join(_part(part.encode("utf-8", "surrogateescape")) for part in path.split("/"))


def quoted(path: str) -> str:
    """A path as ``git ls-tree`` prints it with ``core.quotePath``: ASCII on one line."""
    raw = path.encode("utf-8", "surrogateescape")
    told = b"".join(_ESCAPES.get(c) or (b"%c" % c if 32 <= c < 127 else b"\\%03o" % c) for c in raw)
    return f'"{told.decode()}"' if told != raw else path


def _part(raw: bytes) -> str:
    safe = b"".join(b"%c" % c if _SAFE.match(b"%c" % c) else b"%%%02X" % c for c in raw)
    return safe.decode() if len(safe) <= LONGEST else f"%{hashlib.sha256(raw).hexdigest()}"
