from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlassay.files._fits import made
from mlassay.files.schema import _validator, schema, schema_names

RECORDS = (
    "approval",
    "refusal",
    "request",
    "change",
    "withdrawal",
    "waiver",
    "anchor",
    "release",
    "environment",
    "people",
    "policy",
    "manifest",
    "ml",
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 200),
    st.sampled_from([0.5, 1.0, 100.0]),
    st.sampled_from(
        ["", "dana", "dana\n", "production", "20261121-5e6f7a8b", "a" * 40, "sha256:" + "0" * 64]
    ),
    st.text(max_size=8),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "x-y"]), inner, max_size=3)
    ),
    max_leaves=6,
)


def jsonschema_takes(name: str, value: Any) -> bool:
    return not any(_validator(name).iter_errors(value))


@st.composite
def like(draw: st.DrawFn, part: dict[str, Any]) -> Any:
    """A value that is mostly as the schema says, so that most tests of it are reached."""
    if draw(st.integers(0, 30)) == 0:
        return draw(values)
    if "const" in part:
        return draw(st.sampled_from([part["const"], part["const"], True, 1.0]))
    if "enum" in part:
        return draw(st.sampled_from(part["enum"]))
    if "$ref" in part:
        return draw(like(schema("ml")["$defs"][part["$ref"].removeprefix("#/$defs/")]))
    if "anyOf" in part:
        return draw(like(draw(st.sampled_from(part["anyOf"]))))
    kinds = part.get("type", "null")
    kind = draw(st.sampled_from([kinds] if isinstance(kinds, str) else kinds))
    if kind == "object":
        found = {key: draw(like(each)) for key, each in part.get("properties", {}).items()}
        if found and draw(st.integers(0, 9)) == 0:
            del found[draw(st.sampled_from(sorted(found)))]
        more = part.get("additionalProperties", True)
        if draw(st.integers(0, 9)) == 0 or isinstance(more, dict):
            found[draw(st.sampled_from(["a", "dana", "Not so"]))] = draw(
                like(more) if isinstance(more, dict) else values
            )
        return found
    if kind == "array":
        return draw(st.lists(like(part.get("items", {})), max_size=3))
    if kind == "string":
        return draw(st.sampled_from(part["examples"]) if part.get("examples") else scalars)
    return draw(st.integers(-1, 101)) if kind in ("integer", "number") else draw(scalars)


@pytest.mark.parametrize("name", RECORDS)
def test_what_fits_is_what_jsonschema_takes(name: str) -> None:
    fits = made(schema(name))
    assert fits is not None

    @settings(max_examples=60, deadline=None, database=None)
    @given(like(schema(name)))
    def hold(value: Any) -> None:
        value = json.loads(json.dumps(value))
        assert not fits(value) or jsonschema_takes(name, value)

    hold()


@pytest.mark.parametrize(
    ("part", "good", "bad"),
    [
        ({"const": 1}, 1, True),
        ({"type": "integer", "maximum": 3}, 3, 4),
        ({"type": "integer", "minimum": 3}, 3, 2),
        ({"type": "string", "pattern": "^a$"}, "a", "a\n"),
        ({"type": "string", "minLength": 1, "maxLength": 2}, "ab", "abc"),
        ({"type": "array", "items": {"type": "string"}, "uniqueItems": True}, ["a", "b"], ["a", "a"]),
        ({"type": "array", "minItems": 1, "maxItems": 1}, [1], []),
        ({"type": "object", "propertyNames": {"pattern": "^a"}}, {"a": 1}, {"b": 1}),
        ({"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"]}, {"a": None}, {}),
        ({"type": "object", "properties": {}, "additionalProperties": False}, {}, {"a": 1}),
        ({"type": "object", "additionalProperties": {"type": "string"}}, {"a": "b"}, {"a": 1}),
        ({"type": "object", "additionalProperties": False}, {}, {"a": 1}),
        ({"type": "object", "required": ["a"]}, {"a": 1}, {}),
        ({"anyOf": [{"type": "null"}, {"type": "boolean"}]}, None, 0),
        ({"enum": ["a", False]}, False, 0),
        ({"type": "number"}, 0.5, True),
        ({"type": "number", "minimum": 0, "maximum": 1}, 0.5, 1.5),
        ({"exclusiveMinimum": 0}, 0.1, 0),
        ({"exclusiveMaximum": 1}, 0.9, 1.0),
        ({"allOf": [{"type": "number"}, {"minimum": 1}]}, 1.5, 0.5),
        ({"oneOf": [{"required": ["a"]}, {"required": ["b"]}]}, {"a": 1}, {"a": 1, "b": 1}),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"c": 1}, {"a": 1}),
        ({"if": {"required": ["a"]}, "then": {"type": "object"}}, {"a": 1}, "a"),
        ({"$defs": {"x": {"type": "string"}}, "items": {"$ref": "#/$defs/x"}}, ["a"], [1]),
        ({"$defs": {"x": {"type": "string"}}, "$ref": "#/$defs/x", "minLength": 2}, "ab", "a"),
    ],
)
def test_each_keyword_tells_good_from_bad(part: dict[str, Any], good: Any, bad: Any) -> None:
    fits = made(part)
    assert fits is not None
    assert (fits(good), fits(bad)) == (True, False)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "complex"},
        {"not": {}},
        {"type": "object", "properties": {"a": {"oneOf": [{"type": "null"}, {}]}}},
        {"const": 1.5},
        {"if": {"required": ["a"]}, "then": {}, "else": {}},
        {"if": {"type": "object"}, "then": {}},
        {"uniqueItems": False},
        {"type": "object", "additionalProperties": {"$ref": "#/$defs/x"}},
        {"$defs": {"x": {"items": {"$ref": "#/$defs/x"}}}, "$ref": "#/$defs/x"},
        {"$defs": {"x": {"type": "string"}}, "$ref": "other.json#/$defs/x"},
        True,
    ],
)
def test_what_is_not_known_here_is_left_to_jsonschema(part: Any) -> None:
    assert made(part) is None


def test_every_schema_is_known_here() -> None:
    # Loading jsonschema takes a tenth of a second, and two seconds beside rfc3987_syntax.
    assert [name for name in schema_names() if made(schema(name)) is None] == []


def test_no_schema_is_altered_by_being_read() -> None:
    for name in schema_names():
        before = copy.deepcopy(schema(name))
        made(schema(name))
        assert schema(name) == before
