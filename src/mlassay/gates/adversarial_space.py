"""What allowed changes mean to a network's features: intervals of numbers, and choices of categories and odd codes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_set import SLACK, Allowed, Floats, Index
from mlassay.model.networks import Feature, Network
from mlassay.model.types import Unfit

MOST_CHOICES = 64  # values of one column that are looked at one by one
NOISE = 1e-12  # of the sum of magnitudes: what float64 itself can add


@dataclass(frozen=True, eq=False)
class Interval:
    """A column whose features are its own value: they rise with it. ``places`` are their variables."""

    column: int
    places: tuple[int, ...]
    features: tuple[Feature, ...]


@dataclass(frozen=True, eq=False)
class Choices:
    """A column of few values: ``codes`` (n, k) of each row, ``count`` (n,) of them real, ``table`` (n, k, features)."""

    column: int
    places: tuple[int, ...]
    codes: Floats
    count: Index
    table: Floats


@dataclass(frozen=True, eq=False)
class Leaves:
    """Parts of rows' allowed changes: ``low`` and ``high`` (b, d), for a column of choices first and last place."""

    rows: Index
    low: Floats
    high: Floats

    def only(self, index: NDArray[np.intp]) -> Leaves:
        """Some of them."""
        return Leaves(self.rows[index], self.low[index], self.high[index])


@dataclass(frozen=True, eq=False)
class Least:
    """Of sums over the features, (b, o) each: ``bound`` from below, and (b, o, d) ``point`` where it is met but for
    constraints and ``weight``, how much each column can change it.
    """

    bound: Floats
    point: Floats
    weight: Floats


