"""Asks `veritas` whether a tree ensemble's margin can be reached inside rows' boxes; a part of the rows at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mlassay.gates.adversarial_set import SLACK, Allowed, Floats, Index

ROBUST, REACHED, NEAR, OPEN = range(4)
SOLUTIONS = 64  # boxes of one margin that are looked at for a point that is allowed
MEMORY = 256 << 20  # bytes of one search, by its own count
CHUNK = 200  # steps of a search between two looks at its solutions


@dataclass(frozen=True, eq=False)
class Question:
    """Can a margin be reached? ``trees`` is a `veritas` ensemble whose sum is under 0 where it certainly is not, and at
    least ``gap`` where it certainly is.
    """

    trees: Any
    gap: float


@dataclass(frozen=True, eq=False)
class Part:
    """Rows to ask about: ``low`` and ``high`` (rows, axes) with both ends, and what is ``allowed`` to the first axes.

    ``asked`` says for each row which questions must all be answered no for it to be robust: of each tuple in turn one.
    """

    questions: tuple[Question, ...]
    asked: tuple[tuple[tuple[int, ...], ...], ...]
    allowed: Allowed
    low: Floats
    high: Floats
    steps: int


@dataclass(frozen=True, eq=False)
class Answer:
    """Of each row ``verdict`` (ROBUST; REACHED or NEAR with ``points`` to try; OPEN within the steps) and ``steps`` taken."""

    verdict: Index
    steps: Index
    points: tuple[Floats, ...]


def ask(part: Part) -> Answer:
    """Answer for every row of a part; the same wherever it runs."""
    count = len(part.low)
    verdict, steps, points = np.full(count, OPEN), np.zeros(count, dtype=np.int64), []
    for row in range(count):
        verdict[row], steps[row], found = _row(part, row)
        points.append(found)
    return Answer(verdict, steps, tuple(points))


def _row(part: Part, row: int) -> tuple[int, int, Floats]:
    """A row is robust when of each tuple of its questions one is answered no."""
    worst, used, none = ROBUST, 0, np.empty((0, part.allowed.base.shape[1]))
    found = none
    for either in part.asked[row]:
        best, seen = OPEN, none
        for number in either:
            said, steps, points = _question(part, part.questions[number], row, part.steps - used)
            used += steps
            seen = np.concatenate([seen, points])
            best = said if best == OPEN or said == ROBUST else best
            if said == ROBUST or used >= part.steps:  # one no is enough; a yes to one may be a no to the next
                break
        if best == ROBUST:
            continue
        found, worst = np.concatenate([found, seen]), best if worst == ROBUST else max(worst, best)
        if best == REACHED:
            return REACHED, used, found
        if used >= part.steps:
            return OPEN, used, found
    return worst, used, found


def _question(part: Part, question: Question, row: int, budget: int) -> tuple[int, int, Floats]:
    import veritas

    config = veritas.Config(veritas.HeuristicType.MAX_OUTPUT)
    config.ignore_state_when_worse_than = 0.0
    config.stop_when_optimal = False
    config.stop_when_num_new_solutions_exceeds = 1
    config.max_memory = MEMORY
    low, high = part.low[row], part.high[row]
    ends = np.nextafter(high, np.inf)
    box = [veritas.Interval(a, b) for a, b in zip(low.tolist(), ends.tolist(), strict=True)]
    search = config.get_search(question.trees, box)
    reasons = veritas.StopReason
    points: list[Floats] = []
    seen, doubtful = 0, False
    while True:
        reason = search.steps(max(1, min(CHUNK, budget - search.stats.num_steps)))
        used = int(search.stats.num_steps)
        for number in range(seen, search.num_solutions()):
            solution = search.get_solution(number)
            point, certain = _allowed_point(part.allowed, row, _inside(solution.box(), low, ends))
            if point is None:
                doubtful = doubtful or not certain
                continue
            points.append(point)
            if solution.output >= question.gap:
                return REACHED, used, np.array(points[-1:])
        seen = search.num_solutions()
        if reason == reasons.NO_MORE_OPEN:
            break
        if seen >= SOLUTIONS or used >= budget or reason == reasons.OUT_OF_MEMORY:
            doubtful = True
            break
    width = part.allowed.base.shape[1]
    if doubtful:
        return OPEN, used, np.array(points).reshape(-1, width)
    return (NEAR if points else ROBUST), used, np.array(points).reshape(-1, width)


def _inside(box: dict[int, Any], low: Floats, ends: Floats) -> tuple[Floats, Floats]:
    """``(low, end)`` of a solution: the end is the first number beyond it."""
    first, beyond = low.copy(), ends.copy()
    for axis, interval in box.items():
        first[axis], beyond[axis] = max(first[axis], interval.lo), min(beyond[axis], interval.hi)
    return first, beyond


def _allowed_point(allowed: Allowed, row: int, inside: tuple[Floats, Floats]) -> tuple[Floats | None, bool]:
    """A point of the solution's box that is allowed, near to the row; None where there is none, and whether that is certain."""
    width = allowed.base.shape[1]
    low, beyond = inside[0][:width], inside[1][:width]
    point = np.empty(width)
    for j in range(width):
        place = _place(allowed, row, j, float(low[j]), float(beyond[j]))
        if place is None:
            return None, True
        point[j] = place
    index = np.array([row])
    if allowed.contains(index, point[None, None, :])[0, 0]:
        return point, True
    if not len(allowed.weights):
        return None, False
    return _bound_point(allowed, row, point, low, beyond)


