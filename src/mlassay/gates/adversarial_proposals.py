"""Reads the CSV of proposals that a hostile or careless command left: strictly, and never more than was asked for."""

from __future__ import annotations

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mlassay.gates.adversarial_set import Index
from mlassay.manifest import Column, Table

CELL = 1000  # characters of one value
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?")


class RefusedFileError(Exception):
    """A file that is no list of proposals at all; its text says why."""


@dataclass(frozen=True, eq=False)
class Proposals:
    """Proposals that may be asked about: ``rows`` (p,) places in the probe, ``columns`` the text of every input."""

    rows: Index
    columns: Mapping[str, Sequence[str]]
    originals: Mapping[str, Sequence[str]]
    refused: Mapping[str, int]

    def before(self, at: int) -> dict[str, str]:
        """The row as it is, of one proposal."""
        return {name: values[at] for name, values in self.originals.items()}


def read_proposals(
    data: bytes, columns: Sequence[Column], table: Table, numbers: Index, most: int
) -> Proposals:
    """The proposals in ``data`` for the rows ``numbers`` of ``table``; those that break a rule are counted by rule.

    RefusedFileError where the file as a whole cannot be read.
    """
    try:
        reader = csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True)
        header = next(reader, [])
        _hold_header(header, columns)
        places = {int(number) + 1: place for place, number in enumerate(numbers)}
        given = {c.name: table.column(c.name) for c in columns}
        kept, refused = _lines(reader, header, columns, given, places, numbers, most)
    except UnicodeDecodeError as error:
        raise RefusedFileError("it is not UTF-8") from error
    except csv.Error as error:
        raise RefusedFileError(f"it is no CSV: {error}") from error
    rows = np.array([place for place, _ in kept], dtype=np.int64)
    proposed = {c.name: [values[i] for _, values in kept] for i, c in enumerate(columns)}
    originals = {c.name: [given[c.name][int(numbers[place])] for place, _ in kept] for c in columns}
    return Proposals(rows, proposed, originals, dict(refused))


def _hold_header(header: Sequence[str], columns: Sequence[Column]) -> None:
    known = {c.name for c in columns}
    if not header or header[0] != "row":
        raise RefusedFileError("its first line must name its columns, the first of them `row`")
    if len(set(header)) != len(header):
        raise RefusedFileError("it names a column twice")
    if unknown := [name for name in header[1:] if name not in known]:
        raise RefusedFileError(f"it has columns that the model does not take ({len(unknown)} of them)")


def _lines(
    reader: object,
    header: Sequence[str],
    columns: Sequence[Column],
    given: Mapping[str, Sequence[str]],
    places: Mapping[int, int],
    numbers: Index,
    most: int,
) -> tuple[list[tuple[int, list[str]]], Counter[str]]:
    assert isinstance(reader, type(csv.reader([])))  # noqa: S101 - csv names no type for it
    kept: list[tuple[int, list[str]]] = []
    refused: Counter[str] = Counter()
    named = {name: at for at, name in enumerate(header)}
    for count, line in enumerate(reader):
        if count >= most:
            refused["more proposals than are looked at"] += 1
            continue
        place = _place(line, header, places)
        if place is None:
            refused["no row that was given"] += 1
            continue
        values, reason = [], ""
        for column in columns:
            before = given[column.name][int(numbers[place])]
            after = line[named[column.name]] if column.name in named else before
            reason = reason or ("" if after == before else _wrong(after, column))
            values.append(after)
        if reason:
            refused[reason] += 1
        else:
            kept.append((place, values))
    return kept, refused


def _place(line: Sequence[str], header: Sequence[str], places: Mapping[int, int]) -> int | None:
    if len(line) != len(header) or not re.fullmatch(r"[0-9]{1,12}", line[0]):
        return None
    return places.get(int(line[0]))


def _wrong(text: str, column: Column) -> str:
    """What is wrong with a changed value, if anything is."""
    if not text or len(text) > CELL:
        return "no value"
    if column.type not in {"number", "integer"}:
        return "" if text in column.values else "value that is not declared"
    if not _NUMBER.fullmatch(text):
        return "no number"
    number = float(text)
    if not math.isfinite(number) or (column.type == "integer" and number != int(number)):
        return "no number"
    low, high = column.minimum, column.maximum
    if (low is not None and number < low) or (high is not None and number > high):
        return "out of its declared range"
    return ""
