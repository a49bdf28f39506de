"""Parquet and Arrow files in bounded batches, by polars; and the one rule for how a value becomes text.

A value becomes the text that a careful writer would put into a CSV, so that a row is the same row in any format:

- missing is the empty text; so is an empty text, since a CSV cannot tell them apart;
- text is itself; so is the value of a dictionary (categorical, enum);
- a whole number is its decimal digits;
- a floating-point number is the shortest decimal that reads back as the same number of its own width, spelled as
  RFC 8785 does (ECMAScript's ``Number::toString``): ``1``, ``0.1``, ``1e-7``, ``1e+21``, ``0`` for minus zero. NaN is
  ``nan``, infinity ``inf`` or ``-inf``: they are not missing, and no column that holds numbers accepts them;
- a decimal number has all digits of its declared scale, ``1.50``;
- a truth value is ``false`` or ``true``; a day is ``2027-06-01``.

Instants, durations, times, bytes, lists and structures have no one spelling and are refused.
"""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlassay.errors import ConfigurationError, Problem
from mlassay.manifest.formats import malformed
from mlassay.manifest.sizes import Part, parts
from mlassay.manifest.types import Format

if TYPE_CHECKING:
    import polars as pl

BATCH_ROWS = 1 << 18
BATCH_CELLS = 1 << 22
BATCH_BYTES = 1 << 26
CELL = 1 << 16  # bytes of one text
TEXT = 1 << 28  # bytes of one column's text in one part


