"""Digests and canonical JSON: one value, one spelling, whoever wrote it."""

import json
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay.digest import (
    canonical,
    decimal_string,
    parse_canonical,
    sha256,
    sha256_file,
    short,
)
from mlassay.errors import EvidenceError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_was_written_is_read_back(value):
    assert parse_canonical(canonical(value), "x.json") == value


@given(VALUES)
def test_the_spelling_is_that_of_the_standard_library_with_two_spaces(value):
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2, allow_nan=False)
    assert canonical(value) == text.encode() + b"\n"


@given(VALUES)
def test_a_value_has_one_spelling_whatever_the_order_of_its_keys(value):
    def turned(item):
        if isinstance(item, dict):
            return {key: turned(item[key]) for key in reversed(item)}
        return [turned(each) for each in item] if isinstance(item, list) else item

    assert canonical(turned(value)) == canonical(value)


@given(VALUES, st.data())
def test_no_byte_can_change_unnoticed(value, data):
    written = bytearray(canonical(value))
    at = data.draw(st.integers(0, len(written) - 1))
    written[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        read = parse_canonical(bytes(written), "x.json")
    except EvidenceError:
        return
    assert read != value


@given(st.binary(max_size=60))
def test_bytes_from_anywhere_are_read_or_refused_with_the_files_name(data):
    try:
        value = parse_canonical(data, "some/file.json")
    except EvidenceError as error:
        refused = error
    else:
        assert canonical(value) == data
        return
    assert refused.problems[0].path == "some/file.json"


@pytest.mark.parametrize(
    "text", ["{}", '{"a": 1}\n', '{\n  "b": 1,\n  "a": 2\n}\n', "1.0\n", '{\n  "a": 1,\n  "a": 1\n}\n']
)
def test_other_spellings_are_refused(text):
    with pytest.raises(EvidenceError, match="not canonical"):
        parse_canonical(text.encode(), "x.json")


@pytest.mark.parametrize("value", [1.5, {"a": [float("nan")]}, {1: "a"}, {"a": b"x"}])
def test_floats_and_what_json_does_not_have_are_refused(value):
    with pytest.raises(TypeError):
        canonical(value)


def test_json_tools_read_canonical_json():
    assert json.loads(canonical({"ä": [1, None, "\u2028"]})) == {"ä": [1, None, "\u2028"]}


def test_deep_nesting_is_refused_not_a_crash():
    with pytest.raises(EvidenceError):
        parse_canonical(b"[" * 100_000 + b"]" * 100_000 + b"\n", "x.json")


@pytest.mark.parametrize(
    ("number", "places", "text"),
    [
        (0.5, 4, "0.5000"),
        (-0.00001, 4, "0.0000"),
        (2 / 3, 4, "0.6667"),
        (0.00005, 4, "0.0000"),
        (1e9, 1, "1000000000.0"),
    ],
)
def test_numbers_become_decimal_strings(number, places, text):
    assert decimal_string(number, places) == text


@given(st.binary(max_size=100))
def test_digests_are_those_of_stock_tools(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("digest") / "file"
    path.write_bytes(data)
    assert sha256_file(path) == (sha256(data), len(data))


def test_stock_tools_agree(tmp_path):
    (tmp_path / "file").write_bytes(b"some bytes\n")
    theirs = subprocess.run(
        ["sha256sum", tmp_path / "file"], capture_output=True, text=True, check=True
    ).stdout
    assert sha256(b"some bytes\n") == f"sha256:{theirs.split()[0]}"
    assert short(sha256(b"some bytes\n")) == theirs[:8]
