"""One file of an upgrade: what the template was, what it is, and what the team made of it, into one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Did = Literal["added", "taken", "merged", "pins", "removed", "same", "kept", "conflict"]
Merge = Callable[[bytes, bytes, bytes], tuple[bytes, bool]]

CHANGED: frozenset[Did] = frozenset({"added", "taken", "merged", "pins", "removed"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of one file: ``data`` where it changes (None: it goes), ``why`` in words for people.

    ``collision`` is the text with markers around what collides; it is shown, and written nowhere. ``odd``: what
    stands there is a link or a folder, which nobody reads.
    """

    path: str
    did: Did
    why: str
    data: bytes | None = None
    collision: bytes = b""
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Sides:
    """The three sides of a file, pins apart, which all are the new ones: ``ours`` is the team's file, ``now`` the
    template's, ``base`` what the team took from it. None: there is no such file, or nobody knows its bytes.

    ``taken`` says whether the team took this file; None where nothing tells. ``was_here`` whether they ever had it.
    ``moved`` whether the team's file as it stands has other pins.
    """

    ours: bytes | None
    base: bytes | None
    now: bytes | None
    taken: bool | None
    was_here: bool
    moved: bool


def outcome(path: str, sides: Sides, merge: Merge) -> Outcome:
    """What an upgrade makes of one file of the template."""
    if sides.ours is None:
        return _absent(path, sides)
    if sides.now is None:
        return _dropped(path, sides)
    if sides.ours == sides.now:
        return _unmerged(path, sides, "same", "it is the template's")
    if sides.taken is False:
        return _unmerged(path, sides, "kept", "it is your own, and was never taken from the template")
    if sides.base is None:
        return Outcome(
            path, "conflict", "it differs from the template, and what you took from there is not known"
        )
    if sides.base == sides.ours:
        return Outcome(path, "taken", "you had not changed it", sides.now)
    if sides.base == sides.now:
        return _unmerged(path, sides, "kept", "the template has not changed it since, you have")
    merged, clean = merge(sides.ours, sides.base, sides.now)
    if not clean:
        return Outcome(path, "conflict", "you and the template changed the same lines", None, merged)
    return Outcome(path, "merged", "your changes and the template's, together", merged)


def chosen(path: str, sides: Sides, side: Literal["ours", "theirs"]) -> Outcome:
    """What becomes of a file of which people said whose version stands."""
    if side == "theirs":
        if sides.ours == sides.now:
            return _unmerged(path, sides, "same", "it is the template's")
        if sides.now is None:
            return Outcome(path, "removed", "as you asked: the template has it no more")
        return Outcome(path, "taken", "as you asked: your changes go", sides.now)
    if sides.ours is None:
        return Outcome(path, "kept", "as you asked: you have no such file")
    return _unmerged(path, sides, "kept", "as you asked")


def _absent(path: str, sides: Sides) -> Outcome:
    if sides.now is None:
        return Outcome(path, "same", "neither you nor the template has it any more")
    if sides.taken or sides.was_here:
        return Outcome(path, "kept", "you removed it")
    return Outcome(path, "added", "it is new in the template", sides.now)


def _dropped(path: str, sides: Sides) -> Outcome:
    if sides.base is not None and sides.base == sides.ours:
        return Outcome(path, "removed", "the template has it no more, and you had not changed it")
    return _unmerged(path, sides, "kept", "the template has it no more, but you have changed it")


def _unmerged(path: str, sides: Sides, did: Did, why: str) -> Outcome:
    """The team's file as it is, but for its pins."""
    if sides.moved:
        return Outcome(path, "pins", f"{why}; its pins move", sides.ours)
    return Outcome(path, did, why)
