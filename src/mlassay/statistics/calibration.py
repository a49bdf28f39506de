"""Does a score of .3 come true three times in ten? In all, on a line, and bin by bin.

``truth`` is (n,) in {0, 1}, ``scores`` (n,) probabilities of 1. Everything is conditional on the scores: what is
random is whether they come true. To ask it of a group, give the rows of the group.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit, logit, ndtr

from mlassay.statistics.estimate import SEED, Estimate, Test
from mlassay.statistics.multiple import family_wise_z
from mlassay.statistics.proportions import FEW, Z95, Limits, floats, proportion, rate_limits

Array = NDArray[np.float64]
_DRAWS = 1000
_STEPS = 50


def calibration_gap(truth: ArrayLike, scores: ArrayLike, z: float = Z95) -> Estimate:
    """Observed rate less mean score: `rate_limits` of the rate, for as many rows as its spread around the scores is worth.

    Scores that tell rows apart leave less to chance than one rate for all would, so the limits are those of
    n rate (1 - rate) / mean((truth - score - gap)^2) rows. Where fewer than five rows lie on either side, that
    spread is not known well enough, and the limits are those of the n rows there are.
    """
    truth, scores = _arrays(truth, scores)
    rows, hits = truth.size, float(truth.sum())
    if not _usable(truth, scores):
        return Estimate.unknown()
    rate, score = hits / rows, float(scores.mean())
    spread = float(((truth - scores - (rate - score)) ** 2).sum()) / (rows - 1)
    lower, upper = gap_limits(hits, rows, score, spread, z)
    return Estimate(rate - score, float(lower), float(upper))


def gap_limits(
    hits: ArrayLike, rows: ArrayLike, score: ArrayLike, spread: ArrayLike, z: ArrayLike = Z95
) -> Limits:
    """Limits of `calibration_gap` from what is known of several samples; all arguments broadcast.

    ``hits`` of ``rows`` came true, ``score`` is the mean score and ``spread`` the variance (n - 1) of truth less score.
    """
    x, n, mean, varies, quantile = floats(hits, rows, score, spread, z)
    rate = proportion(x, n)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.where(varies > 0, np.minimum(rate * (1 - rate) / varies, 1e3), 1.0)
        worth = n * np.where(np.minimum(x, n - x) >= FEW, factor, 1.0)
        lower, upper = rate_limits(rate * worth, worth, quantile)
    return lower - mean, upper - mean


def spiegelhalter(truth: ArrayLike, scores: ArrayLike) -> Test:
    """Normal statistic and two-sided p-value that scores are calibrated (Spiegelhalter 1986, Stat Med 5:421, eq. 5).

    It splits the Brier score; blind to errors of which those above and below one half cancel. Unknown where all
    scores are 0, 1 or one half, which it has no spread for.
    """
    truth, scores = _arrays(truth, scores)
    if not _usable(truth, scores):
        return Test.unknown()
    weight = 1 - 2 * scores
    spread = float((weight**2 * scores * (1 - scores)).sum())
    if not spread > 0:
        return Test.unknown()
    statistic = float(((truth - scores) * weight).sum()) / float(np.sqrt(spread))
    return Test(statistic, float(2 * ndtr(-abs(statistic))))


@dataclass(frozen=True, slots=True)
class CalibrationLine:
    """Logistic recalibration: a slope of 1 and an intercept of 0 are calibrated; a slope under 1 is over-confident."""

    intercept: Estimate
    slope: Estimate


def calibration_line(truth: ArrayLike, scores: ArrayLike, z: float = Z95) -> CalibrationLine:
    """Slope and intercept of truth on the logit of the score (Cox 1958, Biometrika 45:562), with Wald limits.

    The intercept is at slope 1, calibration in the large (Van Calster et al. 2016, J Clin Epidemiol 74:167).
    Scores of 0 and 1 are moved to 1e-6 and 1 - 1e-6. Unknown with one class, scores that do not vary, or labels
    that a threshold separates.
    """
    truth, scores = _arrays(truth, scores)
    if not _usable(truth, scores) or not 0 < truth.sum() < truth.size:
        return CalibrationLine(Estimate.unknown(), Estimate.unknown())
    x = logit(np.clip(scores, 1e-6, 1 - 1e-6))
    return CalibrationLine(_offset(truth, x, z), _slope(truth, x, z))


@dataclass(frozen=True, slots=True)
class CalibrationBins:
    """Bins of scores that have rows, arrays (bins,): rows, mean score, observed rate and the limits of that rate.

    ``error`` is the expected calibration error: the mean distance of rate and score, by rows. ``noise`` is what
    it stays under in 95% of draws if every score is right: it is never zero, and grows with the number of bins.
    """

    rows: NDArray[np.int64]
    score: Array
    rate: Array
    lower: Array
    upper: Array
    error: Estimate
    noise: float


def calibration_bins(truth: ArrayLike, scores: ArrayLike, bins: int = 10) -> CalibrationBins:
    """Bins of equally many scores (ties stay together), and the expected calibration error (Naeini et al. 2015, AAAI).

    Limits of a rate are each 95%. Those of the error hold for all bins at once (Bonferroni), so they are
    careful: the point estimate is too high for a calibrated model. Its noise is drawn, seeded, from the scores
    themselves (consistency resampling: Broecker and Smith 2007, Weather Forecast 22:651). Empty where a value is
    not finite.
    """
    truth, scores = _arrays(truth, scores)
    if not _usable(truth, scores):
        none = np.empty(0)
        return CalibrationBins(
            none.astype(np.int64), none, none, none, none, Estimate.unknown(), float("nan")
        )
    of_row = _bins(scores, bins)
    rows = np.bincount(of_row)
    score, hits = np.bincount(of_row, scores) / rows, np.bincount(of_row, truth)
    rate = hits / rows
    lower, upper = rate_limits(hits, rows)
    all_at_once = rate_limits(hits, rows, family_wise_z(len(rows)))
    least = np.maximum(0.0, np.maximum(all_at_once[0] - score, score - all_at_once[1]))
    most = np.maximum(all_at_once[1] - score, score - all_at_once[0])
    error = Estimate(*(fsum((rows * gap).tolist()) / truth.size for gap in (abs(rate - score), least, most)))
    return CalibrationBins(rows, score, rate, lower, upper, error, _noise(rows, score))


def _noise(rows: NDArray[np.int64], score: Array) -> float:
    """The 95% quantile of the error when the truth is drawn from the scores.

    A bin's hits are drawn as binomial with its mean score, whose spread is at least that of its rows.
    """
    generator = np.random.Generator(np.random.PCG64(SEED))
    drawn = generator.binomial(rows, np.clip(score, 0, 1), size=(_DRAWS, len(rows)))
    return float(np.quantile(np.abs(drawn - rows * score).sum(axis=1) / rows.sum(), 0.95, method="higher"))


def _bins(scores: Array, bins: int) -> NDArray[np.int64]:
    """The bin of each row, numbered from 0 without gaps."""
    ordered = np.sort(scores)
    edges = np.unique(ordered[np.arange(1, bins) * len(ordered) // bins])
    place = np.searchsorted(edges, scores, side="right")
    return np.unique(place, return_inverse=True)[1]


def _offset(truth: Array, x: Array, z: float) -> Estimate:
    a = 0.0
    for _ in range(_STEPS):
        p = expit(a + x)
        information = float((p * (1 - p)).sum())
        if not information > 0:
            return Estimate.unknown()
        step = float((truth - p).sum()) / information
        a += float(np.clip(step, -2, 2))
        if abs(step) < 1e-10:
            half = z / float(np.sqrt(information))
            return Estimate(a, a - half, a + half)
    return Estimate.unknown()


def _slope(truth: Array, x: Array, z: float) -> Estimate:
    centred = x - x.mean()  # the slope does not change; the two equations come apart
    if not float(np.ptp(x)) > 0:
        return Estimate.unknown()
    a, b = float(logit(truth.mean())), 1.0
    for _ in range(_STEPS):
        p = expit(a + b * centred)
        w, r = p * (1 - p), truth - p
        ones, cross, squares = float(w.sum()), float((w * centred).sum()), float((w * centred**2).sum())
        determinant = ones * squares - cross**2
        if not determinant > 1e-12 * ones * squares:
            return Estimate.unknown()
        first, second = float(r.sum()), float((r * centred).sum())
        by_a = (squares * first - cross * second) / determinant
        by_b = (ones * second - cross * first) / determinant
        shrink = min(1.0, 2 / max(abs(by_a), abs(by_b), 1e-300))
        a, b = a + shrink * by_a, b + shrink * by_b
        if max(abs(by_a), abs(by_b)) < 1e-10:
            half = z * float(np.sqrt(ones / determinant))
            return Estimate(b, b - half, b + half)
    return Estimate.unknown()


def _arrays(truth: ArrayLike, scores: ArrayLike) -> tuple[Array, Array]:
    return np.asarray(truth, dtype=np.float64), np.asarray(scores, dtype=np.float64)


def _usable(truth: Array, scores: Array) -> bool:
    """At least two rows, and every score a probability."""
    return truth.size > 1 and bool(((scores >= 0) & (scores <= 1) & np.isin(truth, (0, 1))).all())
