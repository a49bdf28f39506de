"""Groups side by side: each rate or mean that the bias gate counted, with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mlassay.evidence import Verdict
from mlassay.render.groups import groupings
from mlassay.render.measures import listed, mapping, number
from mlassay.render.verdict.picture import LEFT, RIGHT, Figure, Picture, Point, Row, Table, rows_picture
from mlassay.render.verdict.scale import around

GROUPS = 14  # of one picture
FIGURES = 6
PICTURES = 4
_FIRST = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")
_POINTS = ("rate", "mean", "value")


@dataclass(frozen=True, slots=True)
class _Rate:
    group: str
    rows: str
    point: Decimal
    lower: Decimal
    upper: Decimal


def groups(verdict: Verdict) -> Iterator[Figure]:
    """A figure for each sensitive column and intersection, at most `FIGURES`."""
    for name, gate, table in list(groupings(verdict))[:FIGURES]:
        rates = _rates(table)
        if not rates:
            continue
        good = str(gate.measured.get("favourable", "the favourable answer"))
        reference = str(table.get("reference", "unknown"))
        ordered = sorted(
            rates, key=lambda each: (_FIRST.index(each) if each in _FIRST else len(_FIRST), each)
        )
        yield Figure(
            f"Groups by {name}",
            f"Each dot is one group, with its 95% interval. The tall stroke is the group that the others are held against, {reference}.",
            tuple(_picture(_title(each, good), rates[each], reference) for each in ordered[:PICTURES]),
            _table(ordered, rates, good),
        )


def _rates(table: Mapping[str, Any]) -> dict[str, list[_Rate]]:
    """By the name of a rate, the groups that have it as numbers."""
    found: dict[str, list[_Rate]] = {}
    for group in map(mapping, listed(table.get("groups"))):
        for key, told in ((key, mapping(value)) for key, value in group.items()):
            point = next((number(told[each]) for each in _POINTS if each in told), None)
            lower, upper = number(told.get("lower")), number(told.get("upper"))
            if point is not None and lower is not None and upper is not None:
                rate = _Rate(str(group.get("group", "")), str(group.get("rows", "")), point, lower, upper)
                found.setdefault(key, []).append(rate)
    return found


def _title(rate: str, good: str) -> str:
    told = {
        "selection_rate": f"Share that gets {good}",
        "true_positive_rate": f"Of those labelled {good}, the share that gets it",
        "false_positive_rate": f"Of those labelled otherwise, the share that gets {good}",
        "accuracy": "Share decided as the label says",
    }
    return told.get(rate, rate.replace("_", " ").capitalize())


def _picture(title: str, rates: Sequence[_Rate], reference: str) -> Picture:
    drawn = rates[:GROUPS]
    line = next((each.point for each in rates if each.group == reference), None)
    values = [value for each in drawn for value in (each.lower, each.upper)]
    scale = around([*values, *([line] if line is not None else [])], LEFT, RIGHT)
    rows = [
        Row(
            f"{each.group} ({each.rows} rows)",
            (Point("dot", each.point, each.lower, each.upper),),
            limit=line,
        )
        for each in drawn
    ]
    low, high = min(rates, key=lambda each: each.point), max(rates, key=lambda each: each.point)
    says = (
        f"{len(rates)} groups. Lowest is {low.group} with {low.point:f} ({low.lower:f} to {low.upper:f}), highest "
        f"{high.group} with {high.point:f} ({high.lower:f} to {high.upper:f}). The table has all."
    )
    return rows_picture(title, says, rows, scale)


def _table(ordered: Sequence[str], rates: Mapping[str, Sequence[_Rate]], good: str) -> Table:
    names: dict[str, str] = {each.group: each.rows for rate in ordered for each in rates[rate]}
    by = {(rate, each.group): each for rate in ordered for each in rates[rate]}
    rows = []
    for group, count in list(names.items())[:200]:
        cells = [by.get((rate, group)) for rate in ordered]
        rows.append(
            (group, count, *(f"{c.point:f} ({c.lower:f} to {c.upper:f})" if c else "none" for c in cells))
        )
    return Table(("Group", "Rows", *(_title(each, good) for each in ordered)), tuple(rows))
