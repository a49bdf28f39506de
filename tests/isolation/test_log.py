from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay.isolation.log import Log, clean


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        (b"plain \xc3\xa4 text\n\ttab", "plain ä text\n\ttab"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b", "ab"),
        (b"\x1bP1$r\x1b\\a\x1b(Bb\x1bcc", "abc"),
        ("\x9b31ma".encode(), "a"),
        (b"a\rb\r\nc", "a\nb\nc"),
        (b"a\x00\x07\x08b", "a???b"),
        (b"\xff\xfe", "??"),
        ("a\u202eb\u2066c\u200bd\u2028e".encode(), "a?b?c?d?e"),
        (b"::error file=x::y", ": :error file=x: :y"),
        (b"  ::set-output name=x::y", "  : :set-output name=x: :y"),
        (b":::add-mask::", ": : :add-mask: :"),
        (b"\x1b[m:\x1b[m:error", ": :error"),
        (b"##[error]x ##vso[task.x]", "# #[error]x # #vso[task.x]"),
        (b"## heading", "## heading"),
    ],
)
def test_output_is_made_harmless(raw: bytes, cleaned: str) -> None:
    assert clean(raw) == cleaned


@given(st.binary(max_size=300) | st.text(alphabet="\x1b[]:#m;\x07\r\n\\Pa ", max_size=100).map(str.encode))
def test_no_bytes_at_all_get_a_command_or_a_control_through(raw: bytes) -> None:
    text = clean(raw)
    assert "::" not in text
    assert "##[" not in text
    assert all(c in "\n\t" or c.isprintable() or ord(c) >= 0xA0 for c in text)


@given(st.lists(st.binary(max_size=50), max_size=20), st.integers(min_value=0, max_value=200))
def test_the_cap_holds_whatever_comes_in_whatever_pieces(pieces: list[bytes], limit: int) -> None:
    log = Log(limit)
    for piece in pieces:
        log.feed(piece)
    text, dropped = log.finish()
    assert len(text) <= limit + 80
    assert (dropped > 0) == (b"were dropped here" in text)


def test_short_output_is_kept_whole() -> None:
    log = Log(10)
    for piece in (b"abc", "ä".encode()[:1], "ä".encode()[1:], b"xyz"):
        log.feed(piece)
    assert log.finish("why") == ("abcäxyz\n[mlassay: why]\n".encode(), 0)


def test_head_and_tail_are_kept_and_what_was_dropped_is_counted() -> None:
    log = Log(40)
    log.feed(b"".join(b"line %03d\n" % n for n in range(100)))
    text, dropped = log.finish()
    assert text == (
        b"line 000\nline 001\nli\n[mlassay: 862 bytes of output were dropped here]\nline 098\nline 099\n"
    )
    assert dropped == 900 - 20 - 18


def test_lines_are_cut_and_stopped_where_a_command_never_ends_one() -> None:
    lines: list[str] = []
    log = Log(40_000, lines.append)
    for _ in range(100):
        log.feed(b"x" * 10_000)
    log.finish()
    assert max(map(len, lines)) <= 1 << 14
    assert sum(map(len, lines)) < 60_000
    assert "more output" in lines[-1]
