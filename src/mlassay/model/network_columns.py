"""Rules for operators that look at input columns one by one: codes, filled gaps, and other shapes of the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlassay.model.network_reader import Raw, Rule, Step, Tail, Value, scaled, spread
from mlassay.model.networks import Affine, UnreadableError

_KINDS = {1: "float32", 6: "int32", 7: "int64", 11: "float64"}  # onnx.TensorProto.DataType


def _cast(step: Step) -> Value:
    value, kind = step.given[0], _KINDS.get(int(step.attribute("to", 0)))
    if kind is None:
        raise UnreadableError("a cast to no number")
    if isinstance(value, Raw):
        return Raw(tuple(f.then("cast", kind) for f in value.features))
    if isinstance(value, np.ndarray):
        return value.astype(kind)
    if not kind.startswith("float"):
        raise UnreadableError("a staircase")
    return value.rounded() if isinstance(value, Affine) else value


def _concat(step: Step) -> Value:
    if step.node.op_type == "Concat" and step.attribute("axis", 1) not in {1, -1}:
        raise UnreadableError("rows below rows")
    raw = [v for v in step.given if isinstance(v, Raw)]
    tails = [v for v in step.given if isinstance(v, Tail)]
    if len(raw) == len(step.given):
        return Raw(tuple(f for v in raw for f in v.features))
    if len(tails) == len(step.given) and {t.link for t in tails} == {"sigmoid"}:
        return Tail(Affine.stacked([t.rows for t in tails]), "sigmoid")
    if any(isinstance(v, np.ndarray) for v in step.given):
        raise UnreadableError("a constant column")
    return Affine.stacked([step.rows(i) for i in range(len(step.given))])


def _reshape(step: Step) -> Value:
    """Only where each row keeps its columns, in order."""
    value, kind = step.given[0], step.node.op_type
    if isinstance(value, np.ndarray):
        raise UnreadableError("a constant in another shape")
    width = len(value.features) if isinstance(value, Raw) else len(_of(value).weights)
    if kind == "Flatten":
        keeps = step.attribute("axis", 1) in {1, -1}
    elif kind == "Reshape":
        shape = step.constant(1)
        target = [] if shape is None else [int(n) for n in shape.reshape(-1)]
        keeps = target in ([-1, width], [0, width], [0, -1]) or (width == 1 and target == [-1])
    else:
        keeps = width == 1
    if not keeps:
        raise UnreadableError("another shape")
    return value


def _of(value: Affine | Tail) -> Affine:
    return value if isinstance(value, Affine) else value.rows


def _pick(step: Step) -> Value:
    value, picked = step.given[0], step.constant(1)
    if step.node.op_type == "Gather" and step.attribute("axis", 0) not in {1, -1}:
        raise UnreadableError("rows are picked")
    if picked is None or isinstance(value, np.ndarray):
        raise UnreadableError("a constant is picked from")
    indices = [int(i) for i in picked.reshape(-1)]
    width = len(value.features) if isinstance(value, Raw) else len(_of(value).weights)
    if not all(-width <= i < width for i in indices):
        raise UnreadableError("a column that is not there")
    if isinstance(value, Raw):
        return Raw(tuple(value.features[i] for i in indices))
    if isinstance(value, Tail):
        if value.link != "sigmoid":
            raise UnreadableError("one of several probabilities")
        return Tail(value.rows.picked(indices), value.link)
    return value.picked(indices)


def _scaler(step: Step) -> Value:
    offset, scale = (np.array(step.attribute(n, []), dtype=np.float64) for n in ("offset", "scale"))
    if not offset.size or not scale.size:
        raise UnreadableError("numbers are missing")
    rows = step.rows()
    moved = rows.plus(spread(step.reader.rows(-offset), len(rows.weights)))
    return scaled(moved, scale).rounded()


def _raw(step: Step) -> Raw:
    value = step.given[0]
    if not isinstance(value, Raw):
        raise UnreadableError("codes of what was computed")
    return value


def _imputer(step: Step) -> Value:
    """Only NaN is replaced; a model that replaces another number bends its column there."""
    value, replaced = _raw(step), step.attribute("replaced_value_float")
    filled = list(step.attribute("imputed_value_floats", []))
    if replaced is None or replaced == replaced or not filled:  # noqa: PLR0124 - NaN, of any type: it is the model's own
        raise UnreadableError("a number is replaced")
    if len(filled) == 1:
        filled *= len(value.features)
    return Raw(tuple(f.then("fill", n) for f, n in zip(value.features, filled, strict=True)))


def _one_hot(step: Step) -> Value:
    codes: list[Any] = list(step.attribute("cats_int64s", []))
    codes += [c.decode("utf-8", "replace") for c in step.attribute("cats_strings", [])]
    return Raw(tuple(f.then("equals", code) for f in _raw(step).features for code in codes))


def _label_encoder(step: Step) -> Value:
    keys, values = (_listed(step, f"{side}_") for side in ("keys", "values"))
    if keys is None or values is None or any(isinstance(v, str) for v in values[1]):
        raise UnreadableError("labels")
    default = step.attribute(f"default_{values[0].removesuffix('s')}", 0 if values[0] == "floats" else -1)
    table = (_Frozen(zip(keys[1], values[1], strict=False)), default)
    return Raw(tuple(f.then("map", table) for f in _raw(step).features))


def _listed(step: Step, prefix: str) -> tuple[str, list[Any]] | None:
    for kind in ("strings", "int64s", "floats"):
        found = step.attribute(prefix + kind)
        if found is not None:
            return kind, [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in found]
    return None


class _Frozen(dict[Any, Any]):
    """A table that is a part of a feature, which is a key itself; the same table is the same part."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(tuple(self.items()))


def _binarizer(step: Step) -> Value:
    cut = float(step.attribute("threshold", 0.0))
    return Raw(tuple(f.then("above", cut) for f in _raw(step).features))


COLUMN_RULES: dict[tuple[str, str], Rule] = {
    **{("", name): _reshape for name in ("Reshape", "Flatten", "Squeeze", "Unsqueeze")},
    ("", "Cast"): _cast,
    ("", "Concat"): _concat,
    ("", "Gather"): _pick,
    ("ai.onnx.ml", "ArrayFeatureExtractor"): _pick,
    ("ai.onnx.ml", "Binarizer"): _binarizer,
    ("ai.onnx.ml", "FeatureVectorizer"): _concat,
    ("ai.onnx.ml", "Imputer"): _imputer,
    ("ai.onnx.ml", "LabelEncoder"): _label_encoder,
    ("ai.onnx.ml", "OneHotEncoder"): _one_hot,
    ("ai.onnx.ml", "Scaler"): _scaler,
}
