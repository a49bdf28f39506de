"""Settles rows of linear models and ReLU networks: bounds that prove, points that break, and branching in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlassay.gates.adversarial_bounds import Bounds, Wanted
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_search import by_search, replay
from mlassay.gates.adversarial_set import Floats, Found, Index
from mlassay.gates.adversarial_settle import MOST_ROWS, Method
from mlassay.gates.adversarial_space import Leaves, Space
from mlassay.model.networks import Network
from mlassay.model.types import Unfit

if TYPE_CHECKING:
    from mlassay.ports import Engine

BRANCHES = 2048  # leaves of one row, at most
WORK = 1 << 32  # multiplications for the leaves of all rows together
GROUP = 256  # rows that are branched side by side
LINK = 1e-6  # how far ONNX Runtime's logistic and softmax may lie from their definitions
NAME = "bounds with branching, exact where it decides"


def by_bounds(probe: Probe) -> Method:
    """Bounds and branching for a ReLU network; Unfit for any other model."""
    network = network_for(probe)
    if network.linear:
        raise Unfit("it has no ReLU units, and is settled as a linear model")
    Space(probe, network)
    return Method(NAME, True, MOST_ROWS, settle)


def network_for(probe: Probe) -> Network:
    """The network of a probe's model; Unfit where it is none, or its answer is not compared with one number."""
    network = probe.model.network()
    if network is None:
        raise Unfit("its graph is no chain of sums and ReLU units that can be read")
    if network.link not in {"none", "sigmoid"} or not np.isfinite(probe.threshold):
        raise Unfit("its decision does not hang on one number and one threshold")
    return network


def settle(probe: Probe, engine: Engine | None = None) -> Found:
    """Every row proven robust, broken with a witness that the model confirmed once, or undecided."""
    del engine  # NumPy uses the processors already
    try:
        search = Branching(probe, network_for(probe))
    except Unfit:  # of these rows; those that the method was chosen by had none of it
        return nothing(probe)
    if not search.reads_as_computed():
        return nothing(probe)
    search.run()
    return Found(search.broken, search.undecided, search.witness)


def nothing(probe: Probe) -> Found:
    """Every row undecided."""
    shape = probe.box.base.shape
    return Found(np.zeros(shape[0], bool), np.ones(shape[0], bool), np.full(shape, np.nan))


def cuts(network: Network, threshold: float) -> tuple[float, float]:
    """``(down, up)``: the answer's row must stay under ``down`` for class 0, over ``up`` for class 1, to be sure."""
    if network.link == "none":
        return threshold, threshold
    low, high = threshold - LINK, threshold + LINK
    down = -np.inf if low <= 0 else np.inf if low >= 1 else float(np.log(low / (1 - low)))
    up = np.inf if high >= 1 else -np.inf if high <= 0 else float(np.log(high / (1 - high)))
    return down, up


def wanted_of(probe: Probe, network: Network) -> Wanted:
    """One row for each evaluation row: how far its answer is on the sure side of the threshold."""
    down, up = cuts(network, probe.threshold)
    row, doubt = network.answer.weights[-1], network.answer.doubt[-1]
    own = probe.decided
    rows = np.where(own[:, None], row, -row)
    # A threshold that no answer can be sure of is one that no bound reaches.
    rows[:, 0] += np.where(own, -min(up, 1e30), max(down, -1e30))
    return Wanted(rows[:, None, :], np.broadcast_to(doubt, rows.shape)[:, None, :])


