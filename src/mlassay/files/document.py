"""A file's value together with the line of everything in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlassay.errors import ConfigurationError, Problem

LIMIT = 1 << 20

Pointer = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says: ``value`` is plain data, ``lines`` the 1-based line of each key and item by its pointer."""

    path: str
    value: Any
    lines: Mapping[Pointer, int]

    def line_of(self, pointer: Sequence[str | int]) -> int | None:
        """The line of a key or item; of the nearest thing around it where that itself is not there."""
        at = tuple(pointer)
        while at not in self.lines:
            if not at:
                return None
            at = at[:-1]
        return self.lines[at]

    def get(self, *pointer: str | int) -> Any:
        """The value at ``pointer``; None where the file has nothing there, or something of another shape."""
        value = self.value
        for part in pointer:
            if isinstance(value, Mapping) and isinstance(part, str):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value):
                value = value[part]
            else:
                return None
        return value

    def texts(self, *pointer: str | int) -> list[tuple[Pointer, str]]:
        """Each text of the list at ``pointer`` with its own pointer; what is no text is left out."""
        items = self.get(*pointer)
        if not isinstance(items, list):
            return []
        return [((*pointer, number), item) for number, item in enumerate(items) if isinstance(item, str)]

    def items(self, *pointer: str | int) -> list[tuple[str, Any]]:
        """Keys and values of the mapping at ``pointer``; empty where there is none."""
        found = self.get(*pointer)
        return list(found.items()) if isinstance(found, Mapping) else []

    def dotted_lines(self) -> dict[str, int]:
        """``lines`` by dotted path, as in ``gates.bias.selection_rate_ratio.min`` or ``train.data.0``."""
        return {dotted(pointer): line for pointer, line in self.lines.items() if pointer}

    def problem(self, pointer: Sequence[str | int], what: str, why: str = "", remedy: str = "") -> Problem:
        """A problem of this file at ``pointer``."""
        return Problem(what, why=why, remedy=remedy, path=self.path, line=self.line_of(pointer))


def dotted(pointer: Sequence[str | int]) -> str:
    """A pointer as people write it."""
    return ".".join(str(part) for part in pointer)


def decode(path: str, data: bytes) -> str:
    """The text of a file that people write: UTF-8 of at most 1 MiB, without characters that hide lines or order."""
    if len(data) > LIMIT:
        raise ConfigurationError(
            Problem(
                f"the file has {len(data):,} bytes; at most {LIMIT:,} are read",
                why="a file that people write and review is small; a huge one is a mistake or an attack",
                remedy="keep data in data files and name them in a manifest",
                path=path,
            )
        )
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            Problem(
                f"the file is not UTF-8 text (byte {error.start})",
                remedy="save it as UTF-8",
                path=path,
                line=data[: error.start].count(b"\n") + 1,
            )
        ) from error
    _refuse_deceiving(path, text)
    return text


# Characters that some programs take for a line end, or that turn the reading order round: a reviewer would see
# other text than a parser reads (https://trojansource.codes).
_DECEIVING = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]|\r(?!\n)"
)


def _refuse_deceiving(path: str, text: str) -> None:
    if found := _DECEIVING.search(text):
        before = text[: found.start()]
        column = found.start() - (before.rfind("\n") + 1) + 1
        raise ConfigurationError(
            Problem(
                f"the character U+{ord(found[0]):04X} at column {column} does not belong into this file",
                why="it cannot be seen, and makes people read another text than programs do",
                remedy="delete it",
                path=path,
                line=before.count("\n") + 1,
            )
        )
