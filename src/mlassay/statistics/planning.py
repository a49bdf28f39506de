"""How many rows would settle a question that these rows leave open."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, bdtrc, ndtri

from mlassay.statistics.proportions import Z95, rate_limits

POWER = 0.8
_LARGEST = 1e7
_ENUMERATED = 10_000  # rows up to which power is exact
_HALVINGS = 36  # the factor to one part in a thousand million


def factor_to_settle(
    settles: Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.bool_]],
    shape: tuple[int, ...],
    z: ArrayLike,
    power: float = POWER,
) -> NDArray[np.float64]:
    """By what factor all counts must grow for an interval of quantile ``z`` to settle a question, for each of ``shape``.

    ``settles(factor, z)`` says whether the interval at the observed rates and ``factor`` times the counts leaves
    nothing open. Asked with ``z + z_power`` in place of ``z``, the normal approximation of a sample size at that
    power (Lachin 1981, Control Clin Trials 2:93), by bisection over the logarithm of the factor. Below one: fewer
    rows would have done. ``inf`` where the observed rate is so near the threshold that 10,000,000-fold would not.
    """
    quantile = np.asarray(z, dtype=np.float64) + float(ndtri(power))
    low, high = np.full(shape, -np.log(_LARGEST)), np.full(shape, np.log(_LARGEST))
    possible = settles(np.exp(high), quantile)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        out = settles(np.exp(middle), quantile)
        low, high = np.where(out, low, middle), np.where(out, middle, high)
    return np.where(possible, np.exp(high), np.inf)


def rows_for_rate(rate: float, limit: float, z: float = Z95, power: float = POWER) -> int | None:
    """Rows at which `rate_limits` of a proportion of ``rate`` leave ``limit`` out, at that power; None where none would.

    The normal approximation (Fleiss 1981, sec. 2.4), and below 10,000 rows the exact binomial power from there on.
    """
    if not (0 <= rate <= 1 and 0 <= limit <= 1) or abs(rate - limit) < 1e-6:  # also where one is nan
        return None
    deviations = z * np.sqrt(limit * (1 - limit)), float(ndtri(power)) * np.sqrt(rate * (1 - rate))
    rows = max(1, int(np.ceil(((deviations[0] + deviations[1]) / (rate - limit)) ** 2)))
    while rows < _ENUMERATED and _power_of_rate(rows, rate, limit, z) < power:
        rows += max(1, rows // 50)
    return rows if rows < _LARGEST else None


def _power_of_rate(rows: int, rate: float, limit: float, z: float) -> float:
    counts = np.arange(rows + 1)
    lower, upper = rate_limits(counts, rows, z)
    # Counts that leave the limit out lie at both ends, and the binomial distribution function gives each end.
    below, above = int((upper < limit).sum()), int((lower > limit).sum())
    return float(below and bdtr(below - 1, rows, rate)) + float(above and bdtrc(rows - above, rows, rate))


def rows_for_mean(distance: float, deviation: float, z: float = Z95, power: float = POWER) -> int | None:
    """Rows at which a normal interval leaves out what lies ``distance`` away, at that power; None where none would.

    ``deviation`` is the standard deviation of one row's value: the standard error times the root of the rows. Two
    rows are added for Student's quantile (Guenther 1981, Am Stat 35:243).
    """
    if not abs(distance) > 1e-6 * deviation:  # also where one is nan
        return None
    rows = ((z + float(ndtri(power))) * deviation / distance) ** 2 + z**2 / 2
    return int(np.ceil(rows)) if rows < _LARGEST else None
