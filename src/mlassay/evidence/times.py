"""Times in records: RFC 3339 in UTC, whole seconds, one spelling."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from mlassay.errors import EvidenceError, Problem

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def time_string(when: datetime) -> str:
    """``2026-11-20T12:00:00Z``; ``when`` must know its zone, and loses its fraction of a second."""
    if when.tzinfo is None:
        raise ValueError("a time without a zone cannot be written down")
    if when.tzinfo is not UTC:
        when = when.astimezone(UTC)
    return when.isoformat(timespec="seconds").replace("+00:00", "Z")


def parse_time(text: object, path: str) -> datetime:
    """The time that `time_string` wrote; EvidenceError that names ``path`` for any other spelling."""
    if isinstance(text, str) and _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass  # the 31st of February: told below like every other text that is no time
    raise EvidenceError(
        Problem(f"{text!r} is not a time", why="records hold times as 2026-11-20T12:00:00Z only", path=path)
    )
