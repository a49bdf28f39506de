"""What is wrong with columns, batch by batch: `check_table`'s problems, to the word, for data of any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlassay.errors import Problem
from mlassay.manifest.checks import INTEGER, NUMBER, SHOWN, fault, problem
from mlassay.manifest.columnar import text_of
from mlassay.manifest.stream import Batch
from mlassay.manifest.types import Column, Manifest

if TYPE_CHECKING:
    import polars as pl

_LARGEST = 10**18  # whole numbers have at most 18 digits


@dataclass
class _Found:
    many: int = 0
    rows: list[int] = field(default_factory=list)


class Faults:
    """Gathers the faults of every declared column; `missing` counts its missing values."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self.missing = dict.fromkeys((column.name for column in manifest.columns), 0)
        self._found: dict[tuple[str, str], _Found] = {}

    def add(self, batch: Batch) -> None:
        """Look at some more rows."""
        frame = batch.frame
        summary = _summary(frame, self.manifest.columns)
        for column in self.manifest.columns:
            values = frame[column.name]
            self.missing[column.name] += int(summary[column.name, "missing"] or 0)
            if values.dtype.is_numeric() and column.type in ("number", "integer"):
                if _fine(column, values, summary):
                    continue
                kinds = _kinds_of_numbers(column, values)
            elif _fine_text(column, summary):
                continue
            else:
                kinds = _kinds_of_text(column, text_of(values))
            self._note(column.name, kinds, batch.start)

    def problems(self) -> list[Problem]:
        """Every kind of problem of every column, with the first rows (from 1) and how many there are."""
        lines = {c.name: self.manifest.lines.get(f"columns.{n}") for n, c in enumerate(self.manifest.columns)}
        known = {column.name: column for column in self.manifest.columns}
        order = {name: number for number, name in enumerate(known)}
        found = sorted(self._found.items(), key=lambda item: (order[item[0][0]], item[1].rows[0]))
        return [
            problem(self.manifest, known[name], wrong, each.rows, each.many, lines[name])
            for (name, wrong), each in found
        ]

    def _note(self, name: str, kinds: Iterator[tuple[str, pl.Series]], start: int) -> None:
        for wrong, where in kinds:
            if many := int(where.sum() or 0):
                found = self._found.setdefault((name, wrong), _Found())
                found.many += many
                if len(found.rows) < SHOWN:
                    rows = where.arg_true().head(SHOWN - len(found.rows))
                    found.rows += [start + row + 1 for row in rows.to_list()]


def _summary(frame: pl.DataFrame, columns: Sequence[Column]) -> dict[tuple[str, str], Any]:
    """What decides in one sweep over all columns whether any value needs a second look."""
    import polars as pl

    wanted = []
    schema = frame.schema  # made anew each time that it is asked for
    for declared in columns:
        name, dtype = declared.name, schema[declared.name]
        column = pl.col(name)
        missing = (column == "").sum() if dtype == pl.String else column.null_count()
        wanted.append(missing.alias(f"{name}\0missing"))
        if dtype == pl.String:
            wanted += [each.alias(f"{name}\0{key}") for key, each in _asked_of_text(declared, column).items()]
        if dtype.is_numeric():
            wanted += [column.min().alias(f"{name}\0min"), column.max().alias(f"{name}\0max")]
        if dtype.is_float():
            wanted.append(column.is_finite().all().alias(f"{name}\0finite"))
    row = frame.select(wanted).row(0, named=True)
    return {(key.rpartition("\0")[0], key.rpartition("\0")[2]): value for key, value in row.items()}


def _asked_of_text(declared: Column, column: pl.Expr) -> dict[str, pl.Expr]:
    import polars as pl

    if declared.type == "text":
        return {"bad": pl.lit(value=False)}
    there = column != ""
    if declared.type == "category":
        return {"bad": (there & ~column.is_in(pl.Series(list(declared.values)).implode())).any()}
    pattern = INTEGER if declared.type == "integer" else NUMBER
    kind = pl.Int64 if declared.type == "integer" else pl.Float64
    number = column.str.strip_prefix("+").cast(kind, strict=False)
    bad = there & (~column.str.contains(f"^(?:{pattern.pattern})$") | number.is_null())
    return {"bad": bad.any(), "min": number.min(), "max": number.max()}


