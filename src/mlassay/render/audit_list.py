"""Tables of the record: for a terminal, for a spreadsheet that must not run what a cell says, and for machines."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

from mlassay.audit.chronicle import Chronicle
from mlassay.audit.listing import Listing
from mlassay.render.text import count, plain

VERSION = 1
FORMULAS = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet read a cell as a formula where it begins with it; the last four are the same in full width."""

SHOWN: dict[str, tuple[str, ...]] = {
    "releases": ("id", "landed", "verdict", "ran_in", "gates", "problems"),
    "promotions": ("id", "landed", "release", "requester", "approved_by", "decision", "problems"),
    "waivers": ("id", "landed", "until", "used_by", "reason", "problems"),
    "refusals": ("id", "where", "release", "requester", "refused_by", "reasons", "problems"),
    "changes": ("id", "landed", "paths", "requester", "approved_by", "decision", "problems"),
}
WIDEST = 60


def listing_lines(listing: Listing) -> Iterator[str]:
    """The columns that matter most, aligned; ``--csv`` and ``--json`` have all."""
    columns = SHOWN[listing.kind]
    cells = [[plain(row[column], WIDEST) for column in columns] for row in listing.rows]
    widths = [max(map(len, texts)) for texts in zip(columns, *cells, strict=True)]
    for texts in [list(columns), *cells] if cells else []:
        yield "  ".join(text.ljust(width) for text, width in zip(texts, widths, strict=True)).rstrip()
    yield f"{_told(listing)}; --csv has every column" if cells else f"no {listing.kind} are recorded"


def _told(listing: Listing) -> str:
    one = listing.kind.removesuffix("s")
    if listing.sample is None:
        return count(listing.total, one, listing.kind)
    return f"{len(listing.rows)} of {count(listing.total, one, listing.kind)}, drawn by the seed {plain(listing.sample.seed)!r}"


def listing_csv(listing: Listing) -> str:
    """RFC 4180 but for its line ends (LF), every cell quoted, one row for each, under a row of names."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerow(listing.columns)
    for row in listing.rows:
        writer.writerow([safe_cell(row[column]) for column in listing.columns])
    return out.getvalue()


def safe_cell(value: str | int) -> str:
    """A cell that no spreadsheet takes for a formula: one apostrophe goes before what begins like one, or with an apostrophe.

    Take the first apostrophe off to have the text again. Control characters, tabs and line ends are made visible.
    """
    if isinstance(value, int):
        return str(value)
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in value)
    begins = value.lstrip()[:1] or value[:1]
    risky = begins.startswith((*FORMULAS, "'")) or value[:1] in ("\t", "\r", "\n")
    return f"'{text}" if risky else text


def listing_json(chronicle: Chronicle, listing: Listing) -> dict[str, Any]:
    """The table for machines; docs/verbs/audit-list.md explains every member."""
    sample = listing.sample
    return {
        "version": VERSION,
        "kind": listing.kind,
        "head": chronicle.head.commit,
        "checked": chronicle.judged,
        "total": listing.total,
        "sample": {"size": sample.size, "seed": sample.seed} if sample is not None else None,
        "columns": list(listing.columns),
        "rows": [{column: row[column] for column in listing.columns} for row in listing.rows],
    }
