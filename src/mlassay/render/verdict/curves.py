"""Lines: how the model orders rows, whether its chances come true, how many decisions flip, and partial dependence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from mlassay.evidence import Verdict
from mlassay.render.groups import groupings
from mlassay.render.measures import gate_of, listed, mapping, number
from mlassay.render.verdict.picture import (
    LEFT,
    RIGHT,
    SERIES,
    Figure,
    Picture,
    Plot,
    Point,
    Row,
    Series,
    Table,
    lines_picture,
    rows_picture,
)
from mlassay.render.verdict.scale import around, told, unit

_X, _Y = (48, 344), (196, 24)
CURVES = 6  # partial dependences
_Pairs = tuple[tuple[Decimal, Decimal], ...]


def ordering(verdict: Verdict) -> Iterator[Figure]:
    """ROC and calibration of all rows, and of each group where the verdict holds curves of groups."""
    found = list(_with_curves(verdict))
    rocs = [(name, points) for name, told in found if (points := _pairs(told.get("roc")))]
    if rocs:
        yield _roc(verdict, rocs)
    bins = [(name, made) for name, told in found if (made := _bins(told.get("calibration")))]
    if bins:
        yield _calibration(bins)


def _with_curves(verdict: Verdict) -> Iterator[tuple[str, Mapping[str, Any]]]:
    gate = gate_of(verdict, "performance")
    if gate is not None:
        yield "all rows", mapping(gate.measured.get("all"))
    for _, _, table in groupings(verdict):
        for group in map(mapping, listed(table.get("groups"))):
            yield str(group.get("group", "")), {**group, **mapping(group.get("curves"))}


def _roc(verdict: Verdict, rocs: Sequence[tuple[str, _Pairs]]) -> Figure:
    gate = gate_of(verdict, "performance")
    area = mapping(mapping(gate.measured.get("all") if gate else None).get("roc_auc"))
    known = (
        f" The area under the curve of all rows is {area['value']}, {area.get('lower')} to {area.get('upper')}."
        if "value" in area
        else ""
    )
    says = (
        "How many true cases are found for how many false alarms, at every threshold. The diagonal is what chance gives."
        f"{known} Drawn: {', '.join(name for name, _ in rocs[:SERIES])}."
    )
    series = [Series(name, points) for name, points in rocs]
    plot = Plot("share of the others that is flagged", "share of class 1 that is found", diagonal=True)
    picture = lines_picture(
        "True cases found against false alarms (ROC)", says, series, unit(*_X), unit(*_Y), plot
    )
    rows = tuple((name, told(x), told(y)) for name, points in rocs for x, y in points)
    return Figure(
        "How well it puts rows in order",
        "Class 1 is the label's second value. The nearer the line comes to the upper left corner, the better the order.",
        (picture,),
        Table(("Rows", "Others flagged", "Class 1 found"), rows),
    )


def _calibration(bins: Sequence[tuple[str, list[dict[str, Decimal]]]]) -> Figure:
    series = [
        Series(
            name,
            tuple((each["score"], each["rate"]) for each in made),
            tuple((each["lower"], each["upper"]) for each in made),
        )
        for name, made in bins
    ]
    first = bins[0][1]
    off = [each for each in first if not each["lower"] <= each["score"] <= each["upper"]]
    says = (
        f"{len(first)} bins of rows by their score. In {len(off)} of them the score lies outside the 95% interval of how often it "
        "came true. On the diagonal, scores come true as often as they say."
    )
    plot = Plot("score of class 1", "share where it came true", diagonal=True)
    picture = lines_picture("Scores against what came true", says, series, unit(*_X), unit(*_Y), plot)
    rows = tuple(
        (
            name,
            told(each["score"]),
            told(each["rate"]),
            f"{told(each['lower'])} to {told(each['upper'])}",
            told(each["rows"]),
        )
        for name, made in bins
        for each in made
    )
    return Figure(
        "Whether its chances come true",
        "Rows are put into bins by their score. Above the diagonal, class 1 is more frequent than the model says; below, rarer.",
        (picture,),
        Table(("Rows", "Mean score", "Came true", "95% interval", "Count"), rows),
    )


def flips(verdict: Verdict) -> Figure | None:
    """How many decisions flip as the allowed change grows; None where the adversarial gate counted none."""
    gate = gate_of(verdict, "adversarial")
    measured = gate.measured if gate is not None else {}
    rows = number(measured.get("looked_at"))
    steps = [
        (share, least, most)
        for each in map(mapping, listed(measured.get("flips_by_share")))
        if (share := number(each.get("share_of_change"))) is not None
        and (least := number(each.get("vulnerable_at_least"))) is not None
        and (most := number(each.get("vulnerable_at_most"))) is not None
    ]
    if gate is None or not rows or not steps:
        return None
    zero = (Decimal(0), Decimal(0))
    at_least = (zero, *((share, least / rows) for share, least, _ in steps))
    at_most = (zero, *((share, most / rows) for share, _, most in steps))
    wanted = number(str(mapping(gate.criteria.get("robust_rate")).get("min", "")))
    limit = 1 - wanted if wanted is not None else None
    same = at_least == at_most
    series = [Series("flip for certain", at_least), *([] if same else [Series("flip at most", at_most)])]
    y = around([*(b for _, b in at_most), *([limit] if limit is not None else [])], *_Y, zero=True)
    allowed = f" At most {told(limit)} may flip within the whole change." if limit is not None else ""
    says = f"Within the whole allowed change {told(steps[-1][1])} of {told(rows)} decisions flip for certain, and at most {told(steps[-1][2])}.{allowed}"
    radius = str(measured.get("radius", ""))
    across = "part of the allowed change" + (
        f" (1 is a radius of {radius})" if number(radius) is not None else ""
    )
    plot = Plot(across, "share of decisions that flip", limit=limit)
    return Figure(
        "Decisions that a small change turns",
        "The further the figures of an applicant may move, the more decisions flip. The level dashes are the most that was allowed.",
        (lines_picture("Flips against the size of the change", says, series, unit(*_X), y, plot),),
        Table(
            ("Part of the change", "Flip for certain", "Flip at most", "Of"),
            tuple((told(a), told(b), told(c), told(rows)) for a, b, c in steps),
        ),
    )


def dependence(verdict: Verdict) -> Figure | None:
    """Partial dependence of the columns that `explain` was asked about; None where there is none."""
    gate = gate_of(verdict, "explain")
    pictures: list[Picture] = []
    rows: list[tuple[str, ...]] = []
    for each in map(mapping, listed(gate.measured.get("curves") if gate else None)):
        values, average = listed(each.get("values")), [number(one) for one in listed(each.get("average"))]
        means = [one for one in average if one is not None]
        if not means or len(means) != len(average) or len(values) != len(means):
            continue
        name = str(each.get("column", ""))
        rows += [(name, str(value), f"{mean:f}") for value, mean in zip(values, means, strict=True)]
        if len(pictures) < CURVES:
            pictures.append(_dependence(name, values, means, listed(each.get("rows"))))
    if not pictures:
        return None
    return Figure(
        "How the score moves with one column",
        "One column runs over its range while everything else about each row stays as it is. That is how the model answers, not how the "
        "world would: columns that move together in life are parted here.",
        tuple(pictures),
        Table(("Column", "Value", "Mean score"), tuple(rows[:400])),
    )


def _dependence(name: str, values: Sequence[Any], means: Sequence[Decimal], rows: Sequence[Any]) -> Picture:
    low, high = min(means), max(means)
    says = (
        f"The mean score lies between {low:f} and {high:f} as {name} runs from {values[0]} to {values[-1]}."
    )
    places = [number(value) for value in values]
    known = [place for place in places if place is not None]
    if len(known) < len(places) or len(known) < 2:  # a category has no axis
        scale = around(means, LEFT, RIGHT)
        marks = [Row(str(value), (Point("dot", mean),)) for value, mean in zip(values, means, strict=True)]
        return rows_picture(name, says, marks, scale)
    lines = [Series("mean of all rows", tuple(zip(known, means, strict=True)))]
    for each in map(mapping, rows[: SERIES - 1]):
        scores = [number(one) for one in listed(each.get("scores"))]
        drawn = [one for one in scores if one is not None]
        if len(drawn) == len(known):
            lines.append(Series(f"row {each.get('row', '')}", tuple(zip(known, drawn, strict=True))))
    heights = [b for line in lines for _, b in line.points]
    return lines_picture(name, says, lines, around(known, *_X), around(heights, *_Y), Plot(name, "score"))


def _pairs(value: Any) -> _Pairs:
    """Points ``[x, y]`` inside the unit square; empty where one is anything else."""
    found = []
    for each in listed(value)[:200]:
        pair = [number(one) for one in listed(each)]
        if len(pair) != 2 or pair[0] is None or pair[1] is None:
            return ()
        found.append((pair[0], pair[1]))
    return tuple(found) if len(found) > 1 else ()


def _bins(value: Any) -> list[dict[str, Decimal]]:
    found = []
    for each in map(mapping, listed(value)[:50]):
        told = {key: number(each.get(key)) for key in ("score", "rate", "lower", "upper", "rows")}
        known = {key: one for key, one in told.items() if one is not None}
        if len(known) < len(told):
            return []
        found.append(known)
    return found
