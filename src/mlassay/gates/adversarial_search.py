"""Looks for points of each row's box where the decision flips, by asking the model; proves nothing."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from mlassay.digest import bare
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_set import Floats, Found
from mlassay.gates.adversarial_settle import MOST_NUMBERS, MOST_ROWS, Method

ALL_CORNERS = 6  # columns up to which every corner is tried: 64 points
MOST_EVALUATIONS = 4_000_000  # of the model by a search that breaks nothing
ROUNDS = 8
RESTARTS = 16
LINE = 9
BISECTIONS = 12


class _State:
    """Rows that are still open, the best point of each so far, and witnesses of those that broke."""

    def __init__(self, probe: Probe) -> None:
        self.probe = probe
        count = len(probe.scores)
        self.broken = np.zeros(count, dtype=bool)
        self.witness = np.full(probe.box.base.shape, np.nan)
        self.best = probe.box.base.copy()
        self.margin = np.abs(probe.scores - probe.threshold)

    @property
    def open(self) -> NDArray[np.int64]:
        """Indices of the rows that nothing has broken yet."""
        return np.flatnonzero(~self.broken)

    def offer(self, points: Floats) -> None:
        """Try ``points`` (m, k, d), one line for each open row."""
        index = self.open
        if not index.size:
            return
        points = self.probe.box.project(index, points)
        margins, flipped = self.probe.margins(index, points)
        nearest = np.argmin(margins, axis=1)
        each = np.arange(index.size)
        better = margins[each, nearest] < self.margin[index]
        self.margin[index[better]] = margins[each, nearest][better]
        self.best[index[better]] = points[each, nearest][better]
        broke = flipped.any(axis=1)
        first = np.argmax(flipped, axis=1)
        self.witness[index[broke]] = points[each, first][broke]
        self.broken[index[broke]] = True


def by_search(probe: Probe) -> Method:
    """`search`, which takes any model; as many rows as its evaluations allow."""
    seed, width = int(bare(probe.model.digest)[:16], 16), len(probe.box.columns)
    rows = min(_most_rows(width), MOST_EVALUATIONS // evaluations_per_row(width))
    name = "batched search, a lower bound of what flips"
    return Method(name, False, rows, lambda probe, _: search(probe, seed))


def _most_rows(width: int) -> int:
    return min(MOST_ROWS, MOST_NUMBERS // (2 * width * width))


def _ends(state: _State, index: NDArray[np.int64]) -> Floats:
    """(m, 2d, d): the best point of each row with one column moved to its low, then to its high end."""
    box, width = state.probe.box, state.best.shape[1]
    points = np.repeat(state.best[index][:, None, :], 2 * width, axis=1)
    for j in range(width):
        points[:, 2 * j, j], points[:, 2 * j + 1, j] = box.low[index, j], box.high[index, j]
    return points


def _climb(state: _State) -> None:
    """Move every column at once to the end that brings the score nearer to the threshold."""
    index = state.open
    if not index.size:
        return
    box = state.probe.box
    margins, _ = state.probe.margins(index, _ends(state, index))
    low, high = margins[:, 0::2], margins[:, 1::2]
    best = state.best[index]
    target = np.where(low < high, box.low[index], np.where(high < low, box.high[index], best))
    state.offer(target[:, None, :])


def search(probe: Probe, seed: int) -> Found:
    """Corners and faces, then random restarts and lines along each column that shrink around the best point.

    All open rows go in lock-step through one batch. What it does not break is undecided, never robust.
    """
    state = _State(probe)
    generator = np.random.Generator(np.random.PCG64(seed))
    box, width = probe.box, probe.box.base.shape[1]
    if width <= ALL_CORNERS:
        signs = np.array(list(itertools.product((0.0, 1.0), repeat=width)))
    else:
        signs = generator.integers(0, 2, size=(1 << ALL_CORNERS, width)).astype(np.float64)
    for part in np.array_split(signs, max(1, len(signs) // 8)):
        index = state.open
        low, high = box.low[index][:, None, :], box.high[index][:, None, :]
        state.offer(low + part[None] * (high - low))
    state.offer(_ends(state, state.open))
    _climb(state)
    middles = [_middles(probe.box.base[:, j]) for j in range(width)]
    for number in range(ROUNDS):
        _restart(state, generator, middles, 1.0 / (1 + number))
        for column in range(width):
            if number % 2:
                _steps(state, column, middles[column], generator.random())
            else:
                _line(state, column, 1.0 / (1 << (number // 2)), generator.random())
    return Found(state.broken, ~state.broken, state.witness)


def _middles(values: Floats) -> Floats:
    """Between each two neighbouring values that rows have: models learn to bend there, and often nowhere else."""
    known = np.unique(values[~np.isnan(values)])
    return np.asarray((known[1:] + known[:-1]) / 2) if known.size > 1 else np.zeros(1)


def _between(state: _State, column: int, middles: Floats, shares: Floats) -> Floats:
    """(m, k): for each open row the ``shares`` (m, k) of the way through the middles that lie in its box."""
    index, box = state.open, state.probe.box
    low, high = np.nan_to_num(box.low[index, column]), np.nan_to_num(box.high[index, column])
    first = np.searchsorted(middles, low)[:, None]
    count = np.searchsorted(middles, high, side="right")[:, None] - first
    place = np.minimum(first + np.floor(shares * count).astype(np.int64), middles.size - 1)
    even = low[:, None] + shares * (high - low)[:, None]
    return np.asarray(np.where(count > 0, middles[place], even))


def _restart(state: _State, generator: np.random.Generator, middles: list[Floats], share: float) -> None:
    """Random points: half of them all over the box, half the best one with a share of its columns drawn anew."""
    index = state.open
    box, width = state.probe.box, len(middles)
    shares = generator.random((RESTARTS, width))
    kept = generator.random((RESTARTS, width)) >= np.where(np.arange(RESTARTS) % 2, share, 1.0)[:, None]
    kept[np.arange(RESTARTS), generator.integers(0, width, RESTARTS)] = False
    low, high = box.low[index][:, None, :], box.high[index][:, None, :]
    points = low + shares[None] * (high - low)
    for column, between in enumerate(middles):
        quarter = np.broadcast_to(shares[::2, column], (index.size, (RESTARTS + 1) // 2))
        points[:, ::2, column] = _between(state, column, between, quarter)
    state.offer(np.where(kept[None], state.best[index][:, None, :], points))


def _steps(state: _State, column: int, middles: Floats, shift: float) -> None:
    """Nine points along one column where rows' values part, from the low end of each box to the high one."""
    index = state.open
    shares = np.broadcast_to((np.arange(LINE) + shift) / LINE, (index.size, LINE))
    points = np.repeat(state.best[index][:, None, :], LINE, axis=1)
    points[:, :, column] = _between(state, column, middles, shares)
    state.offer(points)


