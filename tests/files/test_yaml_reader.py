from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlassay.errors import ConfigurationError
from mlassay.files import read_json, read_yaml


def value_of(text: str) -> object:
    return read_yaml("x.yaml", text.encode()).value


def refusal(text: str | bytes) -> tuple[str, int | None]:
    with pytest.raises(ConfigurationError) as caught:
        read_yaml("x.yaml", text if isinstance(text, bytes) else text.encode())
    (problem,) = caught.value.problems
    assert problem.path == "x.yaml"
    return problem.what, problem.line


def test_every_key_and_item_knows_its_line() -> None:
    document = read_yaml("x.yaml", b"a:\n  b: 1\n  c:\n    - x\n    - {d: 2,\n       e: 3}\n")
    assert document.line_of(("a",)) == 1
    assert document.line_of(("a", "b")) == 2
    assert document.line_of(("a", "c", 1)) == 5
    assert document.line_of(("a", "c", 1, "e")) == 6
    assert document.dotted_lines()["a.c.1.d"] == 5


def test_a_missing_key_has_the_line_of_what_is_around_it() -> None:
    assert read_yaml("x.yaml", b"a:\n  b: {c: 1}\n").line_of(("a", "b", "nothing", 3)) == 2


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12", 12),
        ("-0.5", -0.5),
        ("1e-5", 1e-5),
        (".5", 0.5),
        ("true", True),
        ("null", None),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("010", "010"),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("2026-01-01", "2026-01-01"),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ('"true"', "true"),
        ("'12'", "12"),
        ("|\n  12", "12"),
    ],
)
def test_only_spellings_with_one_meaning_are_anything_but_text(text: str, value: object) -> None:
    read = value_of(f"a: {text}")
    assert read == {"a": value}
    assert type(read["a"]) is type(value)  # type: ignore[index]


@pytest.mark.parametrize(
    ("text", "words", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "'a' stands twice (first on line 1)", 3),
        ("a: {b: 1, b: 2}\n", "'a.b' stands twice", 1),
        ("a: 1\n\tb: 2\n", "tab", 2),
        ("a: &x [1]\nb: *x\n", "anchors and aliases", 1),
        ("a: *x\n", "anchors and aliases", 1),
        ("a: !!python/object/apply:os.system [id]\n", "tag", 1),
        ("a: !!str 1\n", "tag", 1),
        ("%YAML 1.1\n---\na: 1\n", "directive", 1),
        ("a: 1\n---\nb: 2\n", "second document", 2),
        ("a:\n  <<: {b: 1}\n", "merge key", 2),
        ("1: a\n", "must be text", 1),
        ("true: a\n", "must be text", 1),
        ("? [a]\n: 1\n", "must be plain text", 1),
        ("", "empty", 1),
        ("# only a comment\n", "empty", 1),
        ("a: 1e999\n", "too large", 1),
        ("a: " + "9" * 5000 + "\n", "too large", 1),
        ('a: "\\0"\n', "control character", 1),
        ('a: "\\ud800"\n', "control character", 1),
        ("a: b: c\n", "colon", 1),
        ("a: [1, 2\n", "bracket", 2),
        ('a: "b\n', "quote", 2),
        ("a: 1\n# x\u2028b: 2\n", "U+2028", 2),
        ("a: 1 # \u202e\n", "U+202E", 1),
        ("# x\rb: 2\n", "U+000D", 1),
        ("a: @b\n", "@", 1),
    ],
)
def test_what_is_refused_names_line_and_reason(text: str, words: str, line: int) -> None:
    what, where = refusal(text)
    assert words in what
    assert where == line


def test_bytes_that_are_no_text_are_refused_with_their_line() -> None:
    assert refusal(b"a: 1\nb: \xff\n") == ("the file is not UTF-8 text (byte 8)", 2)


def test_ten_megabytes_are_one_clear_error() -> None:
    what, _ = refusal(b"a: 1\n" * 2_000_000)
    assert "10,000,000 bytes" in what


def test_nested_brackets_and_a_billion_laughs_are_refused() -> None:
    assert "levels deep" in refusal("[" * 2000 + "]" * 2000)[0]
    laughs = "a: &a [x,x]\n" + "".join(f"b{n}: &b{n} [*a,*a]\n" for n in range(9))
    assert "anchors" in refusal(laughs)[0]


def test_windows_line_ends_and_a_byte_order_mark_are_taken() -> None:
    assert read_yaml("x.yaml", b"\xef\xbb\xbfa: 1\r\nb: 2\r\n").value == {"a": 1, "b": 2}


ODD = st.text(
    alphabet=st.sampled_from("ab:-?[]{},#&*!|>'\"%@` \n\t\\0x1~<_.\r\u2028\ud7ff=yesno"), max_size=60
)


@settings(max_examples=400, deadline=None)
@given(
    st.one_of(ODD, st.text(max_size=40)).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.binary(max_size=40)
)
def test_no_bytes_crash_the_readers(data: bytes) -> None:
    for read in (read_yaml, read_json):
        refused = []
        try:
            read("x", data)
        except ConfigurationError as error:
            refused = list(error.problems)
        assert all(problem.what and problem.path == "x" for problem in refused)


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**17), 10**17)
    | st.text(st.characters(codec="ascii", categories=["L", "N"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz", min_size=1), inner, max_size=4)
    ),
    max_leaves=20,
)


@settings(max_examples=100, deadline=None)
@given(PLAIN)
def test_json_reads_the_same_as_json_and_as_yaml(value: object) -> None:
    import json

    data = json.dumps(value).encode()
    assert read_json("x", data).value == value
    assert read_yaml("x", data).value == value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": NaN}', "NaN"),
        ("[1e999]", "too large"),
        ("[" * 3000 + "]" * 3000, "deep"),
        ('{"a": "\\ud800"}', "surrogate"),
        ("{", "not JSON"),
    ],
)
def test_json_traps_are_refused(text: str, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_json("x", text.encode())
