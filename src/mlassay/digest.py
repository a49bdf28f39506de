"""Digests as ``algorithm:hex``, and the one canonical form of the JSON that machines sign."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from functools import lru_cache
from json.encoder import encode_basestring
from pathlib import Path
from typing import Any

from mlassay.errors import EvidenceError, Problem

CHUNK = 1 << 20
_CONSTANTS = {None: "null", True: "true", False: "false"}


def sha256(data: bytes) -> str:
    """``sha256:<hex>`` of bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def sha256_file(path: Path) -> tuple[str, int]:
    """``(sha256:<hex>, size in bytes)`` of a file, read in pieces."""
    hasher, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            hasher.update(piece)
            size += len(piece)
    return "sha256:" + hasher.hexdigest(), size


def bare(digest: str) -> str:
    """The hex part of ``algorithm:hex``."""
    return digest.partition(":")[2]


def short(digest: str) -> str:
    """The first eight hex digits, as people read them."""
    return bare(digest)[:8]


def canonical(value: Any) -> bytes:
    """Bytes of ``value`` as canonical JSON: UTF-8, sorted keys, two spaces, newline at the end, no floats.

    Floats have more than one spelling, so a number that is not an integer is written as a decimal
    string (`decimal_string`). Raises TypeError for a float and for anything that JSON does not have.
    """
    parts: list[str] = []
    _write(value, "\n", parts)
    return "".join(parts).encode("utf-8") + b"\n"


def parse_canonical(data: bytes, path: str) -> Any:
    """The value of canonical JSON; EvidenceError that names ``path`` when the bytes are any other spelling."""
    try:
        # A key that stands twice is written once, so that the bytes differ: only then is it looked for, to say so.
        value = json.loads(data.decode("utf-8"))
        same = canonical(value) == data
        if not same:
            json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates)
    except (ValueError, TypeError, RecursionError) as error:
        raise EvidenceError(_not_canonical(path, str(error))) from error
    if not same:
        raise EvidenceError(_not_canonical(path, "the bytes are another spelling of the same value"))
    return value


def same_json(one: Any, other: Any) -> bool:
    """Whether two values, one of them from `parse_canonical`, would be written as the same canonical JSON.

    Not what ``==`` says, to which true is 1. By json's own writer without indentation, which is not Python but C.
    """
    return _compact(one) == _compact(other)


_compact = json.JSONEncoder(sort_keys=True, ensure_ascii=False, allow_nan=False).encode


_WIDE = Context(prec=1000, rounding=ROUND_HALF_EVEN)  # any float, with as many places as anybody prints


def decimal_string(number: float, places: int = 6) -> str:
    """A finite number as a decimal string, rounded half to even; ``places`` digits, no negative zero."""
    rounded = Decimal(repr(float(number))).quantize(Decimal(1).scaleb(-places), context=_WIDE)
    return format(abs(rounded) if rounded == 0 else rounded, "f")


def without_floats(value: Any) -> Any:
    """``value`` as canonical JSON may hold it: each float as its own decimal spelling, not rounded."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, Mapping):
        return {str(key): without_floats(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_floats(item) for item in value]
    return value


def _write(value: Any, line: str, parts: list[str]) -> None:
    """Append the text of ``value``; ``line`` is a line's end and the indentation of the next.

    Exactly what ``json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2)`` writes, several times as quickly: with an
    indentation that is pure Python, and an audit writes each statement again.
    """
    if isinstance(value, str):
        parts.append(encode_basestring(value))
    elif value is None or value is True or value is False:
        parts.append(_CONSTANTS[value])
    elif isinstance(value, int):
        parts.append(int.__repr__(value))
    elif isinstance(value, dict):
        _write_mapping(value, line, parts)
    elif isinstance(value, list | tuple):
        inner, lead = line + "  ", "["
        if (plain := _plain(inner)) is not None and value and _PLAIN.issuperset(map(type, value)):
            parts += ("[", inner, "".join(plain(value, 0))[1:-1], line, "]")
            return
        for item in value:
            parts += (lead, inner)
            _write(item, inner, parts)
            lead = ","
        parts.append(f"{line}]" if value else "[]")
    elif isinstance(value, float):
        raise TypeError(f"canonical JSON holds no floats: write {value!r} as a decimal string")
    else:
        raise TypeError(f"canonical JSON holds no {type(value).__name__}")


def _write_mapping(value: dict[Any, Any], line: str, parts: list[str]) -> None:
    if not _TEXT.issuperset(map(type, value)):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON holds string keys only, not {key!r}")
    inner, lead = line + "  ", "{"
    if (plain := _plain(inner)) is not None and value and _PLAIN.issuperset(map(type, value.values())):
        parts += ("{", inner, "".join(plain(value, 0))[1:-1], line, "}")
        return
    for key in sorted(value):
        item = value[key]
        if type(item) is str:
            parts += (lead, inner, encode_basestring(key), ": ", encode_basestring(item))
        else:
            parts += (lead, inner, encode_basestring(key), ": ")
            _write(item, inner, parts)
        lead = ","
    parts.append(f"{line}}}" if value else "{}")


_TEXT = frozenset({str})
_PLAIN = frozenset(
    {str, int, bool, type(None)}
)  # not their subclasses, which json would ask for their values


@lru_cache(maxsize=64)
def _plain(separator: str) -> Callable[[Any, int], Iterable[str]] | None:
    """The writer in C of json, for what holds no other container, each item after ``separator``; None where there is no such."""
    make = getattr(json.encoder, "c_make_encoder", None)
    return make and make(None, _refuse, encode_basestring, None, ": ", f",{separator}", True, False, False)


def _refuse(value: Any) -> None:
    raise TypeError(f"canonical JSON holds no {type(value).__name__}")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return value


def _not_canonical(path: str, detail: str) -> Problem:
    return Problem(
        f"this is not canonical JSON ({detail})",
        why="a record has exactly one spelling, so that no byte of it can change unnoticed",
        remedy="take the file back from the commit that brought it in; do not edit records by hand",
        path=path,
    )
