"""One archive with the same bytes for the same contents: fixed order, owner, mode and time; nothing held whole."""

from __future__ import annotations

import gzip
import hashlib
import io
import tarfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

FILE, PROGRAM = 0o644, 0o755


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the archive: its name below the archive's folder, size in bytes, SHA-256 in hex."""

    name: str
    size: int
    sha256: str


class Archive:
    """Writes a ``.tar.gz`` whose members all lie in ``folder``; ``members`` tells what is in it so far."""

    def __init__(self, path: Path, folder: str, time: int) -> None:
        self.members: list[Member] = []
        self._path, self._folder, self._time = path, folder, time
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        raw = self._stack.enter_context(self._path.open("wb"))
        # No name and no time in gzip's own header: the archive must not tell where and when it was made.
        packed = self._stack.enter_context(gzip.GzipFile("", "wb", 6, raw, mtime=0))
        self._tar = self._stack.enter_context(
            tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT)
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add(self, name: str, data: bytes, mode: int = FILE) -> None:
        """Put in a file with these bytes."""
        self._add(name, io.BytesIO(data), len(data), mode)

    def add_file(self, name: str, path: Path) -> None:
        """Put in a file from the disk, in pieces."""
        with path.open("rb") as source:
            self._add(name, source, path.stat().st_size, FILE)

    def _add(self, name: str, source: IO[bytes], size: int, mode: int) -> None:
        info = tarfile.TarInfo(f"{self._folder}/{name}")
        info.size, info.mode, info.mtime = size, mode, self._time
        reader = _Hashed(source)
        self._tar.addfile(info, reader)
        self.members.append(Member(name, size, reader.hasher.hexdigest()))


class _Hashed(io.RawIOBase):
    """A reader that hashes what goes through it."""

    def __init__(self, source: IO[bytes]) -> None:
        self._source, self.hasher = source, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        data = self._source.read(size)
        self.hasher.update(data)
        return data
