"""Sizes of an Arrow IPC file's record batches: its footer and messages, which are FlatBuffers.

Written from the format's description (Arrow columnar format, "IPC File Format"; FlatBuffers internals). A compressed
buffer begins with the number of bytes that it unpacks to, and readers allocate that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import BinaryIO

from mlassay.manifest.sizes import FOOTER, PARTS, Malformed, Part

_MAGIC = b"ARROW1"
_DICTIONARIES, _BATCHES = 2, 3
_RECORD_BATCH, _DICTIONARY_BATCH = 3, 2


def arrow_parts(file: BinaryIO, size: int) -> Iterator[Part]:
    """One part for each record batch, dictionaries as parts without rows; `Malformed` and the like for other bytes."""
    if size < 20:
        raise Malformed("it is too short")
    file.seek(0)
    head = file.read(6)
    file.seek(size - 10)
    length, magic = struct.unpack("<i6s", file.read(10))
    if head != _MAGIC or magic != _MAGIC:
        raise Malformed("it does not begin and end with ARROW1 (a stream is no file)")
    if not 0 < length <= min(size - 18, FOOTER):
        raise Malformed(f"its footer of {length:,} bytes is longer than the file, or than {FOOTER:,}")
    file.seek(size - 10 - length)
    footer = _Table.root(file.read(length))
    for field in (_DICTIONARIES, _BATCHES):
        blocks = footer.vector(field, 24)
        if len(blocks) > PARTS:
            raise Malformed(f"it has {len(blocks):,} record batches; at most {PARTS:,} are read")
        for block in blocks:
            offset, metadata, _, body = struct.unpack("<qiiq", block)
            if offset < 8 or metadata < 8 or body < 0 or offset + metadata + body > size:
                raise Malformed("a record batch lies outside the file")
            yield _part(file, offset, metadata, body)


def _part(file: BinaryIO, offset: int, metadata: int, body: int) -> Part:
    if metadata > FOOTER:
        raise Malformed("a record batch has a head that is too long")
    file.seek(offset)
    data = file.read(metadata)
    message = _Table.root(data[8:] if data[:4] == b"\xff\xff\xff\xff" else data[4:])
    kind = message.byte(1)
    if kind not in (_RECORD_BATCH, _DICTIONARY_BATCH):
        raise Malformed("a block is no record batch")
    batch = message.table(2)
    rows = 0
    if kind == _DICTIONARY_BATCH:
        batch = batch.table(1)
    else:
        rows = batch.long(0)
    nodes, buffers = batch.vector(1, 16), batch.vector(2, 16)
    if any(not 0 <= struct.unpack("<q", node[:8])[0] <= max(rows, body * 8) for node in nodes):
        raise Malformed("a column has another number of rows than its record batch")
    unpacked = 0
    for buffer in buffers:
        start, length = struct.unpack("<qq", buffer)
        if start < 0 or length < 0 or start + length > body:
            raise Malformed("a buffer lies outside its record batch")
        size = length
        if batch.has(3) and length >= 8:
            file.seek(offset + metadata + start)
            (size,) = struct.unpack("<q", file.read(8))
            size = length if size == -1 else size
            if size < 0:
                raise Malformed("a buffer has a negative size")
        unpacked += size
    return Part(rows, len(nodes), unpacked)


class _Table:
    """A FlatBuffers table: its fields by number, read where they lie."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at
        self.vtable = at - struct.unpack_from("<i", data, at)[0]
        if at < 0 or self.vtable < 0:
            raise Malformed("a table lies outside its structure")
        (self.size,) = struct.unpack_from("<H", data, self.vtable)

    @classmethod
    def root(cls, data: bytes) -> _Table:
        """The table that the structure begins with."""
        return cls(data, struct.unpack_from("<I", data)[0])

    def has(self, field: int) -> bool:
        """Whether the field is there."""
        return self._place(field) is not None

    def byte(self, field: int) -> int:
        """A one-byte field; 0 where it is not there."""
        place = self._place(field)
        return 0 if place is None else self.data[place]

    def long(self, field: int) -> int:
        """An eight-byte field; 0 where it is not there."""
        place = self._place(field)
        return 0 if place is None else int(struct.unpack_from("<q", self.data, place)[0])

    def table(self, field: int) -> _Table:
        """A table that a field refers to."""
        return _Table(self.data, self._target(field))

    def vector(self, field: int, width: int) -> list[bytes]:
        """Elements of ``width`` bytes; none where the field is not there."""
        if not self.has(field):
            return []
        at = self._target(field)
        (count,) = struct.unpack_from("<I", self.data, at)
        if count * width > len(self.data) - at - 4:
            raise Malformed("a list is longer than its structure")
        return [self.data[at + 4 + n * width : at + 4 + (n + 1) * width] for n in range(count)]

    def _place(self, field: int) -> int | None:
        entry = 4 + 2 * field
        if entry + 2 > self.size:
            return None
        (offset,) = struct.unpack_from("<H", self.data, self.vtable + entry)
        return self.at + offset if offset else None

    def _target(self, field: int) -> int:
        place = self._place(field)
        if place is None:
            raise Malformed("a field that must be there is not")
        return place + int(struct.unpack_from("<I", self.data, place)[0])
