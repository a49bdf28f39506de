"""Text from outside into Markdown that shows it and obeys none of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from mlassay.render.text import LIMIT, plain

ROWS = 100

_SPECIAL = re.compile(r"([\\`*_\[\]#|<>~$&])")
_FIRST = re.compile(r"^(\d*)([-+=.)])(?=\s|$|\2)")  # what would open a list or underline a heading
# What forges make links, notifications or pictures of, after Markdown was read, so that no backslash stops them:
# bare addresses, @names, #issues, !requests, %milestones, :emoji:.
_MAGIC = re.compile(
    r"((?:https?|ftp|mailto|xmpp|www)(?=[.:])|@|#|!(?=\d)|%(?=[\w\"])|:(?=[\w+-]+:)|\bgh-(?=\d))",
    re.IGNORECASE,
)
_BREAK = "&#8203;"  # a space of no width: forges drop comments and join what they parted, but keep this


def escape(value: object, limit: int = LIMIT) -> str:
    """``value`` on one line as Markdown that reads as the very same text: no markup, link, mention or HTML in it."""
    text = _SPECIAL.sub(r"\\\1", plain(value, limit))
    text = _FIRST.sub(r"\1\\\2", text)
    return _MAGIC.sub(rf"\1{_BREAK}", text)


def code(value: object, limit: int = LIMIT) -> str:
    """``value`` as inline code."""
    text = plain(value, limit).replace("|", "¦")
    fence = "`" * (max((len(run) for run in re.findall("`+", text)), default=0) + 1)
    pad = " " if "`" in text else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def table(header: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    """A table of already escaped cells, at most `ROWS` rows; columns in ``right`` hold numbers."""
    ruler = ["---:" if column in right else "---" for column in range(len(header))]
    lines = [_row(header), _row(ruler)]
    listed = list(rows)
    lines += [_row(row) for row in listed[:ROWS]]
    if len(listed) > ROWS:
        lines.append("")
        lines.append(f"{len(listed) - ROWS} more rows are in the gate's report.")
    return lines


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