def _place(allowed: Allowed, row: int, j: int, low: float, beyond: float) -> float | None:
    """The value of one column in ``low`` to before ``beyond`` that is allowed and nearest to the row's own."""
    base = float(allowed.base[row, j])
    if np.isnan(base) or low <= base < beyond:
        return base
    codes = allowed.choices[j]
    if codes is not None:
        inside = codes[(codes >= low) & (codes < beyond)]
        return float(inside[0]) if inside.size else None
    step = float(allowed.step[j]) or float(allowed.whole[j])
    upwards = low > base
    if step:
        origin = base if allowed.step[j] else 0.0
        count = (low - origin) / step if upwards else (beyond - origin) / step
        near = np.ceil(count) if upwards else np.floor(count)
        tries = origin + (near + np.arange(-1, 2)) * step
    else:
        tries = np.array([low if upwards else np.nextafter(beyond, -np.inf)])
    if not allowed.double[j]:
        held = tries.astype(np.float32)
        up, down = np.float32(np.inf), np.float32(-np.inf)
        beside = [] if step else [np.nextafter(held, up), np.nextafter(held, down)]
        tries = np.concatenate([held, *beside]).astype(np.float64)
    values = np.unique(tries)
    lowest, highest = float(allowed.low[row, j]), float(allowed.high[row, j])
    fits = values[(values >= max(low, lowest)) & (values < beyond) & (values <= highest)]
    if fits.size:
        return float(fits[np.argmin(np.abs(fits - base))])
    ends = [end for end in (lowest, highest) if low <= end < beyond]
    return ends[0] if ends else None


def _bound_point(
    allowed: Allowed, row: int, point: Floats, low: Floats, beyond: Floats
) -> tuple[Floats | None, bool]:
    """A point of the box that keeps the constraints between columns: by projection, else by linear programming."""
    from scipy.optimize import linprog

    index = np.array([row])
    projected = allowed.project(index, point[None, None, :])[0, 0]
    if _keeps(allowed, index, projected, low, beyond):
        return projected, True
    known = ~np.isnan(point)
    bound, weights = allowed.bound[row], allowed.weights[:, known]
    binding = np.isfinite(bound)
    last = np.nextafter(beyond, -np.inf)
    reach = np.maximum(np.abs(low), np.abs(last))[known]
    slack = SLACK * (np.abs(weights) @ reach + np.abs(np.where(binding, bound, 0.0)))
    for tight in (
        -1.0,
        0.0,
        2.0,
    ):  # first well inside, so that rounding does not fall out; last, only to rule it out
        answer = linprog(
            np.zeros(int(known.sum())),
            A_ub=weights[binding],
            b_ub=(bound + tight * slack)[binding],
            bounds=np.column_stack([low[known], last[known]]),
            method="highs",
        )
        if answer.status == 2:
            if tight > 0:
                return None, True
            continue
        if answer.status != 0:
            return None, False
        found = point.copy()
        found[known] = answer.x
        fitted = allowed.fit(index, found[None, None, :])[0, 0]
        if _keeps(allowed, index, fitted, low, beyond):
            return fitted, True
    return None, False


def _keeps(allowed: Allowed, index: Index, point: Floats, low: Floats, beyond: Floats) -> bool:
    known = ~np.isnan(point)
    inside = bool(((point >= low) & (point < beyond))[known].all())
    return inside and bool(allowed.contains(index, point[None, None, :])[0, 0])
