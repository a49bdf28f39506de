"""What each operator makes of affine rows: the rules by which `read_network` follows a graph."""

from __future__ import annotations

import numpy as np

from mlassay.model.network_columns import COLUMN_RULES
from mlassay.model.network_reader import Rule, Step, Value, matrix_of, scaled, spread
from mlassay.model.network_tails import TAIL_RULES
from mlassay.model.networks import Affine, UnreadableError


def _multiply(step: Step) -> Value:
    constants = [isinstance(v, np.ndarray) for v in step.given]
    if not any(constants):
        raise UnreadableError("a product of inputs")
    varying = step.rows(constants.index(False) if False in constants else 0)
    factors = step.constant(constants.index(True))
    if factors is None or factors.ndim > 2 or (factors.ndim == 2 and factors.shape[0] != 1):
        raise UnreadableError("a factor for each row")
    return scaled(varying, factors.reshape(-1)).rounded()


def _matmul(step: Step) -> Value:
    return matrix_of(step, step.constant(1))


def _gemm(step: Step) -> Value:
    if step.attribute("transA", 0):
        raise UnreadableError("a transposed batch")
    matrix, added = step.constant(1), step.constant(2)
    if matrix is not None and step.attribute("transB", 0):
        matrix = matrix.T
    alpha, beta = float(step.attribute("alpha", 1.0)), float(step.attribute("beta", 1.0))
    product = matrix_of(step, matrix)
    product = product.times(np.full(len(product.weights), alpha)).rounded()
    if added is None or not added.size:
        return product
    rows = step.reader.rows(added * beta).rounded()
    return product.plus(spread(rows, len(product.weights)))


def _relu(step: Step) -> Value:
    return step.reader.relu(step.rows())


def _leaky(step: Step) -> Value:
    slope = step.constant(1) if step.node.op_type == "PRelu" else np.array(step.attribute("alpha", 0.01))
    if slope is None or slope.size != 1:
        raise UnreadableError("a slope for each column")
    return _bent(step, step.rows(), float(np.float32(slope.reshape(-1)[0])))


def _bent(step: Step, rows: Affine, slope: float) -> Affine:
    """The rows where positive, ``slope`` times them where negative."""
    count = len(rows.weights)
    positive = step.reader.relu(rows).times(np.full(count, 1.0 - slope))
    return positive.plus(rows.times(np.full(count, slope))).rounded()


def _absolute(step: Step) -> Value:
    return _bent(step, step.rows(), -1.0)


def _negative(step: Step) -> Value:
    rows = step.rows()
    return rows.times(-np.ones(len(rows.weights)))


def _clip(step: Step) -> Value:
    if step.reader.opset < 11:
        low, high = step.attribute("min"), step.attribute("max")
    else:
        low, high = (None if (b := step.constant(i)) is None else float(b.reshape(-1)[0]) for i in (1, 2))
    return _clipped(step, step.rows(), low, high)


def _clipped(step: Step, rows: Affine, low: float | None, high: float | None) -> Affine:
    """Between two numbers: the larger of it and ``low``, then the smaller of that and ``high``."""
    for bound, side in ((low, 1.0), (high, -1.0)):
        if bound is None or abs(bound) > 1e30:
            continue
        count = len(rows.weights)
        limit = spread(step.reader.rows(np.array([float(bound)])), count)
        rows = _larger(step, rows.times(np.full(count, side)), limit.times(np.full(count, side)))
        rows = rows.times(np.full(count, side))
    return rows


def _larger(step: Step, a: Affine, b: Affine) -> Affine:
    """The larger of two rows: b and the positive part of their difference."""
    width = max(len(a.weights), len(b.weights))
    a, b = spread(a, width), spread(b, width)
    difference = a.plus(b.times(-np.ones(width)))
    return step.reader.relu(difference).plus(b)


def _largest(step: Step) -> Value:
    side = 1.0 if step.node.op_type == "Max" else -1.0
    parts = [step.rows(i) for i in range(len(step.given))]
    found = parts[0].times(np.full(len(parts[0].weights), side))
    for part in parts[1:]:
        found = _larger(step, found, part.times(np.full(len(part.weights), side)))
    return found.times(np.full(len(found.weights), side))


def _hard_sigmoid(step: Step) -> Value:
    rows = step.rows()
    count = len(rows.weights)
    slope, shift = float(step.attribute("alpha", 0.2)), float(step.attribute("beta", 0.5))
    straight = rows.times(np.full(count, slope)).rounded()
    straight = straight.plus(spread(step.reader.rows(np.array([shift])), count))
    return _clipped(step, straight, 0.0, 1.0)


def _batch_normalised(step: Step) -> Value:
    scale, shift, mean, variance = (step.constant(i) for i in range(1, 5))
    if scale is None or shift is None or mean is None or variance is None:
        raise UnreadableError("numbers are missing")
    if step.attribute("training_mode", 0):
        raise UnreadableError("it is in training")
    factors = scale / np.sqrt(variance + float(step.attribute("epsilon", 1e-5)))
    rows = scaled(step.rows(), factors)
    added = step.reader.rows(shift - mean * factors)
    # 4: ONNX Runtime may subtract the mean first or fold it, and divides by a root of its own.
    return rows.rounded(4).plus(spread(added.rounded(4), len(rows.weights)))


def _same(step: Step) -> Value:
    return step.given[0]


def _constant(step: Step) -> Value:
    from onnx import numpy_helper

    for attribute in step.node.attribute:
        if attribute.name == "value":
            return np.asarray(numpy_helper.to_array(attribute.t))
        if attribute.name in {"value_float", "value_int"}:
            return np.array(attribute.f if attribute.name == "value_float" else attribute.i)
    raise UnreadableError("a constant")


RULES: dict[tuple[str, str], Rule] = {
    **COLUMN_RULES,
    **TAIL_RULES,
    **{("", name): _same for name in ("Identity", "Dropout")},
    **{("", name): _largest for name in ("Max", "Min")},
    **{("", name): _leaky for name in ("LeakyRelu", "PRelu")},
    ("", "Abs"): _absolute,
    ("", "BatchNormalization"): _batch_normalised,
    ("", "Clip"): _clip,
    ("", "Constant"): _constant,
    ("", "Gemm"): _gemm,
    ("", "HardSigmoid"): _hard_sigmoid,
    ("", "MatMul"): _matmul,
    ("", "Mul"): _multiply,
    ("", "Neg"): _negative,
    ("", "Relu"): _relu,
}
