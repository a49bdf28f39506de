"""What is wrong with rows: types, ranges, values, missing values, and rows that stand in two splits."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

from mlassay.errors import Problem
from mlassay.manifest.table import Table, split_rows
from mlassay.manifest.types import Column, Manifest

SHOWN = 5  # rows named for each problem; the rest is counted

NUMBER = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]{1,3})?", re.ASCII)
INTEGER = re.compile(r"[-+]?[0-9]{1,18}", re.ASCII)


def check_table(manifest: Manifest, table: Table) -> list[Problem]:
    """Every kind of problem of every declared column, with the first rows (numbered from 1) and how many there are."""
    problems = []
    for number, column in enumerate(manifest.columns):
        bad: dict[str, list[int]] = {}
        fault_of = fault(column)
        seen: dict[str, str | None] = {}
        for row, value in enumerate(table.column(column.name), start=1):
            if value not in seen:
                seen[value] = fault_of(value)
            if wrong := seen[value]:
                bad.setdefault(wrong, []).append(row)
        line = manifest.lines.get(f"columns.{number}")
        problems += [problem(manifest, column, wrong, rows, len(rows), line) for wrong, rows in bad.items()]
    return problems


def check_splits(manifest: Manifest, table: Table) -> list[Problem]:
    """Splits that share rows, by row digest, and splits without rows."""
    digests = table.row_digests()
    first: dict[bytes, tuple[str, int]] = {}
    shared: dict[tuple[str, str], list[tuple[int, int]]] = {}
    splits = split_rows(manifest, table)
    for split, numbers in splits.items():
        for number in numbers:
            where = first.setdefault(digests[number], (split, number))
            if where[0] != split:
                shared.setdefault((where[0], split), []).append((where[1] + 1, number + 1))
    named = {pair: (found[:SHOWN], len(found)) for pair, found in shared.items()}
    return split_problems(manifest, named, [split for split, numbers in splits.items() if not numbers])


def split_problems(
    manifest: Manifest,
    shared: Mapping[tuple[str, str], tuple[Sequence[tuple[int, int]], int]],
    empty: Sequence[str],
) -> list[Problem]:
    """A problem for each pair of splits with the first rows (from 1) that they share and their number; for each empty split."""
    problems = [
        Problem(
            f"the splits {one} and {other} share {many} row{'s' if many > 1 else ''}: "
            + ", ".join(f"row {a} is row {b}" for a, b in pairs)
            + (", …" if many > SHOWN else ""),
            why="a row in two splits tests what was learned by heart",
            remedy="delete the copies, or split by a rule ('split: {kind: seeded, …}'), which keeps identical rows together",
            path=manifest.path,
            line=manifest.lines.get("splits"),
        )
        for (one, other), (pairs, many) in shared.items()
    ]
    return problems + [
        Problem(
            f"the split '{split}' has no rows",
            "nothing can be learned or measured on it",
            "change the fractions or the strata",
            manifest.path,
            manifest.lines.get("split"),
        )
        for split in empty
    ]


def fault(column: Column) -> Callable[[str], str | None]:
    """What is wrong with one text as a value of ``column``, in words; None where nothing is."""

    def found(value: str) -> str | None:
        if value == "":
            return None if column.missing_allowed else "is missing"
        if column.type == "category":
            return None if value in column.values else "is none of the declared values"
        if column.type == "text":
            return None
        if not (INTEGER if column.type == "integer" else NUMBER).fullmatch(value):
            return "is no number" if column.type == "number" else "is no whole number"
        # A double can round a value just over the border onto it: compare as written.
        if column.minimum is not None and Decimal(value) < Decimal(repr(column.minimum)):
            return f"is less than {column.minimum:g}"
        if column.maximum is not None and Decimal(value) > Decimal(repr(column.maximum)):
            return f"is more than {column.maximum:g}"
        return None

    return found


def problem(
    manifest: Manifest, column: Column, wrong: str, rows: Sequence[int], many: int, line: int | None
) -> Problem:
    """The problem of ``many`` values that are ``wrong``, with the first ``rows`` (from 1) of them."""
    named = ", ".join(str(row) for row in rows[:SHOWN]) + (", …" if many > SHOWN else "")
    count = "1 row" if many == 1 else f"{many:,} rows"
    return Problem(
        f"'{column.name}' {wrong} in {count} ({named})",
        why="the model was declared for other values; what it answers here nobody has looked at",
        remedy="correct the data, or the column in the manifest if the value can be right",
        path=manifest.path,
        line=line,
    )
