"""The changes that are allowed to each row: how far each column may move, in what steps, and which columns bind which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlassay.config.perturb import Constraint, Move
from mlassay.manifest import Column

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]
SWEEPS = 8  # projections onto every constraint in turn, before a point is pulled back towards its row
SLACK = 2.0**-22  # of the sum of magnitudes in a constraint: what rounding each value to float32 can add


@dataclass(frozen=True, eq=False)
class Found:
    """For each row: ``broken`` with a ``witness`` (n, d; NaN where none), or ``undecided``, or neither: proven robust."""

    broken: Mask
    undecided: Mask
    witness: Floats


@dataclass(frozen=True, eq=False)
class Allowed:
    """For n rows and d columns: ``low`` and ``high`` of shape (n, d) around ``base``, all values the model can hold.

    ``span`` (d,) is each column's declared range; ``whole`` (d,) marks integers; ``step`` (d,) is a declared step
    counted from the row's own value, 0 for none. ``double`` (d,) marks columns that the model takes as float64 or as
    integers: other numbers are float32s. ``choices`` has the allowed codes of a category and None for numbers,
    ``texts`` a category's values by code. ``weights`` (m, d) and ``bound`` (n, m) say ``weights @ x <= bound``. What a
    row already is stays allowed, even outside its range or against a constraint; a missing value stays missing:
    its low and high are NaN.
    """

    columns: tuple[str, ...]
    base: Floats
    low: Floats
    high: Floats
    span: Floats
    whole: Mask
    step: Floats
    choices: tuple[Floats | None, ...]
    texts: tuple[tuple[str, ...], ...]
    weights: Floats
    bound: Floats
    double: Mask = field(default_factory=lambda: np.zeros(0, dtype=bool))

    @classmethod
    def around(cls, rows: dict[str, NDArray[Any]], columns: Sequence[Column], radius: float) -> Allowed:
        """Values within ``radius`` times the declared range of each of ``columns``, clipped to that range."""
        return cls.of(rows, columns, [Move(column.name, radius=radius) for column in columns])

    @classmethod
    def of(
        cls,
        rows: dict[str, NDArray[Any]],
        columns: Sequence[Column],
        moves: Sequence[Move],
        constraints: Sequence[Constraint] = (),
    ) -> Allowed:
        """What ``moves`` (one for each of ``columns``) and ``constraints`` allow to ``rows``, the model's own inputs.

        A constraint may name columns that do not move, where ``rows`` has them as numbers.
        """
        parts = [_part(np.asarray(rows[c.name]), c, m) for c, m in zip(columns, moves, strict=True)]
        base, low, high = (np.column_stack([part[i] for part in parts]) for i in range(3))
        names = tuple(c.name for c in columns)
        weights, bound = _binding(rows, names, base, constraints)
        whole = [
            c.type == "integer" or (np.asarray(rows[c.name]).dtype.kind in "iu" and c.type != "category")
            for c in columns
        ]
        return cls(
            columns=names,
            base=base,
            low=low,
            high=high,
            span=np.array([_span(c) for c in columns]),
            whole=np.array(whole, dtype=bool),
            step=np.array([m.step for m in moves], dtype=np.float64),
            double=np.array([_is_double(np.asarray(rows[c.name])) for c in columns], dtype=bool),
            choices=tuple(_codes(c, m) for c, m in zip(columns, moves, strict=True)),
            texts=tuple(c.values if c.type == "category" else () for c in columns),
            weights=weights,
            bound=bound,
        )

    def rows(self, index: Index) -> Allowed:
        """The same for these rows only."""
        return replace(
            self,
            base=self.base[index],
            low=self.low[index],
            high=self.high[index],
            bound=self.bound[index],
        )

    def scaled(self, shares: Floats) -> Allowed:
        """The same with numbers that move only ``shares`` (n,) of the way; categories change as they may."""
        part = shares[:, None]
        low, high = self.base - part * (self.base - self.low), self.base + part * (self.high - self.base)
        step = np.where(self.step > 0, self.step, np.where(self.whole, 1.0, 0.0))
        unit = np.where(step > 0, step, 1.0)
        origin = np.where(self.whole & ~(self.step > 0), 0.0, self.base)
        low = np.where(step > 0, origin + np.ceil((low - origin) / unit - 1e-9) * unit, low)
        high = np.where(step > 0, origin + np.floor((high - origin) / unit + 1e-9) * unit, high)
        # Inwards, so that a smaller set never holds a value that the whole one does not.
        low, high = _held(low, high, inwards=step == 0, double=self.double)
        category = np.array([codes is not None for codes in self.choices])
        return replace(
            self,
            low=np.where(category, self.low, np.clip(low, self.low, self.base)),
            high=np.where(category, self.high, np.clip(high, self.base, self.high)),
        )

    def reach(self, index: Index, points: Floats) -> Floats:
        """How much of what is allowed to numbers ``points`` (m, d) use, the largest column's share, (m,); 0 to 1."""
        base = self.base[index]
        room = np.where(points > base, self.high[index] - base, base - self.low[index])
        used = np.divide(np.abs(points - base), room, out=np.zeros_like(base), where=room > 0)
        category = np.array([codes is not None for codes in self.choices])
        return np.asarray(np.nan_to_num(np.where(category, 0.0, used)).max(axis=1).clip(0, 1))

    def fit(self, index: Index, points: Floats) -> Floats:
        """``points`` of shape (m, k, d) for the rows ``index``, as values that the model can hold inside the box.

        Steps and categories are kept; constraints between columns are not looked at (`project`, `holds`).
        """
        base, low, high = (a[index][:, None, :] for a in (self.base, self.low, self.high))
        snapped = np.where(self.whole, np.rint(points), points)
        if self.step.any():
            step = np.where(self.step > 0, self.step, 1.0)
            count = np.rint((np.clip(points, low, high) - base) / step)
            snapped = np.where(self.step > 0, base + count * step, snapped)
        if not self.double.all():
            snapped = np.where(self.double, snapped, snapped.astype(np.float32))
        clipped = np.clip(snapped, low, high)
        for j, codes in enumerate(self.choices):
            if codes is not None:
                clipped[:, :, j] = _nearest(points[:, :, j], codes, base[:, :, j])
        return np.where(np.isnan(low), np.nan, clipped)

    def project(self, index: Index, points: Floats) -> Floats:
        """`fit`, then moved into the constraints: along their normals first, towards the row itself where that fails."""
        fitted = self.fit(index, points)
        if not len(self.weights):
            return fitted
        for _ in range(SWEEPS):
            broken = ~self.holds(index, fitted)
            if not broken.any():
                return fitted
            fitted = np.where(broken[:, :, None], self.fit(index, self._swept(index, fitted)), fitted)
        base = np.broadcast_to(self.base[index][:, None, :], fitted.shape)
        for share in (0.5, 0.25, 0.125, 0.0):
            broken = ~self.holds(index, fitted)
            if not broken.any():
                break
            nearer = self.fit(index, base + share * (fitted - base)) if share else base
            fitted = np.where(broken[:, :, None], nearer, fitted)
        return fitted

    def holds(self, index: Index, points: Floats) -> Mask:
        """(m, k): whether ``points`` (m, k, d) keep every constraint, within the rounding of their values."""
        if not len(self.weights):
            return np.ones(points.shape[:2], dtype=bool)
        known = np.nan_to_num(points, nan=0.0)
        bound = self.bound[index][:, None, :]
        slack = SLACK * (np.abs(known) @ np.abs(self.weights).T + np.abs(np.where(np.isinf(bound), 0, bound)))
        return np.asarray((known @ self.weights.T <= bound + slack).all(axis=2))

    def contains(self, index: Index, points: Floats) -> Mask:
        """(m, k): whether ``points`` (m, k, d) are allowed to the rows ``index``, to the last bit."""
        fitted = self.fit(index, points)
        same = (fitted == points) | (np.isnan(fitted) & np.isnan(points))
        return np.asarray(same.all(axis=2) & self.holds(index, points))

    def shares(self, index: Index, points: Floats) -> Floats:
        """Change of each column as a share of its declared range, for ``points`` (m, d); 1 for another category."""
        change = np.abs(points - self.base[index]) / np.where(self.span > 0, self.span, 1.0)
        category = np.array([codes is not None for codes in self.choices])
        return np.nan_to_num(np.where(category, change > 0, change), nan=0.0)

    def inputs(self, column: int, values: Floats, own: NDArray[Any]) -> NDArray[Any]:
        """Values (k,) of one column as the model takes them; ``own`` (k,) are the rows' inputs, kept where missing."""
        if own.dtype.kind not in "OUS":
            return values.astype(own.dtype)
        texts = np.array(self.texts[column], dtype=object)
        missing = np.isnan(values)
        return np.where(missing, own, texts[np.where(missing, 0, values).astype(np.int64)])

    def _swept(self, index: Index, points: Floats) -> Floats:
        """``points`` after one step onto each violated constraint in turn, distances measured in shares of the range."""
        free = self.high[index] > self.low[index]
        unit = np.where(free, np.where(self.span > 0, self.span, 1.0) ** 2, 0.0)[:, None, :]
        moved = points.copy()
        for normal, bound in zip(self.weights, self.bound[index].T, strict=True):
            over = np.maximum(np.nan_to_num(moved) @ normal - bound[:, None], 0.0)
            length = (unit * normal**2).sum(axis=2)
            share = np.divide(over, length, out=np.zeros_like(over), where=length > 0)
            # A little further than the plane, so that rounding to float32 does not fall back over it.
            moved = moved - (1 + 2.0**-20) * share[:, :, None] * normal * unit
        return moved


