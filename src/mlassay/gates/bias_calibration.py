"""Calibration within groups: does a score mean the same for everybody?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from mlassay.digest import decimal_string
from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.bias_cells import Cells, Counts, Groups
from mlassay.gates.bias_rules import ALPHA, obstacle
from mlassay.gates.common import CRITERIA_FILE, Criteria, shown
from mlassay.gates.evaluated import Evaluated
from mlassay.statistics import Z95, holm

CRITERION = "calibration_difference"


@dataclass(frozen=True, slots=True)
class _Group:
    """One group: rows, mean score, observed rate of class 1, and the standard error of their difference."""

    label: str
    rows: int
    score: float
    rate: float
    error: float
    obstacle: str

    @property
    def gap(self) -> float:
        return abs(self.rate - self.score)


def calibration(
    rows: Evaluated, cells: Cells, tables: Sequence[tuple[Groups, Counts]], criteria: Criteria, smallest: int
) -> list[Finding]:
    """Hold mean score and observed rate of class 1 together in each group, the reference included.

    The interval is the normal one of a mean of differences; the rule and Holm's family are those of the other
    criteria. Groups must have at least ``smallest`` rows.
    """
    limit = float(criteria.values[CRITERION]["max"])
    groups = [group for table in tables for group in _groups(rows, cells, *table, smallest)]
    free = [group for group in groups if not group.obstacle]
    adjusted = dict(zip([g.label for g in free], holm([_p(g, limit) for g in free]).tolist(), strict=True))
    return [_finding(group, limit, adjusted.get(group.label, 1.0), rows, criteria) for group in groups]


def _groups(rows: Evaluated, cells: Cells, groups: Groups, counts: Counts, smallest: int) -> list[_Group]:
    of_row, size = groups.of_cell[cells.of_row], len(groups.values)
    n = np.bincount(of_row, minlength=size)
    gaps = rows.truth - rows.scores
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.bincount(of_row, rows.truth, size) / n
        score = np.bincount(of_row, rows.scores, size) / n
        # Centred first: the difference of two large sums of squares would lose digits.
        centred = gaps - (rate - score)[of_row]
        error = np.sqrt(np.bincount(of_row, centred**2, size) / (n - 1) / n)
    return [
        _Group(
            groups.label(group),
            int(n[group]),
            float(score[group]),
            float(rate[group]),
            float(error[group]),
            obstacle(groups, counts, group, smallest),
        )
        for group in range(size)
    ]


def _p(group: _Group, limit: float) -> float:
    beyond = group.gap - limit
    return float(2 * ndtr(-beyond / group.error)) if beyond > 0 else 1.0


def _finding(group: _Group, limit: float, p: float, rows: Evaluated, criteria: Criteria) -> Finding:
    lower, upper = max(0.0, group.gap - Z95 * group.error), group.gap + Z95 * group.error
    event = f"{rows.label}={rows.labels[1]}"
    outcome = Outcome.INCONCLUSIVE
    if not group.obstacle and upper <= limit:
        outcome = Outcome.PASSED
    elif not group.obstacle and lower > limit and p <= ALPHA:
        outcome = Outcome.FAILED
    if group.obstacle:
        what = f"Nothing can be concluded of {group.label}: {group.obstacle}."
    else:
        what = (
            f"For {group.label} ({group.rows} rows) the model expects {event} in {decimal_string(100 * group.score, 1)}% "
            f"and it is so in {decimal_string(100 * group.rate, 1)}%: they differ by {shown(group.gap, 3)} (95% interval "
            f"{shown(lower, 3)} to {shown(upper, 3)}), where at most {decimal_string(limit, 3)} is asked."
        )
    return Finding(
        id=f"bias.{CRITERION}.{group.label.replace(' & ', '&')}",
        outcome=outcome,
        what=what,
        why="a score that is too high for one group, or too low, means something else for that group",
        remedy=_remedy(group, limit, outcome),
        path=CRITERIA_FILE,
        line=criteria.line(CRITERION, "max"),
        numbers={
            "threshold": decimal_string(limit, 4),
            "rows": group.rows,
            "mean_score": shown(group.score),
            "rate": shown(group.rate),
            "gap": shown(group.gap),
            "lower": shown(lower),
            "upper": shown(upper),
            "p_holm": shown(p),
        },
    )


def _remedy(group: _Group, limit: float, outcome: Outcome) -> str:
    if outcome is Outcome.PASSED:
        return ""
    if outcome is Outcome.FAILED:
        return "Recalibrate the scores on rows of this group that are not evaluation rows; class weights shift all scores."
    distance = abs(group.gap - limit)
    if group.obstacle or not distance > 1e-6 * group.error:
        return "Evaluate on more rows of this group, with both labels and with known values."
    needed = int(np.ceil(group.rows * ((Z95 + 0.8416) * group.error / distance) ** 2))
    return (
        f"About {needed} rows of {group.label} would settle it four times in five, if it stays as measured."
    )
