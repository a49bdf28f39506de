"""Linear models and ReLU networks read from a graph as weights, with a bound on what rounding can do to them.

Every tensor is kept as affine rows over one growing list of variables: a constant one, then features of the input
columns and outputs of ReLU units. So a chain, a skip connection and a scaler before either are the same thing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

UNIT = 2.0**-24  # what one operation in float32 adds, as a share of the result's magnitude
TINY = 2.0**-126  # and beside that: products that are smaller may become zero
MOST_WEIGHT = 1e15  # beyond it, sums of features as large would overflow float32
MAX_VARIABLES = 1 << 13
MAX_WEIGHTS = 1 << 24  # of all layers together: 128 MiB


class UnreadableError(Exception):
    """A part of the graph that is neither affine nor piecewise linear, or not known to be."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A function of one input column: steps applied in turn, none for the value itself."""

    column: str
    steps: tuple[tuple[str, Any], ...] = ()

    def then(self, step: str, value: Any) -> Feature:
        """The feature with one more step: ``cast`` to a kind, ``fill`` NaN, ``equals``, ``above``, or ``map``."""
        return Feature(self.column, (*self.steps, (step, value)))

    @property
    def number(self) -> bool:
        """Whether it is the column's value itself, up to rounding, so that it never falls where the column rises."""
        return all(step == "fill" or (step == "cast" and "float" in value) for step, value in self.steps)

    def values(self, column: NDArray[Any]) -> Floats:
        """The feature for each value of ``column``, of any shape; NaN where the column's is."""
        found: NDArray[Any] = column
        for step, value in self.steps:
            if step == "cast":
                with np.errstate(invalid="ignore", over="ignore"):
                    found = found.astype(value)
            elif step == "fill":
                known = found.astype(np.float64)
                found = np.where(np.isnan(known), value, known)
            elif step == "equals":
                # ONNX Runtime cuts the fraction of a float off before it looks for a code that is a number.
                whole = np.trunc(found) if found.dtype.kind == "f" else found
                found = np.asarray(whole == value)
            elif step == "above":
                found = found > value
            else:
                known, default = value
                flat = [known.get(v, default) for v in found.ravel().tolist()]
                found = np.array(flat).reshape(found.shape)
        return found.astype(np.float64)


@dataclass(frozen=True, eq=False)
class Affine:
    """``weights`` (w, v) over the first v variables; what is computed differs by at most ``doubt`` @ |variables|."""

    weights: Floats
    doubt: Floats

    @classmethod
    def exact(cls, weights: Floats) -> Affine:
        """Rows that no rounding has touched."""
        return cls(weights, np.zeros_like(weights))

    def to(self, width: int) -> Affine:
        """The same over more variables."""
        more = ((0, 0), (0, width - self.weights.shape[1]))
        return self if not more[1][1] else Affine(np.pad(self.weights, more), np.pad(self.doubt, more))

    def rounded(self, operations: float = 1.0) -> Affine:
        """The same after so many operations in float32 on terms of these magnitudes."""
        return Affine(self.weights, _more(self.doubt + operations * UNIT * np.abs(self.weights), operations))

    def times(self, factors: Floats) -> Affine:
        """Each row multiplied by a number."""
        return Affine(self.weights * factors[:, None], self.doubt * np.abs(factors)[:, None])

    def mixed(self, matrix: Floats) -> Affine:
        """``self @ matrix`` for a matrix (w, m), as a sum of products in any order."""
        count = len(matrix) + 1
        magnitude = np.abs(matrix).T @ np.abs(self.weights)
        doubt = np.abs(matrix).T @ self.doubt + count * UNIT * magnitude
        return Affine(matrix.T @ self.weights, _more(doubt, count))

    def picked(self, rows: Sequence[int]) -> Affine:
        """Some rows, in this order."""
        chosen = list(rows)
        return Affine(self.weights[chosen], self.doubt[chosen])

    def plus(self, other: Affine) -> Affine:
        """The sum row by row, one row standing for all; its magnitude is that of its parts."""
        width = max(self.weights.shape[1], other.weights.shape[1])
        a, b = self.to(width), other.to(width)
        magnitude = np.abs(a.weights) + np.abs(b.weights)
        return Affine(a.weights + b.weights, _more(a.doubt + b.doubt + UNIT * magnitude, 1))

    @property
    def largest(self) -> float:
        """The largest weight, whatever its sign."""
        return float(np.abs(self.weights).max(initial=0.0))

    @staticmethod
    def stacked(parts: Sequence[Affine]) -> Affine:
        """All rows, one part below the other."""
        width = max(part.weights.shape[1] for part in parts)
        wide = [part.to(width) for part in parts]
        return Affine(np.concatenate([p.weights for p in wide]), np.concatenate([p.doubt for p in wide]))


def _more(doubt: Floats, operations: float) -> Floats:
    """``doubt`` after so many operations whose results may have been rounded to zero."""
    doubt[:, 0] += operations * TINY
    return doubt


@dataclass(frozen=True, eq=False)
class Layer:
    """ReLU units: variables ``start`` and on are the positive parts of ``rows`` over the variables before."""

    start: int
    rows: Affine

    @property
    def stop(self) -> int:
        """The variable after the last unit."""
        return self.start + len(self.rows.weights)


@dataclass(frozen=True, eq=False)
class Network:
    """Features, layers of ReLU units, and the rows ``answer`` behind ``link``.

    Variable 0 is one; ``features`` maps a variable to the feature that it is. ``link`` is ``none`` (a row is an
    answer itself), ``sigmoid`` (each row's logistic), ``softmax`` (over the rows) or ``ranked`` (the largest row
    has the largest answer, and no more is known).
    """

    features: Mapping[int, Feature]
    layers: tuple[Layer, ...]
    answer: Affine
    link: str

    @property
    def width(self) -> int:
        """How many variables there are."""
        return int(self.answer.weights.shape[1])

    @property
    def linear(self) -> bool:
        """Whether there are no units at all."""
        return not self.layers

    def renamed(self, columns: Mapping[str, str]) -> Network:
        """The same with other names for its columns."""
        named = {at: Feature(columns[f.column], f.steps) for at, f in self.features.items()}
        return replace(self, features=named)

    def variables(self, features: Mapping[int, Floats], count: int) -> Floats:
        """(n, v): all variables for the features' values (n,), in float64."""
        found = np.zeros((count, self.width))
        found[:, 0] = 1.0
        for variable, values in features.items():
            found[:, variable] = values
        for layer in self.layers:
            found[:, layer.start : layer.stop] = np.maximum(
                found[:, : layer.start] @ layer.rows.weights.T, 0.0
            )
        return found


def read_network(proto: Any, inputs: Sequence[str], output: str) -> Network | None:
    """The linear model or ReLU network that leads to ``output``, or None where the graph is anything else.

    ``inputs`` names the columns of a single-tensor model in order, or the model's inputs.
    """
    from mlassay.model.network_reader import Reader
    from mlassay.model.network_rules import RULES

    reader = Reader(proto, inputs, RULES)
    try:
        with np.errstate(all="ignore"):
            return reader.network(output)
    except UnreadableError:
        return None
