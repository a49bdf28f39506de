"""The same page on a terminal: the same sections and facts, as lines."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.render.page_blocks import Block, Bullets, Folded, Grid, Listing, Mono, Page, Para, Strong, Text
from mlassay.render.page_markdown import kept
from mlassay.render.text import count, plain

WORDS = 900


def lines(page: Page) -> Iterator[str]:
    """The page, a line for each thing that it says; tables become one line for each row."""
    yield _words(page.title)
    for section in page.sections:
        yield ""
        if section.title:
            yield plain(section.title)
        indent = "  " if section.title else ""
        for block in section.blocks:
            for line in _block(block):
                yield f"{indent}{line}"


def _block(block: Block) -> Iterator[str]:
    if isinstance(block, Para):
        yield _words(block.text)
    elif isinstance(block, Bullets):
        yield from (f"- {_words(item)}" for item in block.items[: block.most])
        if len(block.items) > block.most:
            yield f"- and {len(block.items) - block.most} more"
    elif isinstance(block, Grid):
        yield from _grid(block)
    elif isinstance(block, Listing):
        yield from (f"  {kept(line)}" for line in block.lines[: block.most])
        if len(block.lines) > block.most:
            yield f"  … and {count(len(block.lines) - block.most, 'more line')}"
    elif isinstance(block, Folded):
        yield f"{plain(block.title)}:"
        for each in block.blocks:
            for line in _block(each):
                yield f"  {line}"


def _grid(grid: Grid) -> Iterator[str]:
    above = ""
    for row in grid.rows[: grid.most]:
        first, *rest = [_words(cell) for cell in row]
        # A table leaves a cell empty where it says what the one above says.
        above = first = first or above
        told = [
            f"{plain(title)} {cell}" if title else cell
            for title, cell in zip(grid.header[1:], rest, strict=False)
            if cell
        ]
        yield f"- {first}: {'; '.join(told)}"
    if len(grid.rows) > grid.most:
        yield f"- and {count(len(grid.rows) - grid.most, 'more row')}"


def _words(text: Text) -> str:
    spans = [text] if isinstance(text, str) else text
    told = "".join(
        span.text[: 2 * WORDS] if isinstance(span, Strong | Mono) else span[: 2 * WORDS] for span in spans
    )
    return plain(told, WORDS)