def _fine_text(column: Column, summary: Mapping[tuple[str, str], Any]) -> bool:
    """Whether every text is surely right; a number that a double cannot tell from the border is not sure."""
    name = column.name
    if summary.get((name, "bad"), True) or (summary[name, "missing"] and not column.missing_allowed):
        return False
    least, most = summary.get((name, "min")), summary.get((name, "max"))
    if least is None or most is None:
        return True
    if column.type == "integer":
        return (column.minimum is None or least >= column.minimum) and (
            column.maximum is None or most <= column.maximum
        )
    return (column.minimum is None or least > column.minimum) and (
        column.maximum is None or most < column.maximum
    )


def _fine(column: Column, values: pl.Series, summary: Mapping[tuple[str, str], Any]) -> bool:
    import polars as pl

    name = column.name
    if summary[name, "missing"] and not column.missing_allowed:
        return False
    if not summary.get((name, "finite"), True):
        return False
    least, most = summary[name, "min"], summary[name, "max"]
    if least is None or most is None:
        return True
    if column.type == "integer":
        whole = not values.dtype.is_float() or bool((values == values.floor()).all())
        if not whole or least <= -_LARGEST or most >= _LARGEST:
            return False
    spelled = fault(column)
    ends = pl.Series([least, most], dtype=values.dtype)
    return not any(spelled(text) for text in text_of(ends))


def _kinds_of_numbers(column: Column, values: pl.Series) -> Iterator[tuple[str, pl.Series]]:
    """Each fault with where it is; by the numbers, and by their text on the border."""
    known = values.is_not_null()
    if not column.missing_allowed:
        yield "is missing", ~known
    number = values.is_finite() if values.dtype.is_float() else known
    if column.type == "integer":
        number = number & (values > -_LARGEST) & (values < _LARGEST)
        if values.dtype.is_float():
            number = number & (values == values.floor())
    number = number.fill_null(value=False)
    yield ("is no number" if column.type == "number" else "is no whole number"), known & ~number
    yield from _ranges(column, values, lambda where: text_of(values.filter(where)), number)


def _ranges(
    column: Column, values: pl.Series, texts: Callable[[pl.Series], pl.Series], number: pl.Series
) -> Iterator[tuple[str, pl.Series]]:
    """Numbers outside the range. Where one is close to a border its text decides, as in `check_table`."""
    import polars as pl

    spelled = fault(column)
    wide = values.cast(pl.Float64)
    for bound, below in ((column.minimum, True), (column.maximum, False)):
        if bound is None:
            continue
        near = abs(bound) * 1e-6 + 1e-40 if values.dtype == pl.Float32 else math.ulp(bound) * 4
        beyond = ((wide < bound if below else wide > bound) & number).fill_null(value=False)
        unsure = (number & ((wide - bound).abs() <= near)).fill_null(value=False)
        if unsure.any():
            word = "is less" if below else "is more"
            asked = texts(unsure)
            wrong = [text for text in asked.unique().to_list() if (spelled(text) or "").startswith(word)]
            settled = (beyond & ~unsure).to_numpy().copy()
            settled[unsure.to_numpy()] = asked.is_in(pl.Series(wrong, dtype=pl.String).implode()).to_numpy()
            beyond = pl.Series(settled)
        yield (f"is less than {bound:g}" if below else f"is more than {bound:g}"), beyond


def _kinds_of_text(column: Column, texts: pl.Series) -> Iterator[tuple[str, pl.Series]]:
    import polars as pl

    empty = texts == ""
    if not column.missing_allowed:
        yield "is missing", empty
    if column.type == "category":
        yield "is none of the declared values", ~empty & ~texts.is_in(list(column.values))
        return
    if column.type == "text":
        return
    pattern = INTEGER if column.type == "integer" else NUMBER
    number = texts.str.contains(f"^(?:{pattern.pattern})$")
    yield ("is no number" if column.type == "number" else "is no whole number"), ~empty & ~number
    exact = pl.Int64 if column.type == "integer" else pl.Float64
    values = texts.str.strip_prefix("+").cast(exact, strict=False)
    unread = number & values.is_null()
    if unread.any():  # a spelling that only we read, like 5. or .5: by the text, one by one
        yield from _by_text(column, texts, unread)
        number = number & ~unread
    yield from _ranges(column, values, texts.filter, number)


def _by_text(column: Column, texts: pl.Series, where: pl.Series) -> Iterator[tuple[str, pl.Series]]:
    spelled = fault(column)
    kinds: dict[str, list[str]] = {}
    for text in texts.filter(where).unique().to_list():
        if wrong := spelled(text):
            kinds.setdefault(wrong, []).append(text)
    for wrong, found in kinds.items():
        yield wrong, where & texts.is_in(found)
