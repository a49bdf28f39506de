"""What the graph says of affine columns agrees with what scikit-learn put there, and unknown is never affine."""

from __future__ import annotations

import numpy as np
import pytest
import skl2onnx
from onnx import TensorProto, helper
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from mlassay.model.graph import affine_columns
from tests.model.models import fitted, floats, integers, linear, model, value

NAMES = ["a", "b", "c"]


@pytest.mark.parametrize(
    "estimator",
    [LogisticRegression(), make_pipeline(StandardScaler(), LogisticRegression())],
    ids=["plain", "scaled"],
)
def test_logistic_regressions_are_affine_in_all_columns(estimator):
    assert affine_columns(fitted(estimator)[0], NAMES) == {"a", "b", "c"}


def test_a_hand_made_sigmoid_of_a_weighted_sum_is_affine():
    assert affine_columns(linear(), NAMES) == {"a", "b", "c"}


@pytest.mark.parametrize(
    "estimator",
    [
        GradientBoostingClassifier(n_estimators=3),
        MLPClassifier((4,), max_iter=20),
        make_pipeline(PolynomialFeatures(2), LogisticRegression(max_iter=500)),
    ],
    ids=["trees", "neurons", "squares"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_other_models_are_not(estimator):
    assert affine_columns(fitted(estimator)[0], NAMES) is None


def test_one_hot_columns_are_held_and_the_others_stay_affine():
    x = np.array([[0.1, 5.0, 0], [0.7, 2.0, 1], [0.3, 1.0, 2], [0.9, 3.0, 1]], np.float32)
    pipeline = make_pipeline(
        ColumnTransformer([("numbers", StandardScaler(), [0, 1]), ("codes", OneHotEncoder(), [2])]),
        LogisticRegression(),
    ).fit(x, [0, 1, 0, 1])
    proto = skl2onnx.to_onnx(
        pipeline,
        initial_types=[("X", FloatTensorType([None, 3]))],
        options={"zipmap": False},
        target_opset={"": 17, "ai.onnx.ml": 3},
    )
    assert affine_columns(proto, NAMES) == {"a", "b"}


def chain(*nodes, extra=(), inputs=None):
    return affine_columns(model(list(nodes), initialisers=extra, inputs=inputs), NAMES)


W = floats("W", np.ones((3, 1)))
GEMM = helper.make_node("MatMul", ["X", "W"], ["z"])


def test_a_column_that_also_enters_bent_is_not_affine():
    pick = helper.make_node("Gather", ["X", "first"], ["x0"], axis=1)
    square = helper.make_node("Mul", ["x0", "x0"], ["q"])
    total = helper.make_node("Add", ["z", "q"], ["probabilities"])
    assert chain(GEMM, pick, square, total, extra=[W, integers("first", [0])]) == {"b", "c"}


@pytest.mark.parametrize(
    "node",
    [
        helper.make_node("Abs", ["z"], ["probabilities"]),
        helper.make_node("Exp", ["z"], ["probabilities"]),
        helper.make_node("Mul", ["z", "z"], ["probabilities"]),
        helper.make_node("Div", ["W", "z"], ["probabilities"]),
        helper.make_node("Round", ["z"], ["probabilities"]),
        helper.make_node("Cast", ["z"], ["probabilities"], to=TensorProto.INT64),
        helper.make_node("Transpose", ["z"], ["probabilities"]),
    ],
    ids=lambda n: n.op_type,
)
def test_what_is_not_on_the_list_is_not_affine(node):
    assert chain(GEMM, node, extra=[W]) is None


def test_a_sum_of_two_sigmoids_is_not_affine():
    s = helper.make_node("Sigmoid", ["z"], ["s"])
    t = helper.make_node("Add", ["s", "z"], ["probabilities"])
    assert chain(GEMM, s, t, extra=[W]) is None


def test_logistic_scores_that_are_normalised_are_affine_only_when_they_are_opposites():
    def classifier(weights):
        return (
            helper.make_node(
                "LinearClassifier",
                ["X"],
                ["label", "s"],
                domain="ai.onnx.ml",
                coefficients=weights,
                intercepts=[0.5, -0.5],
                classlabels_ints=[0, 1],
                post_transform="LOGISTIC",
            ),
            helper.make_node("Normalizer", ["s"], ["probabilities"], domain="ai.onnx.ml", norm="L1"),
        )

    assert chain(*classifier([-1.0, -2.0, 3.0, 1.0, 2.0, -3.0])) == {"a", "b", "c"}
    assert chain(*classifier([-1.0, -2.0, 3.0, 1.0, 2.0, 3.0])) is None


def test_one_input_for_each_column():
    add = helper.make_node("Sub", ["a", "b"], ["probabilities"])
    assert chain(add, inputs=[value("a", [None, 1]), value("b", [None, 1])]) == {"a", "b"}


@pytest.mark.parametrize(("replaced", "affine"), [(float("nan"), {"a", "b", "c"}), (0.0, None)])
def test_replacing_missing_values_keeps_a_model_affine_and_replacing_numbers_does_not(replaced, affine):
    imputer = helper.make_node(
        "Imputer",
        ["X"],
        ["x"],
        domain="ai.onnx.ml",
        imputed_value_floats=[1.0, 1.0, 1.0],
        replaced_value_float=replaced,
    )
    total = helper.make_node("MatMul", ["x", "W"], ["probabilities"])
    assert chain(imputer, total, extra=[W]) == affine
