"""Whether a value holds to a schema, by functions made of the schema once: quick, and without a word why not.

An audit holds tens of thousands of records against a few schemas. A value that does not fit, or a schema with a keyword
that is not known here, goes to jsonschema, which says what is wrong (`mlassay.files.schema`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sized
from typing import Any

Fits = Callable[[Any], bool]

_SILENT = frozenset(
    {
        "$schema",
        "$id",
        "$defs",
        "title",
        "description",
        "examples",
        "required",
        "additionalProperties",
        "then",
    }
)
_DEFINED = "#/$defs/"
_DEEPEST = 16  # references within references; one that names itself has no end
# 1.0 as a whole number is left to jsonschema: the same number has more than one spelling.
_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}
_PLAIN = (str, int, bool, type(None))


class _Unknown(Exception):  # noqa: N818  says what was found
    """The schema says something that is not known here."""


def made(schema: Any) -> Fits | None:
    """What tells whether a value from JSON fits, and is true of none that jsonschema refuses; None where only jsonschema can."""
    try:
        return _made(_whole(schema, schema.get("$defs", {}) if isinstance(schema, dict) else {}))
    except _Unknown:
        return None


def _whole(schema: Any, defined: Mapping[str, Any], depth: int = 0) -> Any:
    """The schema with what each reference names put in its place."""
    if isinstance(schema, list):
        return [_whole(each, defined, depth) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {name: each if name == "$defs" else _whole(each, defined, depth) for name, each in schema.items()}
    if isinstance(name := found.get("$ref"), str):
        target = defined.get(name.removeprefix(_DEFINED)) if name.startswith(_DEFINED) else None
        if target is None or depth == _DEEPEST:
            raise _Unknown
        del found["$ref"]
        found["allOf"] = [*found.get("allOf", ()), _whole(target, defined, depth + 1)]
    return found


def _made(schema: Any) -> Fits:
    if not isinstance(schema, dict) or not schema.keys() <= _SILENT | _TESTS.keys():
        raise _Unknown
    tests = tuple(test(schema[name], schema) for name, test in _TESTS.items() if name in schema)
    if schema.keys() & {"required", "additionalProperties"} and "properties" not in schema:
        tests = (*tests, _members(schema.get("properties", {}), schema))
    if len(tests) == 1:
        return tests[0]

    def fits(value: Any) -> bool:
        for test in tests:  # noqa: SIM110  a generator costs more than most tests
            if not test(value):
                return False
        return True

    return fits


def _type(names: Any, _: Any) -> Fits:
    listed = [names] if isinstance(names, str) else names
    if not _TYPES.keys() >= set(listed):
        raise _Unknown
    types = frozenset(kind for name in listed for kind in _TYPES[name])
    return lambda value: type(value) in types


def _among(values: list[Any], _: Any) -> Fits:
    if not all(type(value) in _PLAIN for value in values):
        raise _Unknown
    known = frozenset((type(value), value) for value in values)
    return lambda value: type(value) in _PLAIN and (type(value), value) in known


def _pattern(pattern: str, _: Any) -> Fits:
    # As jsonschema is told in `mlassay.files.schema`: $ is the end, not also before a newline at the end.
    search = re.compile(re.sub(r"\$$", r"\\Z", pattern)).search
    return lambda value: type(value) is not str or search(value) is not None


def _at_least(kind: type[Sized]) -> Callable[[int, Any], Fits]:
    return lambda bound, _: lambda value: type(value) is not kind or len(value) >= bound


def _at_most(kind: type[Sized]) -> Callable[[int, Any], Fits]:
    return lambda bound, _: lambda value: type(value) is not kind or len(value) <= bound


def _minimum(bound: float, _: Any) -> Fits:
    return lambda value: type(value) in _TYPES["number"] and value >= bound


def _maximum(bound: float, _: Any) -> Fits:
    return lambda value: type(value) in _TYPES["number"] and value <= bound


def _more(bound: float, _: Any) -> Fits:
    return lambda value: type(value) in _TYPES["number"] and value > bound


def _less(bound: float, _: Any) -> Fits:
    return lambda value: type(value) in _TYPES["number"] and value < bound


def _items(schema: Any, _: Any) -> Fits:
    fits = _made(schema)
    return lambda value: type(value) is not list or all(map(fits, value))


def _unique(wanted: bool, _: Any) -> Fits:
    if wanted is not True:
        raise _Unknown
    # Values that are no text go to jsonschema: to it 1 and 1.0 are the same, and true is not 1.
    return lambda value: (
        type(value) is not list
        or (all(type(item) is str for item in value) and len(set(value)) == len(value))
    )


def _any(schemas: list[Any], _: Any) -> Fits:
    ways = [_made(schema) for schema in schemas]
    return lambda value: any(fits(value) for fits in ways)


def _all(schemas: list[Any], _: Any) -> Fits:
    tests = [_made(schema) for schema in schemas]
    return lambda value: all(fits(value) for fits in tests)


def _one(schemas: list[Any], _: Any) -> Fits:
    """Exactly one: what does not fit might be taken by jsonschema all the same, so only plain lists of keys are told apart."""
    if not all(each.keys() <= {"required", "title", "description"} for each in schemas):
        raise _Unknown
    ways = [frozenset(each.get("required", ())) for each in schemas]
    return lambda value: type(value) is dict and sum(value.keys() >= way for way in ways) == 1


def _where(condition: Any, schema: Mapping[str, Any]) -> Fits:
    """``then`` where ``if`` holds: what does not fit might hold for jsonschema all the same, so only lists of keys are known."""
    if "else" in schema or not condition.keys() <= {"required"}:
        raise _Unknown
    wanted, fits = frozenset(condition.get("required", ())), _made(schema.get("then", {}))
    return lambda value: (type(value) is dict and not value.keys() >= wanted) or fits(value)


def _names(schema: Any, _: Any) -> Fits:
    fits = _made(schema)
    return lambda value: type(value) is not dict or all(map(fits, value))


def _members(properties: Mapping[str, Any], schema: Mapping[str, Any]) -> Fits:
    known = {name: _made(each) for name, each in properties.items()}
    required, more = frozenset(schema.get("required", ())), schema.get("additionalProperties", True)
    if more not in (True, False) and not isinstance(more, dict):
        raise _Unknown
    other: Fits = (lambda _: more) if isinstance(more, bool) else _made(more)

    def fits(value: Any) -> bool:
        if type(value) is not dict:
            return True
        if not value.keys() >= required:
            return False
        for name, item in value.items():  # noqa: SIM110  the same
            if not known.get(name, other)(item):
                return False
        return True

    return fits


_TESTS: Mapping[str, Callable[[Any, Any], Fits]] = {
    "type": _type,
    "const": lambda value, schema: _among([value], schema),
    "enum": _among,
    "minLength": _at_least(str),
    "maxLength": _at_most(str),
    "pattern": _pattern,
    "minimum": _minimum,
    "maximum": _maximum,
    "exclusiveMinimum": _more,
    "exclusiveMaximum": _less,
    "minItems": _at_least(list),
    "maxItems": _at_most(list),
    "uniqueItems": _unique,
    "items": _items,
    "minProperties": _at_least(dict),
    "maxProperties": _at_most(dict),
    "propertyNames": _names,
    "properties": _members,
    "anyOf": _any,
    "allOf": _all,
    "oneOf": _one,
    "if": _where,
}
