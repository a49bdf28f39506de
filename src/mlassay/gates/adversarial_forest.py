"""A tree ensemble as `veritas` takes it: the columns that may change as axes, each comparison as cuts along one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_set import Allowed, Floats, Index
from mlassay.model.ensemble_scores import Score
from mlassay.model.ensembles import EQ, GT, LEAF, LEQ, LT, MEMBER, NEQ, Ensemble
from mlassay.model.fold import Cells
from mlassay.model.scorer import Rows
from mlassay.model.types import Unfit

MOST_SPLITS = 1 << 19  # of one AddTree, after comparisons were taken apart into cuts
TABLE = 4096  # values of an integer column that are looked up one by one
BISECTIONS = 66  # from any two float64 numbers to neighbours


@dataclass(frozen=True, eq=False)
class Cuts:
    """Where along an axis a comparison holds: ``first`` below the first cut, and the opposite after each cut."""

    axis: int
    cuts: tuple[float, ...]
    first: bool


class Forest:
    """Reads the comparisons of an ensemble over the allowed changes of a probe's rows.

    Axes: the columns that may change come first, in their order; then each feature that no such column reaches, which
    stays at the row's own value. ``axes`` is how many there are.
    """

    def __init__(self, probe: Probe, ensemble: Ensemble, cells: Cells) -> None:
        self.probe, self.ensemble, self.cells = probe, ensemble, cells
        self.allowed: Allowed = probe.box
        self._tap = probe.model.tap(ensemble.source)
        used = np.unique(ensemble.feature[np.concatenate([self._inner(r) for r in ensemble.roots.tolist()])])
        self.column = {int(f): _moved(cells[int(f)], self.allowed.columns) for f in used}
        self.still = [f for f, column in self.column.items() if column < 0]
        self.axis = {f: len(self.allowed.columns) + i for i, f in enumerate(self.still)}
        self.axes = len(self.allowed.columns) + len(self.still)
        self.values = self._tap(probe.rows)
        self._grids = [self._grid(j) for j in range(len(self.allowed.columns))]
        self._cuts: dict[tuple[int, int, float, tuple[float, ...]], Cuts] = {}
        self._fold()

    def _inner(self, root: int) -> Index:
        waiting, found = [root], []
        while waiting:
            node = waiting.pop()
            if self.ensemble.mode[node] != LEAF:
                found.append(node)
                waiting += [int(self.ensemble.yes[node]), int(self.ensemble.no[node])]
        return np.array(found, dtype=np.int64)

    def patterns(self) -> list[tuple[tuple[bool, ...], Index]]:
        """Rows that miss the same values, by the axes that are missing: ``(missing, rows)``."""
        missing = np.column_stack([np.isnan(self.allowed.base), np.isnan(self.values[:, self.still])])
        kinds, place = np.unique(missing, axis=0, return_inverse=True)
        return [
            (tuple(bool(m) for m in kind), np.flatnonzero(place.ravel() == number))
            for number, kind in enumerate(kinds)
        ]

    def boxes(self, rows: Index) -> tuple[Floats, Floats]:
        """``(low, high)`` of shape (rows, axes), both ends allowed; a missing axis is 0 to 0."""
        still = self.values[rows][:, self.still]
        low = np.column_stack([self.allowed.low[rows], still])
        high = np.column_stack([self.allowed.high[rows], still])
        return np.nan_to_num(low, nan=0.0, posinf=np.inf, neginf=-np.inf), np.nan_to_num(
            high, nan=0.0, posinf=np.inf, neginf=-np.inf
        )

    def features(self, rows: Rows) -> Floats:
        """What the trees are given for ``rows``, as ONNX Runtime has it."""
        return self._tap(rows)

    def tree(self, score: Score, missing: tuple[bool, ...], row: int) -> Any:
        """The `veritas` ensemble of a score's line for rows that miss these axes, as ``row`` does; without its shift."""
        import veritas

        values = leaf_values(self.ensemble, score)
        made = veritas.AddTree(1, veritas.AddTreeType.REGR)
        splits = 0
        for root in self.ensemble.roots.tolist():
            tree = made.add_tree()
            waiting: list[tuple[int, int, dict[int, tuple[float, float]]]] = [(tree.root(), root, {})]
            while waiting:
                at, node, inside = waiting.pop()
                node, cut = self._settled(node, inside, missing, row)
                if cut is None:
                    tree.set_leaf_value(at, 0, float(values[node]))
                    continue
                splits += 1
                if splits > MOST_SPLITS:
                    raise Unfit("its comparisons fall apart into too many")
                axis, place, below, above = cut
                tree.split(at, axis, place)
                low, high = inside.get(axis, (-math.inf, math.inf))
                waiting.append((tree.left(at), below, {**inside, axis: (low, place)}))
                waiting.append((tree.right(at), above, {**inside, axis: (place, high)}))
        return made

    def _settled(
        self, node: int, inside: dict[int, tuple[float, float]], missing: tuple[bool, ...], row: int
    ) -> tuple[int, tuple[int, float, int, int] | None]:
        """Down from ``node`` while what is known of the axes decides: ``(leaf, None)``, or a node and its first open cut.

        The cut is (axis, place, node below it, node above it); the node itself where the comparison goes on there.
        """
        ensemble = self.ensemble
        while ensemble.mode[node] != LEAF:
            yes, no = int(ensemble.yes[node]), int(ensemble.no[node])
            cuts = self.comparison(node, missing, row)
            if isinstance(cuts, bool):
                node = yes if cuts else no
                continue
            low, high = inside.get(cuts.axis, (-math.inf, math.inf))
            # Of the cuts strictly inside, the first; before it the comparison is as often turned as cuts lie below.
            open_ = [place for place in cuts.cuts if low < place < high]
            holds = cuts.first ^ bool(sum(place <= low for place in cuts.cuts) % 2)
            if not open_:
                node = yes if holds else no
                continue
            below, above = (yes, no) if holds else (no, yes)
            return node, (cuts.axis, open_[0], below, above if len(open_) == 1 else node)
        return node, None

    def comparison(self, node: int, missing: tuple[bool, ...], row: int) -> Cuts | bool:
        """Where the comparison of a node holds; a plain yes or no where its value is missing, as it is in ``row``."""
        feature = int(self.ensemble.feature[node])
        column = self.column[feature]
        if missing[column if column >= 0 else self.axis[feature]]:
            return bool(self.ensemble.test(node, self.values[row : row + 1, feature])[0])
        return self._cuts[self._key(node, feature)]

    def _key(self, node: int, feature: int) -> tuple[int, int, float, tuple[float, ...]]:
        members = self.ensemble.members.get(node, ())
        return feature, int(self.ensemble.mode[node]), float(self.ensemble.split[node]), members

    def _fold(self) -> None:
        """The cuts of every comparison that occurs."""
        nodes = np.concatenate([self._inner(r) for r in self.ensemble.roots.tolist()])
        asked: dict[int, dict[tuple[int, int, float, tuple[float, ...]], int]] = {}
        for node in nodes.tolist():
            feature = int(self.ensemble.feature[node])
            asked.setdefault(feature, {}).setdefault(self._key(node, feature), node)
        for feature, keys in asked.items():
            column = self.column[feature]
            if column < 0:
                made = [_plain(self.axis[feature], *key[1:]) for key in keys]
            else:
                made = self._folded(feature, column, list(keys.values()))
            self._cuts.update(zip(keys, made, strict=True))

    def _folded(self, feature: int, column: int, nodes: list[int]) -> list[Cuts]:
        grid = self._grids[column]
        if grid is not None:
            values = self._at(column, grid)[:, feature]
            return [_listed(column, grid, self.ensemble.test(node, values)) for node in nodes]
        if not self.cells[feature].monotone:
            name = self.allowed.columns[column]
            raise Unfit(f"a function of {name} before its trees neither rises nor falls throughout")
        ends = self._ends(column)
        self._hold_monotone(column, feature, ends)
        modes = [int(self.ensemble.mode[node]) for node in nodes]
        if MEMBER in modes:
            raise Unfit("it asks for members of a set among numbers that move freely")
        # Equality holds from where the value is no longer less to where it is no longer less or equal.
        kinds = [(LEQ, LT) if mode in {EQ, NEQ} else (mode,) for mode in modes]
        splits = [float(self.ensemble.split[node]) for node in nodes]
        asked = [(kind, split) for each, split in zip(kinds, splits, strict=True) for kind in each]
        places = iter(self._switches(column, feature, asked, ends))
        low = self._at(column, np.array([ends[0]]))[:, feature]
        cuts = []
        for node, each in zip(nodes, kinds, strict=True):
            own = sorted(place for place in (next(places) for _ in each) if place is not None)
            if len(own) == 2 and own[0] == own[1]:
                own = []  # no value of the column meets it
            cuts.append(Cuts(column, tuple(own), first=bool(self.ensemble.test(node, low)[0])))
        return cuts

    def _grid(self, column: int) -> Floats | None:
        """The values of a column that can be looked up one by one; None for numbers that move freely."""
        codes, base = self.allowed.choices[column], self.allowed.base[:, column]
        own = base[~np.isnan(base)]
        if codes is not None:
            return np.unique(np.concatenate([codes, own]))
        if not self.allowed.whole[column] or not own.size:
            return None
        low, high = np.nanmin(self.allowed.low[:, column]), np.nanmax(self.allowed.high[:, column])
        if not high - low < TABLE:
            return None
        return np.unique(np.concatenate([np.arange(np.ceil(low), np.floor(high) + 1), own]))

    def _at(self, column: int, values: Floats) -> Floats:
        """The features of the first row with one column replaced by each of ``values``: (values, features)."""
        rows = {name: np.repeat(own[:1], len(values)) for name, own in self.probe.rows.items()}
        name = self.allowed.columns[column]
        rows[name] = self.allowed.inputs(column, values, rows[name])
        return self._tap(rows)

    def _ends(self, column: int) -> tuple[float, float]:
        low, high = self.allowed.low[:, column], self.allowed.high[:, column]
        known = low[~np.isnan(low)]
        return (0.0, 0.0) if not known.size else (float(known.min()), float(np.nanmax(high)))

    def _hold_monotone(self, column: int, feature: int, ends: tuple[float, float]) -> None:
        """Unfit where a feature turns back after all: integers that overflow, operators that round oddly."""
        values = self._at(column, np.linspace(*ends, 513))[:, feature]
        with np.errstate(invalid="ignore"):  # infinity less itself is NaN, which is looked for
            steps = np.diff(values)
        if np.isnan(steps).any() or ((steps > 0).any() and (steps < 0).any()):
            raise Unfit(f"what comes before its trees turns {self.allowed.columns[column]} around")

    def _switches(
        self, column: int, feature: int, asked: list[tuple[int, float]], ends: tuple[float, float]
    ) -> list[float | None]:
        """Of comparisons (mode, split) the first value at which each turns, among all that the model can hold."""
        single = not self.allowed.double[column]
        low = np.full(len(asked), _ordinal(ends[0], single=single), dtype=object)
        high = np.full(len(asked), _ordinal(ends[1], single=single), dtype=object)
        modes, splits = np.array([m for m, _ in asked]), np.array([s for _, s in asked])

        def holds(ordinals: Any) -> Any:
            values = np.array([_number(int(o), single=single) for o in ordinals])
            return _compared(modes, self._at(column, values)[:, feature], splits)

        first, last = holds(low), holds(high)
        for _ in range(BISECTIONS):
            middle = (low + high) // 2
            if (middle == low).all():
                break
            same = holds(middle) == first
            low, high = np.where(same, middle, low), np.where(same, high, middle)
        return [
            _number(int(h), single=single) if a != b else None
            for h, a, b in zip(high, first, last, strict=True)
        ]