def evaluations_per_row(width: int) -> int:
    """How often `search` asks the model about a row of ``width`` columns that it cannot break."""
    return (1 << min(width, ALL_CORNERS)) + 4 * width + 1 + ROUNDS * (RESTARTS + LINE * width)


def _line(state: _State, column: int, reach: float, shift: float) -> None:
    """Nine points along one column around the best point of each row, ``reach`` times its width to both sides."""
    index, box = state.open, state.probe.box
    steps = (np.arange(LINE) + shift) / LINE * 2 - 1
    points = np.repeat(state.best[index][:, None, :], LINE, axis=1)
    extent = (box.high[index, column] - box.low[index, column])[:, None]
    points[:, :, column] += steps[None, :] * extent * reach
    state.offer(points)


def replay(probe: Probe, found: Found) -> Found:
    """Ask the model again for every witness, in another batch; one that does not flip again is undecided."""
    index = np.flatnonzero(found.broken)
    if not index.size:
        return found
    points = found.witness[index][:, None, :]
    inside = probe.box.contains(index, points)[:, 0]
    _, flipped = probe.margins(index, points)
    lost = index[~(flipped[:, 0] & inside)]
    broken, undecided = found.broken.copy(), found.undecided.copy()
    broken[lost], undecided[lost] = False, True
    return Found(broken, undecided, found.witness)


def shrink(probe: Probe, found: Found) -> tuple[Floats, Floats]:
    """``(smaller witness (n, d), share of the way (n,))``: halve the way back to the row while the decision flips."""
    index = np.flatnonzero(found.broken)
    witness = found.witness.copy()
    share = np.full(len(found.broken), np.nan)
    if not index.size:
        return witness, share
    base, full = probe.box.base[index], found.witness[index]
    low, high = np.zeros(index.size), np.ones(index.size)
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        points = probe.box.project(index, (base + middle[:, None] * (full - base))[:, None, :])
        _, flipped = probe.margins(index, points)
        flips = flipped[:, 0]
        witness[index[flips]] = points[flips, 0]
        high, low = np.where(flips, middle, high), np.where(flips, low, middle)
    share[index] = high
    return witness, share
