"""Rows at the ends of what the manifest declares: the ones that nobody has in the evaluation split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlassay.manifest import Column

if TYPE_CHECKING:
    from mlassay.model import Model, Rows
    from mlassay.plan import Plan


def edge_rows(model: Model, plan: Plan) -> Rows:
    """One row with every column in its middle state, then rows that move one column to each of its ends.

    Ends are the declared minimum and maximum, zero where the range holds it, every declared value, and missing
    where that is allowed; two more rows have every column at its minimum, or maximum.
    """
    columns = [plan.evaluation.column(i.name) for i in model.inputs]
    ends = [_ends(c) for c in columns]
    usual = [_middle(c) for c in columns]
    rows = [usual, [e[0] for e in ends], [e[-1] for e in ends]]
    for at, column_ends in enumerate(ends):
        rows += [[*usual[:at], end, *usual[at + 1 :]] for end in column_ends]
        if columns[at].missing_allowed:
            rows.append([*usual[:at], "", *usual[at + 1 :]])
    return model.encode({c.name: [row[at] for row in rows] for at, c in enumerate(columns)})


def _ends(column: Column) -> list[str]:
    if column.values:
        return list(column.values)
    if column.type == "text":
        return [""]
    low = 0.0 if column.minimum is None else column.minimum
    high = low if column.maximum is None else column.maximum
    return [repr(number) for number in sorted({low, high, *([0.0] if low <= 0 <= high else [])})]


def _middle(column: Column) -> str:
    ends = _ends(column)
    if column.values or column.type == "text":
        return ends[len(ends) // 2]
    middle = (float(ends[0]) + float(ends[-1])) / 2
    return repr(float(round(middle)) if column.type == "integer" else middle)
