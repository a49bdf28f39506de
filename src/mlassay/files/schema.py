"""The JSON Schemas of every file that people write, and what is wrong with a document, in plain words."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files as package_files
from typing import Any

from mlassay.errors import Problem
from mlassay.files._fits import Fits, made
from mlassay.files.document import Document, Pointer, dotted

MOST = 50  # problems of one file that are worth printing

_TYPES = {
    "object": "a mapping ('key: value' lines)",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "null": "empty",
}


def schema_names() -> tuple[str, ...]:
    """The files that have a schema: ``environment``, ``manifest``, ``ml``, ``people``, ``policy``."""
    folder = package_files("mlassay") / "schemas"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name[:-5] for name in names if name.endswith(".json") and not name.startswith("_")))


@cache
def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a kind of file, whole in itself. Treat it as frozen."""
    folder = package_files("mlassay") / "schemas"
    value: dict[str, Any] = json.loads((folder / f"{name}.json").read_text("utf-8"))
    if name in ("ml", "policy"):
        value["$defs"] = _criteria() | value.get("$defs", {})
    return value


def _criteria() -> dict[str, Any]:
    """Gate criteria stand in ml.yaml and in policy's floors: written once, a file for each gate, printed in both."""
    folder = package_files("mlassay") / "schemas"
    definitions: dict[str, Any] = json.loads((folder / "_criteria.json").read_text("utf-8"))["$defs"]
    entries = sorted((folder / "gates").iterdir(), key=lambda entry: entry.name)
    definitions["gates"]["properties"] = {
        entry.name.removesuffix(".json"): json.loads(entry.read_text("utf-8")) for entry in entries
    }
    return definitions


def check(document: Document, schema_name: str) -> list[Problem]:
    """Every way in which ``document`` is not what its schema says, or not written yet (``TODO``); else empty."""
    fits = _fits(schema_name)
    if fits is not None and fits(document.value) and not _anything_to_do(document.value):
        return []
    errors = (
        each for each in _validator(schema_name).iter_errors(document.value) if not _to_do(each.instance)
    )
    problems = [problem for error in errors for problem in _say(document, error)]
    problems += _unwritten(document, (), document.value)
    problems.sort(key=lambda problem: problem.line or 0)
    if len(problems) > MOST:
        rest = Problem(f"and {len(problems) - MOST} more problems", path=document.path)
        return [*problems[:MOST], rest]
    return problems


