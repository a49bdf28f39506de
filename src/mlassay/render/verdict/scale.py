"""From numbers to places in a picture: scales with round ticks, in exact decimals, so that bytes are the same anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

_STEPS = (Decimal(1), Decimal(2), Decimal(5), Decimal(10))
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Scale:
    """``low`` to ``high`` onto ``start`` to ``end`` of a picture; ``ticks`` are round numbers between them, ends included."""

    low: Decimal
    high: Decimal
    start: Decimal
    end: Decimal
    ticks: tuple[Decimal, ...]

    def at(self, value: Decimal) -> Decimal:
        """The place of ``value``; what lies outside is put on the nearer end."""
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)


def around(values: Sequence[Decimal], start: int, end: int, *, zero: bool = False) -> Scale:
    """A scale that holds ``values`` (and 0, with ``zero``) between round ticks."""
    known = [*values, Decimal(0)] if zero or not values else list(values)
    low, high = min(known), max(known)
    if low == high:
        low, high = low - Decimal("0.5"), high + Decimal("0.5")
    step = _step((high - low) / _TICKS)
    first = (low / step).to_integral_value(ROUND_FLOOR)
    last = (high / step).to_integral_value(ROUND_CEILING)
    ticks = tuple(step * (first + n) for n in range(int(last - first) + 1))
    return Scale(ticks[0], ticks[-1], Decimal(start), Decimal(end), ticks)


def unit(start: int, end: int) -> Scale:
    """From 0 to 1."""
    return Scale(
        Decimal(0), Decimal(1), Decimal(start), Decimal(end), tuple(Decimal(n) / 4 for n in range(5))
    )


def place(value: Decimal) -> str:
    """A coordinate with one decimal."""
    return f"{value:.1f}"


def told(value: Decimal) -> str:
    """A tick's number, without trailing zeros."""
    text = f"{value:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in {"-0", ""} else text


def _step(least: Decimal) -> Decimal:
    power = Decimal(1).scaleb(least.adjusted())
    return next(power * each for each in _STEPS if power * each >= least)
