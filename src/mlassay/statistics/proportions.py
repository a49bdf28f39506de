"""Proportions: counts into rates with limits that hold for small counts, and the test that an interval implies.

Counts are non-negative integers (or floats in planning); all arguments broadcast. A proportion of no rows is
nan, and so are its limits, so that nothing can be decided on it by accident.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtrik, betainccinv, betaincinv, ndtr, ndtri

Array = NDArray[np.float64]
Limits = tuple[Array, Array]

Z95 = float(ndtri(0.975))
"""Normal quantile of a two-sided 95% interval."""
FEW = 5
"""Fewer rows than this on either side, and exact limits are held beside Wilson's (Cochran 1954, Biometrics 10:417)."""

_SMALLEST_Z = 1e-3  # at zero itself a ratio over no counts has no limits
_HALVINGS = 36  # z to 1e-9
_LARGEST_Z = 38.0  # beyond this the normal tail is smaller than the smallest float


def proportion(count: ArrayLike, of: ArrayLike) -> Array:
    """``count / of``; nan where ``of`` is zero."""
    x, n = floats(count, of)
    answer: Array = np.divide(x, n, out=np.full_like(x, np.nan), where=n > 0)
    return answer


def wilson(count: ArrayLike, of: ArrayLike, z: ArrayLike = Z95) -> Limits:
    """Score limits of a proportion, each in [0, 1] (Wilson 1927, JASA 22:209)."""
    x, n, quantile = floats(count, of, z)
    p, squared = proportion(x, n), quantile * quantile
    with np.errstate(invalid="ignore", divide="ignore"):
        centre = (x + squared / 2) / (n + squared)
        half = quantile * np.sqrt(np.maximum(n * p * (1 - p) + squared / 4, 0)) / (n + squared)
        # At the ends the limits are 0 and 1 by algebra; rounding must not say otherwise.
        lower = np.where(x == 0, 0.0, np.clip(centre - half, 0, 1))
        upper = np.where(x == n, 1.0, np.clip(centre + half, 0, 1))
    unknown = np.isnan(p)
    return np.where(unknown, np.nan, lower), np.where(unknown, np.nan, upper)


def clopper_pearson(count: ArrayLike, of: ArrayLike, z: ArrayLike = Z95) -> Limits:
    """Exact limits of a proportion, at the confidence of normal quantile ``z`` (Clopper and Pearson 1934, Biometrika 26:404)."""
    x, n, quantile = floats(count, of, z)
    tail = ndtr(-quantile)
    # Where the tail is too thin for the inverse to be found, no limit at all is the careful one.
    with np.errstate(invalid="ignore", divide="ignore"):
        lower = np.where(x > 0, np.nan_to_num(betaincinv(x, n - x + 1, tail), nan=0.0), 0.0)
        upper = np.where(x < n, np.nan_to_num(betainccinv(x + 1, n - x, tail), nan=1.0), 1.0)
    unknown = np.isnan(proportion(x, n)) | np.isnan(quantile)
    return np.where(unknown, np.nan, lower), np.where(unknown, np.nan, upper)


def rate_limits(count: ArrayLike, of: ArrayLike, z: ArrayLike = Z95) -> Limits:
    """Wilson's limits; the wider of Wilson's and the exact ones where fewer than `FEW` rows lie on either side.

    There Wilson's one-sided error reaches 16% (Brown, Cai and DasGupta 2001, Stat Sci 16:101, fig. 5), enough for
    one lucky row of 30 to fail a gate against a group of thousands.
    """
    x, n, quantile = floats(count, of, z)
    lower, upper = wilson(x, n, quantile)
    few = np.minimum(x, n - x) < FEW
    if few.any():
        exact = clopper_pearson(x[few], n[few], quantile[few])
        lower[few], upper[few] = np.minimum(lower[few], exact[0]), np.maximum(upper[few], exact[1])
    return lower, upper


def binomial_quantile(share: float, of: int, rate: float) -> int:
    """Smallest count whose binomial distribution function reaches ``share``; ``of`` at least one, ``rate`` in (0, 1)."""
    return int(np.ceil(np.round(bdtrik(share, of, rate), 9)))


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


def floats(*values: ArrayLike) -> tuple[Array, ...]:
    """The values as float64 arrays of one shape."""
    return np.broadcast_arrays(*(np.asarray(value, dtype=np.float64) for value in values))
