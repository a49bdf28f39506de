"""A page as values: what it says, before anybody decided whether it is Markdown or a terminal.

Every text in it is as its author wrote it: only the two renderers make it harmless, and they make all of it so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Strong:
    """Words that must not be overlooked."""

    text: str


@dataclass(frozen=True, slots=True)
class Mono:
    """A name, a digest or a value, letter by letter."""

    text: str


Span = str | Strong | Mono
Text = str | Sequence[Span]


@dataclass(frozen=True, slots=True)
class Para:
    """One paragraph; ``quoted`` when they are somebody's own words, or an aside."""

    text: Text
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; of more than ``most`` items the rest is counted."""

    items: Sequence[Text]
    most: int = 30


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; columns in ``right`` hold numbers; of more than ``most`` rows the rest is counted."""

    header: Sequence[str]
    rows: Sequence[Sequence[Text]]
    right: Sequence[int] = ()
    most: int = 40


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines to copy or to read as they are: commands, a difference, a log."""

    lines: Sequence[str]
    language: str = ""
    most: int = 200


Plain = Para | Bullets | Grid | Listing


@dataclass(frozen=True, slots=True)
class Folded:
    """What only some readers want to see: ``title`` is always shown, the rest on demand."""

    title: str
    blocks: Sequence[Plain]


Block = Plain | Folded


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page that stays or goes as a whole; where there is no room, the highest ``weight`` goes first."""

    title: str
    blocks: Sequence[Block]
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its one-sentence answer, and its sections in the order in which they matter.

    ``whole`` says where a reader finds what had to be left out.
    """

    title: Text
    sections: Sequence[Section] = field(default_factory=tuple)
    whole: str = "the run's own files"
