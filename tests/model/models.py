"""ONNX models made by hand, good and bad, and by scikit-learn: what the tests of this room are given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

from mlassay.model import Input

NUMBERS = (Input("a"), Input("b"), Input("c"))
MIXED = (Input("a"), Input("b"), Input("colour", ("red", "green", "blue")))
ROWS = {"a": ["0.5", "-1", "2"], "b": ["1", "0", "-0.25"], "c": ["0", "0", "3"]}


def value(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, [None, None] if shape is None else shape)


def model(nodes, *, inputs=None, outputs=None, initialisers=(), opset=17, ml=3, ir=8, domains=()):
    """A ModelProto over one input X of 3 columns (unless told otherwise) and one output ``probabilities``."""
    graph = helper.make_graph(
        nodes,
        "made-by-a-test",
        inputs or [value("X", [None, 3])],
        outputs or [value("probabilities", None)],
        initializer=list(initialisers),
    )
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", ml)]
    opsets += [helper.make_opsetid(d, 1) for d in domains]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir)


def floats(name, values):
    array = np.asarray(values, dtype=np.float32)
    return helper.make_tensor(name, TensorProto.FLOAT, array.shape, array.ravel())


def integers(name, values):
    return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)


def linear(weights=(1.0, -2.0, 0.5), bias=0.25):
    """Sigmoid of a weighted sum of three columns, [N, 1]."""
    nodes = [
        helper.make_node("Gemm", ["X", "W", "B"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["probabilities"]),
    ]
    return model(nodes, initialisers=[floats("W", np.array(weights).reshape(3, 1)), floats("B", [bias])])


def save(proto, folder: Path, name="model.onnx") -> Path:
    path = folder / name
    path.write_bytes(proto.SerializeToString())
    return path


def fitted(estimator, *, columns=3, seed=0):
    """A scikit-learn classifier fitted on random rows, as ModelProto, and the rows."""
    import skl2onnx

    rng = np.random.default_rng(seed)
    x = rng.normal(size=(400, columns)).astype(np.float32)
    y = (x[:, 0] - x[:, 1] + rng.normal(scale=0.3, size=400) > 0).astype(int)
    estimator.fit(x, y)
    proto = skl2onnx.to_onnx(
        estimator, x[:1], options={"zipmap": False}, target_opset={"": 17, "ai.onnx.ml": 3}
    )
    return proto, x


def parsed(proto) -> onnx.ModelProto:
    return onnx.ModelProto.FromString(proto.SerializeToString())
