"""Are two samples of one column alike? The population stability index against its own noise, and Kolmogorov-Smirnov."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtrc, gammaincinv, kolmogorov

from mlassay.statistics.estimate import Test

Array = NDArray[np.float64]
_ADDED = 0.5  # to each cell, so that an empty one does not make the index infinite


@dataclass(frozen=True, slots=True)
class Stability:
    """A population stability index, what chance alone stays under in 95% of draws, and the p-value that belongs to it."""

    index: float
    noise: float
    p: float
    cells: int


def stability(first: ArrayLike, second: ArrayLike, alpha: float = 0.05) -> Stability:
    """Population stability index of two vectors of counts over the same cells, shape (cells,), and its own noise.

    The index is the symmetric Kullback-Leibler divergence of the two shares. Of samples of N and M rows from one
    distribution over B cells it is about chi-squared with B - 1 degrees of freedom times 1/N + 1/M (Yurdakul and
    Naranjo 2020, J Risk Model Validation 14:89), so ``noise`` is the quantile of that. Half a row is added to
    each cell; cells that both leave empty count for nothing. All nan under two cells or without rows.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    used = (one + two) > 0  # also false where a count is nan
    one, two, cells = one[used], two[used], int(used.sum())
    rows, others = float(one.sum()), float(two.sum())
    if cells < 2 or not rows > 0 or not others > 0 or used.size != np.isfinite(first).sum():
        return Stability(float("nan"), float("nan"), float("nan"), cells)
    p, q = (one + _ADDED) / (rows + _ADDED * cells), (two + _ADDED) / (others + _ADDED * cells)
    index = fsum(((p - q) * np.log(p / q)).tolist())
    scale = 1 / rows + 1 / others
    noise = float(2 * gammaincinv((cells - 1) / 2, 1 - alpha)) * scale
    return Stability(index, noise, float(chdtrc(cells - 1, index / scale)), cells)


def kolmogorov_smirnov(first: ArrayLike, second: ArrayLike) -> Test:
    """Greatest distance of two empirical distribution functions, (n,) and (m,) values, and its p-value.

    Ties are allowed; they make the p-value too large, never too small. Unknown where a value is not finite.
    """
    one, two = (np.sort(np.asarray(each, dtype=np.float64)) for each in (first, second))
    if not one.size or not two.size or not (np.isfinite(one).all() and np.isfinite(two).all()):
        return Test.unknown()
    both = np.concatenate([one, two])
    lag = (
        np.searchsorted(one, both, side="right") / one.size
        - np.searchsorted(two, both, side="right") / two.size
    )
    return _smirnov(float(np.abs(lag).max()), one.size, two.size)


def kolmogorov_smirnov_counts(first: ArrayLike, second: ArrayLike) -> Test:
    """As `kolmogorov_smirnov`, of (cells,) counts over ordered cells: for values that are no longer at hand.

    The distance is looked at only where cells end, so it is at most the real one and the p-value at least that.
    """
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    rows, others = float(one.sum()), float(two.sum())
    if not rows > 0 or not others > 0:
        return Test.unknown()
    return _smirnov(float(np.abs(np.cumsum(one) / rows - np.cumsum(two) / others).max()), rows, others)


def _smirnov(distance: float, rows: float, others: float) -> Test:
    """The limit law with Stephens' correction for few rows (1970, J R Stat Soc B 32:115).

    scipy.stats.ks_2samp, which it agrees with, takes half a second to import.
    """
    root = np.sqrt(rows * others / (rows + others))
    return Test(distance, float(kolmogorov((root + 0.12 + 0.11 / root) * distance)))
