"""What is read of a graph as weights is what ONNX Runtime computes, to within the rounding that is claimed."""

from __future__ import annotations

import numpy as np
import pytest
import skl2onnx
from onnx import helper
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC

from mlassay.model import Input, Model
from mlassay.model.networks import UNIT
from tests.model.models import floats, model, save

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning", "ignore::FutureWarning"
)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3)).astype(np.float32)
Y = (X[:, 0] * X[:, 1] + X[:, 2] > 0).astype(int)
NAMES = ["a", "b", "c"]


def mlp(*, classes=2, activation="relu", sizes=(8, 6)):
    y = Y if classes == 2 else np.digitize(X[:, 0] + X[:, 1], [-0.5, 0.5])
    return MLPClassifier(sizes, max_iter=40, random_state=0, activation=activation).fit(X, y)


def exported(estimator, *, plain=False):
    options = None if plain else {"zipmap": False}
    return skl2onnx.to_onnx(estimator, X[:1], options=options, target_opset={"": 17, "ai.onnx.ml": 3})


def loaded(proto, tmp_path, names=NAMES):
    return Model.load(save(proto, tmp_path), [Input(n) for n in names])


def agrees(made, rows, *, least_units=0):
    """Hold the network's answers against ONNX Runtime's, within the link's and the weights' own doubt."""
    network = made.network()
    assert network is not None
    assert network.width - len(network.features) - 1 >= least_units
    values = {at: f.values(np.asarray(rows[f.column])) for at, f in network.features.items()}
    found = network.variables(values, len(next(iter(rows.values()))))
    z = found @ network.answer.weights[-1]
    score = made.score(rows)
    if network.link == "sigmoid":
        z = 1 / (1 + np.exp(-z))
    assert np.abs(z - score).max() < 2e-6 * max(1, np.abs(score).max())
    assert np.ptp(score) > 0.02
    assert (network.answer.doubt >= 0).all()
    return network


def columns(x=X, names=NAMES):
    return {n: x[:, i].copy() for i, n in enumerate(names)}


@pytest.mark.parametrize(
    ("make", "plain", "units"),
    [
        (mlp, False, 14),
        (lambda: make_pipeline(StandardScaler(), mlp(sizes=(5,))).fit(X, Y), False, 5),
        (lambda: LogisticRegression().fit(X, Y), False, 0),
        (lambda: LinearSVC().fit(X, Y), True, 0),
        (lambda: LinearRegression().fit(X, Y), True, 0),
        (lambda: MLPRegressor(hidden_layer_sizes=(7,), random_state=0, max_iter=900).fit(X, Y), True, 7),
        (lambda: CalibratedClassifierCV(LinearSVC(), cv=2, ensemble=False).fit(X, Y), False, 0),
        (lambda: CalibratedClassifierCV(SVC(kernel="linear"), cv=2, ensemble=False).fit(X, Y), False, 0),
    ],
    ids=[
        "mlp",
        "scaled-mlp",
        "logistic",
        "linear-svm",
        "regression",
        "mlp-regressor",
        "calibrated",
        "support-vectors",
    ],
)
def test_exported_models_are_read_as_they_answer(tmp_path, make, plain, units):
    agrees(loaded(exported(make(), plain=plain), tmp_path), columns(), least_units=units)


@pytest.mark.parametrize(
    "estimator",
    [
        lambda: mlp(activation="tanh"),
        lambda: SVC(probability=True).fit(X, Y),
        lambda: RandomForestClassifier(5, random_state=0).fit(X, Y),
        lambda: SVC(kernel="linear", probability=True).fit(X, Y),
    ],
    ids=["tanh", "svm", "forest", "svm-linear-with-odds"],
)
def test_what_bends_otherwise_is_not_read(tmp_path, estimator):
    assert loaded(exported(estimator()), tmp_path).network() is None


def test_a_flat_margin_of_support_vectors_is_read_to_within_its_rounding(tmp_path):
    made = loaded(exported(SVR(kernel="linear").fit(X, Y), plain=True), tmp_path)
    network, rows = made.network(), columns()
    assert network is not None
    found = network.variables({at: rows[f.column] for at, f in network.features.items()}, len(X))
    off = np.abs(found @ network.answer.weights[-1] - made.score(rows))
    assert (off <= np.abs(found) @ network.answer.doubt[-1]).all()
    assert 0 < off.max() < 1e-4


def test_several_classes_are_rows_of_a_softmax(tmp_path):
    proto = exported(mlp(classes=3))
    from mlassay.model.networks import read_network

    network = read_network(proto, NAMES, "probabilities")
    assert network is not None
    assert network.link == "softmax"
    assert network.answer.weights.shape[0] == 3


