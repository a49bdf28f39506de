"""Follows a graph from its inputs to one output, node by node, each by its operator's rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlassay.model.networks import (
    MAX_VARIABLES,
    MAX_WEIGHTS,
    MOST_WEIGHT,
    Affine,
    Feature,
    Floats,
    Layer,
    Network,
    UnreadableError,
)
from mlassay.model.operators import domain_of


@dataclass(frozen=True, eq=False)
class Raw:
    """Columns of the input that nothing has mixed yet."""

    features: tuple[Feature, ...]


@dataclass(frozen=True, eq=False)
class Tail:
    """Rows behind a monotone function, after which only its like may follow."""

    rows: Affine
    link: str


Value: TypeAlias = "Raw | Affine | Tail | NDArray[Any]"
Rule: TypeAlias = "Callable[[Step], Value]"


class Reader:
    """Follows a graph from its inputs to one output."""

    def __init__(self, proto: Any, inputs: Sequence[str], rules: Mapping[tuple[str, str], Rule]) -> None:
        from onnx import numpy_helper

        self.rules = rules
        self.graph = proto.graph
        self.opset = max((o.version for o in proto.opset_import if not domain_of(o.domain)), default=1)
        self._variables: dict[Feature, int] = {}
        self._layers: list[Layer] = []
        self._count, self._size = 1, 0
        self.known: dict[str, Value] = {t.name: numpy_helper.to_array(t) for t in self.graph.initializer}
        taken = [v.name for v in self.graph.input if v.name not in self.known]
        if len(taken) == 1 and taken[0] not in inputs:
            self.known[taken[0]] = Raw(tuple(Feature(name) for name in inputs))
        else:
            self.known |= {name: Raw((Feature(name),)) for name in taken}

    def network(self, output: str) -> Network:
        """What leads to ``output``; UnreadableError where an operator on the way has no rule."""
        for node in self._needed(output):
            step = Step(self, node, [self._given(name) for name in node.input])
            rule = self.rules.get((domain_of(node.domain), node.op_type))
            if rule is None:
                raise UnreadableError(node.op_type)
            place = 1 if node.op_type in {"LinearClassifier", "SVMClassifier"} else 0
            self.known[node.output[place]] = self._bounded(rule(step))
        found = self._given(output)
        tail = found if isinstance(found, Tail) else Tail(self.rows(found), "none")
        answer = tail.rows.to(self._count)
        if not np.isfinite(answer.weights).all():
            raise UnreadableError(output)
        return self._ordered(answer, tail.link)

    def _bounded(self, value: Value) -> Value:
        """``value``, of which float32 can hold every sum; UnreadableError else."""
        rows = value.rows if isinstance(value, Tail) else value
        if isinstance(rows, Affine) and not rows.largest <= MOST_WEIGHT:
            raise UnreadableError("a weight that is too large")
        return value

    def _ordered(self, answer: Affine, link: str) -> Network:
        """The network with its features before its units, wherever in the graph they came up."""
        first = [0, *self._variables.values()]
        units = [i for layer in self._layers for i in range(layer.start, layer.stop)]
        order, layers, start = np.array([*first, *units]), [], len(first)
        for layer in self._layers:
            rows = layer.rows.to(self._count)
            ordered = Affine(rows.weights[:, order[:start]], rows.doubt[:, order[:start]])
            layers.append(Layer(start, ordered))
            start += len(rows.weights)
        features = dict(enumerate(self._variables, start=1))
        return Network(
            features, tuple(layers), Affine(answer.weights[:, order], answer.doubt[:, order]), link
        )

    def rows(self, value: Value) -> Affine:
        """``value`` as affine rows; a constant stands for all rows of the batch."""
        if isinstance(value, Affine):
            return value
        if isinstance(value, Tail):
            raise UnreadableError("a function of probabilities")
        if isinstance(value, Raw):
            places = [self._variable(feature) for feature in value.features]
            weights = np.zeros((len(places), self._count))
            weights[np.arange(len(places)), places] = 1.0
            return Affine.exact(weights)
        if value.ndim > 2 or (value.ndim == 2 and value.shape[0] != 1) or value.dtype.kind not in "fiu":
            raise UnreadableError("a constant for each row")
        return Affine.exact(value.reshape(-1, 1).astype(np.float64))

    def relu(self, rows: Affine) -> Affine:
        """New units: the positive part of each row."""
        width = len(rows.weights)
        self._size += rows.weights.size
        if self._count + width > MAX_VARIABLES or self._size > MAX_WEIGHTS:
            raise UnreadableError("too large")
        if not np.isfinite(rows.weights).all():
            raise UnreadableError("a weight that is no number")
        layer = Layer(self._count, rows.to(self._count))
        self._layers.append(layer)
        self._count = layer.stop
        weights = np.zeros((width, self._count))
        weights[np.arange(width), np.arange(layer.start, layer.stop)] = 1.0
        return Affine.exact(weights)

    def _variable(self, feature: Feature) -> int:
        if feature not in self._variables:
            self._variables[feature] = self._count
            self._count += 1
        if self._count > MAX_VARIABLES:
            raise UnreadableError("too large")
        return self._variables[feature]

    def _given(self, name: str) -> Value:
        if not name:
            return np.empty(0)
        if name not in self.known:
            raise UnreadableError(name)
        return self.known[name]

    def _needed(self, output: str) -> list[Any]:
        """The nodes on the way to ``output``, in the graph's order."""
        wanted, nodes = {output}, []
        for node in reversed(self.graph.node):
            if wanted.intersection(node.output):
                wanted.update(node.input)
                nodes.append(node)
        return nodes[::-1]


@dataclass(frozen=True, eq=False)
class Step:
    """One node with what is known of its inputs."""

    reader: Reader
    node: Any
    given: list[Value]

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute's value, text as str."""
        from onnx import helper

        found = next((a for a in self.node.attribute if a.name == name), None)
        value = default if found is None else helper.get_attribute_value(found)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else value

    def rows(self, index: int = 0) -> Affine:
        """An input as affine rows."""
        return self.reader.rows(self.given[index])

    def constant(self, index: int) -> Floats | None:
        """An input that is a constant, None where it is absent; UnreadableError where it varies."""
        if index >= len(self.given) or not self.node.input[index]:
            return None
        value = self.given[index]
        if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
            raise UnreadableError("a constant was needed")
        return value.astype(np.float64)


def spread(rows: Affine, count: int) -> Affine:
    """One row repeated; UnreadableError where the widths do not fit."""
    if len(rows.weights) not in {1, count}:
        raise UnreadableError("widths")
    return rows if len(rows.weights) == count else rows.picked([0] * count)


def scaled(rows: Affine, factors: Floats) -> Affine:
    """Each row times its factor, one of either standing for all."""
    width = max(len(rows.weights), len(factors))
    if len(factors) not in {1, width}:
        raise UnreadableError("widths")
    return spread(rows, width).times(np.broadcast_to(factors, (width,)))


def matrix_of(step: Step, matrix: Floats | None) -> Affine:
    """The node's first input times a constant matrix."""
    rows = step.rows(0)
    if matrix is None or matrix.ndim != 2 or len(matrix) != len(rows.weights):
        raise UnreadableError("a matrix that does not fit")
    if not np.abs(matrix).max(initial=0.0) <= MOST_WEIGHT:
        raise UnreadableError("a weight that is too large")
    return rows.mixed(matrix)


def is_one(value: Value) -> bool:
    """Whether it is the constant one."""
    return isinstance(value, np.ndarray) and value.size == 1 and float(value.reshape(-1)[0]) == 1.0
