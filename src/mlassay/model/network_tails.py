"""Rules for sums, and for what turns them into probabilities: the logistic, softmax, and linear models."""

from __future__ import annotations

import numpy as np

from mlassay.model.network_reader import Rule, Step, Tail, Value, is_one, matrix_of, scaled, spread
from mlassay.model.networks import Affine, UnreadableError


def _add(step: Step) -> Value:
    if isinstance(step.given[0], Tail) or isinstance(step.given[-1], Tail):
        return _tail_add(step)
    parts = [step.rows(i) for i in range(len(step.given))]
    width = max(len(p.weights) for p in parts)
    total = spread(parts[0], width)
    for part in parts[1:]:
        total = total.plus(spread(part, width))
    return total


def _subtract(step: Step) -> Value:
    one, tail = step.given
    if isinstance(tail, Tail):
        if tail.link != "sigmoid" or not is_one(one):
            raise UnreadableError("a function of probabilities")
        return Tail(tail.rows.times(-np.ones(len(tail.rows.weights))), "sigmoid")
    a, b = step.rows(0), step.rows(1)
    width = max(len(a.weights), len(b.weights))
    return spread(a, width).plus(spread(b.times(-np.ones(len(b.weights))), width))


def _tail_add(step: Step) -> Value:
    """One summand stays what it is; one plus an exponential is half of a logistic written out."""
    if len(step.given) == 1:
        return step.given[0]
    tails = [v for v in step.given if isinstance(v, Tail)]
    ones = [v for v in step.given if is_one(v)]
    if len(step.given) == 2 and len(tails) == len(ones) == 1 and tails[0].link == "exp":
        return Tail(tails[0].rows, "one plus exp")
    raise UnreadableError("a sum of probabilities")


def _divide(step: Step) -> Value:
    if isinstance(step.given[0], Tail) and is_one(step.given[1]):
        return step.given[0]
    tail = step.given[1]
    if isinstance(tail, Tail):
        if tail.link != "one plus exp" or not is_one(step.given[0]):
            raise UnreadableError("a function of probabilities")
        return Tail(tail.rows.times(-np.ones(len(tail.rows.weights))), "sigmoid")
    divisor = step.constant(1)
    if divisor is None or divisor.ndim > 2 or (divisor.ndim == 2 and divisor.shape[0] != 1):
        raise UnreadableError("a divisor for each row")
    return scaled(step.rows(0), 1.0 / divisor.reshape(-1)).rounded(2)


def _sigmoid(step: Step) -> Value:
    return Tail(step.rows(), "sigmoid")


def _exponential(step: Step) -> Value:
    return Tail(step.rows(), "exp")


def _softmax(step: Step) -> Value:
    if step.attribute("axis", -1) not in {1, -1}:
        raise UnreadableError("over rows")
    return _soft(step.rows())


def _soft(rows: Affine) -> Tail:
    """Two columns: the logistic of their difference, both ways."""
    if len(rows.weights) != 2:
        return Tail(rows, "softmax")
    difference = rows.picked([0, 1]).plus(rows.picked([1, 0]).times(-np.ones(2)))
    return Tail(difference, "sigmoid")


def _normalizer(step: Step) -> Value:
    """Probabilities that sum to one already stay as they are; others keep their order."""
    tail = step.given[0]
    if not isinstance(tail, Tail) or step.attribute("norm", "MAX") != "L1":
        raise UnreadableError("a length")
    rows = tail.rows
    if tail.link == "softmax" or (
        tail.link == "sigmoid" and len(rows.weights) == 2 and (rows.weights[0] == -rows.weights[1]).all()
    ):
        return tail
    if tail.link != "sigmoid" or len(rows.weights) < 2:
        raise UnreadableError("a length")
    return Tail(rows, "ranked")


def _linear_classifier(step: Step) -> Value:
    labels = list(step.attribute("classlabels_ints", [])) or list(step.attribute("classlabels_strings", []))
    rows = _coefficients(step, len(labels))
    post = step.attribute("post_transform", "NONE")
    if post == "SOFTMAX":
        return _soft(rows)
    return _posted(rows, post)


def _linear_regressor(step: Step) -> Value:
    rows = _coefficients(step, int(step.attribute("targets", 1)))
    return _posted(rows, step.attribute("post_transform", "NONE"))


def _vector_classifier(step: Step) -> Value:
    """Two labels told apart by a flat margin: it stands in the second column, its opposite in the first."""
    labels = list(step.attribute("classlabels_ints", [])) or list(step.attribute("classlabels_strings", []))
    vectors = len(list(step.attribute("vectors_per_class", [])))
    odds = [*step.attribute("prob_a", []), *step.attribute("prob_b", [])]
    margin = _margin(step)
    # Without negative coefficients ONNX Runtime takes the margin for a probability.
    if len(labels) != 2 or vectors != 2 or odds or min(step.attribute("coefficients", [0.0])) >= 0:
        raise UnreadableError("votes of several classes")
    return margin.picked([0, 0]).times(np.array([-1.0, 1.0]))


def _vector_regressor(step: Step) -> Value:
    if step.attribute("one_class", 0):
        raise UnreadableError("a sign")
    return _margin(step)


def _margin(step: Step) -> Affine:
    """A weighted sum of products with support vectors, each rounded as ONNX Runtime may round it."""
    if (
        step.attribute("kernel_type", "LINEAR") != "LINEAR"
        or step.attribute("post_transform", "NONE") != "NONE"
    ):
        raise UnreadableError("a bent kernel")
    weights = np.array(step.attribute("coefficients", []), dtype=np.float64)
    vectors = np.array(step.attribute("support_vectors", []), dtype=np.float64)
    rho = np.array(step.attribute("rho", []), dtype=np.float64)
    width = len(step.rows().weights)
    if not weights.size or vectors.size != weights.size * width or rho.size != 1:
        raise UnreadableError("support vectors")
    products = matrix_of(step, vectors.reshape(-1, width).T)
    return products.mixed(weights[:, None]).plus(step.reader.rows(rho)).rounded()


def _coefficients(step: Step, count: int) -> Affine:
    weights = np.array(step.attribute("coefficients", []), dtype=np.float64)
    added = np.array(step.attribute("intercepts", []) or [0.0] * count, dtype=np.float64)
    width = len(step.rows().weights)
    # With one row for two labels ONNX Runtime makes up the other, in ways that depend on the rest.
    if not count or weights.size != count * width or added.size != count:
        raise UnreadableError("coefficients")
    product = matrix_of(step, weights.reshape(count, width).T)
    return product.plus(step.reader.rows(added))


def _posted(rows: Affine, post: str) -> Value:
    if post == "NONE":
        return rows
    if post == "LOGISTIC":
        return Tail(rows, "sigmoid")
    raise UnreadableError(post)


TAIL_RULES: dict[tuple[str, str], Rule] = {
    **{("", name): _add for name in ("Add", "Sum")},
    ("", "Div"): _divide,
    ("", "Exp"): _exponential,
    ("", "Sigmoid"): _sigmoid,
    ("", "Softmax"): _softmax,
    ("", "Sub"): _subtract,
    ("ai.onnx.ml", "LinearClassifier"): _linear_classifier,
    ("ai.onnx.ml", "LinearRegressor"): _linear_regressor,
    ("ai.onnx.ml", "Normalizer"): _normalizer,
    ("ai.onnx.ml", "SVMClassifier"): _vector_classifier,
    ("ai.onnx.ml", "SVMRegressor"): _vector_regressor,
}
