"""The groups that the edges of ``gates.bias.bins`` make of a column of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise


def names_of_bins(edges: Sequence[float]) -> tuple[str, ...]:
    """One name for each bin of ascending ``edges``, as ``under 25``, ``25 to under 40``, ``40 or more``."""
    ends = [f"{edge:.12g}" for edge in edges]
    inner = (f"{low} to under {high}" for low, high in pairwise(ends))
    return (f"under {ends[0]}", *inner, f"{ends[-1]} or more")
