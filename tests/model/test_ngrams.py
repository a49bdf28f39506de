"""Tables of words that do not fit each other are refused before ONNX Runtime, which would read past their end."""

from __future__ import annotations

import pytest
from onnx import TensorProto, helper

from mlassay.model import Input, Model, Unusable
from tests.model.models import model, save, value

GOOD = {
    "mode": "TF",
    "min_gram_length": 1,
    "max_gram_length": 2,
    "max_skip_count": 0,
    "ngram_counts": [0, 2],
    "ngram_indexes": [0, 1, 2],
    "pool_strings": ["good", "bad", "not", "good"],
}


def bag(**changes):
    """Words of one column, counted, and the logistic of the largest count."""
    told = {name: value for name, value in (GOOD | changes).items() if value is not None}
    nodes = [
        helper.make_node("StringSplit", ["text"], ["words", "counts"], delimiter=" "),
        helper.make_node("TfIdfVectorizer", ["words"], ["found"], **told),
        helper.make_node("ReduceMax", ["found", "axes"], ["most"], keepdims=1),
        helper.make_node("Sigmoid", ["most"], ["probabilities"]),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    return model(
        nodes, inputs=[value("text", [None], TensorProto.STRING)], initialisers=[axes], opset=20, ir=9
    )


def loaded(proto, tmp_path):
    return Model.load(save(proto, tmp_path), [Input("text")])


def test_a_well_made_bag_of_words_is_scored(tmp_path):
    made = loaded(bag(), tmp_path)
    scores = made.score(made.encode({"text": ["good good", "not good", "", "unheard words"]}))
    assert scores[0] > scores[1] > scores[2] == scores[3] == 0.5


@pytest.mark.parametrize(
    "changes",
    [
        {"ngram_indexes": [0]},  # ends the process in ONNX Runtime 1.31
        {"ngram_indexes": [0, 1, 1 << 40]},
        {"ngram_indexes": [0, 1, -1]},
        {"ngram_counts": [0, 3]},
        {"ngram_counts": [0, 9]},
        {"ngram_counts": [2, 0]},
        {"ngram_counts": [0]},
        {"ngram_counts": [-2, 2]},
        {"max_gram_length": 10**9},
        {"min_gram_length": 0},
        {"min_gram_length": 3},
        {"max_skip_count": 10**9},
        {"weights": [1.0]},
        {"pool_strings": None},
        {"pool_int64s": [1, 2, 3, 4]},
    ],
    ids=str,
)
def test_tables_that_do_not_fit_are_refused_unrun(tmp_path, changes):
    with pytest.raises(Unusable, match="TfIdfVectorizer is not well made") as caught:
        loaded(bag(**changes), tmp_path)
    assert caught.value.rule == "operators"


def test_an_attribute_that_stands_twice_is_refused(tmp_path):
    proto = bag()
    node = proto.graph.node[1]
    node.attribute.append(helper.make_attribute("ngram_indexes", [0]))
    with pytest.raises(Unusable, match="stands twice"):
        loaded(proto, tmp_path)
