"""How many rows would settle a question that these rows leave open."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from mlassay.statistics.proportions import Z95, rate_limits

POWER = 0.8
_LARGEST = 1e7
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
    """Rows at which the interval of a proportion of ``rate`` leaves ``limit`` out, at that power; None where none would."""

    def settles(factor: NDArray[np.float64], quantile: NDArray[np.float64]) -> NDArray[np.bool_]:
        lower, upper = rate_limits(rate * factor, factor, quantile)
        return (lower > limit) | (upper < limit)

    return _rows(float(factor_to_settle(settles, (), z, power)))


def rows_for_mean(distance: float, deviation: float, z: float = Z95, power: float = POWER) -> int | None:
    """Rows at which a normal interval leaves out what lies ``distance`` away, at that power; None where none would.

    ``deviation`` is the standard deviation of one row's value: the standard error times the root of the rows.
    """
    if not abs(distance) > 1e-6 * deviation:  # also where one is nan
        return None
    return _rows(((z + float(ndtri(power))) * deviation / abs(distance)) ** 2)


def _rows(rows: float) -> int | None:
    return int(np.ceil(rows)) if np.isfinite(rows) and rows < _LARGEST else None
