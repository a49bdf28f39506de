"""A page as Markdown for a forge: no text in it links, pings, hides or runs, and it always fits."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from mlassay.render.markdown import code, escape
from mlassay.render.page_blocks import (
    Block,
    Bullets,
    Grid,
    Listing,
    Mono,
    Page,
    Para,
    Section,
    Strong,
    Text,
)
from mlassay.render.text import SIGNS, count, plain

LIMIT = 65_000
"""UTF-8 bytes: forges take 65,536 characters, and a sticky comment bears a marker besides."""

LINE = 1000  # characters of one line of a listing
CELL = 280
WORDS = 900  # of one paragraph or item


def markdown(page: Page, limit: int = LIMIT) -> str:
    """The page; whole sections are left out, and named, until it is at most ``limit`` bytes."""
    left_out: list[Section] = []
    while True:
        kept = [section for section in page.sections if section not in left_out]
        text = "\n".join(_page(page, kept, left_out)).rstrip("\n") + "\n"
        if len(text.encode()) <= limit or not kept:
            return text
        heaviest = max(section.weight for section in kept)
        left_out.append([section for section in kept if section.weight == heaviest][-1])


def _page(page: Page, sections: Iterable[Section], left_out: list[Section]) -> Iterator[str]:
    yield f"## {_inline(page.title)}"
    yield ""
    for section in sections:
        if section.title:
            yield f"### {escape(section.title, 120)}"
            yield ""
        for block in section.blocks:
            yield from _block(block)
            yield ""
    if left_out:
        names = ", ".join(escape(section.title or "the introduction", 120) for section in reversed(left_out))
        yield f"**Left out, because a page must end somewhere: {names}.** See {escape(page.whole)}."


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Para):
        yield f"{'> ' if block.quoted else ''}{_inline(block.text)}"
    elif isinstance(block, Bullets):
        yield from (f"- {_inline(item)}" for item in block.items[: block.most])
        if len(block.items) > block.most:
            yield f"- and {len(block.items) - block.most} more"
    elif isinstance(block, Grid):
        yield from _grid(block)
    elif isinstance(block, Listing):
        yield from _listing(block)
    else:
        yield f"<details><summary>{html.escape(plain(block.title, 120))}</summary>"
        yield ""
        for each in block.blocks:
            yield from _block(each)
            yield ""
        yield "</details>"


def _grid(grid: Grid) -> Iterator[str]:
    yield _row(escape(title, 120) for title in grid.header)
    yield _row("---:" if column in grid.right else "---" for column in range(len(grid.header)))
    yield from (_row(_inline(cell, CELL) for cell in row) for row in grid.rows[: grid.most])
    if len(grid.rows) > grid.most:
        yield ""
        yield f"and {count(len(grid.rows) - grid.most, 'more row')}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _listing(listing: Listing) -> Iterator[str]:
    shown = [kept(line) for line in listing.lines[: listing.most]]
    if len(listing.lines) > listing.most:
        shown.append(f"… and {count(len(listing.lines) - listing.most, 'more line')}")
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield f"{fence}{listing.language}"
    yield from shown
    yield fence


def kept(line: str) -> str:
    """A line of a listing with its indentation, and nothing in it that a terminal or a CI runner obeys."""
    cut = line[: LINE + 1].rstrip()
    # Spaces are kept: in a command, a YAML file or a table of a log they mean something.
    seen = "".join(" " if c == "\t" else c if c == " " else plain(c) or "?" for c in cut)
    seen = seen.replace("##[", "# #[").replace("::", ": :")
    return seen if len(line) <= LINE else f"{seen[:LINE]}…"


def _inline(text: Text, limit: int = WORDS) -> str:
    spans = [text] if isinstance(text, str) else text
    told = "".join(
        f"**{escape(span.text, limit)}**"
        if isinstance(span, Strong)
        else code(span.text, limit)
        if isinstance(span, Mono)
        else _spaced(span, limit)
        for span in spans
        if span
    )
    for sign in SIGNS.values():
        told = told.replace(f"{sign} ", f"{sign}&nbsp;")  # a narrow column must not part them
    return told


def _spaced(text: str, limit: int) -> str:
    """Escaped, with the spaces that part it from its neighbours."""
    before = " " if text[:1] == " " else ""
    after = " " if text[-1:] == " " and len(text) > 1 else ""
    return f"{before}{escape(text, limit)}{after}"
