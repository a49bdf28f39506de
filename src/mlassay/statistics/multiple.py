"""Several comparisons at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Adjusted p-values of a family, shape (m,) (Holm 1979, Scand J Statist 6:65); reject where <= alpha."""
    p = np.asarray(p, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate(p[order] * np.arange(p.size, 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(steps, 1.0)
    return adjusted


def family_wise_z(family: int, alpha: float = 0.05) -> float:
    """Normal quantile of a two-sided interval that alone survives ``family`` comparisons (Bonferroni)."""
    return float(ndtri(1 - alpha / (2 * max(family, 1))))