class Columnar:
    """One Parquet or Arrow file, opened once; ConfigurationError where it is none, or its columns cannot be text.

    ``source`` is the file's bytes or the file itself; ``path`` is what errors name.
    """

    def __init__(self, path: str, format_: Format, source: bytes | Path) -> None:
        self.path, self.format, self._source = path, format_, source
        with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
            size = len(source) if isinstance(source, bytes) else os.fstat(file.fileno()).st_size
            self.parts = [part for part in parts(path, format_, file, size) if part.rows]
        with _guarded(path):
            self.schema = dict(self._scan().collect_schema())
        _refuse_types(path, self.schema)

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return sum(part.rows for part in self.parts)

    def batches(self) -> Iterator[pl.DataFrame]:
        """All rows, in order, a bounded number at a time, in the file's own types."""
        start = 0
        for rows in _gathered(self.parts):
            with _guarded(self.path):
                frame = self._scan().slice(start, rows).collect()
            if frame.height != rows:
                raise malformed(self.path, "the file has another number of rows than it says")
            _refuse_long(self.path, frame)
            start += rows
            step = max(1, min(rows, BATCH_ROWS, BATCH_CELLS // max(frame.width, 1)))
            for at in range(0, rows, step):
                yield frame.slice(at, step)

    def texts(self) -> Iterator[pl.DataFrame]:
        """As `batches`, every value as text."""
        for frame in self.batches():
            yield as_text(frame)

    def _scan(self) -> pl.LazyFrame:
        import polars as pl

        scan = pl.scan_parquet if self.format == "parquet" else pl.scan_ipc
        source = io.BytesIO(self._source) if isinstance(self._source, bytes) else self._source
        keep = {"glob": False, "hive_partitioning": False}
        return scan(source, **keep)  # type: ignore[arg-type]


def as_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Every value as text by the rule above; missing ones as the empty text."""
    import polars as pl

    return pl.DataFrame([text_of(frame[name]) for name in frame.columns])


def text_of(column: pl.Series) -> pl.Series:
    """One column's values as text."""
    import polars as pl

    if column.dtype == pl.String:
        return column.fill_null("")
    if column.dtype.is_float():
        return _floats(column)
    if isinstance(column.dtype, pl.Decimal):
        return _decimals(column)
    return column.cast(pl.String).fill_null("")


def numbers_spelled(values: Sequence[float], *, narrow: bool = False) -> list[str]:
    """Floating-point numbers as RFC 8785 spells them; ``narrow`` for numbers of 32 bits."""
    if narrow:
        import numpy as np

        return [_spelled(np.format_float_scientific(np.float32(value), trim="-")) for value in values]
    return [_spelled(repr(value)) for value in values]


def _floats(column: pl.Series) -> pl.Series:
    import polars as pl

    narrow = column.dtype == pl.Float32
    odd = column.is_finite() & ((column.abs() < 1e-4) | (column.abs() >= 1e15))
    text = column.cast(pl.String).str.strip_suffix(".0")
    infinite = column.is_nan() | column.is_infinite()
    if odd.any() or infinite.any():
        values = column.filter(odd.fill_null(value=False)).unique()
        spelled = numbers_spelled(values.to_list(), narrow=narrow)
        known = pl.Series(values.cast(pl.String).str.strip_suffix(".0"))
        text = text.replace(
            pl.concat([known, pl.Series(["NaN", "-NaN"])]),
            pl.Series([*spelled, "nan", "nan"], dtype=pl.String),
        )
    return text.fill_null("").alias(column.name)


def _spelled(shortest: str) -> str:
    """The shortest digits of a finite number (Python's or NumPy's) in the spelling of RFC 8785."""
    sign = "-" if shortest.startswith("-") else ""
    mantissa, _, exponent = shortest.removeprefix("-").partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if not digits:
        return "0"
    if 0 < point <= 21:
        body = digits.ljust(point, "0")
        return sign + (body if len(digits) <= point else f"{digits[:point]}.{digits[point:]}")
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    tail = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{tail}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def _decimals(column: pl.Series) -> pl.Series:
    import polars as pl

    # polars leaves zeros out or in from release to release; Python's own decimals keep the scale
    values = column.unique().drop_nulls()
    return (
        column.cast(pl.String)
        .replace(
            values.cast(pl.String),
            pl.Series([format(value, "f") for value in values.to_list()], dtype=pl.String),
        )
        .fill_null("")
    )


def _refuse_types(path: str, schema: dict[str, pl.DataType]) -> None:
    import polars as pl

    fine = (pl.String, pl.Boolean, pl.Date, pl.Categorical, pl.Enum, pl.Null, pl.Decimal)
    bad = [
        f"{name} ({dtype})"
        for name, dtype in schema.items()
        if not (dtype.is_numeric() or isinstance(dtype, fine))
    ]
    if bad:
        shown = ", ".join(each[:80] for each in bad[:5]) + (", …" if len(bad) > 5 else "")
        raise ConfigurationError(
            Problem(
                f"{len(bad)} column{'s have' if len(bad) > 1 else ' has'} a type that has no one spelling as text: {shown}",
                why="a row's digest and a model's inputs are made from text; two readers would spell these differently",
                remedy="write instants as text or days, and nested values as columns of their own",
                path=path,
            )
        )


def _refuse_long(path: str, frame: pl.DataFrame) -> None:
    """A few bytes of a dictionary can stand for gigabytes of text: say so before they are written out."""
    import polars as pl

    names = [name for name, dtype in frame.schema.items() if dtype in (pl.String, pl.Categorical, pl.Enum)]
    if not names:
        return
    columns = pl.col(names).cast(pl.String).str.len_bytes()
    longest, total = (frame.select(each.fill_null(0)).row(0) for each in (columns.max(), columns.sum()))
    for name, most, all_ in zip(names, longest, total, strict=True):
        if most > CELL or all_ > TEXT:
            what = f"the column {name!r} holds a text of {most:,} bytes, {all_:,} in one part of the file"
            raise malformed(
                path, f"{what}; at most {CELL:,} and {TEXT:,} are read", "leave it out of the file"
            )


def _gathered(parts_: Sequence[Part]) -> Iterator[int]:
    """Numbers of rows to read at once: whole parts, small ones together."""
    rows = cells = unpacked = 0
    for part in parts_:
        more = part.rows * part.columns
        if rows and (
            rows + part.rows > BATCH_ROWS
            or cells + more > BATCH_CELLS
            or unpacked + part.unpacked > BATCH_BYTES
        ):
            yield rows
            rows = cells = unpacked = 0
        rows, cells, unpacked = rows + part.rows, cells + more, unpacked + part.unpacked
    if rows:
        yield rows


@contextmanager
def _guarded(path: str) -> Iterator[None]:
    """One clear error for whatever polars says of a broken file, its panics included."""
    import polars.exceptions as polars_errors

    try:
        with _quiet():
            yield
    except (
        polars_errors.PolarsError,
        polars_errors.PanicException,
        OSError,
        ValueError,
        MemoryError,
    ) as error:
        said = " ".join(str(error).split())[:200]
        raise malformed(path, f"the file cannot be read: {said or type(error).__name__}") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Nothing on stderr meanwhile: a panic inside polars writes a backtrace there before it becomes an exception."""
    from polars.exceptions import PanicException

    try:
        kept = os.dup(2)
    except OSError:  # there is no stderr
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        try:
            yield
        except PanicException:
            time.sleep(0.2)  # the thread that panicked is writing still
            raise
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
