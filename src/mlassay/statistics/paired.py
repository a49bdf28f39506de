"""Two models, or a model and a rule, on the same rows; and the bootstrap over cell counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import bdtr, ndtr, stdtrit

from mlassay.statistics.proportions import Z95, mover_difference, proportion, wilson

Array = NDArray[np.float64]
RESAMPLES = 10_000
SEED = 20120301


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95% limits, all three nan where the rows say nothing."""

    point: float
    lower: float
    upper: float

    @classmethod
    def unknown(cls) -> Estimate:
        """What there is to say of rows that say nothing."""
        return cls(float("nan"), float("nan"), float("nan"))


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


def mean_interval(values: ArrayLike, z: float = Z95) -> Estimate:
    """Mean of (n,) values with Student's interval; nan limits under two rows or with a value that is not finite."""
    values = np.asarray(values, dtype=np.float64)
    if values.size < 2 or not np.isfinite(values).all():
        return Estimate.unknown()
    mean = float(values.mean())
    quantile = float(-stdtrit(values.size - 1, ndtr(-z)))
    half = quantile * float(values.std(ddof=1)) / float(np.sqrt(values.size))
    return Estimate(mean, mean - half, mean + half)


def bootstrap_counts(counts: ArrayLike, resamples: int = RESAMPLES, seed: int = SEED) -> NDArray[np.int64]:
    """Resampled cell counts, shape (resamples, cells): one multinomial draw each (Efron 1979, Ann Statist 7:1).

    Drawing n rows with replacement and counting cells is exactly a multinomial draw over the cells, whatever n is.
    """
    counts = np.asarray(counts, dtype=np.int64)
    generator = np.random.Generator(np.random.PCG64(seed))
    return generator.multinomial(int(counts.sum()), counts / counts.sum(), size=resamples)


def paired_bootstrap(counts: ArrayLike, statistic: Callable[[Array], Array], alpha: float = 0.05) -> Estimate:
    """Percentile interval of ``statistic``, which takes (..., cells) counts and answers (...), seeded.

    Unknown where there are no rows or where any resample has no answer: an interval that leaves out the
    resamples that broke would be too narrow.
    """
    counts = np.asarray(counts, dtype=np.int64)
    if counts.sum() == 0:
        return Estimate.unknown()
    point = float(statistic(counts.astype(np.float64)))
    drawn = statistic(bootstrap_counts(counts).astype(np.float64))
    if not np.isfinite(drawn).all():
        return Estimate(point, float("nan"), float("nan"))
    lower, upper = np.quantile(drawn, [alpha / 2, 1 - alpha / 2])
    return Estimate(point, float(lower), float(upper))


def _phi(both: int, only_first: int, only_second: int, neither: int) -> float:
    """Correlation of two yes-no answers, pulled towards zero as Newcombe's method 10 does."""
    first, second = both + only_first, both + only_second
    rows = first + only_second + neither
    spread = float(first) * (rows - first) * second * (rows - second)
    if spread == 0:
        return 0.0
    cross = float(both) * neither - float(only_first) * only_second
    return (max(cross - rows / 2, 0.0) if cross > 0 else cross) / float(np.sqrt(spread))
