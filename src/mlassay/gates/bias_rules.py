"""From counts to comparisons: each group against its reference, the interval rule, Holm, and rows to settle."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mlassay.evidence.verdict import Outcome
from mlassay.gates.bias_cells import Counts, Groups
from mlassay.statistics import (
    Z95,
    factor_to_settle,
    family_wise_z,
    holm,
    lower_to_higher,
    newcombe,
    p_value,
    ratio_interval,
    size_of_difference,
)

SMALLEST_GROUP = 30
"""Fewer rows than this settle nothing (gates.md), whatever an interval says."""
ALPHA = 0.05

Array = NDArray[np.float64]
Rate = Callable[[Counts], tuple[Counts, Counts]]
_Part = tuple[str, Groups, Counts, int]  # rate, groups, counts by group, group

# Counts have the axes (group, favourable label, favourable decision, ...); a rate is (how many, out of how many).
RATES: Mapping[str, Rate] = MappingProxyType(
    {
        "selection_rate": lambda c: (c[:, :, 1].sum(axis=1), c.sum(axis=(1, 2))),
        "true_positive_rate": lambda c: (c[:, 1, 1], c[:, 1].sum(axis=1)),
        "false_positive_rate": lambda c: (c[:, 0, 1], c[:, 0].sum(axis=1)),
        "false_negative_rate": lambda c: (c[:, 1, 0], c[:, 1].sum(axis=1)),
        "precision": lambda c: (c[:, 1, 1], c[:, :, 1].sum(axis=1)),
        "accuracy": lambda c: (c[:, 0, 0] + c[:, 1, 1], c.sum(axis=(1, 2))),
    }
)
RECALL = "recall of "


def class_rates(labels: Sequence[str]) -> Mapping[str, Rate]:
    """Rates of a model with more than two labels, from counts with the axes (group, label, the answer is that label)."""

    def recall(place: int) -> Rate:
        return lambda c: (c[:, place, 1], c[:, place].sum(axis=1))

    whole: dict[str, Rate] = {"accuracy": lambda c: (c[:, :, 1].sum(axis=1), c.sum(axis=(1, 2)))}
    return whole | {f"{RECALL}{label}": recall(place) for place, label in enumerate(labels)}


@dataclass(frozen=True, slots=True)
class Rule:
    """A criterion: the rates that it compares, and whether by ratio (with a floor) or difference (with a ceiling)."""

    rates: tuple[str, ...]
    ratio: bool

    @property
    def bound(self) -> str:
        """The key of the threshold in ``ml.yaml``."""
        return "min" if self.ratio else "max"

    def limits(self, x: Array, n: Array, x_ref: Array, n_ref: Array, z: Array) -> tuple[Array, Array]:
        """Limits of lower rate to higher rate, or of the size of the difference, at normal quantile ``z``."""
        if self.ratio:
            return lower_to_higher(*ratio_interval(x, n, x_ref, n_ref, z))
        return size_of_difference(*newcombe(x, n, x_ref, n_ref, z))

    def meets(self, lower: Array, upper: Array, threshold: float) -> NDArray[np.bool_]:
        """Whether the whole interval keeps the threshold; never where a limit is nan."""
        met: NDArray[np.bool_] = lower >= threshold if self.ratio else upper <= threshold
        return met

    def breaks(self, lower: Array, upper: Array, threshold: float) -> NDArray[np.bool_]:
        """Whether the whole interval breaks the threshold; never where a limit is nan."""
        broken: NDArray[np.bool_] = upper < threshold if self.ratio else lower > threshold
        return broken


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "selection_rate_ratio": Rule(("selection_rate",), ratio=True),
        "selection_rate_difference": Rule(("selection_rate",), ratio=False),
        "true_positive_rate_ratio": Rule(("true_positive_rate",), ratio=True),
        "true_positive_rate_difference": Rule(("true_positive_rate",), ratio=False),
        "false_positive_rate_ratio": Rule(("false_positive_rate",), ratio=True),
        "false_positive_rate_difference": Rule(("false_positive_rate",), ratio=False),
        "equalized_odds_difference": Rule(("true_positive_rate", "false_positive_rate"), ratio=False),
        "equalized_odds_ratio": Rule(("true_positive_rate", "false_positive_rate"), ratio=True),
        "false_negative_rate_ratio": Rule(("false_negative_rate",), ratio=True),
        "false_negative_rate_difference": Rule(("false_negative_rate",), ratio=False),
        "precision_ratio": Rule(("precision",), ratio=True),
        "precision_difference": Rule(("precision",), ratio=False),
        "accuracy_ratio": Rule(("accuracy",), ratio=True),
        "accuracy_difference": Rule(("accuracy",), ratio=False),
    }
)


def class_rules(labels: Sequence[str]) -> Mapping[str, Rule]:
    """The criteria over `class_rates`: right answers in all, and of each label by itself."""
    each = tuple(f"{RECALL}{label}" for label in labels)
    return {
        "accuracy_ratio": RULES["accuracy_ratio"],
        "accuracy_difference": RULES["accuracy_difference"],
        "recall_by_class_ratio": Rule(each, ratio=True),
        "recall_by_class_difference": Rule(each, ratio=False),
    }


@dataclass(frozen=True, slots=True)
class Comparison:
    """One rate of one group against the reference's; counts are (how many, out of how many).

    ``gap`` is the ratio of the lower to the higher rate, or the size of the difference; ``p`` is Holm's within the
    criterion. ``rows`` is how many rows of the group (others in proportion) would settle it, None if none would.
    ``held_back`` says that the interval alone would have failed it and Holm did not; ``obstacle`` why nothing can be
    said at all.
    """

    rate: str
    groups: Groups
    group: int
    count: tuple[int, int]
    reference: tuple[int, int]
    gap: float
    lower: float
    upper: float
    p: float
    outcome: Outcome
    rows: int | None
    held_back: bool
    obstacle: str


def obstacle(
    groups: Groups, counts: Counts, group: int, smallest: int = SMALLEST_GROUP, *, labels: bool = True
) -> str:
    """Why nothing can be said of a group's rates (of its means, without ``labels``), in words; empty when something can."""
    rows = int(counts[group].sum())
    if groups.missing(group):
        return f"the value is not known for {rows} rows"
    if rows < smallest:
        return f"{groups.label(group)} has {rows} rows, and under {smallest} nothing is concluded"
    if labels and (counts[group].sum(axis=1) > 0).sum() < 2:
        return f"all {rows} rows of {groups.label(group)} have the same label"
    return ""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What the rule says of families of comparisons, arrays (..., family): limits, Holm's p, and which outcome.

    ``broken`` is where the interval alone breaks the threshold, whatever Holm says.
    """

    lower: Array
    upper: Array
    p: Array
    passed: NDArray[np.bool_]
    broken: NDArray[np.bool_]
    failed: NDArray[np.bool_]

    def outcome(self, place: int) -> Outcome:
        """The outcome of one comparison of a single family."""
        if self.failed[place]:
            return Outcome.FAILED
        return Outcome.PASSED if self.passed[place] else Outcome.INCONCLUSIVE


def decide(
    rule: Rule,
    threshold: float,
    pairs: tuple[Array, Array, Array, Array],
    free: NDArray[np.bool_],
) -> Decisions:
    """Judge families of comparisons along the last axis; ``pairs`` are count, of, reference's count, reference's of.

    ``tests/statistics/test_decisions.py`` measures how often each is wrong.
    """
    return judged(rule, threshold, lambda z: rule.limits(*pairs, z), free)


def judged(
    rule: Rule,
    threshold: float,
    limits: Callable[[Array], tuple[Array, Array]],
    free: NDArray[np.bool_],
) -> Decisions:
    """Judge families along the last axis by their intervals at a normal quantile, arrays in the shape of ``free``.

    Passed when the whole 95% interval keeps the threshold; failed when the whole interval breaks it and Holm's
    p-value is at most .05; neither is inconclusive, and so is all that is not ``free`` of obstacles.
    """
    lower, upper = limits(np.full(free.shape, Z95))
    broken = free & rule.breaks(lower, upper, threshold)
    p = p_value(lambda z: rule.breaks(*limits(z), threshold), free.shape)
    p = holm(np.where(free, p, np.nan))
    return Decisions(
        lower=lower,
        upper=upper,
        p=np.where(free, p, 1.0),
        passed=free & rule.meets(lower, upper, threshold),
        broken=broken,
        failed=broken & (p <= ALPHA),
    )


def compare(
    rule: Rule,
    threshold: float,
    tables: Sequence[tuple[Groups, Counts]],
    smallest: int = SMALLEST_GROUP,
    rates: Mapping[str, Rate] = RATES,
) -> list[Comparison]:
    """Every group of every table against its reference, as one family (`decide`); behind any obstacle, inconclusive.

    A rate over nobody is an obstacle of its own.
    """
    parts = _parts(rule, tables)
    if not parts:
        return []
    pairs = [_pair(rates[rate], counts, group, groups.reference) for rate, groups, counts, group in parts]
    x, n, x_ref, n_ref = np.array(pairs, np.float64).T
    words = [
        obstacle(groups, counts, group, smallest)
        or obstacle(groups, counts, groups.reference, smallest)
        or _nobody(rate, groups, (group, n[i]), (groups.reference, n_ref[i]))
        for i, (rate, groups, counts, group) in enumerate(parts)
    ]
    free = np.array([not word for word in words])
    said = decide(rule, threshold, (x, n, x_ref, n_ref), free)
    gap = _point(rule, x, n, x_ref, n_ref)
    rows = _rows_to_settle(rule, threshold, parts, (x, n, x_ref, n_ref), free, smallest)
    return [
        Comparison(
            rate=rate,
            groups=groups,
            group=group,
            count=(int(x[i]), int(n[i])),
            reference=(int(x_ref[i]), int(n_ref[i])),
            gap=float(gap[i]),
            lower=float(said.lower[i]),
            upper=float(said.upper[i]),
            p=float(said.p[i]),
            outcome=said.outcome(i),
            rows=rows[i],
            held_back=bool(said.broken[i] and not said.failed[i]),
            obstacle=words[i],
        )
        for i, (rate, groups, counts, group) in enumerate(parts)
    ]


def _nobody(rate: str, groups: Groups, *of: tuple[int, float]) -> str:
    who = next((groups.label(group) for group, rows in of if not rows), "")
    name = rate.replace("_", " ")
    return f"no row of {who} counts towards its {name}" if who else ""


def _parts(rule: Rule, tables: Sequence[tuple[Groups, Counts]]) -> list[_Part]:
    return [
        (rate, groups, counts, group)
        for groups, counts in tables
        if groups.reference >= 0
        for group in range(len(groups.values))
        if group != groups.reference
        for rate in rule.rates
    ]


def _pair(rate: Rate, counts: Counts, group: int, reference: int) -> tuple[int, int, int, int]:
    x, n = rate(counts[[group, reference]])
    return int(x[0]), int(n[0]), int(x[1]), int(n[1])


def _point(rule: Rule, x: Array, n: Array, x_ref: Array, n_ref: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        mine, theirs = x / n, x_ref / n_ref
        gap: Array = np.minimum(mine, theirs) / np.maximum(mine, theirs) if rule.ratio else abs(mine - theirs)
    return gap


def _rows_to_settle(
    rule: Rule,
    threshold: float,
    parts: Sequence[_Part],
    pairs: tuple[Array, Array, Array, Array],
    free: NDArray[np.bool_],
    smallest: int,
) -> list[int | None]:
    """Rows of each group for 80% power, if the rates are as measured; behind an obstacle, as the reference's."""
    x, n, x_ref, n_ref = pairs
    rows = np.array([counts[group].sum() for _, _, counts, group in parts], np.float64)
    rows_ref = np.array([counts[groups.reference].sum() for _, groups, counts, _ in parts], np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        n_plan = np.where(free, n, np.maximum(rows, 1) * n_ref / rows_ref)
        x_plan = np.where(free, x, n_plan * x_ref / n_ref)

    def settles(factor: Array, z: Array) -> NDArray[np.bool_]:
        grown = (factor * x_plan, factor * n_plan, factor * x_ref, factor * n_ref)
        lower, upper = rule.limits(*grown, z)
        return rule.meets(lower, upper, threshold) | rule.breaks(lower, upper, threshold)

    gap = _point(rule, x_plan, n_plan, x_ref, n_ref)
    below = gap < threshold if rule.ratio else gap > threshold
    z = np.where(below, family_wise_z(int(free.sum()), ALPHA), Z95)
    needed = factor_to_settle(settles, x.shape, z) * np.maximum(rows, 1)
    return [
        max(smallest, int(np.ceil(each))) if np.isfinite(each) and not groups.missing(group) else None
        for each, (_, groups, _, group) in zip(needed.tolist(), parts, strict=True)
    ]
