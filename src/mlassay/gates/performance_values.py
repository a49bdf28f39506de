"""Metrics of a predicted number by scikit-learn's definitions, each with a 95% interval, and their paired drops."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri, ndtr, stdtrit

from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance_metrics import Metric, resampled
from mlassay.gates.performance_words import significant
from mlassay.statistics import Z95, Estimate, mean_interval, median_interval

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ValueAnswers:
    """What is so and what one model predicted, (n,) each, in the label's unit."""

    truth: Array
    values: Array

    @classmethod
    def of(cls, rows: Evaluated, answers: Array) -> ValueAnswers:
        """Answers to ``rows`` from the model's (n, 1) output."""
        return cls(rows.truth, answers[:, -1])

    def where(self, rows: NDArray[np.bool_]) -> ValueAnswers:
        """The same for some of the rows."""
        return ValueAnswers(self.truth[rows], self.values[rows])

    @property
    def errors(self) -> Array:
        """Absolute error of each row."""
        return np.asarray(np.abs(self.values - self.truth))

    @property
    def squares(self) -> Array:
        """Squared error of each row."""
        return np.asarray((self.values - self.truth) ** 2)

    @property
    def spread(self) -> Array:
        """Squared distance of each label from their mean: what always answering the mean gets wrong."""
        return np.asarray((self.truth - self.truth.mean()) ** 2) if len(self.truth) else self.truth


def _half(influence: Array) -> float:
    """Half of Student's 95% interval of the mean of (n,) influences; nan under two rows."""
    rows = len(influence)
    if rows < 2:
        return float("nan")
    quantile = float(-stdtrit(rows - 1, ndtr(-Z95)))
    return quantile * float(np.sqrt((influence**2).sum() / (rows - 1) / rows))


def rmse(answers: ValueAnswers) -> Estimate:
    """Root of the mean squared error; delta method on the logarithm of the mean, whose noise is nearly symmetric.

    Never narrower than what normal errors give (chi-squared): from few rows their own spread is told too small.
    """
    if not len(answers.truth):
        return Estimate.unknown()
    squares = answers.squares
    mean = float(squares.mean())
    if mean == 0:
        return Estimate(0.0, float("nan"), float("nan"))
    half, point = _half(squares / mean - 1) / 2, float(np.sqrt(mean))
    rows, tail = len(squares), float(ndtr(-Z95))
    least, most = (float(np.sqrt(rows / chdtri(rows, each))) for each in (tail, 1 - tail))
    below, above = np.minimum(np.exp(-half), least), np.maximum(np.exp(half), most)
    return Estimate(point, point * float(below), point * float(above))


def r2(answers: ValueAnswers) -> Estimate:
    """Coefficient of determination; delta method on the logarithm of 1 - R2, a ratio of two means of the same rows.

    Unknown where all labels are equal; limits unknown where nothing is wrong at all.
    """
    spread = answers.spread
    if len(spread) < 2 or not spread.any():
        return Estimate.unknown()
    wrong, all_ = float(answers.squares.mean()), float(spread.mean())
    if wrong == 0:
        return Estimate(1.0, float("nan"), float("nan"))
    ratio, half = wrong / all_, _half(answers.squares / wrong - spread / all_)
    return Estimate(1 - ratio, 1 - ratio * float(np.exp(half)), 1 - ratio * float(np.exp(-half)))


def _rmse_drop(before: ValueAnswers, after: ValueAnswers) -> Estimate:
    """Rise of the root mean squared error; delta method on paired influences."""
    if not len(before.truth):
        return Estimate.unknown()
    old, new = (float(np.sqrt(each.squares.mean())) for each in (before, after))
    if not old or not new:
        return Estimate(new - old, float("nan"), float("nan"))
    half = _half((after.squares - new**2) / (2 * new) - (before.squares - old**2) / (2 * old))
    return Estimate(new - old, new - old - half, new - old + half)


