"""Commit messages: the story for people, and trailers for tools that do not decide anything by them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from textwrap import fill

WIDTH = 76
LONGEST = 300
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def one_line(text: str, limit: int = LONGEST) -> str:
    """What somebody wrote, on one line and without what is invisible, so that it cannot write a trailer of its own."""
    seen = "".join(" " if unicodedata.category(c) in _HIDDEN else c for c in text[: 4 * limit])
    seen = " ".join(seen.split()).replace("##[", "# #[")  # which CI runners obey anywhere in a line
    return seen if len(seen) <= limit else seen[: limit - 1] + "…"


def message(
    subject: str, paragraphs: Sequence[str], points: Iterable[str], trailers: Iterable[tuple[str, str]]
) -> str:
    """Subject, paragraphs of our own words, points with words of others (one line each), trailers."""
    parts = [
        one_line(subject),
        *(fill(one_line(text, 2000), WIDTH, break_on_hyphens=False) for text in paragraphs),
    ]
    parts.append("\n".join(f"- {one_line(point)}" for point in points))
    parts.append("\n".join(f"{key}: {one_line(value)}" for key, value in trailers))
    return "\n\n".join(part for part in parts if part) + "\n"


def listed(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
