"""How much memory the parts of a file will take, read from its structure before any library unpacks it."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from mlassay.manifest.formats import malformed
from mlassay.manifest.types import Format

# A reader unpacks a part whole, so the part is what memory must hold. Writers make parts of about 100 MB.
PART_BYTES = 1 << 30
PART_CELLS = 1 << 28
PARTS = 1 << 17
FOOTER = 1 << 24


@dataclass(frozen=True, slots=True)
class Part:
    """A Parquet row group or an Arrow record batch: its rows, columns, and bytes once unpacked."""

    rows: int
    columns: int
    unpacked: int


class Malformed(Exception):  # noqa: N818 - never leaves this room
    """The bytes are no such file."""


def parts(path: str, format_: Format, file: BinaryIO, size: int) -> list[Part]:
    """The parts of a Parquet or Arrow file; ConfigurationError where it is none, or would unpack beyond all bounds."""
    from mlassay.manifest.sizes_arrow import arrow_parts
    from mlassay.manifest.sizes_parquet import parquet_parts

    read: Callable[[BinaryIO, int], Iterator[Part]] = parquet_parts if format_ == "parquet" else arrow_parts
    try:
        found = list(read(file, size))
    except (
        Malformed,
        struct.error,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        OverflowError,
    ) as error:
        name = "Parquet" if format_ == "parquet" else "Arrow IPC"
        raise malformed(
            path, f"this is no {name} file: {str(error)[:200] or 'its structure is broken'}"
        ) from error
    for number, part in enumerate(found, start=1):
        if part.rows < 0 or part.unpacked < 0:
            raise malformed(path, f"part {number} of the file has a negative size")
        if part.unpacked > PART_BYTES or part.rows * max(part.columns, 1) > PART_CELLS:
            raise malformed(
                path,
                f"part {number} of the file unpacks to {part.unpacked:,} bytes and {part.rows:,} rows; "
                f"at most {PART_BYTES:,} bytes and {PART_CELLS:,} cells are read at once",
                "write it with smaller row groups (Parquet) or record batches (Arrow)",
            )
    return found
