"""Several comparisons at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values of families along the last axis (Holm 1979, Scand J Statist 6:65); reject where <= alpha.

    nan marks a question that could not be asked: it stays nan and does not count in its family.
    """
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p, axis=-1, kind="stable")  # nan goes last
    asked = np.isfinite(p).sum(axis=-1, keepdims=True)
    steps = np.take_along_axis(p, order, axis=-1) * (asked - np.arange(p.shape[-1]))
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1.0), axis=-1)
    return adjusted


def family_wise_z(family: int, alpha: float = 0.05) -> float:
    """Normal quantile of a two-sided interval that alone survives ``family`` comparisons (Bonferroni)."""
    return float(ndtri(1 - alpha / (2 * max(family, 1))))
