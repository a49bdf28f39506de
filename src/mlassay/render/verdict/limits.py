"""Every number with an interval that was held against a limit, one axis for each kind of number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import chain

from mlassay.evidence import Outcome, Verdict
from mlassay.render.measures import LEAST, Held, held
from mlassay.render.site.terms import NUMBERS
from mlassay.render.text import WORDS, count
from mlassay.render.verdict.picture import LEFT, RIGHT, Figure, Picture, Point, Row, Table, rows_picture
from mlassay.render.verdict.scale import around, told

ROWS = 24  # of one picture, the worst first
TABLE = 200
KINDS = {Outcome.PASSED: "dot", Outcome.INCONCLUSIVE: "ring", Outcome.FAILED: "cross"}

_SHARES = {"adversarial", "champion", "stability"}
_UNBOUND = {"mae", "rmse", "median_absolute_error", "log_loss", "brier"}
_ORDER = [Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED]


def limits(verdict: Verdict) -> Figure | None:
    """The figure of all of them; None where nothing was held against a limit."""
    every = sorted(
        chain.from_iterable(held(gate) for gate in verdict.gates),
        key=lambda one: _ORDER.index(one.finding.outcome),
    )
    if not every:
        return None
    kinds: dict[str, list[Held]] = {}
    for one in every:
        kinds.setdefault(_kind(one), []).append(one)
    return Figure(
        "Numbers against their limits",
        "The thin stroke is the 95% interval: where the true number is likely to lie, given how few rows were seen. The tall "
        "stroke is the limit, and the pale band what it allows. A full dot passed, a ring was not settled, a cross failed.",
        tuple(_picture(kind, ones) for kind, ones in sorted(kinds.items())),
        Table(
            ("Number", "Gate", "Verdict", "Found", "95% interval", "Limit"),
            tuple(_cells(one) for one in every[:TABLE]),
        ),
    )


def name(one: Held) -> str:
    """A number's name as a person would say it: ``selection rate ratio: afam=yes``."""
    words = [word for word in one.subject.split(".") if word not in {"min", "max", "max_drop", ""}]
    rule = one.rule.replace("_", " ") + (" lost" if "max_drop" in one.subject.split(".") else "")
    return f"{rule}: {'.'.join(words)}" if words else rule


def _kind(one: Held) -> str:
    if "max_drop" in one.subject.split("."):
        return "Lost against the live release"
    if one.rule.endswith("_ratio"):
        return "Ratios between groups"
    if one.rule.endswith("_difference") or one.rule in {"calibration_difference", "calibration"}:
        return "Differences between groups"
    if one.gate in _SHARES or (
        one.gate == "performance" and one.rule in NUMBERS and one.rule not in _UNBOUND
    ):
        return "Shares and scores, at best 1"
    return f"{one.gate}: {one.rule.replace('_', ' ')}"


def _picture(kind: str, ones: Sequence[Held]) -> Picture:
    drawn = ones[:ROWS]
    values = list(chain.from_iterable((one.lower, one.upper, one.point, one.limit) for one in drawn))
    scale = around(values, LEFT, RIGHT)
    rows = [
        Row(
            name(one),
            (Point(KINDS[one.finding.outcome], one.point, one.lower, one.upper),),
            one.limit,
            one.side,
        )
        for one in drawn
    ]
    return rows_picture(kind, " ".join(_says(ones, drawn, scale.low, scale.high)), rows, scale)


def _says(ones: Sequence[Held], drawn: Sequence[Held], low: Decimal, high: Decimal) -> Iterator[str]:
    yield f"{count(len(ones), 'number')} on a scale from {told(low)} to {told(high)}."
    if len(drawn) < len(ones):
        yield f"The first {len(drawn)} are drawn; the table has all."
    for one in drawn[:6]:
        side = "at least" if one.side == LEAST else "at most" if one.side else "the limit being"
        yield (
            f"{name(one)} {WORDS[one.finding.outcome]}: {one.point:f}, interval {one.lower:f} to {one.upper:f}, "
            f"{side} {told(one.limit)}."
        )


def _cells(one: Held) -> tuple[str, ...]:
    side = {"": "", LEAST: "at least "}.get(one.side, "at most ")
    interval = f"{one.lower:f} to {one.upper:f}"
    return (
        name(one),
        one.gate,
        WORDS[one.finding.outcome],
        f"{one.point:f}",
        interval,
        f"{side}{told(one.limit)}",
    )
