"""The zoo: what was trained on which rows, and who exported it. Trained anew in each session, within seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION
from tests.zoo.rows import Drawn, mixed, numbers, words

OPSET = {"": 17, "ai.onnx.ml": 3}


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of model: ``make`` fits it on drawn rows and gives its ONNX bytes; ``draw`` gives a split for a seed."""

    make: Callable[[Drawn], bytes]
    task: str = BINARY
    draw: Callable[[str, int], Drawn] = numbers
    threshold: float | None = 0.5


def sklearn(estimator: Callable[[], Any]) -> Callable[[Drawn], bytes]:
    """Fitted on one table of numbers, exported by skl2onnx."""

    def make(drawn: Drawn) -> bytes:
        import skl2onnx
        from sklearn.base import is_classifier

        model = estimator().fit(drawn.x, drawn.y)
        options = {"zipmap": False} if is_classifier(model) else None
        return bytes(
            skl2onnx.to_onnx(model, drawn.x[:1], options=options, target_opset=OPSET).SerializeToString()
        )

    return make


def columns(estimator: Callable[[], Any]) -> Callable[[Drawn], bytes]:
    """Behind imputer, scaler and one-hot encoder, an input for each column, exported by skl2onnx."""

    def make(drawn: Drawn) -> bytes:
        import skl2onnx
        from skl2onnx.common.data_types import FloatTensorType, StringTensorType
        from sklearn.compose import ColumnTransformer
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        table = _frame(drawn.x)
        scaled = make_pipeline(SimpleImputer(), StandardScaler())
        before = ColumnTransformer(
            [("numbers", scaled, ["a", "b", "n"]), ("colour", OneHotEncoder(), ["colour"])]
        )
        model = make_pipeline(before, estimator()).fit(table, drawn.y)
        taken = [(name, FloatTensorType([None, 1])) for name in ("a", "b", "n")] + [
            ("colour", StringTensorType([None, 1]))
        ]
        proto = skl2onnx.to_onnx(model, initial_types=taken, options={"zipmap": False}, target_opset=OPSET)
        return bytes(proto.SerializeToString())

    return make


def _frame(x: Any) -> Any:
    import pandas as pd

    return pd.DataFrame(x)


def lightgbm(task: str) -> Callable[[Drawn], bytes]:
    """Exported by onnxmltools."""

    def make(drawn: Drawn) -> bytes:
        import lightgbm
        from onnxmltools.convert import convert_lightgbm
        from onnxmltools.convert.common.data_types import FloatTensorType

        settings = {"n_estimators": 30, "max_depth": 3, "verbose": -1, "random_state": 0, "n_jobs": 1}
        x = drawn.x
        if task == REGRESSION:
            model = lightgbm.LGBMRegressor(**settings).fit(x, drawn.y)
        elif task == RANKING:
            model = lightgbm.LGBMRanker(**settings).fit(x, (drawn.y == "yes").astype(int), group=[len(x)])
        else:
            model = lightgbm.LGBMClassifier(**settings).fit(x, drawn.y)
        taken = [("X", FloatTensorType([None, x.shape[1]]))]
        proto = convert_lightgbm(model, initial_types=taken, zipmap=False, target_opset=15)
        return bytes(proto.SerializeToString())

    return make


