"""What settles most rows before any exact search: bounds over all rows at once, and a few points tried in each."""

from __future__ import annotations

import itertools

import numpy as np

from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_forest import Cuts, Forest
from mlassay.gates.adversarial_set import Floats, Index, Mask
from mlassay.model.ensembles import LEAF

CORNERS = 5  # columns up to which every corner is tried
ROUNDS = (16, 48, 96)  # random points of each row that is still open
POINT = 250  # nodes of an ensemble for which one more point is worth its time


def most(
    forest: Forest, values: Floats, missing: tuple[bool, ...], rows: Index, ends: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """``(least, largest)`` sum of leaf ``values`` that boxes (low, high) of ``rows`` could reach were trees independent.

    The rows miss the same values. A bound of the truth, met where one tree decides.
    """
    low, high = ends
    least, largest = np.zeros(rows.size), np.zeros(rows.size)
    for root in forest.ensemble.roots.tolist():
        worst, best = np.full(rows.size, np.inf), np.full(rows.size, -np.inf)
        waiting = [(root, np.arange(rows.size))]
        while waiting:
            node, index = waiting.pop()
            if not index.size:
                continue
            if forest.ensemble.mode[node] == LEAF:
                worst[index] = np.minimum(worst[index], values[node])
                best[index] = np.maximum(best[index], values[node])
                continue
            cuts = forest.comparison(node, missing, int(rows[0]))
            yes, no = int(forest.ensemble.yes[node]), int(forest.ensemble.no[node])
            if isinstance(cuts, bool):
                waiting.append((yes if cuts else no, index))
                continue
            can, cannot = _sides(cuts, low[index, cuts.axis], high[index, cuts.axis])
            waiting += [(yes, index[can]), (no, index[cannot])]
        least, largest = least + worst, largest + best
    return least, largest


def _sides(cuts: Cuts, low: Floats, high: Floats) -> tuple[Mask, Mask]:
    """Where a comparison can hold inside an interval, and where it can fail."""
    places = np.array(cuts.cuts)
    before, after = np.searchsorted(places, low, side="right"), np.searchsorted(places, high, side="right")
    holds = cuts.first ^ (before % 2 == 1)
    turns = before != after
    return holds | turns, ~holds | turns


def quick(probe: Probe, index: Index, seed: int, nodes: int) -> tuple[Mask, Floats]:
    """``(flipped, witness)`` of the rows ``index``: corners and random points of their boxes, in a few batches.

    The more ``nodes`` an exact search would have to deal with, the more points are tried before it.
    """
    width = probe.box.base.shape[1]
    generator = np.random.Generator(np.random.PCG64(seed))
    flipped, witness = np.zeros(index.size, dtype=bool), np.full((index.size, width), np.nan)
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=width))) if width <= CORNERS else None
    wanted = [count for number, count in enumerate(ROUNDS) if nodes >= POINT * sum(ROUNDS[: number + 1])]
    batches = [generator.random((count, width)) for count in wanted]
    for shares in batches if corners is None else [corners, *batches]:
        open_ = np.flatnonzero(~flipped)
        if not open_.size:
            break
        rows = index[open_]
        low, high = probe.box.low[rows][:, None, :], probe.box.high[rows][:, None, :]
        points = probe.box.project(rows, low + shares[None] * (high - low))
        flips = probe.margins(rows, points)[1]
        flips &= probe.box.holds(rows, points)
        broke = flips.any(axis=1)
        flipped[open_[broke]] = True
        witness[open_[broke]] = points[broke, np.argmax(flips[broke], axis=1)]
    return flipped, witness
