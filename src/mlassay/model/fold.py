"""What stands before a model's trees: on which columns each feature of theirs depends, and whether it rises or falls with it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlassay.model.operators import domain_of
from mlassay.model.types import Unfit


@dataclass(frozen=True, slots=True)
class Cell:
    """One column of a tensor: the model's columns on which it depends, and whether it is monotone in a single one.

    Monotone is said of values as ONNX Runtime rounds them: of correctly rounded steps, each of which is monotone.
    """

    columns: frozenset[str] = frozenset()
    monotone: bool = True


Cells = tuple[Cell, ...]


def features(graph: Any, names: Mapping[str, str], tensor: str, source: str) -> Cells:
    """The cells of the tensor ``source``; Unfit names an operator before it that is not followed.

    ``names`` maps a column to the graph's input of it, in order; ``tensor`` is the single input of all columns, or "".
    """
    known: dict[str, Cells | None] = {}
    if tensor:
        known[tensor] = tuple(Cell(frozenset({column})) for column in names)
    else:
        known |= {name: (Cell(frozenset({column})),) for column, name in names.items()}
    constants = _constants(graph)
    lost = ""
    for node in graph.node:
        if known.get(source) is not None:
            break
        if all(not name or name in constants for name in node.input):
            continue
        given = [known.get(name) for name in node.input]
        step = _Step(node, given, [constants.get(name) for name in node.input], frozenset(constants))
        rule = _RULES.get((domain_of(node.domain), node.op_type))
        made = rule(step) if rule is not None else None
        if made is None and not lost and (rule is None or any(g is not None for g in given)):
            lost = node.op_type
        for name in node.output:
            known[name] = made if name == node.output[0] else None
    found = known.get(source)
    if found is None:
        raise Unfit(f"what {lost or 'stands'} does before its trees is not followed")
    return found


@dataclass(frozen=True, slots=True)
class _Step:
    node: Any
    given: list[Cells | None]
    constants: list[Any]
    constant: frozenset[str]

    def attribute(self, name: str, default: Any = None) -> Any:
        from onnx import helper

        found = next((a for a in self.node.attribute if a.name == name), None)
        return default if found is None else helper.get_attribute_value(found)

    def varying(self) -> list[Cells | None]:
        """The inputs that are no constants."""
        named = zip(self.node.input, self.given, strict=True)
        return [cells for name, cells in named if name and name not in self.constant]


def _constants(graph: Any) -> dict[str, Any]:
    """Constant tensors by name, as arrays where they have at most 65,536 elements and None where more."""
    from onnx import numpy_helper

    named = {t.name: t for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output:
            named.update((node.output[0], a.t) for a in node.attribute if a.name == "value")
    return {
        name: numpy_helper.to_array(t) if math.prod(t.dims) <= 1 << 16 else None for name, t in named.items()
    }


def _bent(cells: Cells) -> Cells:
    return tuple(Cell(cell.columns, monotone=False) for cell in cells)


def _monotone(step: _Step) -> Cells | None:
    """Element by element with constants beside it: each element stays monotone in its column."""
    varying = step.varying()
    if len(varying) != 1 or varying[0] is None:
        return _mixed(step)
    widths = {c.shape[-1] for c in step.constants if c is not None and c.ndim and c.shape[-1] != 1}
    deep = any(c is not None and c.ndim > 2 for c in step.constants)
    if not widths <= {len(varying[0])} or deep or not _finite(step):
        return None
    return _bent(varying[0]) if _may_turn(step) else varying[0]


def _may_turn(step: _Step) -> bool:
    """Integers wrap around where they overflow, and zero times what overflowed is no number."""
    kind = step.node.op_type
    if kind in {"Mul", "Div", "Scaler"}:
        factors = [c.ravel().tolist() for c in step.constants if c is not None]
        if any(number == 0 for each in [*factors, step.attribute("scale") or ()] for number in each):
            return True
    integers = any(c is not None and c.dtype.kind in "iu" for c in step.constants)
    return integers and kind in {"Add", "Sub", "Mul", "Div"}


def _finite(step: _Step) -> bool:
    """Whether every constant beside a column is a finite number: infinity times zero is none, and falls out of order."""
    numbers = [c.ravel().tolist() for c in step.constants if c is not None and c.dtype.kind == "f"]
    numbers += [list(step.attribute(name) or ()) for name in ("offset", "scale")]
    return all(math.isfinite(number) for each in numbers for number in each)


def _divided(step: _Step) -> Cells | None:
    """A constant over a column is no monotone function of it: it jumps at zero."""
    cells = _monotone(step)
    return cells if cells is None or step.given[0] is not None else _bent(cells)


def _elementwise(step: _Step) -> Cells | None:
    """Any function of each element."""
    cells = _monotone(step)
    return None if cells is None else _bent(cells)


def _mixed(step: _Step) -> Cells | None:
    """Element by element of several tensors, broadcast from one column where they are narrower."""
    varying = [cells for cells in step.varying() if cells is not None]
    if len(varying) != len(step.varying()) or not varying:
        return None
    width = max(len(cells) for cells in varying)
    if any(len(cells) not in {1, width} for cells in varying):
        return None
    rows = [cells * width if len(cells) == 1 else cells for cells in varying]
    return tuple(
        Cell(frozenset().union(*(c.columns for c in each)), monotone=False)
        for each in zip(*rows, strict=True)
    )


def _cast(step: _Step) -> Cells | None:
    cells = step.given[0]
    # To floats: monotone. To integers it cuts fractions off, but wraps around beyond their range. Others: any function.
    return cells if cells is None or step.attribute("to") in {1, 11} else _bent(cells)


def _imputer(step: _Step) -> Cells | None:
    """Leaves numbers as they are where only NaN is replaced."""
    cells = step.given[0]
    replaced = step.attribute("replaced_value_float")
    only_nan = replaced is not None and math.isnan(replaced)
    return cells if cells is None or only_nan else _bent(cells)


def _concat(step: _Step) -> Cells | None:
    if step.node.op_type == "Concat" and step.attribute("axis", 1) not in {1, -1}:
        return None
    found: list[Cell] = []
    for name, cells, value in zip(step.node.input, step.given, step.constants, strict=True):
        if cells is None and (name not in step.constant or value is None):
            return None
        found += cells if cells is not None else [Cell()] * value.shape[-1]
    return tuple(found)


def _pick(step: _Step) -> Cells | None:
    cells, picked = step.given[0], step.constants[1] if len(step.constants) > 1 else None
    on_columns = step.node.op_type == "ArrayFeatureExtractor" or step.attribute("axis", 0) in {1, -1}
    if cells is None or picked is None or not on_columns:
        return None
    indices = [int(i) for i in picked.ravel()]
    return tuple(cells[i] for i in indices) if all(0 <= i < len(cells) for i in indices) else None


def _reshape(step: _Step) -> Cells | None:
    """Only where each row keeps its columns, in order."""
    cells = step.given[0]
    if cells is None:
        return None
    if step.node.op_type == "Flatten":
        return cells if step.attribute("axis", 1) in {1, -1} else None
    shape = None if step.constants[1] is None else step.constants[1].ravel().tolist()
    width = len(cells)
    return cells if shape in ([-1, width], [0, width], [0, -1]) or (width == 1 and shape == [-1]) else None


def _one_hot(step: _Step) -> Cells | None:
    cells = step.given[0]
    categories = step.attribute("cats_int64s") or step.attribute("cats_strings") or ()
    if cells is None or len(cells) != 1:
        return None
    return (Cell(cells[0].columns, monotone=False),) * len(categories)


def _sequence(
    names: str, rule: Callable[[_Step], Cells | None], domain: str = ""
) -> dict[tuple[str, str], Any]:
    return {(domain, name): rule for name in names.split()}


_RULES: Mapping[tuple[str, str], Callable[[_Step], Cells | None]] = {
    **_sequence("Identity Add Sub Mul Neg Floor Ceil Round Relu Clip Sign Min Max", _monotone),
    **_sequence("Greater Less GreaterOrEqual LessOrEqual", _monotone),
    **_sequence("Abs Sqrt Exp Log Tanh Sigmoid Pow Equal Not IsNaN Where Mod Reciprocal Erf", _elementwise),
    **_sequence("And Or Xor", _mixed),
    ("", "Div"): _divided,
    ("", "Cast"): _cast,
    ("", "Concat"): _concat,
    ("", "Gather"): _pick,
    ("", "Reshape"): _reshape,
    ("", "Flatten"): _reshape,
    **_sequence("Scaler Binarizer", _monotone, "ai.onnx.ml"),
    **_sequence("LabelEncoder CategoryMapper", _elementwise, "ai.onnx.ml"),
    ("ai.onnx.ml", "Imputer"): _imputer,
    ("ai.onnx.ml", "FeatureVectorizer"): _concat,
    ("ai.onnx.ml", "ArrayFeatureExtractor"): _pick,
    ("ai.onnx.ml", "OneHotEncoder"): _one_hot,
}


def columns_of(cells: Sequence[Cell]) -> frozenset[str]:
    """Every column on which any of ``cells`` depends."""
    return frozenset().union(*(cell.columns for cell in cells)) if cells else frozenset()
