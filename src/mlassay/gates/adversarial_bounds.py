"""Bounds of a ReLU network over boxes, sound for what ONNX Runtime computes in float32.

Intervals forward, and linear relaxations backward through every layer (Zhang et al. 2018, CROWN; Singh et al. 2019,
DeepPoly). Whatever a sum in float32 may differ by from the same sum in exact arithmetic is a part of the network:
each unit's input, and each answer, may lie that far off.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlassay.gates.adversarial_set import Floats
from mlassay.gates.adversarial_space import Least, Leaves, Space
from mlassay.model.networks import MOST_WEIGHT, Affine

MARGIN = 1.01  # products of two rounding errors, and our own arithmetic in float64
TINY = 2.0**-100  # sums that ONNX Runtime may flush to zero
NUMBERS = 1 << 21  # in one array of coefficients: 16 MiB


@dataclass(frozen=True, eq=False)
class Wanted:
    """For each row, ``rows`` (n, o, v) that must all stay positive for its decision to hold; ``doubt`` as in Affine."""

    rows: Floats
    doubt: Floats


def doubt_of(rows: Affine, largest: Floats) -> Floats:
    """(b, w): how far what is computed may lie from ``rows`` where variables are at most ``largest`` (b, v)."""
    width = rows.doubt.shape[1]
    return np.asarray(MARGIN * (largest[:, :width] @ rows.doubt.T) + TINY)


class Bounds:
    """Least values of a network's rows over leaves of its space."""

    def __init__(self, space: Space) -> None:
        self.space, self.network = space, space.network
        widest = max([len(layer.rows.weights) for layer in self.network.layers], default=1)
        dense = max(1, len(space.columns_of_intervals()) if len(space.allowed.weights) else 1)
        self.chunk = max(1, NUMBERS // (2 * widest * max(self.network.width, dense * dense)))
        products = [layer.rows.weights.size for layer in self.network.layers]
        sizes = [len(layer.rows.weights) for layer in self.network.layers]
        self.cost = (
            sum(2 * sizes[k] * sum(products[:k]) + products[k] for k in range(len(products)))
            + sum(products)
            + self.network.width
        )

    def least(self, leaves: Leaves, wanted: Wanted) -> Least:
        """The least value of each wanted row over each leaf, chunk by chunk: (b, o)."""
        parts = []
        for start in range(0, len(leaves.rows), self.chunk):
            part = leaves.only(np.arange(start, min(start + self.chunk, len(leaves.rows))))
            parts.append(self._least(part, wanted))
        return Least(*(np.concatenate([getattr(p, n) for p in parts]) for n in ("bound", "point", "weight")))

    def _least(self, leaves: Leaves, wanted: Wanted) -> Least:
        low, high = self.space.features(leaves)
        inputs: list[tuple[Floats, Floats, Floats]] = []
        for layer in self.network.layers:
            inputs.append(self._inputs(leaves, low, high, inputs))
            below, above, _ = inputs[-1]
            low[:, layer.start : layer.stop] = np.maximum(below, 0.0)
            high[:, layer.start : layer.stop] = np.maximum(above, 0.0)
        largest = np.maximum(np.abs(low), np.abs(high))
        fits = np.asarray((largest <= MOST_WEIGHT).all(axis=1))
        found = self._back(leaves, wanted.rows[leaves.rows], inputs)
        off = MARGIN * np.einsum("bov,bv->bo", wanted.doubt[leaves.rows], largest) + TINY
        bound = np.where(fits[:, None], found.bound - off, -np.inf)  # what may overflow is not proven
        return Least(bound, found.point, found.weight)

    def _inputs(
        self, leaves: Leaves, low: Floats, high: Floats, before: list[tuple[Floats, Floats, Floats]]
    ) -> tuple[Floats, Floats, Floats]:
        """``(least, most, doubt)`` of the next layer's inputs: intervals, and bounds through the layers before."""
        layer = self.network.layers[len(before)]
        rows = layer.rows.weights
        a, b = low[:, : layer.start], high[:, : layer.start]
        up, down = np.maximum(rows, 0.0), np.minimum(rows, 0.0)
        off = doubt_of(layer.rows, np.maximum(np.abs(a), np.abs(b)))
        below = a @ up.T + b @ down.T - off
        above = b @ up.T + a @ down.T + off
        plain = not before and not self.space.choices and not len(self.space.allowed.weights)
        bent = np.flatnonzero(((below < 0) & (above > 0)).any(axis=0))
        if plain or not bent.size:
            return below, above, off
        both = np.concatenate([rows[bent], -rows[bent]])
        sums = np.broadcast_to(both, (len(leaves.rows), *both.shape))
        bound = self._back(leaves, sums, before).bound
        below[:, bent] = np.maximum(below[:, bent], bound[:, : bent.size] - off[:, bent])
        above[:, bent] = np.minimum(above[:, bent], -bound[:, bent.size :] + off[:, bent])
        return below, np.maximum(above, below), off

    def _back(self, leaves: Leaves, sums: Floats, inputs: list[tuple[Floats, Floats, Floats]]) -> Least:
        """``sums`` (b, o, v) with every unit replaced by a line under or over it, then at its least over the leaf."""
        for layer, (below, above, off) in zip(
            self.network.layers[: len(inputs)][::-1], inputs[::-1], strict=True
        ):
            weight = sums[:, :, layer.start : layer.stop]
            under, over, lift = _lines(below, above)
            positive, negative = np.maximum(weight, 0.0), np.minimum(weight, 0.0)
            through = positive * under[:, None] + negative * over[:, None]
            constant = (negative @ lift[:, :, None] - np.abs(through) @ off[:, :, None])[:, :, 0]
            b, o, w = through.shape
            inner = (through.reshape(b * o, w) @ layer.rows.weights).reshape(b, o, layer.start)
            sums = sums[:, :, : layer.start] + inner
            sums[:, :, 0] += constant
        return self.space.least(leaves, sums)


def _lines(below: Floats, above: Floats) -> tuple[Floats, Floats, Floats]:
    """Slopes of a line under and one over max(0, x) for x in [below, above], and the upper line's height at 0."""
    dead, live = above <= 0, below >= 0
    bent = ~dead & ~live
    width = np.where(bent, above - below, 1.0)
    over = np.where(live, 1.0, np.where(bent, above / width, 0.0))
    lift = np.where(bent, -above * below / width, 0.0)
    under = np.where(live | (bent & (above > -below)), 1.0, 0.0)
    return under, over, lift
