"""Reads from a graph in which columns the score is a monotone function of one affine function.

Each tensor is followed as a list of cells, one for each of its columns: the model's input columns on which the cell
depends affinely, and those on which it depends in any other way. What is not known is never called affine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlassay.model.operators import domain_of

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of a tensor: affine in ``affine`` while ``other`` stay as they are."""

    affine: frozenset[str] = _NONE
    other: frozenset[str] = _NONE

    @property
    def constant(self) -> bool:
        """Whether no input reaches it."""
        return not self.affine and not self.other

    def bent(self) -> Cell:
        """The cell after a function that is not affine."""
        return Cell(_NONE, self.affine | self.other)


@dataclass(frozen=True, slots=True)
class Tensor:
    """Cells along the last axis; a single cell stands for all columns when their number is not known.

    ``tail`` says that a monotone function was applied already, after which nothing but its like may follow;
    ``pair`` that its two columns sum to one.
    """

    cells: tuple[Cell, ...]
    wide: bool = True  # one cell for each column
    tail: bool = False
    pair: bool = False

    def merged(self) -> Cell:
        """All cells as one: affine only in what is affine wherever it appears."""
        return _join(self.cells)

    def bent(self) -> Tensor:
        """The tensor after an unknown function, which may mix its columns."""
        return Tensor((self.merged().bent(),), wide=False)


def affine_columns(proto: Any, inputs: Sequence[str]) -> frozenset[str] | None:
    """Input columns in which the score is a monotone function of an affine one, the others held; None if there are none.

    ``inputs`` names the columns of a single-tensor model in order, or the model's inputs.
    """
    graph = proto.graph
    known: dict[str, Tensor] = {t.name: Tensor((Cell(),), wide=False) for t in graph.initializer}
    values = _values(graph)
    taken = [v.name for v in graph.input if v.name not in known]
    single = len(taken) == 1 and taken[0] not in inputs
    for name in taken:
        columns = inputs if single else [name]
        known[name] = Tensor(tuple(Cell(frozenset({c})) for c in columns))
    for node in graph.node:
        given = [known.get(name, Tensor((Cell(),), wide=False)) for name in node.input]
        rule = _RULES.get((domain_of(node.domain), node.op_type), _unknown)
        made = rule(_Step(node, given, values))
        for index, name in enumerate(node.output):
            known[name] = made if index == _answer(node) else _all(given)
    return _verdict(known, graph)


def _verdict(known: Mapping[str, Tensor], graph: Any) -> frozenset[str] | None:
    floats = [o.name for o in graph.output if o.type.tensor_type.elem_type in {1, 11}]
    name = "probabilities" if "probabilities" in floats else floats[0] if len(floats) == 1 else ""
    if name not in known:
        return None
    tensor = known[name]
    cell = tensor.cells[-1] if tensor.wide else tensor.merged()
    return cell.affine - cell.other or None


@dataclass(frozen=True, slots=True)
class _Step:
    """One node with what is known of its inputs, and the values of constants."""

    node: Any
    given: list[Tensor]
    values: Mapping[str, Any]

    def attribute(self, name: str, default: Any = None) -> Any:
        from onnx import helper

        found = next((a for a in self.node.attribute if a.name == name), None)
        return default if found is None else helper.get_attribute_value(found)

    def value(self, index: int) -> Any:
        return self.values.get(self.node.input[index]) if index < len(self.node.input) else None


def _join(cells: Sequence[Cell]) -> Cell:
    other = frozenset().union(*(c.other for c in cells)) if cells else _NONE
    affine = frozenset().union(*(c.affine for c in cells)) if cells else _NONE
    return Cell(affine - other, other)


def _all(given: Sequence[Tensor]) -> Tensor:
    """Any function of all inputs."""
    return Tensor((_join([t.merged() for t in given]).bent(),), wide=False)


def _unknown(step: _Step) -> Tensor:
    return _all(step.given)


