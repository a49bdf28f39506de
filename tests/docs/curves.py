"""Small pictures of curves as SVG text, without a library: the same bytes on every machine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 250.0, 190.0  # of one panel's axes
_LEFT, _TOP, _GAP, _BELOW, _LEGEND = 46.0, 30.0, 30.0, 40.0, 24.0
# Told apart by dashes too, for those who cannot tell the colours (Okabe and Ito 2008).
_STROKES = (("#0072b2", ""), ("#d55e00", "7 3"), ("#555555", "2 3"), ("#009e73", "9 3 2 3"))


@dataclass(frozen=True)
class Curve:
    """A line through points."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Panel:
    """Curves on one pair of axes; ``marks`` are named lines: (name, x) upright, (name, y) level."""

    title: str
    curves: Sequence[Curve]
    upright: Sequence[tuple[str, float]] = ()
    level: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class Axes:
    """What the panels share: words, ticks (the first and last are the ends), and the scale of x."""

    x: str
    y: str
    x_ticks: Sequence[float]
    y_ticks: Sequence[float]
    scale: Callable[[float], float] = float


def picture(title: str, text: str, axes: Axes, panels: Sequence[Panel]) -> str:
    """The panels side by side, with one legend; ``title`` and ``text`` are for those who cannot see it."""
    width = _LEFT + len(panels) * (WIDTH + _GAP)
    height = _TOP + HEIGHT + _BELOW + _LEGEND
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
            'aria-labelledby="t d" font-family="sans-serif" font-size="11" fill="#222">'
        ),
        f'<title id="t">{escape(title)}</title>',
        f'<desc id="d">{escape(text)}</desc>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff"/>',
    ]
    for place, panel in enumerate(panels):
        parts += _panel(_LEFT + place * (WIDTH + _GAP), axes, panel, first=place == 0)
    parts += _legend([curve.name for curve in panels[0].curves], height - 10)
    return "\n".join([*parts, "</svg>", ""])


def _panel(left: float, axes: Axes, panel: Panel, *, first: bool) -> list[str]:
    def x(value: float) -> float:
        low, high = axes.scale(axes.x_ticks[0]), axes.scale(axes.x_ticks[-1])
        return left + (axes.scale(value) - low) / (high - low) * WIDTH

    def y(value: float) -> float:
        low, high = axes.y_ticks[0], axes.y_ticks[-1]
        return _TOP + HEIGHT - (value - low) / (high - low) * HEIGHT

    bottom, right = _TOP + HEIGHT, left + WIDTH
    parts = [
        f'<text x="{left + WIDTH / 2:.1f}" y="16" text-anchor="middle" font-weight="bold">{panel.title}</text>'
    ]
    for tick in axes.y_ticks:
        parts.append(_line(left, y(tick), right, y(tick), "#ddd"))
        if first:
            parts.append(f'<text x="{left - 5:.1f}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in axes.x_ticks:
        parts.append(_line(x(tick), bottom, x(tick), bottom + 4, "#222"))
        parts.append(f'<text x="{x(tick):.1f}" y="{bottom + 16:.1f}" text-anchor="middle">{tick:g}</text>')
    for name, at in panel.upright:
        parts.append(_line(x(at), _TOP, x(at), bottom, "#222"))
        parts.append(f'<text x="{x(at) - 4:.1f}" y="{_TOP + 11:.1f}" text-anchor="end">{name}</text>')
    for name, at in panel.level:
        parts.append(_line(left, y(at), right, y(at), "#222"))
        parts.append(f'<text x="{right - 3:.1f}" y="{y(at) - 4:.1f}" text-anchor="end">{name}</text>')
    for curve, (colour, dashes) in zip(panel.curves, _STROKES, strict=False):
        points = " ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in curve.points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"{dashed}/>')
    parts.append(_line(left, bottom, right, bottom, "#222"))
    parts.append(
        f'<text x="{left + WIDTH / 2:.1f}" y="{bottom + 31:.1f}" text-anchor="middle">{axes.x}</text>'
    )
    if first:
        middle = _TOP + HEIGHT / 2
        parts.append(
            f'<text x="12" y="{middle:.1f}" text-anchor="middle" transform="rotate(-90 12 {middle:.1f})">{axes.y}</text>'
        )
    return parts


def _legend(names: Sequence[str], at: float) -> list[str]:
    parts, left = [], _LEFT
    for name, (colour, dashes) in zip(names, _STROKES, strict=False):
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        parts.append(
            f'<path d="M{left:.1f} {at - 4:.1f}h26" stroke="{colour}" stroke-width="2" fill="none"{dashed}/>'
            f'<text x="{left + 31:.1f}" y="{at:.1f}">{name}</text>'
        )
        left += 52 + 6.2 * len(name)
    return parts


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{colour}"/>'