def _r2_drop(before: ValueAnswers, after: ValueAnswers) -> Estimate:
    """R2 of ``before`` less that of ``after``: the rise of the squared error over the labels' variance, delta method."""
    spread = before.spread
    if len(spread) < 2 or not spread.any():
        return Estimate.unknown()
    rise, all_ = after.squares - before.squares, float(spread.mean())
    point = float(rise.mean()) / all_
    half = _half((rise - rise.mean()) / all_ - point * (spread / all_ - 1))
    return Estimate(point, point - half, point + half)


def _median_drop(before: ValueAnswers, after: ValueAnswers) -> Estimate:
    """Rise of the median absolute error, by a seeded bootstrap over rows that both models share."""
    old, new = _sorted_median(before.errors), _sorted_median(after.errors)
    return resampled(lambda weights: new(weights) - old(weights), len(before.truth))


def _sorted_median(values: Array) -> Callable[[Array], float]:
    """The median of ``values`` as a function of their whole-numbered weights, sorted once."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]

    def median(weights: Array) -> float:
        upto = np.cumsum(weights[order])
        half = upto[-1] / 2
        # The rows that the two middle ones of an even number are; the same one for an odd number.
        low, high = np.searchsorted(upto, half, side="left"), np.searchsorted(upto, half, side="right")
        return float((ordered[low] + ordered[high if upto[low] == half else low]) / 2)

    return median


VALUE_METRICS: Mapping[str, Metric[ValueAnswers]] = MappingProxyType(
    {
        "mae": Metric(
            lambda answers: mean_interval(answers.errors),
            lambda before, after: mean_interval(after.errors - before.errors),
        ),
        "rmse": Metric(rmse, _rmse_drop),
        "median_absolute_error": Metric(lambda answers: median_interval(answers.errors), _median_drop),
        "r2": Metric(r2, _r2_drop),
    }
)


def value_words(answers: ValueAnswers, _: Evaluated) -> dict[str, Any]:
    """The range of labels and predictions, and whether the model answers too high on the whole."""
    if not len(answers.truth):
        return {}
    error = mean_interval(answers.values - answers.truth)
    return {
        "label": {
            "lowest": significant(float(answers.truth.min())),
            "highest": significant(float(answers.truth.max())),
        },
        "predicted": {
            "lowest": significant(float(answers.values.min())),
            "highest": significant(float(answers.values.max())),
        },
        "mean_error": {
            "value": significant(error.point),
            "lower": significant(error.lower),
            "upper": significant(error.upper),
        },
    }


def value_baseline(now: ValueAnswers, rows: Evaluated, criteria: Criteria) -> list[Finding]:
    """Is the model nearer to the labels than always answering their median? Paired, by absolute errors."""
    median = float(np.median(now.truth))
    gain = mean_interval(np.abs(now.truth - median) - now.errors)
    outcome = Outcome.PASSED if gain.lower > 0 else Outcome.FAILED if gain.upper < 0 else Outcome.INCONCLUSIVE
    says = {
        Outcome.PASSED: "is nearer to the labels than",
        Outcome.FAILED: "is further from the labels than",
        Outcome.INCONCLUSIVE: "is not shown to be nearer to the labels than",
    }[outcome]
    return [
        Finding(
            id="performance.baseline.mae",
            outcome=outcome,
            what=f"the model {says} always answering their median ({rows.label}={significant(median)}): its mean absolute "
            f"error is smaller by {significant(gain.point)} (95% interval {significant(gain.lower)} to {significant(gain.upper)}).",
            why="a model that is no nearer than one number for all does nothing that the number would not",
            remedy=""
            if outcome is Outcome.PASSED
            else "Look at labels, their unit and the inputs, or evaluate on more rows",
            path=CRITERIA_FILE,
            line=criteria.line(),
            numbers={
                "value": significant(gain.point),
                "lower": significant(gain.lower),
                "upper": significant(gain.upper),
                "baseline": significant(median),
            },
        )
    ]