def test_codes_filled_gaps_and_scalers_before_a_model_are_features(tmp_path):
    import pandas as pd

    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "g": RNG.choice(["u", "v", "w"], 300)})
    frame.loc[::7, "b"] = np.nan
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    pipeline = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["g"]), (numbers, ["a", "b"])), LogisticRegression()
    ).fit(frame, Y)
    wide = FloatTensorType([None, 1])
    proto = skl2onnx.convert_sklearn(
        pipeline,
        initial_types=[("a", wide), ("b", wide), ("g", StringTensorType([None, 1]))],
        options={"zipmap": False},
        target_opset={"": 17, "ai.onnx.ml": 3},
    )
    made = Model.load(save(proto, tmp_path), [Input("a"), Input("b"), Input("g", ("u", "v", "w"))])
    texts = {n: ["" if v != v else str(v) for v in frame[n]] for n in frame}
    network = agrees(made, made.encode(texts))
    assert network.linear
    assert {f.column for f in network.features.values() if not f.number} == {"g"}
    assert sum(f.column == "g" for f in network.features.values()) == 3


NODES = {
    "leaky": [helper.make_node("LeakyRelu", ["h"], ["r"], alpha=0.1)],
    "clip": [helper.make_node("Clip", ["h", "low", "high"], ["r"])],
    "abs": [helper.make_node("Abs", ["h"], ["r"])],
    "hard": [helper.make_node("HardSigmoid", ["h"], ["r"], alpha=0.3, beta=0.4)],
    "max": [helper.make_node("Max", ["h", "X"], ["r"])],
    "min": [helper.make_node("Min", ["h", "X"], ["r"])],
    "skip": [helper.make_node("Relu", ["h"], ["q"]), helper.make_node("Add", ["q", "X"], ["r"])],
    "both": [helper.make_node("Relu", ["h"], ["q"]), helper.make_node("Sub", ["X", "q"], ["r"])],
    "norm": [helper.make_node("BatchNormalization", ["h", "b1", "b2", "b3", "b4"], ["r"])],
    "arithmetic": [
        helper.make_node("Mul", ["h", "b1"], ["q"]),
        helper.make_node("Div", ["q", "b4"], ["s"]),
        helper.make_node("Neg", ["s"], ["r"]),
    ],
}


def handmade(nodes):
    weights = RNG.normal(size=(3, 3))
    given = [
        floats("W", weights),
        floats("B", [0.3, -0.2, 0.1]),
        floats("V", RNG.normal(size=(3, 1))),
        floats("b1", [1.5, -0.5, 0.7]),
        floats("b2", [0.1, 0.2, 0.3]),
        floats("b3", [0.1, -0.2, 0.3]),
        floats("b4", [1.1, 0.5, 2.0]),
        helper.make_tensor("low", 1, [], [-0.4]),
        helper.make_tensor("high", 1, [], [0.6]),
    ]
    first = helper.make_node("Gemm", ["X", "W", "B"], ["h"], alpha=0.9)
    last = [
        helper.make_node("MatMul", ["r", "V"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["probabilities"]),
    ]
    return model(
        [first, *nodes, *last],
        initialisers=given,
        inputs=[helper.make_tensor_value_info("X", 1, [None, 3])],
    )


@pytest.mark.parametrize("kind", NODES)
def test_piecewise_linear_operators_are_read_as_they_answer(tmp_path, kind):
    agrees(loaded(handmade(NODES[kind]), tmp_path), columns())


def test_the_doubt_covers_what_rounding_does_to_large_numbers(tmp_path):
    """Incomes of a million behind a scaler: the weights cancel, the rounding does not."""
    x = (X * 1e4 + 1e6).astype(np.float32)
    nodes = [
        helper.make_node("Sub", ["X", "mean"], ["c"]),
        helper.make_node("Div", ["c", "sd"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("MatMul", ["r", "V"], ["variable"]),
    ]
    given = [floats("mean", [1e6] * 3), floats("sd", [1e4] * 3), floats("V", RNG.normal(size=(3, 1)) * 100)]
    proto = model(
        nodes,
        initialisers=given,
        inputs=[helper.make_tensor_value_info("X", 1, [None, 3])],
        outputs=[helper.make_tensor_value_info("variable", 1, [None, 1])],
    )
    made = loaded(proto, tmp_path)
    network = made.network()
    assert network is not None
    layer = network.layers[0]
    variables = network.variables({at: x[:, at - 1].astype(float) for at in network.features}, len(x))
    claimed = np.abs(variables[:, : layer.start]) @ layer.rows.doubt.T
    assert (claimed > 1e6 * UNIT / 1e4).all()
    off = np.abs(variables @ network.answer.weights[-1] - made.score(columns(x)))
    through = claimed @ np.abs(network.answer.weights[-1, layer.start :])
    assert (off <= through + np.abs(variables) @ network.answer.doubt[-1] + 1e-9).all()


def test_a_graph_of_unknown_size_or_with_a_product_of_inputs_is_not_read(tmp_path):
    product = [helper.make_node("Mul", ["h", "X"], ["r"])]
    assert loaded(handmade(product), tmp_path).network() is None
    again = [helper.make_node("Sigmoid", ["h"], ["r"])]
    assert loaded(handmade(again), tmp_path).network() is None
