"""Finds pickles by what they contain, whatever their name: a pickle is a program that runs when it is loaded."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickletools
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO

PEEK = 1 << 20  # of each member of an archive; a pickle shows itself at its beginning
MEMBERS = 10_000
DEPTH = 3
_OPERATIONS = 100_000
_BUILDS = {
    "GLOBAL",
    "STACK_GLOBAL",
    "INST",
    "OBJ",
    "REDUCE",
    "BUILD",
    "NEWOBJ",
    "NEWOBJ_EX",
    "PERSID",
    "BINPERSID",
}


_Opened = gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile | IO[bytes]


def find_pickle(path: Path) -> str | None:
    """What in the file is a pickle, in words (``the member data.pkl is a pickle``); None when nothing is.

    Looks into zip and tar archives, compressed files and NumPy arrays of objects, ``DEPTH`` deep. An archive
    with more members than ``MEMBERS`` counts as one, because nobody looked at the rest.
    """
    with path.open("rb") as file:
        return _look(file, DEPTH)


def pickle_in(data: bytes) -> str | None:
    """What in these bytes is a pickle, as `find_pickle` says it of a file."""
    return _look(io.BytesIO(data), DEPTH)


def _look(file: BinaryIO, depth: int) -> str | None:
    head = file.read(512)
    file.seek(0)
    if head[:6] == b"\x93NUMPY":
        return _object_array(file.read(PEEK))
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return "it is an HDF5 file, in which models carry code"
    if is_pickle(file.read(PEEK)):
        return "it is a pickle"
    file.seek(0)
    if depth == 0:
        return None
    if head[257:262] == b"ustar":
        return _members(_tar(file), depth)
    for magic, open_ in _COMPRESSED:
        if head.startswith(magic):
            return _compressed(file, open_, depth)
    # An archive may begin anywhere in a file: zip readers look from its end.
    if zipfile.is_zipfile(file):
        file.seek(0)
        return _members(_zip(file), depth)
    return None


def is_pickle(data: bytes) -> bool:
    """Whether these (first) bytes are a pickle of any protocol that does more than hold one plain value."""
    if data[:1] == b"\x80" and len(data) > 1 and 2 <= data[1] <= 5:
        return True
    operations, builds, at = 0, False, io.BytesIO(data)
    try:
        for operation, _, _ in pickletools.genops(at):
            operations += 1
            builds = builds or operation.name in _BUILDS
            if operations > _OPERATIONS:
                return True  # no other text is valid for so long
        # Plain text can look like operations; only a real pickle keeps their stack in order.
        pickletools.dis(data[: at.tell()], out=io.StringIO())
    except (ValueError, IndexError, KeyError, AttributeError, UnicodeError, TypeError):
        # Cut off at PEEK, or not a pickle at all.
        return len(data) == PEEK and builds and operations > 100
    return builds or operations > 3


def _object_array(data: bytes) -> str | None:
    header = data[:4096].partition(b"}")[0]
    return (
        "it is a NumPy array of objects, which is a pickle" if b"|O" in header or b"'O'" in header else None
    )


def _compressed(file: BinaryIO, open_: Callable[[BinaryIO], _Opened], depth: int) -> str | None:
    data = b""
    with suppress(OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
        data = open_(file).read(PEEK)
    found = _look(io.BytesIO(data), depth - 1) if data else None
    return f"compressed, {found}" if found else None


def _members(members: Iterator[tuple[str, bytes]], depth: int) -> str | None:
    try:
        return _in_members(members, depth)
    except zipfile.BadZipFile:
        # Other readers do not care for a wrong checksum, and load what is there.
        return "it is a damaged zip archive, which nobody can look into"


def _in_members(members: Iterator[tuple[str, bytes]], depth: int) -> str | None:
    number = 0
    with suppress(
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
        ValueError,
        NotImplementedError,
        RuntimeError,
        tarfile.TarError,
    ):
        for number, (name, data) in enumerate(members, start=1):
            if number > MEMBERS:
                return f"it is an archive of more than {MEMBERS} members, too many to look at"
            if found := _look(io.BytesIO(data), depth - 1):
                return f"in its member {name[:80]!r}, {found}"
    return None


def _zip(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            with archive.open(info) as member:
                yield info.filename, member.read(PEEK)


def _tar(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for info in archive:
            if (member := archive.extractfile(info) if info.isreg() else None) is not None:
                yield info.name, member.read(PEEK)


def _zlib(file: BinaryIO) -> IO[bytes]:
    return io.BytesIO(zlib.decompressobj().decompress(file.read(PEEK), PEEK))


_COMPRESSED: tuple[tuple[bytes, Callable[[BinaryIO], _Opened]], ...] = (
    (b"\x1f\x8b", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", bz2.BZ2File),
    (b"\xfd7zXZ\x00", lzma.LZMAFile),
    (b"\x5d\x00\x00", lzma.LZMAFile),
    (b"\x78\x01", _zlib),
    (b"\x78\x5e", _zlib),
    (b"\x78\x9c", _zlib),
    (b"\x78\xda", _zlib),
)