def network(drawn: Drawn) -> bytes:
    """A layer of 16 ReLU units with fixed weights and a fitted one above, written node by node with onnx.helper."""
    from onnx import TensorProto, helper, numpy_helper
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    scale = np.array([1.0, 1.0, 0.1])[:, None]
    weights = (rng.normal(size=(3, 16)) * scale).astype(np.float32)
    bias = rng.normal(size=16).astype(np.float32)
    top = LogisticRegression(C=0.1).fit(np.maximum(drawn.x @ weights + bias, 0), drawn.y)
    held = {
        "w": weights,
        "b": bias,
        "v": top.coef_.T.astype(np.float32),
        "c": top.intercept_.astype(np.float32),
    }
    nodes = [
        helper.make_node("Gemm", ["X", "w", "b"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "v", "c"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "by-hand",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT, [None, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 1])],
        [numpy_helper.from_array(value, name) for name, value in held.items()],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(proto.SerializeToString())


def tfidf(drawn: Drawn) -> bytes:
    """TF-IDF and logistic regression as skl2onnx exports them: with a tokenizer of ONNX Runtime's own domain."""
    import skl2onnx
    from skl2onnx.common.data_types import StringTensorType
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(drawn.x, drawn.y)
    taken = [("text", StringTensorType([None, 1]))]
    proto = skl2onnx.to_onnx(
        model,
        initial_types=taken,
        options={TfidfVectorizer: {"locale": "C"}, LogisticRegression: {"zipmap": False}},
        target_opset={"": 20, "ai.onnx.ml": 3},
    )
    return bytes(proto.SerializeToString())


def split_tfidf(drawn: Drawn) -> bytes:
    """The same, with the tokenizer replaced by the standard ``StringSplit``: words are what stands between spaces."""
    import onnx
    from onnx import helper

    proto = onnx.ModelProto.FromString(tfidf(drawn))
    for node in proto.graph.node:
        if node.op_type == "Tokenizer":
            new = helper.make_node("StringSplit", list(node.input), [*node.output, "how_many"], delimiter=" ")
            node.CopyFrom(new)
    kept = [entry for entry in proto.opset_import if entry.domain != "com.microsoft"]
    del proto.opset_import[:]
    proto.opset_import.extend(kept)
    return bytes(proto.SerializeToString())


def _sk(path: str, **settings: Any) -> Callable[[], Any]:
    def make() -> Any:
        from importlib import import_module

        module, _, name = path.partition(":")
        return getattr(import_module(f"sklearn.{module}"), name)(**settings)

    return make


def _after(*steps: Callable[[], Any]) -> Callable[[], Any]:
    def make() -> Any:
        from sklearn.pipeline import make_pipeline

        return make_pipeline(*(step() for step in steps))

    return make


def _calibrated(inner: Callable[[], Any]) -> Callable[[], Any]:
    def make() -> Any:
        from sklearn.calibration import CalibratedClassifierCV

        return CalibratedClassifierCV(inner(), cv=2, ensemble=False)

    return make


def _voting() -> Any:
    from sklearn.ensemble import VotingClassifier

    return VotingClassifier(
        [("line", LOGISTIC()), ("forest", FOREST())], voting="soft", flatten_transform=False
    )


SCALER = _sk("preprocessing:StandardScaler")
LOGISTIC = _sk("linear_model:LogisticRegression")
FOREST = _sk("ensemble:RandomForestClassifier", n_estimators=30, max_depth=5, random_state=0)
BOOSTING = _sk("ensemble:GradientBoostingClassifier", n_estimators=40, max_depth=3, random_state=0)
MLP = _sk("neural_network:MLPClassifier", hidden_layer_sizes=(8,), max_iter=150, random_state=0)

ZOO: Mapping[str, Kind] = {
    "logistic": Kind(sklearn(LOGISTIC)),
    "forest": Kind(sklearn(FOREST)),
    "tree, full depth": Kind(sklearn(_sk("tree:DecisionTreeClassifier", random_state=0))),
    "forest, full depth": Kind(
        sklearn(_sk("ensemble:RandomForestClassifier", n_estimators=10, random_state=0))
    ),
    "gradient boosting": Kind(sklearn(BOOSTING)),
    "LightGBM": Kind(lightgbm(BINARY)),
    "AdaBoost": Kind(sklearn(_sk("ensemble:AdaBoostClassifier", n_estimators=10, random_state=0))),
    "MLP, ReLU": Kind(sklearn(_after(SCALER, MLP))),
    "MLP, tanh": Kind(
        sklearn(
            _after(
                SCALER,
                _sk(
                    "neural_network:MLPClassifier",
                    hidden_layer_sizes=(8,),
                    activation="tanh",
                    max_iter=150,
                    random_state=0,
                ),
            )
        )
    ),
    "network by hand": Kind(network),
    "SVM, linear": Kind(sklearn(_calibrated(_sk("svm:SVC", kernel="linear")))),
    "SVM, RBF": Kind(sklearn(_calibrated(_sk("svm:SVC", kernel="rbf")))),
    "naive Bayes": Kind(sklearn(_sk("naive_bayes:GaussianNB"))),
    "discriminant": Kind(sklearn(_sk("discriminant_analysis:LinearDiscriminantAnalysis"))),
    "nearest neighbours": Kind(sklearn(_sk("neighbors:KNeighborsClassifier", n_neighbors=25))),
    "polynomials + logistic": Kind(
        sklearn(_after(_sk("preprocessing:PolynomialFeatures", degree=2), LOGISTIC))
    ),
    "PCA + forest": Kind(sklearn(_after(_sk("decomposition:PCA", n_components=3), FOREST))),
    "vote of logistic and forest": Kind(sklearn(_voting)),
    "scaler + logistic": Kind(sklearn(_after(SCALER, LOGISTIC))),
    "scaler + forest": Kind(sklearn(_after(SCALER, FOREST))),
    "encoders + logistic": Kind(columns(LOGISTIC), draw=mixed),
    "encoders + boosting": Kind(columns(BOOSTING), draw=mixed),
    "encoders + MLP": Kind(columns(MLP), draw=mixed),
    "TF-IDF": Kind(tfidf, draw=words),
    "TF-IDF, StringSplit": Kind(split_tfidf, draw=words),
    "classes: logistic": Kind(sklearn(LOGISTIC), MULTICLASS),
    "classes: forest": Kind(sklearn(FOREST), MULTICLASS),
    "classes: LightGBM": Kind(lightgbm(MULTICLASS), MULTICLASS),
    "classes: MLP": Kind(sklearn(_after(SCALER, MLP)), MULTICLASS),
    "number: linear": Kind(sklearn(_sk("linear_model:LinearRegression")), REGRESSION, threshold=0.0),
    "number: SVM, linear": Kind(sklearn(_sk("svm:SVR", kernel="linear")), REGRESSION, threshold=0.0),
    "number: forest": Kind(
        sklearn(_sk("ensemble:RandomForestRegressor", n_estimators=20, max_depth=6, random_state=0)),
        REGRESSION,
        threshold=0.0,
    ),
    "number: boosting, no threshold": Kind(
        sklearn(_sk("ensemble:GradientBoostingRegressor", n_estimators=40, random_state=0)),
        REGRESSION,
        threshold=None,
    ),
    "number: LightGBM": Kind(lightgbm(REGRESSION), REGRESSION, threshold=0.0),
    "ranking: logistic": Kind(sklearn(LOGISTIC), RANKING, threshold=None),
    "ranking: LightGBM": Kind(lightgbm(RANKING), RANKING, threshold=None),
}
"""Every model of the zoo by the name it has in the table."""
