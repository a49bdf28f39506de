"""Git's patterns for paths, matched in time that grows with the lengths alone: a hostile pattern cannot hold a reader up."""

from __future__ import annotations

import re
from functools import lru_cache

_PIECE = re.compile(r"(?:^|(?<=/))\*\*/|\*\*+/?|\*|\?|\\(.)|\[([!^]?\]?(?:[^\]\\]|\\.)*)\]|(.)", re.DOTALL)
_ANY, _DEEP, _FOLDERS = "*", "**", "**/"


def matches(pattern: str, path: str) -> bool:
    """Whether ``pattern`` matches all of ``path``: wildmatch as gitignore(5) tells it, with ``/`` held apart."""
    pieces = _pieces(pattern)
    states = _settled(pieces, {0})
    for sign in path:
        states = _settled(pieces, _step(pieces, states, sign))
        if not states:
            return False
    return len(pieces) in states


def _step(pieces: tuple[str, ...], states: set[int], sign: str) -> set[int]:
    """The places in the pattern that one more sign leads to; ``-at - 1`` is a place inside a folder of ``**/``."""
    found: set[int] = set()
    for at in states:
        piece = pieces[at] if 0 <= at < len(pieces) else ""
        if at < 0:
            found.add(-at - 1 if sign == "/" else at)
        elif piece == _FOLDERS:
            found |= {-at - 1} if sign != "/" else set()
        elif piece == _DEEP or (piece == _ANY and sign != "/"):
            found.add(at)
        elif piece and piece != _ANY and _takes(piece, sign):
            found.add(at + 1)
    return found


def _settled(pieces: tuple[str, ...], states: set[int]) -> set[int]:
    """The same with every place that can be reached by a piece that takes nothing."""
    found, waiting = set(states), list(states)
    while waiting:
        at = waiting.pop()
        if 0 <= at < len(pieces) and pieces[at] in (_ANY, _DEEP, _FOLDERS) and at + 1 not in found:
            found.add(at + 1)
            waiting.append(at + 1)
    return found


@lru_cache(maxsize=512)
def _pieces(pattern: str) -> tuple[str, ...]:
    found = []
    for match in _PIECE.finditer(pattern):
        text, plain, inner, other = match[0], match[1], match[2], match[3]
        if plain is not None:
            found.append("=" + plain)
        elif inner is not None:
            found.append("[" + inner)
        elif other is not None:
            found.append("=" + other)
        else:
            # git's versions disagree on asterisks in a row that no slash bounds: here they take what any of them takes.
            bounded = pattern[: match.start()][-1:] in ("", "/")
            folders = text == _FOLDERS and bounded
            found.append(_FOLDERS if folders else text if text in ("?", _ANY) else _DEEP)
    return tuple(found)


def _takes(piece: str, sign: str) -> bool:
    if piece[0] == "=":
        return sign == piece[1:]
    if sign == "/":
        return False
    return piece[0] == "?" or _in_class(piece[1:], sign)


def _in_class(inner: str, sign: str) -> bool:
    """Whether a sign is in a bracket expression; a range that runs backwards holds nothing."""
    negated = inner[:1] in ("!", "^")
    signs = re.findall(r"\\.|.", inner[negated:], re.DOTALL)
    plain = [each[-1] for each in signs]
    at, held = 0, False
    while at < len(plain):
        if at + 2 < len(plain) and signs[at + 1] == "-":
            held, at = held or plain[at] <= sign <= plain[at + 2], at + 3
        else:
            held, at = held or plain[at] == sign, at + 1
    return held is not negated
