"""A release beside the live one: what was gained and what was given up, as points with intervals and never as one score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from mlassay.evidence import Verdict
from mlassay.render.measures import LEAST, gate_of, held, mapping, number
from mlassay.render.verdict.limits import name
from mlassay.render.verdict.picture import LEFT, RIGHT, Figure, Picture, Point, Row, Table, rows_picture
from mlassay.render.verdict.scale import around

ROWS = 14
_LOWER_IS_BETTER = {"mae", "rmse", "median_absolute_error", "log_loss", "brier"}
_FIRST = ("accuracy", "roc_auc", "r2", "mae", "ndcg")


@dataclass(frozen=True, slots=True)
class _Number:
    point: Decimal
    lower: Decimal
    upper: Decimal
    more: str
    """``better`` or ``worse``: what a larger number is; "" where that is a choice."""


def trade_off(verdict: Verdict, live: Verdict | None) -> Figure | None:
    """The numbers that both verdicts have; None where there are none."""
    if live is None:
        return None
    now, then = dict(_numbers(verdict)), dict(_numbers(live))
    both = [each for each in now if each in then]
    if not both:
        return None
    tables = tuple(
        (
            each,
            f"{now[each].point:f} ({now[each].lower:f} to {now[each].upper:f})",
            f"{then[each].point:f} ({then[each].lower:f} to {then[each].upper:f})",
            _change(now[each], then[each]),
        )
        for each in both
    )
    small = [each for each in both if _bounded(now[each]) and _bounded(then[each])]
    large = [each for each in both if each not in small]
    pictures = (
        [_picture("Each number, this release above the live one", small[:ROWS], now, then)] if small else []
    )
    pictures += [_picture(each, [each], now, then) for each in large[:4]]
    return Figure(
        "What changes against the live release",
        "The full dot is this release, the ring the one that runs now, each with its 95% interval. Both stand as measured by their "
        "own tests; where the rows differ, so may the numbers. What is worth giving up for what is for people to say, in writing.",
        tuple(pictures),
        Table(("Number", "This release", "Live release", "Change"), tables),
    )


def _numbers(verdict: Verdict) -> Iterator[tuple[str, _Number]]:
    gate = gate_of(verdict, "performance")
    measured = mapping(mapping(gate.measured.get("all") if gate else None))
    for metric in sorted(
        measured, key=lambda each: (_FIRST.index(each) if each in _FIRST else len(_FIRST), each)
    ):
        told = mapping(measured[metric])
        point, lower, upper = (number(told.get(key)) for key in ("value", "lower", "upper"))
        if point is not None and lower is not None and upper is not None:
            yield (
                metric.replace("_", " "),
                _Number(point, lower, upper, "worse" if metric in _LOWER_IS_BETTER else "better"),
            )
    for gate in verdict.gates:
        if gate.gate == "performance":
            continue
        for one in held(gate):
            more = "" if not one.side else "better" if one.side == LEAST else "worse"
            yield f"{gate.gate}: {name(one)}", _Number(one.point, one.lower, one.upper, more)


def _picture(title: str, names: list[str], now: dict[str, _Number], then: dict[str, _Number]) -> Picture:
    rows = [
        Row(
            each,
            (
                Point("dot", now[each].point, now[each].lower, now[each].upper),
                Point("ring", then[each].point, then[each].lower, then[each].upper),
            ),
        )
        for each in names
    ]
    values = [
        v for each in names for one in (now[each], then[each]) for v in (one.lower, one.upper, one.point)
    ]
    told = [
        f"{each}: {now[each].point:f}, live {then[each].point:f}, {_change(now[each], then[each])}."
        for each in names[:6]
    ]
    return rows_picture(title, " ".join(told), rows, around(values, LEFT, RIGHT))


def _bounded(one: _Number) -> bool:
    return one.lower >= -1 and one.upper <= 1


def _change(now: _Number, then: _Number) -> str:
    moved = now.point - then.point
    if not moved:
        return "the same"
    apart = now.lower > then.upper or now.upper < then.lower
    word = f"{abs(moved):f} {'more' if moved > 0 else 'less'}"
    if now.more:
        good = (moved > 0) is (now.more == "better")
        word += f", {'better' if good else 'worse'}"
    return f"{word}; the intervals {'lie apart' if apart else 'overlap'}"
