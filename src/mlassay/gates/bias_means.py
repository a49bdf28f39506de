"""Predicted numbers by group: who is predicted more, and for whom the model errs more, in the label's unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

from mlassay.gates.bias_cells import Cells, Counts, Groups, Sums
from mlassay.gates.bias_rules import ALPHA, Decisions, Rule, judged, obstacle
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance_words import significant
from mlassay.statistics import (
    Z95,
    family_wise_z,
    lower_to_higher,
    mover_ratio,
    rows_for_mean,
    size_of_difference,
)

Array = NDArray[np.float64]

MEANS: Mapping[str, Callable[[Evaluated], Array]] = MappingProxyType(
    {
        "mean_prediction": lambda rows: rows.scores,
        "mean_error": lambda rows: rows.scores - rows.truth,
        "mean_absolute_error": lambda rows: np.abs(rows.scores - rows.truth),
    }
)


@dataclass(frozen=True, slots=True)
class MeanRule:
    """A criterion over one mean: its size within each group, or its difference or ratio to the reference's."""

    mean: str
    ratio: bool = False
    within: bool = False

    @property
    def rule(self) -> Rule:
        """What passes and what fails."""
        return Rule((self.mean,), self.ratio)

    @property
    def bound(self) -> str:
        """The key of the threshold in ``ml.yaml``."""
        return self.rule.bound


MEAN_RULES: Mapping[str, MeanRule] = MappingProxyType(
    {
        "mean_prediction_difference": MeanRule("mean_prediction"),
        "mean_prediction_ratio": MeanRule("mean_prediction", ratio=True),
        "mean_error": MeanRule("mean_error", within=True),
        "mean_error_difference": MeanRule("mean_error"),
        "mean_absolute_error_difference": MeanRule("mean_absolute_error"),
        "mean_absolute_error_ratio": MeanRule("mean_absolute_error", ratio=True),
    }
)


@dataclass(frozen=True, slots=True)
class Means:
    """Means of groups, arrays (family,): rows, mean, and its squared standard error."""

    rows: Array
    mean: Array
    error: Array

    @classmethod
    def of(cls, sums: Sums) -> Means:
        """Of the groups of one table."""
        with np.errstate(invalid="ignore", divide="ignore"):
            known = np.where(np.isfinite(sums.mean), sums.mean, np.nan)
            return cls(sums.rows, known, sums.variance / sums.rows)

    def at(self, places: Sequence[int]) -> Means:
        """Some of them, in this order."""
        chosen = list(places)
        return Means(self.rows[chosen], self.mean[chosen], self.error[chosen])

    def limits(self, z: Array | float = Z95) -> tuple[Array, Array]:
        """Student's, as `mlassay.statistics.mean_interval`; nan where nothing varies, for then nothing is known of chance."""
        with np.errstate(invalid="ignore"):
            half = -stdtrit(self.rows - 1, ndtr(-np.asarray(z))) * np.sqrt(
                np.where(self.error > 0, self.error, np.nan)
            )
        return self.mean - half, self.mean + half


def difference_limits(mine: Means, theirs: Means, z: Array) -> tuple[Array, Array]:
    """Size of the difference of means: `mlassay.statistics.welch` of many pairs at once."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        a, b = mine.error, theirs.error
        both = np.where(a + b > 0, a + b, np.nan)
        freedom = both**2 / (a**2 / (mine.rows - 1) + b**2 / (theirs.rows - 1))
        half = -stdtrit(freedom, ndtr(-z)) * np.sqrt(both)
    gap = mine.mean - theirs.mean
    return size_of_difference(gap - half, gap + half)


def ratio_limits(mine: Means, theirs: Means, z: Array) -> tuple[Array, Array]:
    """Lower mean over higher mean, of means that cannot lie under zero: MOVER-R on Student's limits."""
    scale = np.fmax(np.abs(mine.mean), np.abs(theirs.mean))
    with np.errstate(invalid="ignore", divide="ignore"):
        (l1, u1), (l2, u2) = (
            (np.maximum(low, 0) / scale, high / scale) for low, high in (mine.limits(z), theirs.limits(z))
        )
        return lower_to_higher(*mover_ratio(mine.mean / scale, (l1, u1), theirs.mean / scale, (l2, u2)))


@dataclass(frozen=True, slots=True)
class MeanComparison:
    """One mean of one group, by itself or against the reference's; as `mlassay.gates.bias_rules.Comparison`."""

    groups: Groups
    group: int
    rows: int
    reference_rows: int
    mean: float
    reference_mean: float
    gap: float
    said: Decisions
    place: int
    needed: int | None
    obstacle: str


def sums_of(rows: Evaluated, cells: Cells) -> dict[str, Sums]:
    """The sums of each of `MEANS` by cell."""
    with np.errstate(
        over="ignore", invalid="ignore"
    ):  # an error that is no finite number is found by its sum
        return {name: Sums.of(cells.of_row, len(cells.counts), of(rows)) for name, of in MEANS.items()}