def _span(column: Column) -> float:
    if column.type == "category":
        return float(max(len(column.values) - 1, 1))
    return float(column.maximum or 0) - float(column.minimum or 0)


def _codes(column: Column, move: Move) -> Floats | None:
    if column.type != "category":
        return None
    return np.array(
        [i for i, v in enumerate(column.values) if not move.values or v in move.values], dtype=np.float64
    )


def _part(values: NDArray[Any], column: Column, move: Move) -> tuple[Floats, Floats, Floats]:
    """``(base, low, high)`` of one column; a category's are codes."""
    if column.type != "category":
        return _limits(values, column, move)
    if values.dtype.kind in "OUS":
        code = {value: float(i) for i, value in enumerate(column.values)}
        base = np.array([code.get(str(value), np.nan) for value in values], dtype=np.float64)
    else:
        base = values.astype(np.float64)
    codes = _codes(column, move)
    if codes is None or not codes.size:
        return base, base, base
    return base, np.minimum(base, codes[0]), np.maximum(base, codes[-1])


def _limits(values: NDArray[Any], column: Column, move: Move) -> tuple[Floats, Floats, Floats]:
    minimum, maximum = float(column.minimum or 0), float(column.maximum or 0)
    base = values.astype(np.float64)
    reach = move.by if move.by is not None else (move.radius or 0.0) * (maximum - minimum)
    low, high = np.maximum(base - reach, minimum), np.minimum(base + reach, maximum)
    if column.type == "integer" or values.dtype.kind in "iu":
        # 1e-9: a step that radius times range meets exactly must not be lost to rounding.
        low, high = np.ceil(low - 1e-9), np.floor(high + 1e-9)
    if move.step:
        low = base + np.ceil((low - base) / move.step - 1e-9) * move.step
        high = base + np.floor((high - base) / move.step + 1e-9) * move.step
    # A value outside its declared range (the data gate says so) stays allowed where it is.
    low = base if move.direction == "up" else np.minimum(low, base)
    high = base if move.direction == "down" else np.maximum(high, base)
    # A step's end is the float32 of a multiple, whichever side of it that is.
    low, high = _held(low, high, inwards=not move.step, double=_is_double(values))
    return base, np.minimum(low, base), np.maximum(high, base)