def _to_do(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip().startswith("TODO")


def _anything_to_do(value: Any) -> bool:
    if isinstance(value, str):
        return "TODO" in value and _to_do(value)
    if isinstance(value, Mapping):
        return any(map(_anything_to_do, value.values()))
    return isinstance(value, list) and any(map(_anything_to_do, value))


def _unwritten(document: Document, at: Pointer, value: Any) -> Iterator[Problem]:
    if _to_do(value):
        yield document.problem(
            at,
            f"'{dotted(at)}' is not written yet: {value.strip()[:100]}",
            "only a person can know this, and those who judge the model will rely on it",
            "replace the TODO by the answer, in your own words",
        )
    parts = (
        value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, item in parts:
        yield from _unwritten(document, (*at, key), item)


@cache
def _fits(name: str) -> Fits | None:
    return made(schema(name))


@cache
def _validator(name: str) -> Any:
    from jsonschema import Draft202012Validator, ValidationError, validators

    def pattern(_: Any, wanted: str, instance: Any, __: Any) -> Iterator[ValidationError]:
        # Python's $ also matches before a newline at the end: "dana\n" is not "dana".
        if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", wanted), instance):
            yield ValidationError(f"{instance!r} does not match {wanted!r}")

    strict: Any = validators.extend(Draft202012Validator, {"pattern": pattern})  # type: ignore[no-untyped-call]
    return strict(schema(name))


def _say(document: Document, error: Any) -> Iterator[Problem]:
    at = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        yield from _unknown_keys(document, at, error)
    elif error.validator == "required":
        yield from _missing_key(document, at, error)
    elif error.validator in ("oneOf", "anyOf"):
        yield document.problem(
            at, f"{_name(at)} is none of what it may be", _why(error), _alternatives(error)
        )
    else:
        what, remedy = _WORDS.get(error.validator, _other)(error)
        yield document.problem(at, f"{_name(at)} {what}", _why(error), remedy)


def _unknown_keys(document: Document, at: tuple[str | int, ...], error: Any) -> Iterator[Problem]:
    known = sorted(error.schema.get("properties", {}))
    for key in error.instance:
        if key in known:
            continue
        near = get_close_matches(key, known, n=1, cutoff=0.6)
        hint = f"did you mean '{near[0]}'? " if near else ""
        yield document.problem(
            (*at, key),
            f"unknown key '{dotted((*at, key))}'",
            "a key that nothing reads would look as if it held",
            f"{hint}known here: {', '.join(known)}",
        )


def _missing_key(document: Document, at: tuple[str | int, ...], error: Any) -> Iterator[Problem]:
    for key in error.validator_value:
        if key in error.instance or f"'{key}' is a required property" != error.message:
            continue
        described = error.schema.get("properties", {}).get(key, {})
        yield document.problem(
            at,
            f"the key '{dotted((*at, key))}' is missing",
            str(described.get("description", "")),
            f"add '{key}: …'" + (f" below '{dotted(at)}'" if at else ""),
        )


def _name(at: tuple[str | int, ...]) -> str:
    return dotted(at) if at else "the file"


def _why(error: Any) -> str:
    return str(error.schema.get("description", ""))


def _shown(value: Any) -> str:
    """A value as it stands in the file, short; never a key's or a secret's full text."""
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else text[:37] + '..."'


def _type(error: Any) -> tuple[str, str]:
    wanted = error.validator_value
    names = [wanted] if isinstance(wanted, str) else list(wanted)
    words = " or ".join(_TYPES[name] for name in names)
    value, remedy = error.instance, ""
    if "string" in names and isinstance(value, bool | int | float):
        spelt = str(value).lower() if isinstance(value, bool) else value
        remedy = f'quote it: "{spelt}"'
    elif (
        "boolean" in names
        and isinstance(value, str)
        and value.lower() in ("yes", "no", "on", "off", "y", "n")
    ):
        remedy = f"write {'true' if value.lower() in ('yes', 'on', 'y') else 'false'}: '{value}' is text in YAML 1.2"
    elif {"number", "integer"} & set(names) and isinstance(value, str):
        remedy = (
            "write it as a plain decimal number, without quotes, underscores, colons, or leading zeros; "
            "infinite and not-a-number are no numbers here"
        )
    elif value is None:
        return f"must be {words}, but nothing is written there", "write it, or delete the key"
    return f"must be {words}, not {_shown(value)}", remedy


def _enum(error: Any) -> tuple[str, str]:
    allowed = [str(value) for value in error.validator_value]
    near = get_close_matches(str(error.instance), allowed, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return f"is {_shown(error.instance)}", f"{hint}write one of: {', '.join(allowed)}"


def _pattern(error: Any) -> tuple[str, str]:
    example = error.schema.get("examples", [])
    remedy = f"write it like {_shown(example[0])}" if example else f"it must match {error.validator_value}"
    return f"is {_shown(error.instance)}, which is not how it is spelt", remedy


def _too_few(error: Any) -> tuple[str, str]:
    return f"needs at least {error.validator_value}", "name what belongs there, or delete the key"


def _bound(words: str) -> Any:
    def say(error: Any) -> tuple[str, str]:
        return f"is {_shown(error.instance)}; it must be {words} {error.validator_value}", ""

    return say


def _other(error: Any) -> tuple[str, str]:
    return f"is not as it must be: {str(error.message)[:120]}", ""


_WORDS: dict[str, Any] = {
    "type": _type,
    "enum": _enum,
    "const": lambda error: (f"is {_shown(error.instance)}", f"write {_shown(error.validator_value)}"),
    "pattern": _pattern,
    "minItems": _too_few,
    "minProperties": _too_few,
    "maxProperties": lambda error: (
        f"has more than {error.validator_value} keys",
        "keep the one that is meant",
    ),
    "minLength": lambda _: ("says nothing", "write it in your own words"),
    "maxLength": lambda error: (f"is longer than {error.validator_value} characters", "shorten it"),
    "maxItems": lambda error: (f"has more than {error.validator_value} entries", "shorten it"),
    "uniqueItems": lambda _: ("names something twice", "name each once"),
    "minimum": _bound("at least"),
    "maximum": _bound("at most"),
    "exclusiveMinimum": _bound("more than"),
    "exclusiveMaximum": _bound("less than"),
}


def _alternatives(error: Any) -> str:
    titles = [str(option.get("title", "")) for option in error.validator_value]
    return "write " + ", or ".join(title for title in titles if title)