def compare_means(
    criterion: MeanRule,
    threshold: float,
    sums: Mapping[str, Sums],
    tables: Sequence[tuple[Groups, Counts]],
    smallest: int,
) -> list[MeanComparison]:
    """Every group of every table, as one family of Holm's; behind an obstacle, inconclusive."""
    parts: list[tuple[Groups, int, str]] = []
    mine, theirs = [], []
    for groups, counts in tables:
        places = [g for g in range(len(groups.values)) if criterion.within or g != groups.reference]
        if not criterion.within and groups.reference < 0:
            continue
        means = Means.of(sums[criterion.mean].by(groups))
        mine.append(means.at(places))
        theirs.append(means.at([p if criterion.within else groups.reference for p in places]))
        parts += [(groups, g, _obstacle(criterion, groups, counts, g, smallest)) for g in places]
    if not parts:
        return []
    return _judge(criterion, threshold, parts, _joined(mine), _joined(theirs))


def _judge(
    criterion: MeanRule,
    threshold: float,
    parts: Sequence[tuple[Groups, int, str]],
    mine: Means,
    theirs: Means,
) -> list[MeanComparison]:
    def limits(z: Array) -> tuple[Array, Array]:
        if criterion.within:
            return size_of_difference(*mine.limits(z))
        return (ratio_limits if criterion.ratio else difference_limits)(mine, theirs, z)

    words = [
        word or _still(criterion, groups, group, mine, theirs, i)
        for i, (groups, group, word) in enumerate(parts)
    ]
    free = np.array([not word for word in words])
    said = judged(criterion.rule, threshold, limits, free)
    gap = _gap(criterion, mine, theirs)
    return [
        MeanComparison(
            groups=groups,
            group=group,
            rows=int(mine.rows[i]),
            reference_rows=int(theirs.rows[i]),
            mean=float(mine.mean[i]),
            reference_mean=float(theirs.mean[i]),
            gap=float(gap[i]),
            said=said,
            place=i,
            needed=_needed(criterion, threshold, mine, theirs, i, int(free.sum())) if free[i] else None,
            obstacle=words[i],
        )
        for i, (groups, group, _) in enumerate(parts)
    ]


def _obstacle(criterion: MeanRule, groups: Groups, counts: Counts, group: int, smallest: int) -> str:
    mine = obstacle(groups, counts, group, smallest, labels=False)
    if mine or criterion.within:
        return mine
    return obstacle(groups, counts, groups.reference, smallest, labels=False)


def _still(criterion: MeanRule, groups: Groups, group: int, mine: Means, theirs: Means, i: int) -> str:
    """Why an interval of these means is none; empty when it is one."""
    name = criterion.mean.replace("_", " ")
    sides = (
        (groups.label(group), mine),
        (groups.label(groups.reference) if groups.reference >= 0 else "", theirs),
    )
    errors = [float(side.error[i]) for _, side in sides]
    if not all(map(np.isfinite, errors)):
        return f"the {name} is too large to be added up"
    if not (min(errors) if criterion.ratio else max(errors)) > 0:
        return f"what the {name} is the mean of is the same for every row, so that nothing is known of chance"
    if criterion.ratio and (below := [who for who, side in sides if side.mean[i] < 0]):
        return f"the {name} of {below[0]} lies under zero, and has no ratio"
    return ""


def _gap(criterion: MeanRule, mine: Means, theirs: Means) -> Array:
    if criterion.within:
        return np.abs(mine.mean)
    with np.errstate(invalid="ignore", divide="ignore"):
        low, high = np.minimum(mine.mean, theirs.mean), np.maximum(mine.mean, theirs.mean)
        return np.asarray(low / high if criterion.ratio else high - low)


def _needed(
    criterion: MeanRule, threshold: float, mine: Means, theirs: Means, i: int, family: int
) -> int | None:
    """Rows of the group, others in proportion, at which this mean would be settled four times in five."""
    a, b = float(mine.mean[i]), float(theirs.mean[i])
    own, other = float(mine.error[i]), 0.0 if criterion.within else float(theirs.error[i])
    if criterion.ratio:
        # The ratio keeps the floor where lower - floor x higher is over zero.
        low, high = ((a, own), (b, other)) if a <= b else ((b, other), (a, own))
        distance, error = low[0] - threshold * high[0], low[1] + threshold**2 * high[1]
        broken = distance < 0
    else:
        gap = abs(a) if criterion.within else abs(a - b)
        distance, error, broken = gap - threshold, own + other, gap > threshold
    z = family_wise_z(family, ALPHA) if broken else Z95
    return rows_for_mean(distance, float(np.sqrt(error * mine.rows[i])), z)


def _joined(parts: Sequence[Means]) -> Means:
    return Means(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("rows", "mean", "error"))
    )


def as_json(sums: Mapping[str, Sums], groups: Groups) -> list[dict[str, Any]]:
    """Each mean of each group with its 95% interval, in the label's unit."""
    found: list[dict[str, Any]] = [{} for _ in groups.values]
    for name, cells in sums.items():
        means = Means.of(cells.by(groups))
        lower, upper = means.limits()
        for group, told in enumerate(found):
            values = {"mean": means.mean[group], "lower": lower[group], "upper": upper[group]}
            told[name] = {key: significant(float(value)) for key, value in values.items()}
    return found
