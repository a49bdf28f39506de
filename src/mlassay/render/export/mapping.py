"""``MAPPING.md``: which file is evidence for which heading of a framework, and what is missing, said plainly."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.audit.export import Heading, Mapping
from mlassay.audit.export.names import quoted
from mlassay.render.markdown import code, escape

_NOTE = (
    "This page sorts what is in the repository. It says which file is **evidence for** a heading, and names what is missing. "
    "Whether the evidence is enough is for people to judge: no heading is said to be met. Where nothing is missing, the "
    "records are there; read them. Paths are those of the repository; the file lies at the same place under `files/`."
)


def mapping_page(mapping: Mapping) -> str:
    """The mapping as Markdown."""
    return "\n".join(_lines(mapping)) + "\n"


def _lines(mapping: Mapping) -> Iterator[str]:
    yield from (f"# {escape(mapping.title)}", "", _NOTE, "", f"*{escape(mapping.source, 2000)}*", "")
    if mapping.about:
        yield from ("About what runs:", "", *(f"- {escape(line)}" for line in mapping.about))
    else:
        yield "Nothing runs in any environment, so there is no release to show evidence of."
    for heading in mapping.headings:
        yield from _heading(heading)


def _heading(heading: Heading) -> Iterator[str]:
    yield from ("", f"## {heading.number} {escape(heading.title)}", "", escape(heading.asks, 2000), "")
    if heading.found:
        yield from ("| evidence for it | what it shows | digest |", "|---|---|---|")
        for path, digest, shows in heading.found:
            yield f"| {code(quoted(path))} | {escape(shows)} | {code(digest)} |"
        yield ""
    else:
        yield from ("There is no evidence for this here.", "")
    yield from (f"- **Missing:** {escape(gap, 2000)}" for gap in heading.gaps)
