"""Text of strangers made harmless to the eye, and times in one spelling, whatever the machine's language."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, date, datetime
from itertools import groupby

LIMIT = 4000
"""Characters of one text that a page shows; the file in git has all of it."""

_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_STACKED = 4  # more marks on one letter than any script needs
_QUIET = re.compile(r"[\x20-\x7e\n\t]*")
_MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)  # no locale is asked


def shown(text: str, limit: int = LIMIT) -> str:
    """``text`` with control, direction and invisible characters spelt as ``[U+202E]``, at most ``limit`` long.

    Newlines and tabs stay. What was cut is said at the end.
    """
    cut = text[:limit]
    if not _QUIET.fullmatch(cut):
        cut = "".join(_visible(char) for char in _unstacked(cut))
    if len(text) > limit:
        cut += f" […cut here: {len(text) - limit} more characters stand in the file]"
    return cut


def day(when: date) -> str:
    """``21 November 2026``."""
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def moment(when: datetime) -> str:
    """``21 November 2026, 18:40 UTC``."""
    utc = when.astimezone(UTC)
    return f"{day(utc)}, {utc.hour:02}:{utc.minute:02} UTC"


def machine(when: date) -> str:
    """The same for machines: ``2026-11-21T18:40:33Z``, or the day."""
    if isinstance(when, datetime):
        utc = when.astimezone(UTC)
        return f"{utc.year:04}-{utc.month:02}-{utc.day:02}T{utc.hour:02}:{utc.minute:02}:{utc.second:02}Z"
    return when.isoformat()


def span(start: datetime, end: datetime) -> str:
    """How long, in the largest unit that fits: ``3 days``."""
    seconds = max(0, int((end - start).total_seconds()))
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size:
            number = seconds // size
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return "under a minute"


def sentence(words: str) -> str:
    """``words`` with a capital letter at the front, unless a command stands there."""
    if words.startswith(("git ", "mlassay ")):
        return words
    return words[:1].upper() + words[1:]


def listed(words: list[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _visible(char: str) -> str:
    if char in "\n\t" or unicodedata.category(char) not in _HIDDEN:
        return char
    return f"[U+{ord(char):04X}]"


def _unstacked(text: str) -> str:
    """At most `_STACKED` marks on one letter: more would run over the lines above and below."""
    if not any(map(unicodedata.combining, text)):
        return text
    parts = []
    for marks, run in groupby(text, lambda char: unicodedata.combining(char) != 0):
        chars = "".join(run)
        extra = len(chars) - _STACKED
        parts.append(f"{chars[:_STACKED]}[{extra} more marks]" if marks and extra > 0 else chars)
    return "".join(parts)
