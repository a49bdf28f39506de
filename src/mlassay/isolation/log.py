"""Output of a hostile command: bounded while it comes, harmless once it is read."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable

LINE_BYTES = 16 << 10  # a line longer than this is shown in pieces while the command runs

_SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    "|(?:\x1b\\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)"  # OSC: titles, links, clipboard
    "|\x1b[PX^_][^\x1b]*\x1b\\\\"  # DCS, SOS, PM, APC
    "|\x1b[ -/]*[0-~]"  # all other escapes
)
# Controls, and what is invisible or turns the direction of text; newline and tab stay.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffd\ud800-\udfff\U000e0000-\U000e0fff]"
)
_COLONS = re.compile(":(?=:)")
_HASHES = re.compile(r"##(?=\[|[A-Za-z]+\[)")


def clean(data: bytes) -> str:
    """Text that a terminal, a CI runner and a reader can be given: no escapes, no controls, no commands.

    ``::name::`` and ``##[name]`` are what GitHub, Azure and TeamCity take for commands; renderers wrap and
    indent lines, so they are broken up wherever they stand.
    """
    text = _SEQUENCES.sub("", data.decode("utf-8", errors="replace"))
    text = text.replace("\r\n", "\n").replace("\r", "\n")  # a bare return would hide what it overwrites
    text = _UNSEEN.sub("?", text)
    return _HASHES.sub("# #", _COLONS.sub(": ", text))


class Log:
    """Keeps the first and the last half of ``limit`` bytes of what it is fed; memory stays bounded."""

    def __init__(self, limit: int, on_line: Callable[[str], None] | None = None) -> None:
        self._half = max(limit, 0) // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_size = 0
        self._dropped = 0
        self._lines = _Lines(on_line, limit) if on_line else None

    def feed(self, data: bytes) -> None:
        """Take the next bytes of output."""
        if self._lines:
            self._lines.feed(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        if data:
            self._tail.append(data)
            self._tail_size += len(data)
        while self._tail_size - len(self._tail[0]) >= self._half if self._tail else False:
            gone = self._tail.popleft()
            self._tail_size -= len(gone)
            self._dropped += len(gone)

    def finish(self, *notes: str) -> tuple[bytes, int]:
        """``(cleaned log, bytes dropped)``; a note stands where bytes were dropped, ``notes`` at the end."""
        if self._lines:
            self._lines.close()
        tail = b"".join(self._tail)
        surplus = max(len(tail) - self._half, 0)
        if self._dropped or surplus:
            # Begin the tail at a line, so that no half of a character or of an escape is left over.
            line = tail.find(b"\n", surplus, surplus + 4096)
            surplus = line + 1 if line >= 0 else surplus
            dropped = self._dropped + surplus
            first, cut_first = _fit(clean(bytes(self._head)), self._half, keep_end=False)
            last, cut_last = _fit(clean(tail[surplus:]), self._half, keep_end=True)
            dropped += cut_first + cut_last
            text = (
                first
                + _on_own_line(first, f"[mlassay: {dropped} bytes of output were dropped here]\n")
                + last
            )
        else:
            # Whole output: cleaned as one piece, because head and tail may share a character.
            text, dropped = _fit(clean(bytes(self._head) + tail), 2 * self._half, keep_end=False)
            if dropped:
                text += _on_own_line(text, f"[mlassay: {dropped} bytes of output were dropped here]\n")
        for note in notes:
            text += _on_own_line(text, f"[mlassay: {note}]\n")
        return text.encode("utf-8"), dropped


class _Lines:
    """Hands cleaned lines on while they come, up to ``limit`` bytes of them."""

    def __init__(self, on_line: Callable[[str], None], limit: int) -> None:
        self._on_line = on_line
        self._left = limit
        self._partial = b""

    def feed(self, data: bytes) -> None:
        if self._left <= 0:
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._emit(line)
        while len(self._partial) > LINE_BYTES:
            self._emit(self._partial[:LINE_BYTES])
            self._partial = self._partial[LINE_BYTES:]

    def close(self) -> None:
        if self._partial:
            self._emit(self._partial)
            self._partial = b""

    def _emit(self, line: bytes) -> None:
        if self._left <= 0:
            return
        self._left -= len(line) + 1
        for piece in clean(line).split("\n"):
            self._on_line(piece)
        if self._left <= 0:
            self._on_line("[mlassay: there is more output; it is not shown while the command runs]")


def _fit(text: str, size: int, *, keep_end: bool) -> tuple[str, int]:
    """``(text cut to size bytes, bytes cut)``: breaking commands up makes text longer than it came."""
    data = text.encode("utf-8")
    cut = max(len(data) - size, 0)
    if cut == 0:
        return text, 0
    kept = data[cut:] if keep_end else data[:size]
    return kept.decode("utf-8", errors="ignore"), cut


def _on_own_line(before: str, note: str) -> str:
    return note if not before or before.endswith("\n") else "\n" + note
