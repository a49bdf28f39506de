"""Pictures of numbers as plain geometry; the templates draw them. Nothing here is text of a stranger."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from mlassay.evidence import Finding, Outcome
from mlassay.render.site.facts import Period

_LEFT, _RIGHT, _OPEN = 2.0, 598.0, 16.0  # of a time line; room for a last period that has just begun
POINTS = ("value", "gap", "robust_rate_at_most")
"""Where a finding keeps the number that its criterion is about, in the order of looking."""
LIMITS = ("threshold", "minimum", "maximum")

_NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,12})?")


@dataclass(frozen=True, slots=True)
class Measure:
    """One number that was held against a limit, as printed, and with its interval where it has one."""

    id: str
    outcome: Outcome
    what: str
    point: str
    lower: str
    upper: str
    limit: str


@dataclass(frozen=True, slots=True)
class Strip:
    """A number's interval on a line: places in a box of 100 by 16."""

    start: str
    end: str
    left: str
    right: str
    point: str
    limit: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One release in a chart: ``x`` and ``y`` of the number, ``top`` and ``bottom`` of its interval, the limit's ``y``."""

    x: str
    y: str
    top: str
    bottom: str
    limit: str
    outcome: Outcome
    half: str


@dataclass(frozen=True, slots=True)
class Trend:
    """Numbers of one criterion across releases in a box of 360 by 150; ``low`` and ``high`` label the scale."""

    dots: tuple[Dot, ...]
    low: str
    high: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A period of a time line in a box of 600 wide; ``label`` is "" where there is no room for its number."""

    x: str
    width: str
    label: str
    middle: str
    kind: str


def measures(findings: Sequence[Finding], gate: str) -> list[Measure]:
    """The findings that hold a number against a limit."""
    found = []
    for finding in findings:
        point = next((finding.numbers[name] for name in POINTS if name in finding.numbers), None)
        limit = next((finding.numbers[name] for name in LIMITS if name in finding.numbers), None)
        if point is None or limit is None:
            continue
        lower, upper = finding.numbers.get("lower", ""), finding.numbers.get("upper", "")
        told = (str(point), str(lower), str(upper), str(limit))
        found.append(Measure(finding.id.removeprefix(f"{gate}."), finding.outcome, finding.what, *told))
    return found


def number(text: str) -> Decimal | None:
    """A plain decimal number; None for anything else that a file may hold in its place."""
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def strip(measure: Measure) -> Strip | None:
    """The picture of one measure on a scale from 0 to 1, or wider where the numbers are; None without numbers."""
    point, limit = number(measure.point), number(measure.limit)
    if point is None or limit is None:
        return None
    lower, upper = number(measure.lower), number(measure.upper)
    left, right = lower if lower is not None else point, upper if upper is not None else point
    low, high = _scale([point, limit, left, right])
    at = [_share(value, low, high) * 96 + 2 for value in (left, right, point, limit)]
    return Strip(_plain(low), _plain(high), *(f"{value:.1f}" for value in at))


def trend(line: Sequence[Measure]) -> Trend | None:
    """The chart of one criterion across releases, oldest first; None where no number can be drawn."""
    drawn = [(n, p, m) for n, m in enumerate(line) if (p := number(m.point)) is not None]
    if not drawn:
        return None
    ends = [
        value
        for _, _, m in drawn
        for text in (m.point, m.lower, m.upper, m.limit)
        if (value := number(text)) is not None
    ]
    low, high = _tight(ends)
    step = Decimal(300) / max(1, len(line))
    dots = []
    for place, point, m in drawn:
        lower, upper, limit = number(m.lower), number(m.upper), number(m.limit)
        y, top, bottom, at_limit = (_height(v, low, high) for v in (point, upper, lower, limit))
        x = f"{48 + step * (place + Decimal('0.5')):.1f}"
        dots.append(Dot(x, y, top, bottom, at_limit, m.outcome, f"{step / 2:.1f}"))
    return Trend(tuple(dots), _plain(low), _plain(high))


def time_line(periods: Sequence[Period], end: float) -> list[Bar]:
    """The periods on a line from the first one's start to ``end`` (seconds since 1970), the last one open at its end."""
    if not periods:
        return []
    starts = [period.entry.moment.time.timestamp() for period in periods]
    whole = max(end - starts[0], 1.0)
    places = [(start - starts[0]) / whole * (_RIGHT - _LEFT - _OPEN) + _LEFT for start in starts]
    bars, last = [], -100.0
    for period, x, right in zip(periods, places, [*places[1:], _RIGHT], strict=True):
        width = max(right - x, 1.0)
        middle = x + width / 2
        label = str(period.number) if middle - last >= 9 + 7 * len(str(period.number)) else ""
        last = middle if label else last
        bars.append(Bar(f"{x:.1f}", f"{width:.1f}", label, f"{middle:.1f}", _kind(period)))
    return bars


def _kind(period: Period) -> str:
    pointer = period.entry.pointer
    if pointer is None or pointer.state != "live":
        return "off"
    if not period.entry.explained:
        return "unexplained"
    return "even" if period.number % 2 == 0 else "odd"


def _scale(values: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    low, high = min([*values, Decimal(0)]), max([*values, Decimal(1)])
    return low, high


def _tight(values: Sequence[Decimal]) -> tuple[Decimal, Decimal]:
    """A scale around the values with a tenth of room, so that differences can be seen; its ends are printed."""
    low, high = min(values), max(values)
    room = max((high - low) / 10, Decimal("0.02"))
    return (low - room).quantize(Decimal("0.01")), (high + room).quantize(Decimal("0.01"))


def _share(value: Decimal, low: Decimal, high: Decimal) -> Decimal:
    return (value - low) / (high - low) if high > low else Decimal("0.5")


def _height(value: Decimal | None, low: Decimal, high: Decimal) -> str:
    return f"{134 - _share(value, low, high) * 118:.1f}" if value is not None else ""


def _plain(value: Decimal) -> str:
    return f"{value:f}"