class Space:
    """The allowed changes of every row of a probe, as a network sees them."""

    def __init__(self, probe: Probe, network: Network) -> None:
        self.allowed: Allowed = probe.box
        self.probe = probe
        self.network = network
        self.count, self.columns = self.allowed.base.shape
        by_column: dict[str, list[tuple[int, Feature]]] = {}
        for place, feature in network.features.items():
            by_column.setdefault(feature.column, []).append((place, feature))
        moved = {name: j for j, name in enumerate(self.allowed.columns)}
        self.still = {
            place: feature.values(np.asarray(probe.rows[column]))
            for column, own in by_column.items()
            if column not in moved
            for place, feature in own
        }
        self.intervals: list[Interval] = []
        self.choices: list[Choices] = []
        for name, column in moved.items():
            own = by_column.get(name, [])
            if not own:
                continue
            if self.allowed.choices[column] is None and all(f.number for _, f in own):
                self.intervals.append(Interval(column, tuple(p for p, _ in own), tuple(f for _, f in own)))
            else:
                self.choices.append(self._choices(column, own))

    def whole(self, rows: Index) -> Leaves:
        """All that is allowed to each of ``rows``. Columns that the network does not look at stay."""
        low, high = self.allowed.base[rows].copy(), self.allowed.base[rows].copy()
        for axis in self.intervals:
            low[:, axis.column] = self.allowed.low[rows, axis.column]
            high[:, axis.column] = self.allowed.high[rows, axis.column]
        for choice in self.choices:
            low[:, choice.column] = 0.0
            high[:, choice.column] = choice.count[rows] - 1.0
        return Leaves(rows, low, high)

    def columns_of_intervals(self) -> tuple[int, ...]:
        """The columns that move freely."""
        return tuple(axis.column for axis in self.intervals)

    def features(self, leaves: Leaves) -> tuple[Floats, Floats]:
        """``(low, high)`` of every variable, (b, v): only those of features are filled."""
        shape = (len(leaves.rows), self.network.width)
        low, high = np.zeros(shape), np.zeros(shape)
        low[:, 0] = high[:, 0] = 1.0
        for place, values in self.still.items():
            low[:, place] = high[:, place] = values[leaves.rows]
        for axis in self.intervals:
            for place, feature in zip(axis.places, axis.features, strict=True):
                low[:, place] = self._values(axis.column, feature, leaves.rows, leaves.low[:, axis.column])
                high[:, place] = self._values(axis.column, feature, leaves.rows, leaves.high[:, axis.column])
        for choice in self.choices:
            table, open_ = choice.table[leaves.rows], self._open(choice, leaves)[:, :, None]
            low[:, choice.places] = np.where(open_, table, np.inf).min(axis=1)
            high[:, choice.places] = np.where(open_, table, -np.inf).max(axis=1)
        return low, high

    def variables(self, index: Index, points: Floats) -> Floats:
        """(m, v): the network's variables at ``points`` (m, d) of rows ``index``."""
        known: dict[int, Floats] = {place: values[index] for place, values in self.still.items()}
        for place, feature in self.network.features.items():
            if place not in known:
                column = self.allowed.columns.index(feature.column)
                known[place] = self._values(column, feature, index, points[:, column])
        return self.network.variables(known, len(index))

    def least(self, leaves: Leaves, sums: Floats) -> Least:
        """The least value of ``sums`` (b, o, f) over each leaf, where f is one and the features."""
        low, high = self.features(leaves)
        b, o, f = sums.shape
        low, high = low[:, :f], high[:, :f]
        point = np.repeat(leaves.low[:, None, :], o, axis=1)
        weight = np.zeros((b, o, self.columns))
        fixed = [0, *self.still]
        bound = (sums[:, :, fixed] @ low[:, fixed, None])[:, :, 0]
        noise = (np.abs(sums) @ np.maximum(np.abs(low), np.abs(high))[:, :, None])[:, :, 0]
        slopes = np.zeros((b, o, self.columns))
        for axis in self.intervals:
            places, j = list(axis.places), axis.column
            slopes[:, :, j] = sums[:, :, places].sum(axis=2)
            ends = np.minimum(
                sums[:, :, places] * low[:, None, places], sums[:, :, places] * high[:, None, places]
            )
            bound += ends.sum(axis=2)
            at = leaves.low[:, None, j], leaves.high[:, None, j]
            point[:, :, j] = np.where(slopes[:, :, j] >= 0, *at)
            weight[:, :, j] = np.abs(slopes[:, :, j]) * (high - low)[:, None, places[0]]
        for choice in self.choices:
            worth = np.einsum("bof,bkf->bok", sums[:, :, choice.places], choice.table[leaves.rows])
            open_ = self._open(choice, leaves)[:, None, :]
            worst = np.where(open_, worth, np.inf)
            at_least = worst.argmin(axis=2)
            bound += worst.min(axis=2)
            point[:, :, choice.column] = np.take_along_axis(choice.codes[leaves.rows], at_least, axis=1)
            weight[:, :, choice.column] = np.where(open_, worth, -np.inf).max(axis=2) - worst.min(axis=2)
        point = self._codes_of_rest(leaves, point)
        if len(self.allowed.weights) and self.intervals:
            bound = np.maximum(bound, bound + self._cut(leaves, slopes))
        return Least(bound - NOISE * noise, point, weight)

    def split(self, leaves: Leaves, columns: Index) -> tuple[Leaves, NDArray[np.bool_]]:
        """Each leaf halved along its column; ``(halves, whether it could be)``, the halves of those that could."""
        each = np.arange(len(columns))
        low, high = leaves.low[each, columns], leaves.high[each, columns]
        base = self.allowed.base[leaves.rows, columns]
        middle = low + (high - low) / 2
        is_choice = np.isin(columns, [c.column for c in self.choices])
        step = np.where(is_choice, 0.0, self.allowed.step[columns])
        whole = is_choice | (self.allowed.whole[columns] & (step == 0) & (np.rint(base) == base))
        left = np.where(whole, np.floor(middle), middle)
        right = np.where(whole, left + 1, middle)
        stepped = step > 0
        count = np.floor(np.divide(middle - base, step, out=np.zeros_like(base), where=stepped))
        ends = base + count * step, base + (count + 1) * step
        held = [np.where(self.allowed.double[columns], end, end.astype(np.float32)) for end in ends]
        left, right = np.where(stepped, held[0], left), np.where(stepped, held[1], right)
        # A step's middle may round across an end: such a leaf is as small as it gets.
        can = (high > low) & (left >= low) & (left < high) & (right <= high) & (right > low)
        parent = leaves.only(np.flatnonzero(can))
        above, below = parent.low.copy(), parent.high.copy()
        kept = np.arange(int(can.sum()))
        below[kept, columns[can]] = left[can]
        above[kept, columns[can]] = right[can]
        halves = Leaves(
            np.concatenate([parent.rows, parent.rows]),
            np.concatenate([parent.low, above]),
            np.concatenate([below, parent.high]),
        )
        return halves, can

    def middle(self, leaves: Leaves) -> Floats:
        """(b, d): the points in the middle of leaves."""
        point = leaves.low + (leaves.high - leaves.low) / 2
        for choice in self.choices:
            at = np.floor(point[:, choice.column]).astype(np.int64)
            point[:, choice.column] = choice.codes[leaves.rows, at]
        return point

    def _codes_of_rest(self, leaves: Leaves, point: Floats) -> Floats:
        """Columns that the network does not look at stay what they are."""
        seen = {a.column for a in self.intervals} | {c.column for c in self.choices}
        for j in set(range(self.columns)) - seen:
            point[:, :, j] = self.allowed.base[leaves.rows, None, j]
        return point

    def _cut(self, leaves: Leaves, slopes: Floats) -> Floats:
        """(b, o): by how much constraints raise the least value, by weak duality: right for any multipliers.

        Column values stand for features, whose rounding the constraints' own slack covers twice.
        """
        columns = [a.column for a in self.intervals]
        others = [j for j in range(self.columns) if j not in columns]
        a, b = np.nan_to_num(leaves.low[:, columns]), np.nan_to_num(leaves.high[:, columns])
        c = slopes[:, :, columns]
        start = np.minimum(c * a[:, None], c * b[:, None]).sum(axis=2)
        gain = np.zeros_like(start)
        for _ in range(2):
            for m, normal in enumerate(self.allowed.weights):
                if normal[others].any():
                    continue  # binds a category, or what the network does not look at: left out, so weaker
                w, limit = normal[columns], self.allowed.bound[leaves.rows, m]
                most = np.maximum(np.abs(a), np.abs(b)) @ np.abs(w) + np.abs(
                    np.where(np.isinf(limit), 0, limit)
                )
                limit = limit + 2 * SLACK * most
                if not np.isfinite(limit).any() or not w.any():
                    continue
                c, gain = _raised(c, gain, a, b, w, limit)
        return np.asarray(gain)

    def _open(self, choice: Choices, leaves: Leaves) -> NDArray[np.bool_]:
        """(b, k): the choices that a leaf holds."""
        places = np.arange(choice.codes.shape[1])[None]
        low, high = leaves.low[:, choice.column, None], leaves.high[:, choice.column, None]
        return np.asarray((places >= low) & (places <= high))

    def _values(self, column: int, feature: Feature, index: Index, values: Floats) -> Floats:
        own = np.asarray(self.probe.rows[self.allowed.columns[column]])[index]
        return np.asarray(feature.values(self.allowed.inputs(column, values, own)))

    def _choices(self, column: int, own: list[tuple[int, Feature]]) -> Choices:
        codes, count = self._listed(column)
        n, k = codes.shape
        index = np.repeat(np.arange(n), k)
        table = [self._values(column, f, index, codes.reshape(-1)).reshape(n, k) for _, f in own]
        return Choices(column, tuple(p for p, _ in own), codes, count, np.stack(table, axis=2))

    def _listed(self, column: int) -> tuple[Floats, Index]:
        """``(values (n, k), how many are real (n,))`` of a column with few: its own value first, then the others."""
        base, allowed = self.allowed.base[:, column], self.allowed
        codes = allowed.choices[column]
        if codes is not None:
            rows = [[b] if np.isnan(b) else sorted({float(b), *codes.tolist()}) for b in base]
        else:
            step = allowed.step[column] or (1.0 if allowed.whole[column] else 0.0)
            width = float(np.nan_to_num(allowed.high[:, column] - allowed.low[:, column]).max(initial=0.0))
            if not step or width / step > MOST_CHOICES:
                raise Unfit(f"it has codes of column {allowed.columns[column]}, of which too many may come")
            rows = [self._steps(i, column, step) for i in range(len(base))]
        most = max((len(r) for r in rows), default=1)
        if most > MOST_CHOICES * 2 or most * len(rows) > 1 << 22:
            raise Unfit(f"column {allowed.columns[column]} may become too many values")
        count = np.array([len(r) for r in rows], dtype=np.int64)
        return np.array([r + [r[-1]] * (most - len(r)) for r in rows]).reshape(len(rows), most), count

    def _steps(self, row: int, column: int, step: float) -> list[float]:
        base, low, high = (
            float(a[row, column]) for a in (self.allowed.base, self.allowed.low, self.allowed.high)
        )
        if np.isnan(base):
            return [base]
        span = np.arange(np.floor((low - base) / step), np.ceil((high - base) / step) + 1)
        points = np.repeat(self.allowed.base[row][None, None, :], len(span) + 1, axis=1)
        points[0, : len(span), column] = base + span * step
        fitted = self.allowed.fit(np.array([row]), points)[0, :, column]
        return sorted({base, *fitted.tolist()})


