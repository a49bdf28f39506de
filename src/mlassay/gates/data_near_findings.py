"""Near copies of evaluation rows among training rows, where the criteria ask for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, shown

if TYPE_CHECKING:
    from mlassay.gates.data_scan import Scan


def near_findings(evaluation: str, scans: Mapping[str, Scan], criteria: Criteria) -> Iterator[Finding]:
    """One finding over all training rows that have the evaluated columns; none without a criterion."""
    if "near_duplicates" not in criteria.values:
        return
    from mlassay.gates.data_near import NearCopies

    most = float(criteria.values["near_duplicates"]["max"])
    asked = scans[evaluation]
    columns = [c.name for c in asked.manifest.columns if c.role in ("feature", "label")]
    copies = NearCopies(columns)
    for batch in asked.rows.batches():
        if asked.asked.evaluated is not None:
            copies.add_asked(batch.of(asked.asked.evaluated))
    compared = [name for name, scan in sorted(scans.items()) if set(columns) <= set(scan.rows.columns)]
    for name in compared:
        for batch in scans[name].rows.batches():
            for code in sorted(scans[name].asked.trained):
                copies.add_seen(batch.of(code))
    yield _finding(evaluation, copies.found().tolist(), copies.rows, copies.left_out, most, criteria)


def _finding(
    name: str, found: list[int], rows: int, left_out: int, most: float, criteria: Criteria
) -> Finding:
    share = len(found) / rows if rows else 0.0
    more = f"; {left_out:,} evaluation rows were too many to look at" if left_out else ""
    first = ", ".join(str(row + 1) for row in found[:5]) + (", …" if len(found) > 5 else "")
    what = (
        f"{len(found):,} of {rows:,} evaluation rows of '{name}' are nearly the same as a training row: equal but for one "
        f"column, or once numbers are rounded to three digits ({shown(share)}; at most {shown(most)} is allowed{more})"
    )
    numbers: dict[str, str | int] = {
        "rows": len(found),
        "of": rows,
        "share": shown(share),
        "required": shown(most),
    }
    line = criteria.line("near_duplicates", "max")
    id_ = f"data.near_duplicates.{name}"
    if not rows or (left_out and share <= most):
        return Finding(id_, Outcome.INCONCLUSIVE, what, "", "", CRITERIA_FILE, line, numbers)
    if share <= most:
        return Finding(id_, Outcome.PASSED, what, "", "", CRITERIA_FILE, line, numbers)
    return Finding(
        id_,
        Outcome.FAILED,
        f"{what}; first: row {first}",
        "a row that was nearly seen tests what was learned by heart",
        "keep rows of one person or event in one split ('split: {kind: key, …}'), or take the copies out",
        CRITERIA_FILE,
        line,
        numbers,
    )
