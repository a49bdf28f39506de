"""Two curves of a model with two labels, short enough for a report: how it orders rows, and whether its chances come true."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlassay.gates.common import shown
from mlassay.statistics import calibration_bins

POINTS = 41  # of a ROC curve, its two ends included
BINS = 10


def curves(truth: NDArray[Any], scores: NDArray[np.float64]) -> dict[str, Any]:
    """``roc`` and ``calibration`` of rows with ``truth`` in {0, 1} and the probability of 1, (n,); empty without both labels."""
    positive = np.asarray(truth) == 1
    if not positive.any() or positive.all():
        return {}
    return {"roc": roc(positive, scores), "calibration": calibration(positive, scores)}


def roc(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> list[list[str]]:
    """At most `POINTS` corners ``[false positive rate, true positive rate]``, evenly spaced along the whole curve.

    Rows of one score move together (Fawcett 2006, Pattern Recognit Lett 27:861, algorithm 1).
    """
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    hits = np.append(0, np.cumsum(positive[order])[last])
    misses = np.append(0, last + 1) - hits
    tpr, fpr = hits / positive.sum(), misses / (~positive).sum()
    wanted = np.linspace(0, 2, POINTS)
    kept = np.unique(np.minimum(np.searchsorted(tpr + fpr, wanted - 1e-9), len(tpr) - 1))
    return [[shown(float(x)), shown(float(y))] for x, y in zip(fpr[kept], tpr[kept], strict=True)]


def calibration(positive: NDArray[np.bool_], scores: NDArray[np.float64]) -> list[dict[str, str | int]]:
    """Bins of about equally many rows: mean score, and how often it came true with 95% limits."""
    bins = calibration_bins(positive, scores, BINS)
    columns = (bins.rows, bins.score, bins.rate, bins.lower, bins.upper)
    return [
        {
            "rows": int(rows),
            **{
                name: shown(float(value))
                for name, value in zip(("score", "rate", "lower", "upper"), told, strict=True)
            },
        }
        for rows, *told in zip(*(column.tolist() for column in columns), strict=True)
    ]
