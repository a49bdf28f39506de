"""The area under the ROC curve, its interval, and the paired comparison of two models on the same rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtr, stdtrit

from mlassay.statistics.estimate import Estimate
from mlassay.statistics.mover import mover_difference
from mlassay.statistics.proportions import Z95, wilson

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Placements:
    """For each positive the share of negatives that it beats, and for each negative the share of positives above it.

    Ties count one half. The mean of either is the AUC.
    """

    positives: Array
    negatives: Array

    @property
    def auc(self) -> float:
        """Mean placement; nan without positives or without negatives."""
        return float(self.positives.mean()) if self.fewest else float("nan")

    @property
    def fewest(self) -> int:
        """Rows of the rarer class."""
        return min(self.positives.size, self.negatives.size)


def placements(truth: ArrayLike, scores: ArrayLike) -> Placements:
    """Placement values of (n,) labels in {0, 1} and (n,) scores, in n log n by midranks.

    Sun and Xu 2014, IEEE Signal Process Lett 21:1389.
    """
    positive, scores = np.asarray(truth) == 1, np.asarray(scores, dtype=np.float64)
    above, below = scores[positive], scores[~positive]
    if not above.size or not below.size:
        return Placements(np.full(above.size, np.nan), np.full(below.size, np.nan))
    ranks = _ranks(scores)
    beats = (ranks[positive] - _ranks(above)) / below.size
    beaten = 1 - (ranks[~positive] - _ranks(below)) / above.size
    return Placements(beats, beaten)


def auc(truth: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve (Mann-Whitney); nan where one class is missing or a score is not finite."""
    return auc_interval(truth, scores).point


def auc_interval(truth: ArrayLike, scores: ArrayLike, z: float = Z95) -> Estimate:
    """AUC with DeLong's interval on the logit scale (DeLong et al. 1988, Biometrics 44:837; Pepe 2003, sec. 5.2).

    At an AUC of 0 or 1 DeLong's variance is zero whatever the number of rows; there the limits are Wilson's for
    as many rows as the rarer class has, which errs on the careful side.
    """
    scores = np.asarray(scores, dtype=np.float64)
    if not np.isfinite(scores).all():
        return Estimate.unknown()
    placed = placements(truth, scores)
    return _logit_interval(placed.auc, _variance(placed.positives, placed.negatives), z, placed.fewest)


def auc_drop(truth: ArrayLike, before: ArrayLike, after: ArrayLike, z: float = Z95) -> Estimate:
    """AUC of ``before`` less that of ``after`` on the same rows, with DeLong's paired interval (1988, eq. 6)."""
    before, after = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    if not (np.isfinite(before).all() and np.isfinite(after).all()):
        return Estimate.unknown()
    old, new = placements(truth, before), placements(truth, after)
    drop = old.auc - new.auc
    variance = _variance(old.positives - new.positives, old.negatives - new.negatives)
    half = _student(z, old.fewest) * float(np.sqrt(variance))
    return Estimate(drop, drop - half, drop + half)


def auc_difference(first: tuple[ArrayLike, ArrayLike], second: tuple[ArrayLike, ArrayLike]) -> Estimate:
    """AUC of the first rows less that of the second, each (truth, scores): two groups of one model, say.

    Square-and-add on the limits of each (Zou and Donner 2008), which are DeLong's on the logit scale.
    """
    one, two = auc_interval(*first), auc_interval(*second)
    lower, upper = mover_difference(
        one.point,
        (np.asarray(one.lower), np.asarray(one.upper)),
        two.point,
        (np.asarray(two.lower), np.asarray(two.upper)),
    )
    return Estimate(one.point - two.point, float(lower), float(upper))


def macro_auc(truth: ArrayLike, probabilities: ArrayLike, z: float = Z95) -> Estimate:
    """Mean over the classes of the AUC of each against the rest; (n,) class indexes, (n, k) probabilities.

    The variance is that of the rows' influence on the mean (DeLong's components of every class, added row by
    row, so that the classes' dependence is in it), the interval on the logit scale. Unknown where a class has
    fewer than two rows or a probability is not finite.
    """
    truth, probabilities = np.asarray(truth), np.asarray(probabilities, dtype=np.float64)
    area, influence = _macro(truth, probabilities)
    fewest = int(np.bincount(truth, minlength=probabilities.shape[1]).min())
    return _logit_interval(area, float((influence**2).sum()), z, fewest)


def macro_auc_drop(truth: ArrayLike, before: ArrayLike, after: ArrayLike, z: float = Z95) -> Estimate:
    """`macro_auc` of ``before`` less that of ``after``, (n, k) each, on the same rows."""
    truth = np.asarray(truth)
    old, by_old = _macro(truth, np.asarray(before, dtype=np.float64))
    new, by_new = _macro(truth, np.asarray(after, dtype=np.float64))
    fewest = int(np.bincount(truth, minlength=1).min())
    half = _student(z, fewest) * float(np.sqrt(((by_old - by_new) ** 2).sum()))
    return Estimate(old - new, old - new - half, old - new + half)


def _macro(truth: NDArray[np.int64], probabilities: Array) -> tuple[float, Array]:
    """Macro AUC and each row's influence on it, whose squares add up to the variance."""
    rows, classes = probabilities.shape
    influence, areas = np.zeros(rows), np.zeros(classes)
    if not np.isfinite(probabilities).all():
        return float("nan"), np.full(rows, np.nan)
    for one in range(classes):
        is_one = truth == one
        placed = placements(is_one, probabilities[:, one])
        areas[one] = placed.auc
        for of, values in ((is_one, placed.positives), (~is_one, placed.negatives)):
            if values.size < 2:
                return float("nan"), np.full(rows, np.nan)
            scale = np.sqrt(values.size * (values.size - 1.0)) * classes
            influence[of] += (values - values.mean()) / scale
    return float(areas.mean()), influence


def _logit_interval(area: float, variance: float, z: float, fewest: int) -> Estimate:
    if not np.isfinite(area) or not np.isfinite(variance):
        return Estimate(area, float("nan"), float("nan"))
    if variance <= 0 or not 0 < area < 1:
        lower, upper = wilson(area * fewest, fewest, z)
        return Estimate(area, float(lower), float(upper))
    half = _student(z, fewest) * np.sqrt(variance) / (area * (1 - area))
    return Estimate(area, float(expit(logit(area) - half)), float(expit(logit(area) + half)))


def _variance(positives: Array, negatives: Array) -> float:
    """DeLong's variance of the mean placement; nan where a class has under two rows."""
    if min(positives.size, negatives.size) < 2:
        return float("nan")
    return sum(float(part.var(ddof=1)) / part.size for part in (positives, negatives))


def _student(z: float, fewest: int) -> float:
    """Student's quantile with the rarest class's degrees of freedom: of 10 positives the normal one covered .91."""
    return float(-stdtrit(max(fewest - 1, 1), ndtr(-z)))


def _ranks(values: Array) -> Array:
    """Ranks from 1, equal values sharing the mean of theirs; all nan when one is.

    As scipy.stats.rankdata, whose module takes half a second to import.
    """
    if np.isnan(values).any():
        return np.full(values.size, np.nan)
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean: Array = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return mean
