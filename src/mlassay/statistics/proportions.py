"""Proportions, their ratios and differences: intervals that hold for small counts, and the tests they imply.

Counts are non-negative integers (or floats in planning); all arguments broadcast. A proportion of no rows is
nan, and so are its limits, so that nothing can be decided on it by accident.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

Array = NDArray[np.float64]
Limits = tuple[Array, Array]

Z95 = float(ndtri(0.975))
"""Normal quantile of a two-sided 95% interval."""

_SMALLEST_Z = 1e-3  # at zero itself a ratio over no counts has no limits
_HALVINGS = 36  # z to 1e-9
_LARGEST_Z = 38.0  # beyond this the normal tail is smaller than the smallest float


def proportion(count: ArrayLike, of: ArrayLike) -> Array:
    """``count / of``; nan where ``of`` is zero."""
    x, n = _floats(count, of)
    answer: Array = np.divide(x, n, out=np.full_like(x, np.nan), where=n > 0)
    return answer


def wilson(count: ArrayLike, of: ArrayLike, z: ArrayLike = Z95) -> Limits:
    """Score limits of a proportion, each in [0, 1] (Wilson 1927, JASA 22:209)."""
    x, n, quantile = _floats(count, of, z)
    p, squared = proportion(x, n), quantile * quantile
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (x + squared / 2) / (n + squared)
        half = quantile * np.sqrt(np.maximum(n * p * (1 - p) + squared / 4, 0)) / (n + squared)
        # At the ends the limits are 0 and 1 by algebra; rounding must not say otherwise.
        lower = np.where(x == 0, 0.0, np.clip(centre - half, 0, 1))
        upper = np.where(x == n, 1.0, np.clip(centre + half, 0, 1))
    unknown = np.isnan(p)
    return np.where(unknown, np.nan, lower), np.where(unknown, np.nan, upper)


def mover_ratio(p1: ArrayLike, limits1: Limits, p2: ArrayLike, limits2: Limits) -> Limits:
    """Limits of ``p1 / p2`` from the limits of each (MOVER-R: Donner and Zou 2012, SMMR 21:347, eq. 9).

    Written without the cancelling subtraction of the paper's lower limit. ``inf`` where the lower limit of
    ``p2`` is zero; (0, inf) where both proportions are zero.
    """
    (a, b), (l1, u1), (l2, u2) = _floats(p1, p2), limits1, limits2
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
    """Limits of the ratio of two independent proportions, first over second: MOVER-R on Wilson limits."""
    return mover_ratio(
        proportion(count1, of1), wilson(count1, of1, z), proportion(count2, of2), wilson(count2, of2, z)
    )


def lower_to_higher(lower: ArrayLike, upper: ArrayLike) -> Limits:
    """Limits of ``min(r, 1/r)`` where ``r`` lies in [lower, upper]: the ratio of the lower to the higher rate.

    The image of an interval covers at least as often as the interval does.
    """
    low, high = _floats(lower, upper)
    with np.errstate(divide="ignore", invalid="ignore"):
        smallest = np.minimum(low, 1 / high)
        largest = np.where(high < 1, high, np.where(low > 1, 1 / low, 1.0))
    unknown = np.isnan(low) | np.isnan(high)
    return np.where(unknown, np.nan, smallest), np.where(unknown, np.nan, largest)


def mover_difference(
    p1: ArrayLike, limits1: Limits, p2: ArrayLike, limits2: Limits, correlation: ArrayLike = 0.0
) -> Limits:
    """Limits of ``p1 - p2`` from the limits of each (square-and-add; Zou and Donner 2008, Stat Med 27:1693)."""
    (a, b, rho), (l1, u1), (l2, u2) = _floats(p1, p2, correlation), limits1, limits2

    def width(first: Array, second: Array) -> Array:
        squared: Array = np.maximum(first**2 - 2 * rho * first * second + second**2, 0)
        return np.sqrt(squared)

    return a - b - width(a - l1, u2 - b), a - b + width(u1 - a, b - l2)


def newcombe(
    count1: ArrayLike, of1: ArrayLike, count2: ArrayLike, of2: ArrayLike, z: ArrayLike = Z95
) -> Limits:
    """Limits of the difference of two independent proportions (Newcombe 1998, Stat Med 17:873, method 10)."""
    return mover_difference(
        proportion(count1, of1), wilson(count1, of1, z), proportion(count2, of2), wilson(count2, of2, z)
    )


def size_of_difference(lower: ArrayLike, upper: ArrayLike) -> Limits:
    """Limits of ``|d|`` where ``d`` lies in [lower, upper]."""
    low, high = _floats(lower, upper)
    return np.maximum(0.0, np.maximum(low, -high)), np.maximum(high, -low)


def p_value(excludes: Callable[[Array], NDArray[np.bool_]], shape: tuple[int, ...]) -> Array:
    """Smallest alpha at which the two-sided 1 - alpha interval still says ``excludes(z)``, for each of ``shape``.

    The test that belongs to an interval (its inversion, by bisection over z): the test says p <= .05 exactly
    where the 95% interval excludes the hypothesis, so that the two can never contradict each other, as a score
    test beside a MOVER interval could. 1 where even the point does not exclude it. ``excludes`` must be
    monotone: an interval only grows with z.
    """
    low, high = np.full(shape, _SMALLEST_Z), np.full(shape, _LARGEST_Z)
    possible = excludes(low)
    if not possible.any():
        return np.ones(shape)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        out = excludes(middle)
        low, high = np.where(out, middle, low), np.where(out, high, middle)
    return np.where(possible, 2 * ndtr(-low), 1.0)


def _floats(*values: ArrayLike) -> tuple[Array, ...]:
    return np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values))