def _compared(modes: Any, values: Floats, splits: Floats) -> Any:
    cases = [values <= splits, values < splits, values >= splits, values > splits]
    return np.select([modes == m for m in range(4)], cases)


def _moved(cell: Any, columns: tuple[str, ...]) -> int:
    """Which column that may change a feature depends on, -1 for none; Unfit where it is mixed with another."""
    moved = [columns.index(name) for name in sorted(cell.columns & set(columns))]
    if not moved:
        return -1
    if len(cell.columns) > 1:
        raise Unfit(f"{columns[moved[0]]} is mixed with other columns before its trees")
    return moved[0]


def _plain(axis: int, mode: int, split: float, members: tuple[float, ...]) -> Cuts:
    """The cuts of a comparison of the axis itself."""
    after = float(np.nextafter(split, np.inf))
    if mode == MEMBER:
        places = sorted({p for m in members for p in (m, float(np.nextafter(m, np.inf)))})
        return Cuts(axis, tuple(places), first=False)
    if mode in {EQ, NEQ}:
        return Cuts(axis, (split, after), first=mode == NEQ)
    return Cuts(axis, (after,) if mode in {LEQ, GT} else (split,), first=mode in {LEQ, LT})


def _listed(axis: int, grid: Floats, holds: Any) -> Cuts:
    """The cuts of a comparison whose answer is known for every value of the axis."""
    turns = np.flatnonzero(holds[1:] != holds[:-1]) + 1
    return Cuts(axis, tuple(grid[turns].tolist()), first=bool(holds[0]) if len(holds) else False)


