"""What somebody typed, found among what a chronicle knows: exactly, by a unique beginning, or an error with what is near."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

from mlassay.errors import ConfigurationError, Problem

SHORTEST = 4
"""Characters of a digest or an id that are taken for a beginning of it."""
SHOWN = 8


def beginnings(asked: str, known: Iterable[str]) -> list[str]:
    """The names that ``asked`` is, else those that it begins (``sha256:`` may be left away), sorted."""
    names = sorted(set(known))
    plain = asked.removeprefix("sha256:")
    exact = [name for name in names if asked == name or plain == name.removeprefix("sha256:")]
    if exact or len(plain) < SHORTEST:
        return exact
    return [name for name in names if name.removeprefix("sha256:").startswith(plain)]


def unknown(kind: str, asked: str, known: Collection[str], remedy: str = "") -> ConfigurationError:
    """The error for a name that nothing here has, with those that are near it."""
    near = get_close_matches(asked, known, n=SHOWN, cutoff=0.5) or sorted(known)[:SHOWN]
    told = (
        f"known are, among {len(known)}: {', '.join(near)}"
        if known
        else "nothing of this kind was recorded here: go to the right repository, or name it with -C DIR"
    )
    return ConfigurationError(
        Problem(f"no {kind} {asked[:200]!r} is known on this main line", remedy=remedy or told)
    )


def ambiguous(kind: str, asked: str, found: Collection[str]) -> ConfigurationError:
    """The error for a beginning that more than one name has."""
    told = ", ".join(sorted(found)[:SHOWN]) + (
        f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    )
    return ConfigurationError(
        Problem(
            f"{asked[:200]!r} is the beginning of {len(found)} {kind}s",
            why="a trace is of one thing; a guess would be an answer about another",
            remedy=f"write more of it: {told}",
        )
    )
