"""How a model's inputs and outputs are joined to the columns that the plan offers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlassay.model.outputs import Expected, dims_of, output_of
from mlassay.model.types import Input, Unusable, refuse

_KINDS = {1: "float32", 6: "int32", 7: "int64", 8: "str", 11: "float64"}  # onnx.TensorProto.DataType


@dataclass(frozen=True, slots=True)
class Signature:
    """What to feed and what to read.

    ``tensor`` is the name of the single two-dimensional input, or empty when each column is an input of its own.
    ``kinds`` maps a column to its NumPy kind, ``ranks`` to 1 or 2, ``names`` to the graph's name of it; ``output`` is
    the tensor of answers, ``expected`` what it must be for the task.
    """

    inputs: tuple[Input, ...]
    tensor: str
    kinds: dict[str, str]
    ranks: dict[str, int]
    names: dict[str, str]
    output: str
    expected: Expected


def read_signature(proto: Any, offered: Sequence[Input], path: Path, wanted: Expected) -> Signature:
    """Join the graph's inputs to the ``offered`` columns; Unusable with both lists when they do not fit."""
    constants = {t.name for t in proto.graph.initializer}
    taken = [v for v in proto.graph.input if v.name not in constants]
    output = output_of(proto.graph, wanted, path)
    columns = _by_tensor(offered, [v.name for v in taken])
    for value in taken:
        if not value.type.HasField("tensor_type") or value.type.tensor_type.elem_type not in _KINDS:
            raise _mismatch(f"input {value.name} is no tensor of numbers or text", taken, offered, path)
        if dims_of(value)[:1] not in ([], [None]):
            raise _mismatch(f"input {value.name} takes {dims_of(value)[0]} rows only", taken, offered, path)
    if len(taken) == 1 and (taken[0].name not in columns or _width(taken[0]) not in (None, 1)):
        return _single(taken[0], offered, output, path, wanted)
    unknown = [v.name for v in taken if v.name not in columns]
    if unknown or not taken:
        raise _mismatch(
            "unknown input: " + ", ".join(unknown) if unknown else "no inputs", taken, offered, path
        )
    for value in taken:
        if len(dims_of(value)) > 2 or _width(value) not in (None, 1):
            raise _mismatch(f"input {value.name} is wider than its column", taken, offered, path)
    return Signature(
        inputs=tuple(columns[v.name] for v in taken),
        tensor="",
        kinds={columns[v.name].name: _KINDS[v.type.tensor_type.elem_type] for v in taken},
        ranks={columns[v.name].name: len(dims_of(v)) or 2 for v in taken},
        names={columns[v.name].name: v.name for v in taken},
        output=output,
        expected=wanted,
    )


def _single(value: Any, offered: Sequence[Input], output: str, path: Path, wanted: Expected) -> Signature:
    kind = _KINDS[value.type.tensor_type.elem_type]
    width = _width(value)
    if kind == "str" or len(dims_of(value)) not in (0, 2):
        raise _mismatch(f"input {value.name} is no table of numbers", [value], offered, path)
    if width is not None and width != len(offered):
        raise _mismatch(
            f"the model takes {width} columns, the plan offers {len(offered)}", [value], offered, path
        )
    names = [i.name for i in offered]
    kinds, ranks = dict.fromkeys(names, kind), dict.fromkeys(names, 2)
    return Signature(tuple(offered), value.name, kinds, ranks, {n: n for n in names}, output, wanted)


def _by_tensor(offered: Sequence[Input], taken: Sequence[str]) -> dict[str, Input]:
    """The column of each input by the input's name: its own, or as skl2onnx spells it (``support calls`` as
    ``support_calls``), where that is the spelling of no other column.
    """
    columns = {i.name: i for i in offered}
    spelled: dict[str, list[Input]] = {}
    for column in offered:
        spelled.setdefault(_spelling(column.name), []).append(column)
    for name in taken:
        alike = spelled.get(name, [])
        if name not in columns and len(alike) == 1 and alike[0].name not in taken:
            columns[name] = alike[0]
    return columns


def _spelling(name: str) -> str:
    """As ``skl2onnx.common._topology.Topology`` names variables."""
    return re.sub(r"^(?=[0-9])", "_", re.sub(r"[^\w+]", "_", name))


def _mismatch(what: str, taken: Sequence[Any], offered: Sequence[Input], path: Path) -> Unusable:
    takes = ", ".join(
        f"{v.name}[{' x '.join('rows' if d is None else str(d) for d in dims_of(v))}]" for v in taken[:40]
    )
    offers = ", ".join(i.name for i in offered[:60])
    return refuse(
        "inputs",
        what if len(what) < 160 else what[:160] + "…",
        why=f"the model takes {takes or 'nothing'}; the plan offers {offers}",
        remedy="train on exactly the feature columns of the manifest that train.withhold leaves, in its order "
        "(or list them in model.inputs), or name one input after each column",
        path=path,
    )


def _width(value: Any) -> int | None:
    dims = dims_of(value)
    return dims[1] if len(dims) == 2 else None if not dims else 1