def _ordinal(number: float, *, single: bool) -> int:
    """The place of a float among all of its kind, in order."""
    kind, whole = (np.float32, np.int32) if single else (np.float64, np.int64)
    bits = int(np.array([number], dtype=kind).view(whole)[0])
    return bits if bits >= 0 else -(bits + (1 << (31 if single else 63)))


def _number(ordinal: int, *, single: bool) -> float:
    kind, whole = (np.float32, np.int32) if single else (np.float64, np.int64)
    bits = ordinal if ordinal >= 0 else -ordinal - (1 << (31 if single else 63))
    return float(np.array([bits], dtype=whole).view(kind)[0])


def leaf_values(ensemble: Ensemble, score: Score) -> Floats:
    """What each leaf adds to a score's line."""
    values = np.zeros(len(ensemble.mode))
    for target, weight in score.weights.items():
        values += weight * ensemble.weights[:, target]
    return values / len(ensemble.roots) if ensemble.aggregate == "AVERAGE" else values


def counted(
    forest: Forest, score: Score, ends: tuple[float, float], missing: tuple[bool, ...], row: int
) -> tuple[Any, Any]:
    """For the least or largest of the trees: how many reach the threshold, against how many must, and the opposite.

    Unfit where a leaf lies between the two ``ends``, so that rounding decides.
    """
    below, above = ends
    ensemble = forest.ensemble
    (target,) = score.weights
    lines = ensemble.weights[:, target] + score.shift
    slack = 2.0**-22 * (np.abs(ensemble.weights[:, target]) + abs(score.shift)) if score.shift else 0.0
    leaf = ensemble.mode == LEAF
    if ((lines + slack >= below) & (lines - slack < above) & leaf & (below < above)).any():
        raise Unfit("a leaf lies so near to the threshold that rounding decides")
    reached = Ensemble(
        **{**_fields(ensemble), "weights": (lines >= above).astype(np.float64)[:, None], "aggregate": "SUM"}
    )
    up = Forest(forest.probe, reached, forest.cells).tree(Score({0: 1.0}, 0.0), missing, row)
    down = up.negate_leaf_values()
    needed = 0.5 if ensemble.aggregate == "MAX" else len(ensemble.roots) - 0.5
    up.set_base_score(0, -needed)
    down.set_base_score(0, needed)
    return up, down


def _fields(ensemble: Ensemble) -> dict[str, Any]:
    return {field.name: getattr(ensemble, field.name) for field in fields(ensemble)}
