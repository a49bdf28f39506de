"""Every byte stream of a file that could be a pickle: the file itself, and what archives, compression and arrays wrap."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import re
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO

STREAM_BYTES = 64 << 20
"""Of one stream that are looked at; loaders read pickles from their start."""
TOTAL_BYTES = 512 << 20
"""Of all that one file unpacks to: an archive that holds more is said to, and not called clean."""
MEMBERS = 10_000
DEPTH = 4
_LOCAL = struct.Struct("<4s5H3I2H")
_BROKEN = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    tarfile.TarError,
)


_Opened = gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile | IO[bytes]


class TooMuchError(Exception):
    """The file unpacks to more than is looked at, or could not be unpacked; the message says which."""


@dataclass(frozen=True, slots=True)
class Stream:
    """The first bytes of one stream, and where in the file it lies, in words ("" for the file itself)."""

    where: str
    data: bytes
    whole: bool = True


class _Budget:
    """What is left of the bytes and members of one file."""

    def __init__(self) -> None:
        self.bytes, self.members = TOTAL_BYTES, MEMBERS

    def take(self, file: _Opened | BinaryIO) -> tuple[bytes, bool]:
        """``(the first bytes, whether that was all)``; TooMuchError when nothing is left to give."""
        self.members -= 1
        if self.members < 0:
            raise TooMuchError(f"it holds more than {MEMBERS:,} members")
        most = min(STREAM_BYTES, self.bytes)
        data = file.read(most + 1)
        self.bytes -= min(len(data), most)
        if self.bytes <= 0:
            raise TooMuchError(f"it unpacks to more than {TOTAL_BYTES >> 20} MiB")
        return data[:most], len(data) <= most


def streams(path: Path) -> Iterator[Stream]:
    """Every stream of the file at ``path``, outermost first; TooMuchError where the rest was not looked at."""
    with path.open("rb") as file:
        budget = _Budget()
        data, whole = budget.take(file)
        # A zip is read from its end, so a large one needs the file and not its first bytes.
        yield from _below("", data, whole, budget, DEPTH, None if whole else file)


def _below(
    where: str, data: bytes, whole: bool, budget: _Budget, depth: int, file: BinaryIO | None
) -> Iterator[Stream]:
    yield Stream(where, data, whole)
    inner = f"{where}, " if where else ""
    if array := _object_array(data):
        yield Stream(f"{inner}the objects of a NumPy array", array, whole)
    opened = _opened(data, file)
    if opened is None:
        return
    if depth == 0:
        raise TooMuchError(f"it holds archives more than {DEPTH} deep")
    kind, members = opened
    try:
        for name, part in members(budget):
            label = f"{inner}{f'member {name[:80]!r}' if name else kind}"
            yield from _below(label, part[0], part[1], budget, depth - 1, None)
    except _BROKEN as error:
        raise TooMuchError(f"{inner}{kind}: it cannot be unpacked ({type(error).__name__})") from error


Members = Callable[[_Budget], Iterator[tuple[str, tuple[bytes, bool]]]]


def _opened(data: bytes, file: BinaryIO | None) -> tuple[str, Members] | None:
    """What kind of container these bytes are, and how its members are read; None when they are none."""
    for magic, kind, open_ in _COMPRESSED:
        if data.startswith(magic):
            if magic[:1] == b"\x78" and not _is_zlib(data):
                continue
            return kind, lambda budget, open_=open_: iter([("", budget.take(open_(io.BytesIO(data))))])
    if data[257:262] == b"ustar":
        return "tar", lambda budget: _tar(data, file, budget)
    if data[:6] == b"7z\xbc\xaf\x27\x1c":
        raise TooMuchError("it is a 7z archive, which is not looked into")
    zipped: BinaryIO = file if file is not None else io.BytesIO(data)
    # An archive may begin anywhere in a file: readers look from its end.
    if data[:4] == b"PK\x03\x04" or zipfile.is_zipfile(zipped):
        return "zip", lambda budget: _zip(zipped, budget)
    return None


def _object_array(data: bytes) -> bytes:
    """What follows the header of an .npy file whose items are objects: a pickle."""
    if data[:6] != b"\x93NUMPY" or len(data) < 12:
        return b""
    size, start = (
        (struct.unpack_from("<H", data, 8)[0], 10)
        if data[6] == 1
        else (
            struct.unpack_from("<I", data, 8)[0],
            12,
        )
    )
    header = data[start : start + size]
    return data[start + size :] if re.search(rb"['\"][|<>=]?O\d*['\"]", header) else b""


def _is_zlib(data: bytes) -> bool:
    try:
        zlib.decompressobj().decompress(data[:4096], 64)
    except zlib.error:
        return False
    return True


def _zlib(file: BinaryIO) -> IO[bytes]:
    return io.BytesIO(zlib.decompressobj().decompress(file.read(), STREAM_BYTES + 1))


def _tar(data: bytes, file: BinaryIO | None, budget: _Budget) -> Iterator[tuple[str, tuple[bytes, bool]]]:
    source: BinaryIO = io.BytesIO(data)
    if file is not None:
        file.seek(0)
        source = file
    with tarfile.open(fileobj=source, mode="r:") as archive:
        for info in archive:
            member = archive.extractfile(info) if info.isreg() else None
            if member is not None:
                yield info.name, budget.take(member)


def _zip(file: BinaryIO, budget: _Budget) -> Iterator[tuple[str, tuple[bytes, bool]]]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield info.filename, _member(archive, info, file, budget)


def _member(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo, file: BinaryIO, budget: _Budget
) -> tuple[bytes, bool]:
    """As Python's zipfile reads it, else raw: loaders that ignore a wrong checksum or flag must not see more than we do."""
    try:
        with archive.open(info) as member:
            return budget.take(member)
    except (
        zipfile.BadZipFile,
        RuntimeError,
        NotImplementedError,
        OSError,
        EOFError,
        zlib.error,
        lzma.LZMAError,
    ):
        if info.flag_bits & 1 and info.compress_type not in (0, 8):
            raise
    file.seek(info.header_offset)
    header = _LOCAL.unpack(file.read(_LOCAL.size))
    file.seek(header[9] + header[10], io.SEEK_CUR)
    raw = file.read(min(info.compress_size, STREAM_BYTES))
    if info.compress_type == zipfile.ZIP_DEFLATED:
        inflating = zlib.decompressobj(-15)
        return budget.take(io.BytesIO(inflating.decompress(raw, STREAM_BYTES + 1)))
    return budget.take(io.BytesIO(raw))


_COMPRESSED: tuple[tuple[bytes, str, Callable[[BinaryIO], _Opened]], ...] = (
    (b"\x1f\x8b", "gzip", lambda file: gzip.GzipFile(fileobj=file)),
    (b"BZh", "bzip2", bz2.BZ2File),
    (b"\xfd7zXZ\x00", "xz", lzma.LZMAFile),
    (b"\x5d\x00\x00", "lzma", lzma.LZMAFile),
    (b"\x78\x01", "zlib", _zlib),
    (b"\x78\x5e", "zlib", _zlib),
    (b"\x78\x9c", "zlib", _zlib),
    (b"\x78\xda", "zlib", _zlib),
)
