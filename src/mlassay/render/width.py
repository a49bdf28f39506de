"""Long lines on a narrow terminal: broken between words, what follows indented."""

from __future__ import annotations

import re
import shutil
import textwrap
from typing import IO

_QUOTED = re.compile(r"'mlassay [^']*'|\(mlassay [^()]*\)")
_GLUE = "\0"  # stands for a blank that no line may end at; `printable` leaves none in a text


def terminal_width(file: IO[str]) -> int | None:
    """Columns of the terminal behind ``file``; None where there is none, and lines stay whole for grep."""
    return shutil.get_terminal_size().columns if file.isatty() else None


def fold(text: str, width: int | None) -> str:
    """``text`` with each line at most ``width`` wide; commands stay whole, so that they can be copied."""
    return "\n".join(_folded(line, width) for line in text.split("\n"))


def _folded(line: str, width: int | None) -> str:
    if width is None or len(line) <= width or width < 30:
        return line
    line = _QUOTED.sub(lambda command: command[0].replace(" ", _GLUE), line)
    if "mlassay " in line:
        return line.replace(_GLUE, " ")
    indent = line[: len(line) - len(line.lstrip())]
    label, colon, _ = line.lstrip().partition(":  ")  # "what:  …": what follows stands below the text
    hang = len(label) + 3 if colon and len(label) < 8 else 2
    return textwrap.fill(
        line,
        width,
        subsequent_indent=indent + " " * hang,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    ).replace(_GLUE, " ")
