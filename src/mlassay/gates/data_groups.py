"""Are groups large enough: those that gates compare, and those in which somebody could be found again?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import prod
from typing import Any

from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria
from mlassay.gates.data_scan import EVALUATION, GROUPS, Scan
from mlassay.manifest.types import Manifest

_SHOWN = 5


def group_findings(name: str, scan: Scan, criteria: Criteria) -> Iterator[Finding]:
    """Findings on the sizes of groups; those of the criteria only where there are such criteria."""
    yield from _one_group(name, scan)
    wanted = (criteria.values.get("group_rows") or {}).get("min")
    for part, counts in scan.groups.items():
        if wanted is not None and scan.asked.sensitive and _has(scan, part):
            yield _sizes(name, part, scan, counts, (wanted, criteria.line("group_rows", "min")))
    if (least := (criteria.values.get("smallest_group") or {}).get("min")) is not None:
        yield from _alike(name, scan, least, criteria.line("smallest_group", "min"))


def group_numbers(scan: Scan) -> dict[str, Any]:
    """Rows of each group of each sensitive column, by part."""
    shown: dict[str, Any] = {}
    for part, counts in scan.groups.items():
        if scan.asked.sensitive and _has(scan, part) and len(counts) <= GROUPS:
            sizes = _of_columns(scan.manifest, scan.asked.sensitive, counts)
            shown[part] = {
                group: size for group, size in sizes.items() if " & " not in group or len(sizes) <= 200
            }
    return shown


def _has(scan: Scan, part: str) -> bool:
    return scan.asked.evaluated is not None if part == EVALUATION else bool(scan.asked.trained)


def _sizes(
    name: str,
    part: str,
    scan: Scan,
    counts: Counter[tuple[str, ...]],
    wanted: tuple[int, int | None],
) -> Finding:
    id_ = f"data.group_rows.{name}.{part}"
    least, line = wanted
    values = [len(scan.manifest.column(column).values) for column in scan.asked.sensitive]
    if len(counts) > GROUPS or prod(values) > GROUPS:
        what = f"the sensitive columns of '{name}' make more than {GROUPS:,} groups; they were not counted"
        return Finding(id_, Outcome.INCONCLUSIVE, what, "", "name fewer columns", CRITERIA_FILE, line)
    sizes = _of_columns(scan.manifest, scan.asked.sensitive, counts)
    group, smallest = min(sizes.items(), key=lambda item: (item[1], item[0]))
    small = sorted((size, each) for each, size in sizes.items() if size < least)
    numbers = {"smallest": smallest, "groups": len(sizes), "too_small": len(small), "required": least}
    if not small:
        what = f"each of {len(sizes)} groups has at least {least} {part} rows (smallest: {group}, {smallest})"
        return Finding(id_, Outcome.PASSED, what, "", "", CRITERIA_FILE, line, numbers)
    shown = ", ".join(f"{each} {size}" for size, each in small[:_SHOWN]) + (
        ", …" if len(small) > _SHOWN else ""
    )
    return Finding(
        id_,
        Outcome.FAILED,
        f"{len(small)} of {len(sizes)} groups have fewer than {least} {part} rows of '{name}': {shown}",
        "what a model does to a group that it hardly saw, or that it is hardly tested on, is not known",
        f"collect {least - smallest} more rows of {group}, or agree on a smaller number in gates.data.group_rows",
        CRITERIA_FILE,
        line,
        {**numbers, "rows_to_settle": sum(least - size for size, _ in small)},
    )


def _of_columns(
    manifest: Manifest, columns: Sequence[str], counts: Mapping[tuple[str, ...], int]
) -> dict[str, int]:
    """Rows of each declared value of each column, and of each combination of all columns; missing values are a group."""
    sizes: dict[str, int] = {}
    texts: list[list[str]] = []
    for at, column in enumerate(columns):
        found: Counter[str] = Counter()
        for row, many in counts.items():
            found[row[at]] += many
        known = [*manifest.column(column).values, *sorted(set(found) - set(manifest.column(column).values))]
        texts.append(known)
        sizes |= {f"{column}={value or '(missing)'}": found[value] for value in known}
    if len(columns) > 1 and prod(map(len, texts)) <= GROUPS:
        for row in product(*texts):
            words = " & ".join(f"{c}={v or '(missing)'}" for c, v in zip(columns, row, strict=True))
            sizes[words] = counts.get(row, 0)
    return sizes


def _one_group(name: str, scan: Scan) -> Iterator[Finding]:
    if scan.asked.evaluated is None:
        return
    counts = scan.groups[EVALUATION]
    for at, column in enumerate(scan.asked.sensitive):
        values = {row[at] for row in counts}
        if len(values) == 1:
            yield Finding(
                f"data.one_group.{name}.{column}",
                Outcome.INCONCLUSIVE,
                f"all evaluation rows of '{name}' are of one group: {column}={next(iter(values)) or '(missing)'}",
                "with one group there is nobody to compare it with",
                "evaluate on rows of more groups, or say why the column is not looked at",
                path=scan.manifest.path,
            )


def _alike(name: str, scan: Scan, least: int, line: int | None) -> Iterator[Finding]:
    id_ = f"data.smallest_group.{name}"
    if scan.alike is None:
        if scan.manifest.personal_data is not None:
            yield Finding(
                id_,
                Outcome.INCONCLUSIVE,
                f"the manifest of '{name}' holds personal data and names no quasi-identifiers",
                "without them nobody can count who shares them",
                "name the columns under personal_data.quasi_identifiers",
                scan.manifest.path,
            )
        return
    columns = ", ".join(scan.manifest.personal_data.quasi_identifiers if scan.manifest.personal_data else ())
    numbers = {"smallest": scan.alike.smallest, "rows_in_smaller": scan.alike.below, "required": least}
    if scan.alike.smallest >= least or not scan.alike.rows:
        what = f"every row of '{name}' shares its {columns} with at least {least} rows, itself included"
        yield Finding(id_, Outcome.PASSED, what, "", "", CRITERIA_FILE, line, numbers)
        return
    yield Finding(
        id_,
        Outcome.FAILED,
        f"{scan.alike.below:,} of {scan.alike.rows:,} rows of '{name}' share their {columns} with fewer than {least} rows "
        f"(the smallest group has {scan.alike.smallest})",
        "whoever knows these of somebody can find their row",
        "make these columns coarser (bands, regions), or leave such rows out",
        CRITERIA_FILE,
        line,
        numbers,
    )
