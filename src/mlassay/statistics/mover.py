"""Ratios and differences of two rates from the limits of each: the method of variance estimates recovery (MOVER).

All arguments broadcast; nan in, nan out.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from mlassay.statistics.proportions import Z95, Array, Limits, floats, proportion, rate_limits


def mover_ratio(p1: ArrayLike, limits1: Limits, p2: ArrayLike, limits2: Limits) -> Limits:
    """Limits of ``p1 / p2`` from the limits of each (MOVER-R: Donner and Zou 2012, SMMR 21:347, eq. 9).

    Written without the cancelling subtraction of the paper's lower limit. ``inf`` where the lower limit of
    ``p2`` is zero; (0, inf) where both proportions are zero.
    """
    (a, b), (l1, u1), (l2, u2) = floats(p1, p2), limits1, limits2
    product = a * b
    with np.errstate(invalid="ignore", divide="ignore"):
        root = np.sqrt(np.maximum(product**2 - l1 * u2 * (2 * a - l1) * (2 * b - u2), 0))
        below = product + root
        lower = np.where(below > 0, l1 * (2 * a - l1) / below, 0.0)
        root = np.sqrt(np.maximum(product**2 - u1 * l2 * (2 * a - u1) * (2 * b - l2), 0))
        below = l2 * (2 * b - l2)
        upper = np.where(below > 0, (product + root) / below, np.inf)
    unknown = np.isnan(product)
    return np.where(unknown, np.nan, lower), np.where(unknown, np.nan, upper)


def ratio_interval(
    count1: ArrayLike, of1: ArrayLike, count2: ArrayLike, of2: ArrayLike, z: ArrayLike = Z95
) -> Limits:
    """Limits of the ratio of two independent proportions, first over second: MOVER-R on `rate_limits`."""
    return mover_ratio(
        proportion(count1, of1),
        rate_limits(count1, of1, z),
        proportion(count2, of2),
        rate_limits(count2, of2, z),
    )


def lower_to_higher(lower: ArrayLike, upper: ArrayLike) -> Limits:
    """Limits of ``min(r, 1/r)`` where ``r`` lies in [lower, upper]: the ratio of the lower to the higher rate.

    The image of an interval covers at least as often as the interval does.
    """
    low, high = floats(lower, upper)
    with np.errstate(divide="ignore", invalid="ignore"):
        smallest = np.minimum(low, 1 / high)
        largest = np.where(high < 1, high, np.where(low > 1, 1 / low, 1.0))
    unknown = np.isnan(low) | np.isnan(high)
    return np.where(unknown, np.nan, smallest), np.where(unknown, np.nan, largest)


def mover_difference(
    p1: ArrayLike, limits1: Limits, p2: ArrayLike, limits2: Limits, correlation: ArrayLike = 0.0
) -> Limits:
    """Limits of ``p1 - p2`` from the limits of each (square-and-add; Zou and Donner 2008, Stat Med 27:1693)."""
    (a, b, rho), (l1, u1), (l2, u2) = floats(p1, p2, correlation), limits1, limits2

    def width(first: Array, second: Array) -> Array:
        squared: Array = np.maximum(first**2 - 2 * rho * first * second + second**2, 0)
        return np.sqrt(squared)

    return a - b - width(a - l1, u2 - b), a - b + width(u1 - a, b - l2)


def newcombe(
    count1: ArrayLike, of1: ArrayLike, count2: ArrayLike, of2: ArrayLike, z: ArrayLike = Z95
) -> Limits:
    """Limits of the difference of two independent proportions (Newcombe 1998, Stat Med 17:873, method 10).

    On `rate_limits`, so wider than his where a count is small.
    """
    return mover_difference(
        proportion(count1, of1),
        rate_limits(count1, of1, z),
        proportion(count2, of2),
        rate_limits(count2, of2, z),
    )


def size_of_difference(lower: ArrayLike, upper: ArrayLike) -> Limits:
    """Limits of ``|d|`` where ``d`` lies in [lower, upper]."""
    low, high = floats(lower, upper)
    return np.maximum(0.0, np.maximum(low, -high)), np.maximum(high, -low)
