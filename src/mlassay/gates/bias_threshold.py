"""The nearest setting that would have passed, and what it costs: a threshold, or how many rows are selected."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlassay.gates.bias_cells import Cells, Counts, Groups, sides, tally
from mlassay.gates.bias_rules import RATES, RULES, Rule, obstacle
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.thresholds import SETTINGS
from mlassay.statistics import Z95
from mlassay.tasks import BINARY, HIGHER, RANKING, REGRESSION

_MOST_CELLS = 500  # keeps the tables of counts by cell and setting under about 50 MB
_NUMBERS = 99  # thresholds of a regression that are tried: each needs the labels counted anew
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting at which every comparison of one criterion that can be settled would pass, and what it does.

    ``threshold`` is the threshold, or for a ranking how many rows are selected; ``accuracy`` the share of right
    decisions there (of relevant rows among the selected, for a ranking), ``accuracy_now`` the same today.
    """

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
    """Sweep all of `settings_of` at once over ``rows``; None where none passes ``criterion`` (or cells are too many).

    Comparisons behind an obstacle are left out: a threshold cannot remove it.
    """
    settings = settings_of(rows)
    if len(cells.counts) > _MOST_CELLS or not settings.size:
        return None
    by_setting = _counts(rows, cells, settings)
    passes = np.ones(len(settings), bool)
    for groups, counts in tables:
        passes &= _passes(RULES[criterion], limit, groups, counts, groups.sum(by_setting), smallest)
    if not passes.any():
        return None
    now = float(np.count_nonzero(sides(rows)[1])) if rows.task == RANKING else rows.threshold
    nearest = int(np.argmin(np.where(passes, abs(settings - now), np.inf)))
    return Setting(
        threshold=float(settings[nearest]),
        accuracy=_worth(rows, by_setting[..., nearest].sum(axis=0)),
        accuracy_now=_worth(rows, cells.counts.sum(axis=0)),
    )


def settings_of(rows: Evaluated) -> Array:
    """What could be set otherwise, ascending: thresholds, or numbers of rows to select; empty where nothing can be."""
    if rows.task == BINARY:
        return SETTINGS
    if rows.task == RANKING:
        return np.unique(np.rint(np.linspace(1, max(len(rows.scores) - 1, 1), 999)))
    if rows.task == REGRESSION:
        return np.unique(np.quantile(rows.scores, np.arange(1, _NUMBERS + 1) / (_NUMBERS + 1)))
    return np.empty(0)


def _worth(rows: Evaluated, counts: Counts) -> float:
    right = counts[1, 1] if rows.task == RANKING else counts[1, 1] + counts[0, 0]
    of = counts[:, 1].sum() if rows.task == RANKING else counts.sum()
    return float(right / of) if of else float("nan")


def _counts(rows: Evaluated, cells: Cells, settings: Array) -> Counts:
    """Counts of shape (cells, favourable label, favourable decision, settings)."""
    if rows.task == REGRESSION:
        return _counts_of_values(rows, cells, settings)
    if rows.task == RANKING:
        # The row at place p (from 0) is selected by the settings over p; of equal scores the earlier rows.
        place = np.empty(len(rows.scores), np.int64)
        place[np.argsort(-rows.scores, kind="stable")] = np.arange(len(rows.scores))
        bins = len(settings) - np.searchsorted(settings, place, side="right")
    else:
        # A score in bin b reaches the first b settings.
        bins = np.searchsorted(settings, rows.scores, side="right")
    label, _ = sides(rows)
    table = tally(cells.of_row, len(cells.counts), label, bins, len(settings) + 1)
    reach = _reach(table, axis=2)
    rest = table.sum(axis=2, keepdims=True) - reach
    if rows.task == RANKING:
        return np.stack([rest, reach], axis=2)[..., ::-1]
    selected, refused = (reach, rest) if rows.favourable == 1 else (rest, reach)
    return np.stack([refused, selected], axis=2)


def _counts_of_values(rows: Evaluated, cells: Cells, settings: Array) -> Counts:
    """As `_counts` where a threshold moves the favourable side of labels and predictions alike."""
    size = len(settings) + 1
    label = np.searchsorted(settings, rows.truth, side="right")
    answer = np.searchsorted(settings, rows.scores, side="right")
    table = tally(cells.of_row, len(cells.counts), label, answer, size, size)
    both = np.cumsum(np.cumsum(table[:, ::-1, ::-1], axis=1), axis=2)[:, ::-1, ::-1]
    place = np.arange(1, size)
    # Of setting j: both over it, labels over it, answers over it, and all.
    over, labels, answers = both[:, place, place], both[:, place, 0], both[:, 0, place]
    neither = both[:, :1, 0] - labels - answers + over
    table = np.stack(
        [np.stack([neither, answers - over], axis=1), np.stack([labels - over, over], axis=1)], axis=1
    )
    return table if rows.side == HIGHER else table[:, ::-1, ::-1]


def _reach(table: Counts, axis: int) -> Counts:
    """How many lie in bin b or a higher one, for each b from 1."""
    return np.flip(np.cumsum(np.flip(table, axis), axis), axis)[:, :, 1:]


def _passes(
    rule: Rule, limit: float, groups: Groups, counts: Counts, by_setting: Counts, smallest: int
) -> NDArray[np.bool_]:
    passes = np.ones(by_setting.shape[-1], bool)
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
