"""Pictures as plain geometry, each with its words and its table; the template draws them and escapes every text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mlassay.render.site.text import shown
from mlassay.render.verdict.scale import Scale, place, told

WIDTH = 360
LEFT, RIGHT = 16, 340
WORD = 54  # characters of one text in a picture; the table has all of it


@dataclass(frozen=True, slots=True)
class Stroke:
    """A path, drawn as its class says."""

    kind: str
    d: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A point: ``dot``, ``ring`` or ``cross``, so that no colour is needed to tell them apart."""

    kind: str
    x: str
    y: str


@dataclass(frozen=True, slots=True)
class Word:
    """Text at a place; ``anchor`` is start, middle or end."""

    text: str
    x: str
    y: str
    anchor: str = "start"


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers behind pictures; the first column names the rows."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """One drawing. ``says`` is what it shows in words, for whoever cannot see it."""

    title: str
    says: str
    height: int
    strokes: tuple[Stroke, ...]
    marks: tuple[Mark, ...]
    words: tuple[Word, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """Pictures that belong together, with a sentence on how to read them and the table of their numbers."""

    title: str
    lead: str
    pictures: tuple[Picture, ...]
    table: Table


@dataclass(frozen=True, slots=True)
class Point:
    """A number in a row of a picture, with its interval where it has one."""

    kind: str
    value: Decimal
    lower: Decimal | None = None
    upper: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a picture: its name, its points one below another, and its limit; ``bar`` draws from 0 to the point."""

    name: str
    points: tuple[Point, ...]
    limit: Decimal | None = None
    side: str = ""
    bar: bool = False


def rows_picture(title: str, says: str, rows: Sequence[Row], scale: Scale) -> Picture:
    """Rows over one axis: a thin stroke is an interval, a tall one the limit, the pale band what the limit allows."""
    strokes: list[Stroke] = []
    marks: list[Mark] = []
    words: list[Word] = []
    y = 4
    for row in rows:
        words.append(Word(brief(row.name), str(LEFT), str(y + 12)))
        top, bottom = y + 17, y + 17 + 11 * len(row.points)
        strokes += _row(row, scale, top, bottom)
        for n, point in enumerate(row.points):
            middle = top + 5 + 11 * n
            if point.lower is not None and point.upper is not None:
                left, right = place(scale.at(point.lower)), place(scale.at(point.upper))
                strokes.append(Stroke("margin", f"M{left} {middle}H{right}"))
            if not row.bar:
                marks.append(Mark(point.kind, place(scale.at(point.value)), str(middle)))
        y = bottom + 5
    for tick in scale.ticks:
        at = place(scale.at(tick))
        strokes.insert(0, Stroke("grid", f"M{at} 4V{y}"))
        words.append(Word(told(tick), at, str(y + 14), "middle"))
    strokes.append(Stroke("axis", f"M{place(scale.start)} {y}H{place(scale.end)}"))
    return Picture(title, says, y + 20, tuple(strokes), tuple(marks), tuple(words))


def _row(row: Row, scale: Scale, top: int, bottom: int) -> list[Stroke]:
    drawn = []
    if row.limit is not None:
        at = place(scale.at(row.limit))
        if row.side:
            end = scale.end if row.side == "least" else scale.start
            drawn.append(Stroke("allowed", f"M{at} {top}H{place(end)}V{bottom}H{at}Z"))
        drawn.append(Stroke("limit", f"M{at} {top - 2}V{bottom + 2}"))
    if row.bar:
        for n, point in enumerate(row.points):
            middle = top + 5 + 11 * n
            zero, value = place(scale.at(Decimal(0))), place(scale.at(point.value))
            drawn.append(Stroke("bar" if point.kind == "dot" else "bar2", f"M{zero} {middle}H{value}"))
    return drawn


@dataclass(frozen=True, slots=True)
class Series:
    """A line through points ``(x, y)``; ``band`` holds an interval of each y where there is one."""

    name: str
    points: tuple[tuple[Decimal, Decimal], ...]
    band: tuple[tuple[Decimal, Decimal], ...] = ()
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Plot:
    """What a picture of lines has besides them: the words of its axes, a diagonal, a limit's y."""

    across: str
    up: str
    diagonal: bool = False
    limit: Decimal | None = None


def lines_picture(title: str, says: str, series: Sequence[Series], x: Scale, y: Scale, plot: Plot) -> Picture:
    """Lines over two axes; each series has its own dashes, named below."""
    strokes: list[Stroke] = []
    marks: list[Mark] = []
    words = [Word(brief(plot.up), "4", "12")]
    left, right, bottom, top = (place(each) for each in (x.start, x.end, y.start, y.end))
    words += [Word(told(tick), place(x.at(tick)), str(y.start + 15), "middle") for tick in x.ticks]
    for tick in y.ticks:
        at = place(y.at(tick))
        strokes.append(Stroke("grid", f"M{left} {at}H{right}"))
        words.append(Word(told(tick), place(x.start - 6), place(y.at(tick) + 4), "end"))
    strokes.append(Stroke("axis", f"M{left} {top}V{bottom}H{right}"))
    if plot.diagonal:
        strokes.append(Stroke("even", f"M{left} {bottom}L{right} {top}"))
    if plot.limit is not None:
        strokes.append(Stroke("level", f"M{left} {place(y.at(plot.limit))}H{right}"))
    for n, each in enumerate(series[:SERIES]):
        path = "L".join(f"{place(x.at(a))} {place(y.at(b))}" for a, b in each.points)
        strokes.append(Stroke(f"line{n + 1}", f"M{path}"))
        for (a, b), (low, high) in zip(each.points, each.band, strict=False):
            at = place(x.at(a))
            strokes.append(Stroke("margin", f"M{at} {place(y.at(low))}V{place(y.at(high))}"))
            marks.append(Mark("dot" if n == 0 else "ring", at, place(y.at(b))))
    down = int(y.start) + 32
    words.append(Word(brief(plot.across), right, str(down), "end"))
    for n, each in enumerate(series[:SERIES] if len(series) > 1 else ()):
        down += 17
        strokes.append(Stroke(f"line{n + 1}", f"M{left} {down - 4}h28"))
        words.append(Word(brief(each.name), place(x.start + 34), str(down)))
    return Picture(title, says, down + 6, tuple(strokes), tuple(marks), tuple(words))


SERIES = 5
"""Lines that one picture can hold and still be read."""


def brief(text: str) -> str:
    """``text`` made visible, on one line and short enough for a picture."""
    one = shown(" ".join(text[: 4 * WORD].split()), 4 * WORD)
    return one if len(one) <= WORD else one[: WORD - 1] + "…"
