"""The truth about two groups by enumeration: every pair of counts that can be drawn, with its chance. No draw, no seed."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.stats import binom

from mlassay.gates.bias_rules import RULES, decide
from mlassay.statistics import Z95, newcombe, ratio_interval

SIZES = (30, 50, 100, 1000)
RATES = (0.02, 0.1, 0.5)
RATIOS = (0.6, 0.8, 0.9, 1.0)
FLOOR = 0.8
RARE = (0.0005, 0.001, 0.003, 0.005, 0.01, 0.02, 0.05, 0.1, 0.3, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995)
UNEQUAL = ((30, 1000), (1000, 30), (50, 3000), (3000, 50), (100, 3000), (3000, 30), (30, 3000))
_NEGLIGIBLE = 1e-7


@dataclass(frozen=True)
class Cell:
    """Two groups, the rate of the reference, the true ratio; and what the interval and the gate's rule make of them."""

    rows: int
    reference_rows: int
    rate: float
    ratio: float
    coverage: float
    undefined: float  # the chance that the interval has no upper end: the reference has no count
    coverage_defined: float  # of the draws that have one
    passed: float
    failed: float

    @property
    def inconclusive(self):
        return max(0.0, 1 - self.passed - self.failed)

    @property
    def name(self):
        return f"{self.rows} and {self.reference_rows} rows, rate {self.rate:g}, ratio {self.ratio:g}"


@cache
def cell(rows, reference_rows, rate, ratio, *, floor=FLOOR):
    """One cell, by the gate's own `decide` (a family of one, or the interval would have no say of its own)."""
    x, y, chance = drawn(rows, reference_rows, rate * ratio, rate)
    lower, upper = ratio_interval(x, rows, y, reference_rows)
    covered, defined = (lower <= ratio) & (ratio <= upper), np.isfinite(upper)
    said = _decided("selection_rate_ratio", floor, x, rows, y, reference_rows)
    return Cell(
        rows,
        reference_rows,
        rate,
        ratio,
        coverage=float(chance[covered].sum()),
        undefined=float(chance[~defined].sum()),
        coverage_defined=float(chance[covered & defined].sum() / chance[defined].sum()),
        passed=float(chance[said.passed[:, 0]].sum()),
        failed=float(chance[said.failed[:, 0]].sum()),
    )


@cache
def difference(rows, reference_rows, rate, gap, *, ceiling=0.1):
    """Coverage of the difference, and how often the gate's rule passes and fails it, for rates ``rate - gap`` and ``rate``."""
    x, y, chance = drawn(rows, reference_rows, rate - gap, rate)
    lower, upper = newcombe(x, rows, y, reference_rows)
    said = _decided("selection_rate_difference", ceiling, x, rows, y, reference_rows)
    covered = (lower <= -gap + 1e-12) & (-gap - 1e-12 <= upper)
    return tuple(float(chance[of].sum()) for of in (covered, said.passed[:, 0], said.failed[:, 0]))


def drawn(rows, reference_rows, rate, reference_rate):
    """Every pair of counts but those of a chance below 1e-7, flat, and their chances, which add up to 1."""
    one, two = _support(rows, rate), _support(reference_rows, reference_rate)
    chance = np.outer(binom.pmf(one, rows, rate), binom.pmf(two, reference_rows, reference_rate))
    x, y = np.meshgrid(one, two, indexing="ij")
    return x.ravel(), y.ravel(), chance.ravel() / chance.sum()


def _support(rows, rate):
    counts = np.arange(rows + 1.0)
    return counts[binom.pmf(counts, rows, rate) > _NEGLIGIBLE]


def _decided(rule, threshold, x, rows, y, reference_rows):
    pairs = tuple(
        np.broadcast_to(np.asarray(each, float), x.shape)[:, None] for each in (x, rows, y, reference_rows)
    )
    return decide(RULES[rule], threshold, pairs, np.ones((x.size, 1), bool))


def coverage(rows, rate, ratio):
    """Coverage of the ratio of two groups of as many rows."""
    x, y, chance = drawn(rows, rows, rate * ratio, rate)
    lower, upper = ratio_interval(x, rows, y, rows)
    return float(chance[(lower <= ratio) & (ratio <= upper)].sum())


def settled(rows, rate, ratio, *, floor=FLOOR):
    """The chance that two groups of as many rows settle the ratio against the floor, either way."""
    x, y, chance = drawn(rows, rows, rate * ratio, rate)
    rule = RULES["selection_rate_ratio"]
    limits = rule.limits(x, np.full_like(x, rows), y, np.full_like(y, rows), np.asarray(Z95))
    return float(chance[rule.meets(*limits, floor) | rule.breaks(*limits, floor)].sum())
