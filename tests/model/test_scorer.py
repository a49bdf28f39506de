"""Good models score as ONNX Runtime and scikit-learn say, whatever their shape."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from mlassay.digest import sha256_file
from mlassay.model import Input, Model, Unusable
from tests.model.models import MIXED, NUMBERS, ROWS, fitted, floats, linear, model, save, value


def columns(x, names="abc"):
    return {name: [repr(float(v)) for v in x[:, i]] for i, name in enumerate(names)}


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        RandomForestClassifier(20, max_depth=5, random_state=0),
        GradientBoostingClassifier(n_estimators=20, random_state=0),
    ],
    ids=["linear", "forest", "boosting"],
)
def test_scores_are_the_estimators_probabilities_of_class_one(tmp_path, estimator):
    proto, x = fitted(estimator)
    loaded = Model.load(save(proto, tmp_path), NUMBERS)
    assert loaded.score(loaded.encode(columns(x))) == pytest.approx(
        estimator.predict_proba(x)[:, 1], abs=1e-5
    )


def test_digest_and_size_are_those_of_the_file(tmp_path):
    path = save(linear(), tmp_path)
    loaded = Model.load(path, NUMBERS)
    assert (loaded.digest, loaded.size) == sha256_file(path)


def test_batching_changes_no_score(tmp_path):
    proto, _ = fitted(GradientBoostingClassifier(n_estimators=20, random_state=0))
    loaded = Model.load(save(proto, tmp_path), NUMBERS)
    x = np.random.default_rng(1).normal(size=(5000, 3))
    rows = loaded.encode(columns(x))
    assert loaded.answers(rows, batch=7)[:, -1] == pytest.approx(loaded.score(rows), abs=1e-6)


def test_an_input_may_be_spelled_as_skl2onnx_spells_its_column(tmp_path):
    names = ("support calls", "Île", "2nd fee")
    spelled = ["support_calls", "Île", "_2nd_fee"]
    nodes = [
        helper.make_node("Concat", spelled, ["x"], axis=1),
        helper.make_node("Gemm", ["x", "W"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["probabilities"]),
    ]
    inputs = [value(name, [None, 1]) for name in spelled]
    proto = model(nodes, inputs=inputs, initialisers=[floats("W", [[1], [1], [1]])])
    loaded = Model.load(save(proto, tmp_path), [Input(name) for name in names])
    texts = {"support calls": ["1", "0"], "Île": ["0", "0"], "2nd fee": ["0", "-3"]}
    assert loaded.score(loaded.encode(texts)) == pytest.approx([1 / (1 + np.exp(-1)), 1 / (1 + np.exp(3))])
    assert loaded.affine() == set(names)


def test_a_spelling_that_two_columns_share_is_no_name(tmp_path):
    proto = model(
        [helper.make_node("Sigmoid", ["a_b"], ["z"]), helper.make_node("Mul", ["z", "c"], ["probabilities"])],
        inputs=[value("a_b", [None, 1]), value("c", [None, 1])],
    )
    with pytest.raises(Unusable, match="unknown input: a_b"):
        Model.load(save(proto, tmp_path), [Input("a b"), Input("a-b"), Input("c")])


def test_no_rows_give_no_scores(tmp_path):
    loaded = Model.load(save(linear(), tmp_path), NUMBERS)
    assert loaded.score(loaded.encode({"a": [], "b": [], "c": []})).shape == (0,)


def test_categories_are_codes_in_declared_order_and_missing_is_nan(tmp_path):
    loaded = Model.load(save(linear(), tmp_path), MIXED)
    rows = loaded.encode({"a": ["1", ""], "b": ["0", "0"], "colour": ["blue", "green"]})
    assert rows["colour"].tolist() == [2.0, 1.0]
    assert np.isnan(rows["a"][1])


@pytest.mark.parametrize("shape", [[None], [None, 1]], ids=["flat", "column"])
def test_one_input_for_each_column_in_any_order_and_not_all_of_them(tmp_path, shape):
    nodes = [
        helper.make_node("Sub", ["b", "a"], ["d"]),
        helper.make_node("Sigmoid", ["d"], ["probabilities"]),
    ]
    proto = model(
        nodes, inputs=[value("b", shape), value("a", shape)], outputs=[value("probabilities", shape)]
    )
    loaded = Model.load(save(proto, tmp_path), NUMBERS)
    assert [i.name for i in loaded.inputs] == ["b", "a"]
    a, b = (np.array([float(v) for v in ROWS[n]]) for n in "ab")
    assert loaded.score(loaded.encode(ROWS)) == pytest.approx(1 / (1 + np.exp(a - b)), abs=1e-6)


def test_text_inputs_stay_text(tmp_path):
    nodes = [
        helper.make_node(
            "LabelEncoder",
            ["colour"],
            ["probabilities"],
            domain="ai.onnx.ml",
            keys_strings=["red", "green", "blue"],
            values_floats=[0.1, 0.2, 0.9],
            default_float=0.5,
        )
    ]
    proto = model(nodes, inputs=[value("colour", [None, 1], TensorProto.STRING)])
    loaded = Model.load(save(proto, tmp_path), MIXED)
    rows = loaded.encode({"a": [""] * 3, "b": [""] * 3, "colour": ["blue", "red", ""]})
    assert loaded.score(rows) == pytest.approx([0.9, 0.1, 0.5])


def test_a_score_that_is_no_number_is_never_returned(tmp_path):
    nodes = [
        helper.make_node("Log", ["X"], ["l"]),
        helper.make_node("ReduceSum", ["l"], ["probabilities"], keepdims=1),
    ]
    nodes[1] = helper.make_node("ReduceMean", ["l"], ["probabilities"], axes=[1], keepdims=1)
    loaded = Model.load(save(model(nodes), tmp_path), NUMBERS)
    good = loaded.encode({"a": ["1"], "b": ["1"], "c": ["1"]})
    assert loaded.score(good).shape == (1,)
    with pytest.raises(Unusable, match="no finite number on 1 of 2 rows") as caught:
        loaded.score(loaded.encode({"a": ["1", "-1"], "b": ["1", "1"], "c": ["1", "1"]}))
    assert caught.value.rule == "finite"


def test_optimised_and_as_written_agree(tmp_path):
    proto, x = fitted(GradientBoostingClassifier(n_estimators=20, random_state=0))
    loaded = Model.load(save(proto, tmp_path), NUMBERS)
    rows = loaded.encode(columns(x))
    assert loaded.as_written().score(rows) == pytest.approx(loaded.score(rows), abs=1e-6)


@pytest.mark.parametrize(("column", "text"), [("a", "many"), ("colour", "mauve")], ids=["number", "category"])
def test_a_value_that_the_model_cannot_take_names_its_row(tmp_path, column, text):
    loaded = Model.load(save(linear(), tmp_path), MIXED)
    rows = {"a": ["1", "2"], "b": ["1", "2"], "colour": ["red", "red"]}
    rows[column] = [rows[column][0], text]
    with pytest.raises(Unusable, match=rf"'{text}' of column {column} \(row 2\)"):
        loaded.encode(rows)


def test_loading_and_scoring_write_nothing(tmp_path, capfd):
    loaded = Model.load(save(linear(), tmp_path), (Input("a"), Input("b"), Input("c")))
    loaded.score(loaded.encode(ROWS))
    assert capfd.readouterr() == ("", "")
