"""JSON that people or other programs hand us, read as strictly as YAML."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from mlassay.errors import ConfigurationError, Problem
from mlassay.files.document import Document, decode

MAX_DEPTH = 24

_SURROGATE = re.compile("[\ud800-\udfff]")


def read_json(path: str, data: bytes) -> Document:
    """The value of a JSON file; lines are not kept. ConfigurationError for duplicate keys, NaN, depth and the like."""
    text = decode(path, data)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant,
            parse_float=_fraction,
            parse_int=_integer,
        )
        _bound(value, 0)
    except json.JSONDecodeError as error:
        raise _refusal(path, f"this is not JSON: {error.msg.lower()}", error.lineno) from error
    except (ValueError, RecursionError) as error:
        what = "values lie too deep" if isinstance(error, RecursionError) else str(error)
        raise _refusal(path, what, None) from error
    return Document(path, value, {(): 1})


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for key, item in pairs:
        if key in value:
            raise ValueError(f"the key {key!r} stands twice in one object")
        value[key] = item
    return value


def _constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number that JSON has")


def _fraction(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text[:40]} is too large a number")
    return number


def _integer(text: str) -> int:
    if len(text) > 19:
        raise ValueError(f"{text[:40]} is too large a number")
    return int(text)


def _bound(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"values lie more than {MAX_DEPTH} levels deep")
    if isinstance(value, str) and _SURROGATE.search(value):
        raise ValueError("a text holds half of a character (an unpaired surrogate)")
    if isinstance(value, dict):
        for key, item in value.items():
            _bound(key, depth)
            _bound(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _bound(item, depth + 1)


def _refusal(path: str, what: str, line: int | None) -> ConfigurationError:
    return ConfigurationError(
        Problem(what, remedy="write it again with the program that made it", path=path, line=line)
    )
