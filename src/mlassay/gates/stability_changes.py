"""The small honest changes that the stability gate makes to numbers: none that a person would call another case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlassay.manifest import Column
from mlassay.statistics import SEED

Array = NDArray[np.float64]
NOISE = 0.01
"""Standard deviation of the noise, as a share of a column's range."""
DIGITS = 3  # significant ones, as many as people write by hand

CHANGES: Mapping[str, str] = {
    "up": "every number times 1.01",
    "down": "every number times 0.99",
    "noise": f"every number plus noise of {NOISE} of its range",
    "rounding": f"every number rounded to {DIGITS} significant digits",
    "float_up": "every number as the next larger float32",
    "float_down": "every number as the next smaller float32",
    "order": "the rows in the opposite order",
}
"""Name -> what it does, as a report says it; ``order`` touches no value."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """A column of numbers as the model takes it, (n,) of its own kind, and the column's declaration."""

    column: Column
    values: NDArray[np.generic]

    @property
    def whole(self) -> bool:
        """Whether the column holds whole numbers only."""
        return self.column.type == "integer" or self.values.dtype.kind in "iu"

    def changed(self, change: str, place: int) -> NDArray[np.generic]:
        """The column after ``change``, of the same kind; missing stays missing, and the declared range is kept.

        ``place`` is the column's place among the model's, which seeds its noise.
        """
        values = self.values.astype(np.float64)
        moved = self._moved(values, change, place)
        if self.whole:
            moved = np.rint(moved)
        low, high = self._ends(values)
        kept = np.clip(moved, low, high)
        return np.where(np.isnan(values), values, kept).astype(self.values.dtype)

    def _moved(self, values: Array, change: str, place: int) -> Array:
        if change == "up":
            return values * 1.01
        if change == "down":
            return values * 0.99
        if change == "noise":
            draws = np.random.default_rng([SEED, place]).standard_normal(len(values))
            return values + draws * NOISE * self._width(values)
        if change == "rounding":
            return _significant(values)
        single = values.astype(np.float32)
        ends = np.float32(np.inf if change == "float_up" else -np.inf)
        return np.nextafter(single, ends).astype(np.float64)

    def _ends(self, values: Array) -> tuple[Array, Array]:
        """The declared range, wide enough for each row's own value, which may lie outside."""
        least = -np.inf if self.column.minimum is None else self.column.minimum
        most = np.inf if self.column.maximum is None else self.column.maximum
        if self.values.dtype.kind in "iu":
            kind = np.iinfo(self.values.dtype.name)
            least, most = max(least, float(kind.min)), min(most, float(kind.max >> 1))
        return np.fmin(values, least), np.fmax(values, most)

    def _width(self, values: Array) -> float:
        """The declared range, or that between the 1st and the 99th hundredth of the rows where none is declared."""
        if self.column.minimum is not None and self.column.maximum is not None:
            return self.column.maximum - self.column.minimum
        known = values[np.isfinite(values)]
        if not known.size:
            return 0.0
        low, high = np.quantile(known, [0.01, 0.99])
        return float(high - low)


def _significant(values: Array) -> Array:
    known = np.where(np.isfinite(values) & (values != 0), np.abs(values), 1.0)
    scale = 10.0 ** (np.floor(np.log10(known)) - DIGITS + 1)
    with np.errstate(over="ignore", invalid="ignore"):
        rounded = np.rint(values / scale) * scale
    return np.where(np.isfinite(rounded), rounded, values)