def _same(step: _Step) -> Tensor:
    return step.given[0]


def _cast(step: _Step) -> Tensor:
    # Only between floats: a cast to an integer is a staircase.
    return step.given[0] if step.attribute("to") in {1, 11} else step.given[0].bent()


def _mixed(step: _Step) -> Tensor:
    """A weighted sum over columns, with constant weights on the right."""
    constant = len(step.given) > 1 and all(t.merged().constant for t in step.given[1:])
    if step.given[0].tail or not constant or step.attribute("transA", 0):
        return _all(step.given)
    cell, weights = step.given[0].merged(), step.value(1)
    if weights is None or weights.ndim != 2:
        return Tensor((cell,), wide=False)
    return Tensor((cell,) * weights.shape[0 if step.attribute("transB", 0) else 1])


def _sum(step: _Step) -> Tensor:
    """Column by column, with broadcasting of a single column; a monotone tail cannot be summed."""
    if any(t.tail for t in step.given):
        return _all(step.given)
    widths = {len(t.cells) for t in step.given if t.wide and len(t.cells) > 1}
    fits = len(widths) <= 1 and all(t.wide or t.merged().constant for t in step.given)
    if not fits:
        return Tensor((_join([t.merged() for t in step.given]),), wide=False)
    width = max(widths, default=1)
    wide = any(t.wide for t in step.given)
    rows = [t.cells if len(t.cells) == width else t.cells * width for t in step.given]
    return Tensor(tuple(_join(cells) for cells in zip(*rows, strict=True)), wide=wide)


def _product(step: _Step) -> Tensor:
    varying = [t for t in step.given if not t.merged().constant]
    return _sum(step) if len(varying) <= 1 else _all(step.given)


def _quotient(step: _Step) -> Tensor:
    return _sum(step) if step.given[1].merged().constant else _all(step.given)


def _concat(step: _Step) -> Tensor:
    tail = any(t.tail for t in step.given)
    if step.node.op_type == "Concat" and step.attribute("axis", 1) not in {1, -1}:
        return _all(step.given)
    if not all(t.wide for t in step.given):
        return Tensor((_join([t.merged() for t in step.given]),), wide=False, tail=tail)
    return Tensor(tuple(cell for t in step.given for cell in t.cells), tail=tail)


def _reshape(step: _Step) -> Tensor:
    """Only where each row keeps its columns, in order."""
    tensor, width = step.given[0], len(step.given[0].cells)
    if step.node.op_type == "Flatten":
        keeps = step.attribute("axis", 1) in {1, -1}
    else:
        shape = step.value(1)
        target = None if shape is None else shape.ravel().tolist()
        keeps = tensor.wide and (
            target in ([-1, width], [0, width], [0, -1]) or (width == 1 and target == [-1])
        )
    return tensor if keeps else _all(step.given)


def _pick(step: _Step) -> Tensor:
    tensor, picked = step.given[0], step.value(1)
    on_columns = step.node.op_type == "ArrayFeatureExtractor" or step.attribute("axis", 0) in {1, -1}
    if picked is None or not on_columns:
        return _all(step.given)
    indices = [int(i) for i in picked.ravel()]
    if not tensor.wide:
        return Tensor(tensor.cells * len(indices), tail=tensor.tail)
    if not all(-len(tensor.cells) <= i < len(tensor.cells) for i in indices):
        return _all(step.given)
    return Tensor(tuple(tensor.cells[i] for i in indices), tail=tensor.tail)


def _scaler(step: _Step) -> Tensor:
    return step.given[0] if not step.given[0].tail else step.given[0].bent()


def _imputer(step: _Step) -> Tensor:
    """Leaves every number as it is where only NaN is replaced; a missing value is never moved."""
    replaced = step.attribute("replaced_value_float")
    only_nan = replaced is not None and replaced != replaced  # noqa: PLR0124 - of any type: it is the model's own
    return step.given[0] if only_nan else _all(step.given)


