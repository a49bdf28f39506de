"""Means and medians, and how far those of two groups lie apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, stdtr, stdtrit

from mlassay.statistics.estimate import Estimate
from mlassay.statistics.mover import mover_difference
from mlassay.statistics.proportions import Z95, binomial_quantile

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Moments:
    """How many values, their mean, and their variance (divided by n - 1; nan under two values)."""

    rows: int
    mean: float
    variance: float

    @classmethod
    def of(cls, values: ArrayLike) -> Moments:
        """The moments of (n,) values; nan where one is not finite or there are too few."""
        values = np.asarray(values, dtype=np.float64)
        if not values.size or not np.isfinite(values).all():
            return cls(values.size, float("nan"), float("nan"))
        return cls(
            values.size,
            float(values.mean()),
            float(values.var(ddof=1)) if values.size > 1 else float("nan"),
        )

    @property
    def squared_error(self) -> float:
        """Squared standard error of the mean."""
        return self.variance / self.rows if self.rows else float("nan")


def mean_interval(values: ArrayLike, z: float = Z95) -> Estimate:
    """Mean of (n,) values with Student's interval; nan limits under two rows or with a value that is not finite."""
    of = Moments.of(values)
    if not np.isfinite(of.variance):
        return Estimate.unknown()
    half = float(-stdtrit(of.rows - 1, ndtr(-z)) * np.sqrt(of.squared_error))
    return Estimate(of.mean, of.mean - half, of.mean + half)


def welch(first: ArrayLike | Moments, second: ArrayLike | Moments, z: float = Z95) -> Estimate:
    """Mean of the first group less that of the second (Welch 1947, Biometrika 34:28); values (n,) or `Moments`.

    Unknown under two values a group, with a value that is not finite, and where neither group varies.
    """
    one = first if isinstance(first, Moments) else Moments.of(first)
    two = second if isinstance(second, Moments) else Moments.of(second)
    error, freedom = _welch(one, two)
    if not error > 0:
        return Estimate.unknown()
    half = float(-stdtrit(freedom, ndtr(-z)) * error)
    return Estimate(one.mean - two.mean, one.mean - two.mean - half, one.mean - two.mean + half)


def welch_p(first: Moments, second: Moments, margin: float = 0.0) -> float:
    """Two-sided p-value that the means lie no further apart than ``margin``; 1 where they do not seem to, nan unknown."""
    error, freedom = _welch(first, second)
    if not error > 0:
        return float("nan")
    beyond = abs(first.mean - second.mean) - margin
    return min(1.0, float(2 * stdtr(freedom, -beyond / error))) if beyond > 0 else 1.0


def median_interval(values: ArrayLike, z: float = Z95) -> Estimate:
    """Median of (n,) values between order statistics, whatever the distribution (Thompson 1936, Ann Math Statist 7:122).

    Unknown limits where there are too few values for any two to enclose it that often (under six at 95%).
    """
    values = np.sort(np.asarray(values, dtype=np.float64))
    if not values.size or not np.isfinite(values).all():
        return Estimate.unknown()
    below = binomial_quantile(float(ndtr(-z)), values.size, 0.5)  # so many values may lie under the median
    point = float(np.median(values))
    if below < 1:
        return Estimate(point, float("nan"), float("nan"))
    return Estimate(point, float(values[below - 1]), float(values[values.size - below]))


def median_difference(first: ArrayLike, second: ArrayLike, z: float = Z95) -> Estimate:
    """Median of the first group less that of the second, from the limits of each (square-and-add, as `newcombe`)."""
    one, two = median_interval(first, z), median_interval(second, z)
    lower, upper = mover_difference(one.point, _limits(one), two.point, _limits(two))
    return Estimate(one.point - two.point, float(lower), float(upper))


def _limits(estimate: Estimate) -> tuple[Array, Array]:
    return np.asarray(estimate.lower), np.asarray(estimate.upper)


def _welch(one: Moments, two: Moments) -> tuple[float, float]:
    """Standard error and degrees of freedom (Satterthwaite 1946, Biometrics 2:110)."""
    a, b = one.squared_error, two.squared_error
    if not a + b > 0:
        return float("nan"), float("nan")
    freedom = (a + b) ** 2 / (a**2 / (one.rows - 1) + b**2 / (two.rows - 1))
    return float(np.sqrt(a + b)), float(freedom)
