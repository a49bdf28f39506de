"""Sizes, durations, dates and times as people write them."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")  # its spelling; `a_date` says whether there is such a day

TIME = re.compile(DAY.pattern + r"(?:T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:Z|[+-][0-9]{2}:[0-9]{2}))?")

_SECONDS = {"s": 1, "m": 60, "h": 3600}
_BYTES = {"B": 1} | {
    prefix + unit: base**power
    for base, unit in ((1000, "B"), (1024, "iB"))
    for power, prefix in enumerate("KMGT", start=1)
}
_QUANTITY = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?) ?([A-Za-z]+)")


def seconds(text: str) -> float:
    """``90s``, ``10m``, ``1.5h`` in seconds; ValueError for anything else, zero included."""
    return float(_quantity(text, _SECONDS, "a duration like 90s, 10m or 2h"))


def size_in_bytes(text: str) -> int:
    """``4GiB`` (powers of 1024), ``4GB`` (powers of 1000) in bytes; ValueError for anything else, zero included."""
    return int(_quantity(text, _BYTES, "a size like 512MiB or 4GiB"))


def a_date(text: str) -> date:
    """``2027-06-01``; ValueError when there is no such day."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:20]!r} is no day of the calendar (write it like 2027-06-01)") from None


def a_time(text: str, *, end_of_day: bool = False) -> datetime:
    """A date or a time with its zone, in UTC; a date alone is its first moment, or the moment after its last."""
    if len(text) == 10:
        day = datetime.combine(a_date(text), datetime.min.time(), tzinfo=UTC)
        return day + timedelta(days=1) if end_of_day else day
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:40]!r} is no time (write it like 2026-01-01T09:00:00Z)") from None
    if when.tzinfo is None:
        raise ValueError(f"{text[:40]!r} names no time zone (end it with Z for UTC)")
    return when.astimezone(UTC)


def _quantity(text: str, units: dict[str, int], like: str) -> Decimal:
    found = _QUANTITY.fullmatch(text)
    if found is None or found[2] not in units or Decimal(found[1]) == 0:
        raise ValueError(f"{text[:40]!r} is not {like}")
    return Decimal(found[1]) * units[found[2]]
