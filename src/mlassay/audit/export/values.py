"""Values of people, taken from the files that manifests call personal, and found again wherever they stand."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mlassay.manifest import Column, Manifest

ROW = 12  # bytes; a shorter line says nothing of anybody by itself
TEXT = 4  # characters; a shorter word stands everywhere
CLOSED = 8  # bytes; what is shorter stands in any model by chance
DIGITS = 8  # significant digits; a shorter number is like any other

_WORD = re.compile(rb"[0-9A-Za-z\x80-\xff]+")
_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"(?!\s*:)')
_LETTER = re.compile(r"[^\W\d_]")
_NUMBER = re.compile(r"[-+]?[0-9]+(?:\.[0-9]+)?")
_SEPARATORS = ",;\t|"


@dataclass
class Values:
    """What is looked for: whole rows by their hash, and single values by their first word."""

    columns: Mapping[str, tuple[Column, ...]]
    rows: set[int] = field(default_factory=set)
    heads: set[bytes] = field(default_factory=set)
    words: dict[bytes, set[bytes]] = field(default_factory=dict)

    @classmethod
    def of(cls, manifests: Iterable[Manifest]) -> Values:
        """Nothing yet; ``manifests`` say which columns hold declared categories and numbers, and not words."""
        columns: dict[str, tuple[Column, ...]] = {}
        for manifest in manifests:
            for column in manifest.columns:
                columns[column.name] = (*columns.get(column.name, ()), column)
        return cls(columns)

    def add(self, data: bytes) -> None:
        """Learn the rows and the values of one personal file; only text can be learned from."""
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return
        lines = text.splitlines()
        self.heads.update(line.strip().encode() for line in lines[:1])
        for line in lines[1:]:
            if len(row := line.strip().encode()) >= ROW:
                self.rows.add(hash(row))
        for value in self._cells(text):
            raw = value.encode()
            if (first := _WORD.search(raw)) is not None:
                self.words.setdefault(first[0], set()).add(raw[first.start() :])

    def is_table(self, data: bytes) -> bool:
        """Whether ``data`` is a table with columns that a manifest declares, so that its values can be told apart."""
        names = _names(data.partition(b"\n")[0].decode("utf-8-sig", "replace"))[1]
        return len(names) > 1 and 2 * len(set(names) & self.columns.keys()) >= len(names)

    def found_in(self, data: bytes, *, closed: bool = False) -> bool:
        """Whether a row or a value stands in ``data``; ``closed`` bytes are no text, and short values stand there by chance."""
        for line in data.splitlines():
            row = line.strip()
            if len(row) >= ROW and hash(row) in self.rows and row not in self.heads:
                return True
        if not self.words:
            return False
        least = CLOSED if closed else 1
        return any(self._stands(data, word, least) for word in _WORD.finditer(data))

    def _stands(self, data: bytes, word: re.Match[bytes], least: int) -> bool:
        for value in self.words.get(word[0], ()):
            end = word.start() + len(value)
            if (
                len(value) >= least
                and data.startswith(value, word.start())
                and not _WORD.match(data[end : end + 1] or b" ")
            ):
                return True
        return False

    def _cells(self, text: str) -> Iterator[str]:
        head, _, _ = text.partition("\n")
        separator, names = _names(head)
        if (
            not set(names) & self.columns.keys()
        ):  # no table that a manifest describes: lines of JSON, free text
            yield from (value for value in _STRING.findall(text) if self._tells(value, ()))
            return
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        next(rows, None)
        try:
            for row in rows:
                for number, value in enumerate(row):
                    declared = self.columns.get(names[number], ()) if number < len(names) else ()
                    if self._tells(value.strip(), declared):
                        yield value.strip()
        except csv.Error:  # a field without an end: its rows are known, whole
            return

    def _tells(self, value: str, declared: tuple[Column, ...]) -> bool:
        """Whether finding ``value`` elsewhere says that somebody of this file is meant."""
        if any(value in column.values for column in declared) or value in self.columns:
            return False
        if _NUMBER.fullmatch(value):
            return len(value.lstrip("-+0.").replace(".", "").rstrip("0")) >= DIGITS
        return len(value) >= TEXT and _LETTER.search(value) is not None


def _names(head: str) -> tuple[str, list[str]]:
    """The separator and the column names of a table's first line."""
    separator = max(_SEPARATORS, key=head.count)
    try:
        return separator, [name.strip() for name in next(csv.reader([head], delimiter=separator), [])]
    except csv.Error:
        return separator, []
