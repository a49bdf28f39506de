"""Which output of a graph is the answer, and what it must look like, for each task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlassay.model.types import Unusable, clean, refuse
from mlassay.tasks import MULTICLASS, RANKING, REGRESSION

_FLOATS = {1, 11}  # onnx.TensorProto.DataType
_PROBABILITIES, _VALUES = "probabilities", ("variable", "predictions")  # as exporters name them
_RENAME = "name the tensor `probabilities` (scikit-learn: options={'zipmap': False})"


@dataclass(frozen=True, slots=True)
class Expected:
    """What the answer must be: its ``names`` in order of choice, how many numbers a row (``widths``), and in words."""

    task: str
    names: tuple[str, ...]
    widths: tuple[int, ...]
    kind: str
    why: str
    remedy: str
    labels: tuple[str, ...] = ()


def expected(task: str, labels: Sequence[str] = ()) -> Expected:
    """What a model for ``task`` must answer with; ``labels`` are the declared values where there are more than two."""
    if task == MULTICLASS:
        k = len(labels)
        why = f"the answer is a probability for each of the {k} declared labels, in their order: rows x {k}"
        return Expected(task, (_PROBABILITIES,), (k,), "probabilities", why, _RENAME, tuple(labels))
    if task == REGRESSION:
        why = "the answer is one predicted number a row: rows x 1, or one number a row"
        fix = "let the graph end in one tensor of float32, rows x 1 (exporters call it `variable`)"
        return Expected(task, _VALUES, (1,), "predicted numbers", why, fix)
    if task == RANKING:
        why = "rows are ordered by one number: rows x 1, one number a row, or rows x 2 (second column)"
        fix = "let the graph end in one tensor of float32: a score, or `probabilities` of two classes"
        return Expected(task, (_PROBABILITIES, *_VALUES), (1, 2), "scores", why, fix)
    why = "the score is the probability of class 1: rows x 2 (second column), rows x 1, or one number a row"
    return Expected(task, (_PROBABILITIES,), (1, 2), "probabilities", why, _RENAME)


def output_of(graph: Any, wanted: Expected, path: Path) -> str:
    """The name of the output that answers: one that is named so, else the only one of floating-point numbers."""
    floats = [
        o for o in graph.output if o.type.HasField("tensor_type") and o.type.tensor_type.elem_type in _FLOATS
    ]
    named = [o for name in wanted.names for o in floats if o.name == name]
    chosen = named[:1] or floats
    names = ", ".join(o.name for o in graph.output)
    if len(chosen) != 1:
        raise _refused(f"the model has no single output of {wanted.kind} (it has: {names})", wanted, path)
    dims = dims_of(chosen[0])
    widths = (None, *wanted.widths)
    if len(dims) > 2 or (len(dims) == 2 and dims[1] not in widths) or (len(dims) == 1 and 1 not in widths):
        shape = " x ".join("rows" if d is None else str(d) for d in dims)
        raise _refused(f"output {chosen[0].name} has shape {shape}", wanted, path)
    if wanted.labels:
        _hold_order(graph, wanted, path)
    return str(chosen[0].name)


def _hold_order(graph: Any, wanted: Expected, path: Path) -> None:
    """A classifier that names its classes must name them in the declared order: column j is the j-th declared value."""
    for own in _named_classes(graph):
        if set(own) == set(wanted.labels) and tuple(own) != wanted.labels:
            raise refuse(
                "outputs",
                f"the model's classes are {clean(', '.join(own), 200)}, "
                f"the label's declared values {clean(', '.join(wanted.labels), 200)}: another order",
                why="the probability of one label would be read as that of another",
                remedy="declare the label's values in the model's order in the manifest, or train on their indexes",
                path=path,
            )


def _named_classes(graph: Any) -> Iterator[list[str]]:
    """Lists in which a graph may name its classes: attributes of classifiers, and tensors of text that labels are taken from."""
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.name == "classlabels_strings":
                yield [each.decode("utf-8", "replace") for each in attribute.strings]
            elif attribute.name in ("classlabels_ints", "classlabels_int64s"):
                yield [str(each) for each in attribute.ints]
    for tensor in graph.initializer:
        if tensor.string_data:
            yield [each.decode("utf-8", "replace") for each in tensor.string_data]


def dims_of(value: Any) -> list[int | None]:
    """The declared shape of an input or output; None for a dimension that is free."""
    shape = value.type.tensor_type.shape
    return [d.dim_value if d.HasField("dim_value") else None for d in shape.dim]


def _refused(what: str, wanted: Expected, path: Path) -> Unusable:
    return refuse("outputs", what, why=wanted.why, remedy=wanted.remedy, path=path)
