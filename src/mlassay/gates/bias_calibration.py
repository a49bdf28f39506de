"""Calibration within groups: does a score mean the same for everybody?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlassay.digest import decimal_string
from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.bias_cells import Cells, Counts, Groups, Sums
from mlassay.gates.bias_rules import ALPHA, Decisions, Rule, judged, obstacle
from mlassay.gates.common import CRITERIA_FILE, Criteria, shown
from mlassay.gates.evaluated import Evaluated
from mlassay.statistics import Z95, factor_to_settle, family_wise_z, gap_limits, size_of_difference
from mlassay.tasks import BINARY

CRITERION = "calibration_difference"
_RULE = Rule(("calibration",), ratio=False)
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Family:
    """Every group of every table, arrays (family,): rows, hits, mean score, and the variance of truth less score."""

    labels: tuple[str, ...]
    obstacles: tuple[str, ...]
    rows: Array
    hits: Array
    score: Array
    spread: Array

    @property
    def gap(self) -> Array:
        """Size of the difference of observed rate and mean score."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(abs(self.hits / self.rows - self.score))

    def limits(self, z: Array, factor: Array | float = 1.0) -> tuple[Array, Array]:
        """Limits of `gap`, if there were ``factor`` times the rows."""
        return size_of_difference(
            *gap_limits(self.hits * factor, self.rows * factor, self.score, self.spread, z)
        )


def calibration(
    rows: Evaluated, cells: Cells, tables: Sequence[tuple[Groups, Counts]], criteria: Criteria, smallest: int
) -> list[Finding]:
    """Hold mean score and observed rate together in each group, the reference included.

    Of two labels, that of class 1 and its probability; of more, the favourable ones and theirs. The interval is that
    of `mlassay.statistics.calibration_gap`; the rule and Holm's family are those of the other criteria. Groups must
    have at least ``smallest`` rows.
    """
    limit = float(criteria.values[CRITERION]["max"])
    if not tables:
        return []
    family = _family(rows, cells, tables, smallest)
    free = np.array([not word for word in family.obstacles], dtype=np.bool_)
    said = judged(_RULE, limit, family.limits, free)
    needed = _rows_to_settle(family, limit, free)
    return [
        _finding(family, place, limit, said, needed[place], rows, criteria)
        for place in range(len(family.labels))
    ]


def _family(rows: Evaluated, cells: Cells, tables: Sequence[tuple[Groups, Counts]], smallest: int) -> _Family:
    truth = np.asarray(rows.truth if rows.task == BINARY else rows.deserved, dtype=np.float64)
    size = len(cells.counts)
    gaps, hits = Sums.of(cells.of_row, size, truth - rows.scores), Sums.of(cells.of_row, size, truth)
    no_chance = not ((rows.scores >= 0) & (rows.scores <= 1)).all()
    labels: list[str] = []
    obstacles: list[str] = []
    columns: list[Array] = []
    for groups, counts in tables:
        gap, hit = gaps.by(groups), hits.by(groups)
        columns.append(np.stack([gap.rows, hit.rows * hit.mean, hit.mean - gap.mean, gap.variance]))
        for group in range(len(groups.values)):
            labels.append(groups.label(group))
            word = obstacle(groups, counts, group, smallest)
            obstacles.append(word or ("some scores are no chances from 0 to 1" if no_chance else ""))
    n, x, score, spread = np.concatenate(columns, axis=1)
    return _Family(tuple(labels), tuple(obstacles), n, np.rint(x), score, spread)


def _rows_to_settle(family: _Family, limit: float, free: NDArray[np.bool_]) -> list[int | None]:
    def settles(factor: Array, z: Array) -> NDArray[np.bool_]:
        found = family.limits(z, factor)
        return _RULE.meets(*found, limit) | _RULE.breaks(*found, limit)

    z = np.where(family.gap > limit, family_wise_z(int(free.sum()), ALPHA), Z95)
    needed = factor_to_settle(settles, free.shape, z) * family.rows
    return [
        int(np.ceil(rows)) if able and np.isfinite(rows) else None
        for rows, able in zip(needed.tolist(), free.tolist(), strict=True)
    ]


def _finding(
    family: _Family,
    place: int,
    limit: float,
    said: Decisions,
    needed: int | None,
    rows: Evaluated,
    criteria: Criteria,
) -> Finding:
    label, outcome, n = family.labels[place], said.outcome(place), int(family.rows[place])
    score, gap = float(family.score[place]), float(family.gap[place])
    rate = float(family.hits[place]) / n if n else float("nan")
    lower, upper = float(said.lower[place]), float(said.upper[place])
    event = f"{rows.label}={rows.labels[1]}" if rows.task == BINARY else rows.good
    if family.obstacles[place]:
        what = f"Nothing can be concluded of {label}: {family.obstacles[place]}."
    else:
        what = (
            f"For {label} ({n} rows) the model expects {event} in {decimal_string(100 * score, 1)}% "
            f"and it is so in {decimal_string(100 * rate, 1)}%: they differ by {shown(gap, 3)} (95% interval "
            f"{shown(lower, 3)} to {shown(upper, 3)}), where at most {decimal_string(limit, 3)} is asked."
        )
    numbers: dict[str, str | int] = {
        "threshold": decimal_string(limit, 4),
        "rows": n,
        "mean_score": shown(score),
        "rate": shown(rate),
        "gap": shown(gap),
        "lower": shown(lower),
        "upper": shown(upper),
        "p_holm": shown(float(said.p[place])),
    }
    return Finding(
        id=f"bias.{CRITERION}.{label.replace(' & ', '&')}",
        outcome=outcome,
        what=what,
        why="a score that is too high for one group, or too low, means something else for that group",
        remedy=_remedy(label, outcome, needed),
        path=CRITERIA_FILE,
        line=criteria.line(CRITERION, "max"),
        numbers=numbers if needed is None else numbers | {"rows_to_settle": needed},
    )


def _remedy(label: str, outcome: Outcome, needed: int | None) -> str:
    if outcome is Outcome.PASSED:
        return ""
    if outcome is Outcome.FAILED:
        enough = f"These rows settle it: about {needed} of {label} would have been enough. " if needed else ""
        return (
            f"{enough}No threshold changes it. Recalibrate the scores on rows of this group that are not evaluation rows; "
            "class weights shift all scores."
        )
    if needed is None:
        return "Evaluate on more rows of this group, with both labels and with known values."
    return f"About {needed} rows of {label} would settle it four times in five, if it stays as measured."
