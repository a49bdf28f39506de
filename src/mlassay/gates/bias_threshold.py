"""The nearest decision threshold that would have passed, and what it costs in accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlassay.gates.bias_cells import Cells, Counts, Groups, tally
from mlassay.gates.bias_rules import RATES, RULES, Rule, obstacle
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.thresholds import SETTINGS
from mlassay.statistics import Z95

_MOST_CELLS = 500  # keeps the tables of counts by cell and setting under about 50 MB


@dataclass(frozen=True, slots=True)
class Setting:
    """A threshold at which every comparison of one criterion that can be settled would pass, and the accuracy there and here."""

    threshold: float
    accuracy: float
    accuracy_now: float


def nearest_setting(
    rows: Evaluated,
    cells: Cells,
    tables: Sequence[tuple[Groups, Counts]],
    criterion: str,
    limit: float,
    smallest: int,
) -> Setting | None:
    """Sweep all of `SETTINGS` at once over ``rows``; None where none passes ``criterion`` (or cells are too many).

    Comparisons behind an obstacle are left out: a threshold cannot remove it.
    """
    if len(cells.counts) > _MOST_CELLS:
        return None
    by_setting = _counts(rows, cells)
    passes = np.ones(len(SETTINGS), bool)
    for groups, counts in tables:
        passes &= _passes(RULES[criterion], limit, groups, counts, groups.sum(by_setting), smallest)
    if not passes.any():
        return None
    nearest = int(np.argmin(np.where(passes, abs(SETTINGS - rows.threshold), np.inf)))
    correct = by_setting[:, 1, 1].sum(axis=0) + by_setting[:, 0, 0].sum(axis=0)
    return Setting(
        threshold=float(SETTINGS[nearest]),
        accuracy=float(correct[nearest] / len(rows.truth)),
        accuracy_now=float((rows.truth == rows.predicted).mean()),
    )


def _counts(rows: Evaluated, cells: Cells) -> Counts:
    """Counts of shape (cells, favourable label, favourable decision, settings)."""
    # A score in bin b reaches the first b settings.
    bins = np.searchsorted(SETTINGS, rows.scores, side="right")
    label = rows.truth == rows.favourable
    table = tally(cells.of_row, len(cells.counts), label, bins, len(SETTINGS) + 1)
    reach = np.cumsum(table[:, :, ::-1], axis=2)[:, :, ::-1][:, :, 1:]
    rest = table.sum(axis=2, keepdims=True) - reach
    selected, refused = (reach, rest) if rows.favourable == 1 else (rest, reach)
    return np.stack([refused, selected], axis=2)


def _passes(
    rule: Rule, limit: float, groups: Groups, counts: Counts, by_setting: Counts, smallest: int
) -> NDArray[np.bool_]:
    passes = np.ones(len(SETTINGS), bool)
    if groups.reference < 0 or obstacle(groups, counts, groups.reference, smallest):
        return passes
    free = [
        group
        for group in range(len(groups.values))
        if group != groups.reference and not obstacle(groups, counts, group, smallest)
    ]
    for rate in rule.rates:
        x, n = (part.astype(np.float64) for part in RATES[rate](by_setting))
        reference = slice(groups.reference, groups.reference + 1)
        lower, upper = rule.limits(x[free], n[free], x[reference], n[reference], np.array(Z95))
        passes &= rule.meets(lower, upper, limit).all(axis=0)
    return passes