@dataclass(eq=False)
class Branching:
    """The rows of a probe on their way from open to settled."""

    probe: Probe
    network: Network

    def __post_init__(self) -> None:
        count, columns = self.probe.box.base.shape
        self.space = Space(self.probe, self.network)
        self.bounds = Bounds(self.space)
        self.wanted = wanted_of(self.probe, self.network)
        self.broken = np.zeros(count, dtype=bool)
        self.undecided = np.zeros(count, dtype=bool)
        self.witness = np.full((count, columns), np.nan)
        self.used = np.zeros(count, dtype=np.int64)

    def reads_as_computed(self) -> bool:
        """Whether the model answers on every row, and at ends of its changes, as the weights that were read say."""
        index = np.arange(len(self.probe.scores))
        box = self.probe.box
        ends = np.stack([box.base, box.low, box.high], axis=1)
        points = box.project(index, ends)
        margins, _ = self.probe.margins(index, points)
        own = self.probe.decided[:, None]
        scores = np.where(own, margins, -margins) + self.probe.threshold
        for k in range(points.shape[1]):
            low, high = self.computed(index, points[:, k])
            if self.network.link == "sigmoid":
                low, high = _logistic(low) - LINK, _logistic(high) + LINK
            noise = 1e-12 * (1 + np.abs(scores[:, k]))
            if not ((scores[:, k] >= low - noise) & (scores[:, k] <= high + noise)).all():
                return False
        return True

    def computed(self, index: Index, points: Floats) -> tuple[Floats, Floats]:
        """``(least, most)`` that the model may compute before its link at ``points`` (m, d), each (m,)."""
        still = Leaves(index, points.copy(), points.copy())
        for choice in self.space.choices:
            same = choice.codes[index] == points[:, choice.column, None]
            same |= np.isnan(choice.codes[index]) & np.isnan(points[:, choice.column, None])
            still.low[:, choice.column] = still.high[:, choice.column] = same.argmax(axis=1)
        count = len(self.probe.scores)
        row, doubt = self.network.answer.weights[-1:], self.network.answer.doubt[-1:]
        both = np.broadcast_to(np.stack([row[0], -row[0]])[None], (count, 2, row.shape[1]))
        doubts = np.broadcast_to(np.stack([doubt[0], doubt[0]])[None], both.shape)
        bound = self.bounds.least(still, Wanted(both, doubts)).bound
        return bound[:, 0], -bound[:, 1]

    def run(self) -> None:
        """Bound every row as a whole, then branch those that are left."""
        everything = self.space.whole(np.arange(len(self.probe.scores)))
        left, columns = self.look(everything)
        self._search(left.rows)
        kept = np.flatnonzero(~self.broken[left.rows])
        left, columns, rows = left.only(kept), columns[kept], left.rows[kept]
        budget = BRANCHES
        if rows.size:
            budget = int(min(BRANCHES, max(16, WORK // (self.bounds.cost * rows.size))))
        for group in _groups(rows.size):
            self._branch(left.only(group), columns[group], budget)

    def _search(self, rows: Index) -> None:
        """What a quick search breaks needs no branches."""
        if not rows.size:
            return
        part = self.probe.only(rows)
        method = by_search(part)
        found = replay(part, method.settle(part, None))
        self.probe.evaluations += part.evaluations
        self.broken[rows] = found.broken
        self.witness[rows] = found.witness

    def _branch(self, leaves: Leaves, columns: Index, budget: int) -> None:
        while leaves.rows.size:
            halves, could = self.space.split(leaves, columns)
            self.undecided[leaves.rows[~could]] = True  # a point, or as small as floats get
            np.add.at(self.used, halves.rows, 1)
            spent = self.used > budget
            self.undecided[halves.rows[spent[halves.rows]]] = True
            halves = halves.only(np.flatnonzero(~spent[halves.rows] & ~self.broken[halves.rows]))
            leaves, columns = self.look(halves)
        self.undecided &= ~self.broken

    def look(self, leaves: Leaves) -> tuple[Leaves, Index]:
        """``(leaves that are still open, the column to split each by)``; breaks rows on the way."""
        if not leaves.rows.size:
            return leaves, np.empty(0, dtype=np.int64)
        least = self.bounds.least(leaves, self.wanted)
        worst = least.bound.argmin(axis=1)
        each = np.arange(len(worst))
        open_ = np.flatnonzero(~(least.bound[each, worst] > 0))
        leaves, worst = leaves.only(open_), worst[open_]
        points = np.stack([least.point[open_, worst], self.space.middle(leaves)], axis=1)
        self.offer(leaves.rows, points)
        kept = np.flatnonzero(~self.broken[leaves.rows])
        weight = least.weight[open_, worst][kept]
        leaves = leaves.only(kept)
        return leaves, self._widest(leaves, weight)

    def _widest(self, leaves: Leaves, weight: Floats) -> Index:
        """The column that can change the bound most; where none can, the one with the widest part of its range left."""
        span = np.where(self.probe.box.span > 0, self.probe.box.span, 1.0)
        width = np.nan_to_num(leaves.high - leaves.low)
        movable = width > 0
        score = np.where(movable, np.nan_to_num(weight), -1.0)
        flat = ~(score > 0).any(axis=1)
        score[flat] = np.where(movable, width / span, -1.0)[flat]
        return np.asarray(score.argmax(axis=1), dtype=np.int64)

    def offer(self, rows: Index, points: Floats) -> None:
        """Ask the model about points (m, k, d) of ``rows``, some rows several times."""
        if not rows.size:
            return
        inside = self.probe.box.project(rows, points)
        _, flipped = self.probe.margins(rows, inside)
        flipped &= self.probe.box.contains(rows, inside)
        hit, at = np.nonzero(flipped)
        self.witness[rows[hit]] = inside[hit, at]
        self.broken[rows[hit]] = True


def _groups(count: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, count, GROUP):
        yield np.arange(start, min(start + GROUP, count))


def _logistic(values: Floats) -> Floats:
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-values)))
