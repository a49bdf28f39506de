"""What is said of personal identifiers that were found: column, row and kind, never the value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mlassay.evidence.verdict import Finding, Outcome

if TYPE_CHECKING:
    from mlassay.gates.data_scan import Scan

_WHY = "whoever gets the data, a model that knows it by heart, or its explanations can tell whose row it is"


def personal_findings(name: str, scan: Scan) -> Iterator[Finding]:
    """A finding for each column and kind; one that passes where there are none."""
    manifest, personal = scan.manifest, scan.personal
    lines = {c.name: manifest.lines.get(f"columns.{n}") for n, c in enumerate(manifest.columns)}
    found = personal.found()
    for number, kind in sorted(personal.headers().items()):
        yield Finding(
            f"data.personal.{name}.header.{number}",
            Outcome.FAILED,
            f"the name of column {number} of '{name}' holds {kind}",
            _WHY,
            "name the column after what it holds",
            manifest.path,
        )
    for (column, kind), hits in sorted(found.items()):
        rows = ", ".join(map(str, hits.rows)) + (", …" if hits.many > len(hits.rows) else "")
        what = f"{column} of '{name}' holds {kind} in {hits.many:,} cell{'s' if hits.many > 1 else ''} (row {rows})"
        id_ = f"data.personal.{name}.{column}.{re.sub(r'[^a-z0-9]+', '_', kind.lower()).strip('_')}"
        numbers = {"cells": hits.many}
        if personal.columns[column].role == "id" and manifest.personal_data is not None:
            more = "; it is declared as an id, and the manifest says on what basis personal data is held"
            yield Finding(id_, Outcome.PASSED, what + more, "", "", manifest.path, lines[column], numbers)
            continue
        remedy = (
            "declare personal_data in the manifest: on what basis it is held, until when"
            if personal.columns[column].role == "id"
            else "take it out of the data; where rows must be told apart, keep a random key with role id"
        )
        yield Finding(id_, Outcome.FAILED, what, _WHY, remedy, manifest.path, lines[column], numbers)
    named = [] if manifest.personal_data else personal.named()
    for column in named:
        if not any(column == other for other, _ in found):
            yield Finding(
                f"data.personal.{name}.{column}.name",
                Outcome.INCONCLUSIVE,
                f"{column} of '{name}' is named like personal data, and the manifest declares none",
                "no identifier was recognised in it; not every one has a form that could be",
                "look at the column; declare personal_data in the manifest, or give the column another name",
                manifest.path,
                lines[column],
            )
    if not found and not named and not personal.headers():
        what = f"no personal identifier was recognised in {len(manifest.columns)} columns of '{name}'"
        yield Finding(f"data.personal.{name}", Outcome.PASSED, what, "", "")
