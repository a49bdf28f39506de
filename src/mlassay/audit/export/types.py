"""What an export holds, as frozen values; the pages are written from these."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

PROFILES = ("full", "redacted", "ai-act", "model-risk")


@dataclass(frozen=True, slots=True)
class PlainFile:
    """A file as it stands at the commit: its path, where it is ``stored``, git ``mode`` and blob id, bytes."""

    path: str
    stored: str
    mode: str
    blob: str
    size: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file of the history that the export does not hold, wherever it stood, and why; ``digest`` "" if unread."""

    blob: str
    paths: tuple[str, ...]
    size: int
    digest: str
    why: str


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """One people.yaml of the history (``blob``), the commit that brought it, and the files made from it."""

    blob: str
    commit: str
    since: datetime
    files: dict[str, bytes] = field(default_factory=dict)
    keyless: bool = False


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading of a framework: what is there for it (path, digest, what it shows), and what is not, in plain words."""

    number: str
    title: str
    asks: str
    found: tuple[tuple[str, str, str], ...]
    gaps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """What is there, put under the headings of a framework; ``source`` is the text that was read, and when."""

    title: str
    source: str
    about: tuple[str, ...]
    headings: tuple[Heading, ...]


@dataclass(frozen=True, slots=True)
class Running:
    """What an environment runs at the commit."""

    environment: str
    release: str
    since: datetime
    promotion: str
    state: str


@dataclass(frozen=True, slots=True)
class Export:
    """Everything that goes into one export, before a page is written or a byte copied.

    ``missing`` are commits beside the line that a redacted export does not hold; ``told`` are commits whose messages
    hold a value that a manifest calls personal.
    """

    profile: str
    commit: str
    tree: str
    date: datetime
    name: str
    files: tuple[PlainFile, ...]
    keys: tuple[KeyVersion, ...]
    running: tuple[Running, ...]
    left_out: tuple[LeftOut, ...] = ()
    missing: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    mapping: Mapping | None = None
    demo: bool = False

    @property
    def redacted(self) -> bool:
        """Whether it holds the line alone, without what manifests call personal."""
        return self.profile != "full"

    @property
    def here(self) -> tuple[PlainFile, ...]:
        """The plain files that the export really holds."""
        gone = {one.blob for one in self.left_out}
        return tuple(file for file in self.files if file.blob not in gone)
