"""Sizes of a Parquet file's row groups: its footer and page headers, in Thrift's compact protocol.

Written from the format's description (apache/parquet-format, Thrift compact protocol). Only sizes are read; the
footer's own word for them is not believed: each page says what it unpacks to, and readers allocate that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from mlassay.manifest.sizes import FOOTER, PARTS, Malformed, Part

_HEADER = 1 << 16  # bytes of a page header that are looked at; statistics can make one long
_DEPTH = 24
_PAGES = 1 << 22

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)


def parquet_parts(file: BinaryIO, size: int) -> Iterator[Part]:
    """One part for each row group; `Malformed` and the like when the bytes are no Parquet file."""
    if size < 12:
        raise Malformed("it is too short")
    file.seek(0)
    head = file.read(4)
    file.seek(size - 8)
    length, magic = struct.unpack("<I4s", file.read(8))
    if magic == b"PARE":
        raise Malformed("it is encrypted")
    if head != b"PAR1" or magic != b"PAR1":
        raise Malformed("it does not begin and end with PAR1")
    if not 0 < length <= min(size - 12, FOOTER):
        raise Malformed(f"its footer of {length:,} bytes is longer than the file, or than {FOOTER:,}")
    file.seek(size - 8 - length)
    footer, _ = _Compact(file.read(length)).struct()
    groups = footer.get(4, [])
    if len(groups) > PARTS:
        raise Malformed(f"it has {len(groups):,} row groups; at most {PARTS:,} are read")
    budget = _PAGES
    for group in groups:
        columns = group.get(1, [])
        unpacked = 0
        for column in columns:
            if 1 in column:
                raise Malformed("a column lies in another file")
            size_of, pages = _unpacked(file, column[3], size, budget)
            unpacked += size_of
            budget -= pages
        yield Part(int(group.get(3, 0)), len(columns), unpacked)
    if sum(int(group.get(3, 0)) for group in groups) != footer.get(3):
        raise Malformed("its row groups do not have the number of rows that its footer says")


def _unpacked(file: BinaryIO, chunk: dict[int, Any], size: int, budget: int) -> tuple[int, int]:
    """Bytes that the pages of one column of one row group unpack to, and how many pages there are."""
    starts = [offset for field in (11, 9) if (offset := chunk.get(field)) is not None and offset > 0]
    at = min(starts) if starts else 0
    end = at + chunk[7]
    if not starts or at < 4 or chunk[7] < 0 or end > size:
        raise Malformed("a column lies outside the file")
    total, pages = 0, 0
    while at < end:
        if pages >= budget:
            raise Malformed(f"it has more than {_PAGES:,} pages")
        file.seek(at)
        header, read = _Compact(file.read(min(_HEADER, end - at))).struct()
        unpacked, packed = header[2], header[3]
        if unpacked < 0 or packed < 0:
            raise Malformed("a page has a negative size")
        total += unpacked
        pages += 1
        at += read + packed
    return total, pages


class _Compact:
    """A reader of one Thrift struct: field number -> value. Lists are lists, maps are skipped."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def struct(self, depth: int = 0) -> tuple[dict[int, Any], int]:
        """The struct at the current place, and the place after it."""
        if depth > _DEPTH:
            raise Malformed("its structure is nested too deeply")
        fields: dict[int, Any] = {}
        last = 0
        while kind := self._byte():
            last = last + (kind >> 4) if kind >> 4 else self._zigzag()
            type_ = kind & 15
            fields[last] = type_ == _TRUE if type_ in (_TRUE, _FALSE) else self._value(type_, depth)
        return fields, self.at

    def _value(self, type_: int, depth: int) -> Any:
        if type_ in (_I16, _I32, _I64):
            return self._zigzag()
        if type_ == _STRUCT:
            return self.struct(depth + 1)[0]
        if type_ == _BINARY:
            return self._take(self._varint())
        if type_ in (_LIST, _SET):
            return self._list(depth)
        if type_ in (_TRUE, _FALSE, _BYTE):  # in a list a boolean is a byte
            return self._byte()
        if type_ == _DOUBLE:
            return self._take(8)
        if type_ == _MAP:
            return self._map(depth)
        raise Malformed(f"its structure has a field of type {type_}")

    def _list(self, depth: int) -> list[Any]:
        if depth > _DEPTH:
            raise Malformed("its structure is nested too deeply")
        head = self._byte()
        count = head >> 4 if head >> 4 != 15 else self._varint()
        if count > len(self.data) - self.at:  # every element takes a byte at least
            raise Malformed("a list is longer than its structure")
        return [self._value(head & 15, depth + 1) for _ in range(count)]

    def _map(self, depth: int) -> None:
        count = self._varint()
        if count > len(self.data) - self.at:
            raise Malformed("a map is longer than its structure")
        kinds = self._byte() if count else 0
        for _ in range(count):
            self._value(kinds >> 4, depth + 1)
            self._value(kinds & 15, depth + 1)

    def _byte(self) -> int:
        value = self.data[self.at]
        self.at += 1
        return value

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._byte()
            value |= (byte & 127) << shift
            if byte < 128:
                return value
            shift += 7
            if shift > 63:
                raise Malformed("a number is too long")

    def _zigzag(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise Malformed("a text is longer than its structure")
        self.at += count
        return self.data[self.at - count : self.at]
