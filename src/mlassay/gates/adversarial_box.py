"""The changes that are allowed to each row, and how the model decides inside of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlassay.manifest import Column
from mlassay.model import Model, Rows

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
CHUNK = 1 << 18  # points built at once, to bound memory


@dataclass(frozen=True, eq=False)
class Box:
    """For n rows and d columns: ``low`` and ``high`` of shape (n, d) around ``base``, all values the model can hold.

    ``span`` (d,) is each column's declared range, ``whole`` (d,) marks integer columns. A missing value stays
    missing: its low and high are NaN.
    """

    columns: tuple[str, ...]
    base: Floats
    low: Floats
    high: Floats
    span: Floats
    whole: Mask

    @classmethod
    def around(cls, rows: Rows, columns: tuple[Column, ...], radius: float) -> Box:
        """Values within ``radius`` times the declared range of each of ``columns``, clipped to that range."""
        parts = [_limits(np.asarray(rows[c.name]), c, radius) for c in columns]
        base, low, high = (np.column_stack([part[i] for part in parts]) for i in range(3))
        span = np.array([float(c.maximum or 0) - float(c.minimum or 0) for c in columns])
        return cls(
            tuple(c.name for c in columns),
            base,
            low,
            high,
            span,
            np.array([c.type == "integer" for c in columns]),
        )

    def fit(self, index: NDArray[np.int64], points: Floats) -> Floats:
        """``points`` of shape (m, k, d) for the rows ``index``, as values that the model can hold inside the box."""
        snapped = np.where(self.whole, np.rint(points), points).astype(np.float32).astype(np.float64)
        low, high = self.low[index][:, None, :], self.high[index][:, None, :]
        return np.where(np.isnan(low), np.nan, np.clip(snapped, low, high))

    def shares(self, index: NDArray[np.int64], points: Floats) -> Floats:
        """Change of each column as a share of its declared range, for ``points`` of shape (m, d)."""
        change = np.abs(points - self.base[index]) / np.where(self.span > 0, self.span, 1.0)
        return np.nan_to_num(change, nan=0.0)


def _limits(values: NDArray[Any], column: Column, radius: float) -> tuple[Floats, Floats, Floats]:
    minimum, maximum = float(column.minimum or 0), float(column.maximum or 0)
    base = values.astype(np.float64)
    reach = radius * (maximum - minimum)
    low, high = np.maximum(base - reach, minimum), np.minimum(base + reach, maximum)
    if column.type == "integer":
        # 1e-9: a step that radius times range meets exactly must not be lost to rounding.
        low, high = np.ceil(low - 1e-9), np.floor(high + 1e-9)
    # A value outside its declared range (the data gate says so) stays allowed where it is.
    low, high = np.minimum(low, base), np.maximum(high, base)
    low32, high32 = low.astype(np.float32), high.astype(np.float32)
    up, down = np.float32(np.inf), np.float32(-np.inf)
    low32 = np.where(low32.astype(np.float64) < low, np.nextafter(low32, up), low32)
    high32 = np.where(high32.astype(np.float64) > high, np.nextafter(high32, down), high32)
    return base, np.minimum(low32.astype(np.float64), base), np.maximum(high32.astype(np.float64), base)


@dataclass(eq=False)
class Probe:
    """Asks the model about points inside a box; counts how often."""

    model: Model
    rows: Rows
    box: Box
    threshold: float
    scores: Floats
    evaluations: int = field(default=0, init=False)

    @property
    def decided(self) -> Mask:
        """The class of each row as it is: True for class 1."""
        return np.asarray(self.scores >= self.threshold)

    def margins(self, index: NDArray[np.int64], points: Floats) -> tuple[Floats, Mask]:
        """``(margin, flipped)`` of shape (m, k) at ``points`` (m, k, d) of rows ``index``.

        The margin is the score's distance from the threshold, positive on the row's own side.
        """
        count, width, _ = points.shape
        margins, flipped = np.empty((count, width)), np.empty((count, width), dtype=bool)
        step = max(1, CHUNK // max(width, 1))
        for start in range(0, count, step):
            part = slice(start, start + step)
            scores = self._score(np.repeat(index[part], width), points[part].reshape(-1, points.shape[2]))
            scores = scores.reshape(-1, width)
            own = self.decided[index[part]][:, None]
            margins[part] = np.where(own, scores - self.threshold, self.threshold - scores)
            flipped[part] = (scores >= self.threshold) != own
        self.evaluations += count * width
        return margins, flipped

    def _score(self, index: NDArray[np.int64], points: Floats) -> Floats:
        rows = {name: values[index] for name, values in self.rows.items()}
        for j, name in enumerate(self.box.columns):
            rows[name] = points[:, j].astype(self.rows[name].dtype)
        return self.model.score(rows)
