"""The true positive rate where the false positive rate is fixed: what an attacker gains who must seldom be wrong."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from mlassay.statistics.estimate import Estimate
from mlassay.statistics.proportions import Z95, binomial_quantile, rate_limits

Array = NDArray[np.float64]


def tpr_at_fpr(truth: ArrayLike, scores: ArrayLike, fpr: float = 0.01, z: float = Z95) -> Estimate:
    """Greatest true positive rate at a false positive rate of at most ``fpr``; (n,) labels in {0, 1} and scores.

    Reported of membership inference since Carlini et al. 2022 (IEEE S&P, "from first principles"). Two samples
    make it uncertain: the positives above the threshold (`rate_limits`), and the negatives that place the
    threshold (order statistics, binomial). They are independent, so their distances are added in squares, as
    MOVER does. With fewer than about 370 negatives the threshold of 1% may lie above every row, and the lower
    limit is 0. Unknown where a class is missing or a score is not finite.
    """
    positive, scores = np.asarray(truth) == 1, np.asarray(scores, dtype=np.float64)
    above, below = np.sort(scores[positive]), np.sort(scores[~positive])
    if not above.size or not below.size or not np.isfinite(scores).all():
        return Estimate.unknown()
    tail = float(ndtr(-z))
    fewest, most = (binomial_quantile(share, below.size, fpr) for share in (tail, 1 - tail))
    hits = _beyond(above, _greatest(below, int(np.floor(fpr * below.size * (1 + 1e-12))) + 1))
    point = hits / above.size
    lower, upper = (float(limit) for limit in rate_limits(hits, above.size, z))
    # So many of the negatives lie truly beyond the threshold that lets `fpr` of them through.
    strict = _beyond(above, _greatest(below, fewest)) / above.size if fewest else 0.0
    loose = _beyond(above, _greatest(below, most + 1)) / above.size
    return Estimate(
        point,
        max(0.0, point - float(np.hypot(point - lower, point - strict))),
        min(1.0, point + float(np.hypot(upper - point, loose - point))),
    )


def _greatest(ascending: Array, place: int) -> float:
    """The ``place``-th greatest value, from 1; minus infinity behind the last."""
    return float(ascending[-place]) if place <= ascending.size else -np.inf


def _beyond(ascending: Array, threshold: float) -> int:
    return int(ascending.size - np.searchsorted(ascending, threshold, side="right"))
