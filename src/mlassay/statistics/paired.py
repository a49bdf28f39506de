"""Two models, or a model and a rule, on the same rows."""

from __future__ import annotations

import numpy as np
from scipy.special import bdtr

from mlassay.statistics.estimate import Estimate
from mlassay.statistics.mover import mover_difference
from mlassay.statistics.proportions import Z95, proportion, wilson


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value that two classifiers are right equally often (McNemar 1947, Psychometrika 12:153).

    The arguments count the rows that only the first, and only the second, got right.
    """
    fewer, discordant = min(only_first, only_second), only_first + only_second
    return min(1.0, 2 * float(bdtr(fewer, discordant, 0.5))) if discordant else 1.0


def paired_difference(both: int, only_first: int, only_second: int, neither: int, z: float = Z95) -> Estimate:
    """Difference of two proportions on the same rows, first less second (Newcombe 1998, Stat Med 17:2635, method 10)."""
    rows = both + only_first + only_second + neither
    if rows == 0:
        return Estimate.unknown()
    first, second = both + only_first, both + only_second
    lower, upper = mover_difference(
        proportion(first, rows),
        wilson(first, rows, z),
        proportion(second, rows),
        wilson(second, rows, z),
        _phi(both, only_first, only_second, neither),
    )
    return Estimate((only_first - only_second) / rows, float(lower), float(upper))


def _phi(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Correlation of two yes-no answers, pulled towards zero as Newcombe's method 10 does."""
    first, second = both + only_first, both + only_second
    rows = first + only_second + neither
    spread = float(first) * (rows - first) * second * (rows - second)
    if spread == 0:
        return 0.0
    cross = float(both) * neither - float(only_first) * only_second
    return (max(cross - rows / 2, 0.0) if cross > 0 else cross) / float(np.sqrt(spread))