def _is_double(values: NDArray[Any]) -> bool:
    """Whether a model that takes ``values`` tells apart numbers that are one float32."""
    return values.dtype.kind in "iu" or values.dtype == np.float64


def _held(low: Floats, high: Floats, *, inwards: Mask | bool, double: Mask | bool) -> tuple[Floats, Floats]:
    """Ends as the model can hold them: float32s, no further out where ``inwards``, or what they are where ``double``."""
    low32, high32 = low.astype(np.float32), high.astype(np.float32)
    up, down = np.float32(np.inf), np.float32(-np.inf)
    low32 = np.where(inwards & (low32.astype(np.float64) < low), np.nextafter(low32, up), low32)
    high32 = np.where(inwards & (high32.astype(np.float64) > high), np.nextafter(high32, down), high32)
    return np.where(double, low, low32.astype(np.float64)), np.where(double, high, high32.astype(np.float64))


def _nearest(values: Floats, codes: Floats, base: Floats) -> Floats:
    """Each value (m, k) as the nearest of ``codes`` or of the row's own code (m, 1); lower codes win ties."""
    best, nearest = np.abs(values - base), np.broadcast_to(base, values.shape)
    for code in codes:
        away = np.abs(values - code)
        closer = away < best
        best, nearest = np.where(closer, away, best), np.where(closer, code, nearest)
    return np.asarray(nearest)


def _binding(
    rows: dict[str, NDArray[Any]], names: tuple[str, ...], base: Floats, constraints: Sequence[Constraint]
) -> tuple[Floats, Floats]:
    """``(weights, bound)``: columns that stay are in the bound; a row that breaks a constraint already may stay so."""
    weights = np.array([[dict(c.weights).get(n, 0.0) for n in names] for c in constraints]).reshape(
        -1, len(names)
    )
    bound = np.empty((len(base), len(constraints)))
    for m, constraint in enumerate(constraints):
        still = [(w, np.asarray(rows[n], np.float64)) for n, w in constraint.weights if n not in names]
        fixed = constraint.bound - sum((w * values for w, values in still), start=np.zeros(len(base)))
        own = np.where(weights[m] != 0, base, 0.0) @ weights[m]
        # A missing value binds nothing.
        bound[:, m] = np.where(np.isnan(own + fixed), np.inf, np.maximum(fixed, own))
    return weights, bound
