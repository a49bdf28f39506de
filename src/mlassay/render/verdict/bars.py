"""What moved since the live release, column by column: the data that were learned from, and what answers lean on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from mlassay.evidence import GateReport, Verdict
from mlassay.render.measures import gate_of, listed, mapping, number
from mlassay.render.verdict.picture import LEFT, RIGHT, Figure, Point, Row, Table, rows_picture
from mlassay.render.verdict.scale import around, told

COLUMNS = 15  # of one picture, the largest first


def drift(verdict: Verdict) -> Iterator[Figure]:
    """The population stability index of each column, beside what chance alone would give; by data set."""
    gate = gate_of(verdict, "data")
    for name, data in mapping(gate.measured.get("data") if gate else None).items():
        columns = [
            (str(column), psi, number(mapping(each).get("noise")))
            for column, each in mapping(mapping(mapping(data).get("drift")).get("columns")).items()
            if (psi := number(mapping(each).get("psi"))) is not None
        ]
        if gate is not None and columns:
            yield _drift(str(name), gate, sorted(columns, key=lambda each: (-each[1], each[0])))


def _drift(name: str, gate: GateReport, columns: Sequence[tuple[str, Decimal, Decimal | None]]) -> Figure:
    held = (each for each in gate.findings if each.id == f"data.drift.{name}")
    limit = next((number(each.numbers.get("required")) for each in held), None)
    drawn = columns[:COLUMNS]
    rows = [
        Row(
            column,
            (Point("dot", psi, Decimal(0), noise) if noise is not None else Point("dot", psi),),
            limit,
            "most" if limit is not None else "",
        )
        for column, psi, noise in drawn
    ]
    values = [value for _, psi, noise in drawn for value in (psi, noise or Decimal(0))]
    scale = around([*values, *([limit] if limit is not None else [])], LEFT, RIGHT, zero=True)
    over = [column for column, psi, noise in columns if noise is not None and psi > noise]
    says = (
        f"{len(columns)} columns. {columns[0][0]} moved most, with {columns[0][1]:f}. "
        f"{len(over)} of them moved more than chance alone would make them."
    )
    return Figure(
        f"Drift of {name}",
        "How far the training rows have moved from those of the live release (population stability index). The dot is what was "
        "found, the thin stroke what chance alone gives, the tall stroke the limit.",
        (rows_picture("Population stability index by column", says, rows, scale),),
        Table(
            ("Column", "Found", "Chance alone", "Limit"),
            tuple(
                (
                    column,
                    f"{psi:f}",
                    f"{noise:f}" if noise is not None else "unknown",
                    told(limit) if limit is not None else "none",
                )
                for column, psi, noise in columns[:400]
            ),
        ),
    )


def importance(verdict: Verdict) -> Figure | None:
    """What the metric loses when a column is dealt out anew, now and before; None where `explain` did not measure it."""
    gate = gate_of(verdict, "explain")
    measured: Mapping[str, Any] = gate.measured if gate else {}
    now = _columns(mapping(measured.get("importance")).get("columns"))
    before = {name: told for name, *told in _columns(mapping(measured.get("rank_change")).get("before"))}
    if not now:
        return None
    metric = str(mapping(measured.get("importance")).get("metric", "metric"))
    rows = []
    for name, point, lower, upper in now[:COLUMNS]:
        old = before.get(name)
        then = (Point("ring", *old),) if old else ()
        rows.append(Row(name, (Point("dot", point, lower, upper), *then)))
    values = [value for row in rows for each in row.points for value in (each.value, each.lower, each.upper)]
    scale = around([value for value in values if value is not None], LEFT, RIGHT, zero=True)
    says = f"{len(now)} columns. The answers lean most on {', '.join(name for name, *_ in now[:3])}."
    if before:
        first = sorted(before, key=lambda name: -before[name][0])[:3]
        says += f" Those of the live release leaned most on {', '.join(first)}."
    return Figure(
        "What the answers lean on",
        f"How much {metric.replace('_', ' ')} is lost when a column's values are dealt out anew among the rows. The dot is this release"
        f"{', the ring the live one' if before else ''}. Columns that stand in for each other hide each other.",
        (rows_picture(f"Loss of {metric.replace('_', ' ')} by column", says, rows, scale),),
        Table(
            ("Column", "This release", "95% interval", "Live release"),
            tuple(
                (
                    name,
                    f"{point:f}",
                    f"{lower:f} to {upper:f}",
                    f"{before[name][0]:f}" if name in before else "not told",
                )
                for name, point, lower, upper in now[:400]
            ),
        ),
    )


def _columns(value: Any) -> list[tuple[str, Decimal, Decimal, Decimal]]:
    found = []
    for each in map(mapping, listed(value)):
        point, lower, upper = (number(each.get(key)) for key in ("value", "lower", "upper"))
        if point is not None and lower is not None and upper is not None:
            found.append((str(each.get("column", "")), point, lower, upper))
    return found