def _raised(c: Floats, gain: Floats, a: Floats, b: Floats, w: Floats, limit: Floats) -> tuple[Floats, Floats]:
    """One constraint's best multiplier, the others held: the dual is concave and bends where a slope changes sign."""
    at = np.divide(-c, w, out=np.zeros_like(c), where=w != 0)
    at = np.where(np.isfinite(limit)[:, None, None], np.maximum(at, 0.0), 0.0)
    tried = c[:, :, None, :] + at[:, :, :, None] * w
    ends = np.minimum(tried * a[:, None, None], tried * b[:, None, None]).sum(axis=3)
    now = np.minimum(c * a[:, None], c * b[:, None]).sum(axis=2)
    worth = ends - at * np.where(np.isfinite(limit), limit, 0.0)[:, None, None] - now[:, :, None]
    size = np.abs(at) * (np.abs(np.where(np.isfinite(limit), limit, 0.0))[:, None, None])
    worth = worth - NOISE * size
    best = worth.argmax(axis=2)[:, :, None]
    taken = np.take_along_axis(worth, best, axis=2)[:, :, 0]
    better = taken > 0
    chosen = np.where(better, np.take_along_axis(at, best, axis=2)[:, :, 0], 0.0)
    return c + chosen[:, :, None] * w, gain + np.where(better, taken, 0.0)