def _linear_classifier(step: _Step) -> Tensor:
    """Two classes: softmax of two affine scores is monotone in their difference; logistic in the second one."""
    post = _text(step.attribute("post_transform", b"NONE"))
    labels = step.attribute("classlabels_ints") or step.attribute("classlabels_strings") or []
    if step.given[0].tail or len(labels) != 2 or post not in {"NONE", "LOGISTIC", "SOFTMAX"}:
        return _all(step.given)
    cell = step.given[0].merged()
    pair = post == "SOFTMAX" or (post == "LOGISTIC" and _opposite(step))
    return Tensor((cell, cell), tail=post != "NONE", pair=pair)


def _opposite(step: _Step) -> bool:
    """Whether the second class's score is the negative of the first one's, so that their logistics sum to one."""
    halves: list[tuple[float, float]] = []
    for name in ("coefficients", "intercepts"):
        numbers = list(step.attribute(name, []))
        half = len(numbers) // 2
        halves += zip(numbers[:half], numbers[half:], strict=False)
    return bool(halves) and all(a == -b for a, b in halves)


def _normalizer(step: _Step) -> Tensor:
    """Two probabilities that sum to one already stay as they are."""
    tensor = step.given[0]
    return tensor if tensor.pair and _text(step.attribute("norm", b"MAX")) == "L1" else _all(step.given)


def _linear_regressor(step: _Step) -> Tensor:
    post = _text(step.attribute("post_transform", b"NONE"))
    if step.given[0].tail or step.attribute("targets", 1) != 1 or post not in {"NONE", "LOGISTIC"}:
        return _all(step.given)
    return Tensor((step.given[0].merged(),), tail=post == "LOGISTIC")


def _monotone(step: _Step) -> Tensor:
    tensor = step.given[0]
    return Tensor(tensor.cells, tensor.wide, tail=True)


def _softmax(step: _Step) -> Tensor:
    """Over two columns it is monotone in their difference, which is affine when both are."""
    tensor = step.given[0]
    if tensor.tail or not tensor.wide or len(tensor.cells) != 2 or step.attribute("axis", -1) not in {1, -1}:
        return _all(step.given)
    return Tensor((tensor.merged(),) * 2, tail=True, pair=True)


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _answer(node: Any) -> int:
    """Which output of a node its rule speaks of."""
    return 1 if node.op_type == "LinearClassifier" else 0


def _values(graph: Any) -> dict[str, Any]:
    """Constant tensors of at most 4096 elements as arrays: the indices and shapes that the rules read."""
    from onnx import numpy_helper

    named = {t.name: t for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            named.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
    return {n: numpy_helper.to_array(t) for n, t in named.items() if _count(t) <= 4096}


def _count(tensor: Any) -> int:
    from math import prod

    return prod(tensor.dims)


_RULES: dict[tuple[str, str], Callable[[_Step], Tensor]] = {
    ("", "Identity"): _same,
    ("", "Cast"): _cast,
    ("", "Concat"): _concat,
    ("", "Reshape"): _reshape,
    ("", "Flatten"): _reshape,
    ("", "Gather"): _pick,
    ("", "Gemm"): _mixed,
    ("", "MatMul"): _mixed,
    ("", "Add"): _sum,
    ("", "Sub"): _sum,
    ("", "Mul"): _product,
    ("", "Div"): _quotient,
    ("", "Sigmoid"): _monotone,
    ("", "Softmax"): _softmax,
    ("ai.onnx.ml", "ArrayFeatureExtractor"): _pick,
    ("ai.onnx.ml", "FeatureVectorizer"): _concat,
    ("ai.onnx.ml", "Imputer"): _imputer,
    ("ai.onnx.ml", "Normalizer"): _normalizer,
    ("ai.onnx.ml", "Scaler"): _scaler,
    ("ai.onnx.ml", "LinearClassifier"): _linear_classifier,
    ("ai.onnx.ml", "LinearRegressor"): _linear_regressor,
}
