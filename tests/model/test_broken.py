"""Models that cannot be used give one clear problem each, and never a crash."""

from __future__ import annotations

import os
import pickle

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

from mlassay.errors import ExitCode
from mlassay.model import Model, Unusable
from tests.model.models import (
    NUMBERS,
    ROWS,
    fitted,
    floats,
    integers,
    linear,
    model,
    parsed,
    save,
    value,
)


def refusal(path, inputs=NUMBERS) -> Unusable:
    def use():
        loaded = Model.load(path, inputs)
        loaded.score(loaded.encode(ROWS))

    with pytest.raises(Unusable) as caught:
        use()
    (problem,) = caught.value.problems
    assert problem.what
    assert problem.why
    assert problem.remedy
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value


def test_the_control_is_usable(tmp_path):
    loaded = Model.load(save(linear(), tmp_path), NUMBERS)
    assert loaded.score(loaded.encode(ROWS)).shape == (3,)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no model at all\n" * 50,
        b"\x00" * 1000,
        b"<!doctype html><html>",
        pickle.dumps({"w": [1.0]}),
        b"PK\x03\x04junk",
    ],
    ids=["empty", "text", "zeros", "html", "pickle", "zip"],
)
def test_other_bytes_are_no_model(tmp_path, data):
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    assert refusal(path).rule == "format"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.floats(min_value=0, max_value=0.999))
def test_a_truncated_model_is_refused_wherever_it_ends(tmp_path, cut):
    proto = linear()
    proto.opset_import.pop()  # the last field, which this model does not need: without it, it would still be whole
    data = proto.SerializeToString()
    path = tmp_path / "model.onnx"
    path.write_bytes(data[: int(len(data) * cut)])
    refusal(path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(at=st.integers(min_value=0), to=st.integers(min_value=0, max_value=255))
def test_a_flipped_byte_is_scored_or_refused_but_never_crashes(tmp_path, at, to):
    data = bytearray(linear().SerializeToString())
    data[at % len(data)] = to
    path = tmp_path / "model.onnx"
    path.write_bytes(data)
    try:
        loaded = Model.load(path, NUMBERS)
        scores = loaded.score(loaded.encode(ROWS))
    except Unusable:
        return
    assert np.isfinite(scores).all()


@pytest.mark.parametrize("kind", ["missing", "symlink", "folder", "fifo"])
def test_only_a_regular_file_is_read(tmp_path, kind):
    path = tmp_path / "model.onnx"
    if kind == "symlink":
        path.symlink_to(save(linear(), tmp_path, "elsewhere.onnx"))
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    assert refusal(path).rule == "file"


def test_a_file_over_the_bound_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr("mlassay.model.read.MAX_BYTES", 1000)
    path = tmp_path / "model.onnx"
    path.write_bytes(linear().SerializeToString() + b"\0" * 1000)
    assert refusal(path).rule == "size"


@pytest.mark.parametrize("location", ["../../etc/passwd", "/etc/passwd", "weights.bin", "..\\..\\secret"])
def test_external_data_is_refused(tmp_path, location):
    proto = linear()
    tensor = proto.graph.initializer[0]
    tensor.ClearField("float_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    (tmp_path / "weights.bin").write_bytes(np.ones(3, np.float32).tobytes())
    error = refusal(save(proto, tmp_path))
    assert error.rule == "external_data"
    assert ("outside the model's folder" in str(error)) is (location != "weights.bin")


def test_external_data_in_an_attribute_is_refused(tmp_path):
    proto = linear()
    constant = helper.make_node("Constant", [], ["k"], value=floats("k", [1.0]))
    constant.attribute[0].t.data_location = TensorProto.EXTERNAL
    constant.attribute[0].t.external_data.add(key="location", value="/etc/shadow")
    proto.graph.node.insert(0, constant)
    assert refusal(save(proto, tmp_path)).rule == "external_data"


def one_node(op, *, domain="", extra=(), **attributes):
    node = helper.make_node(op, ["X"], ["probabilities"], domain=domain, **attributes)
    return model([node], domains=[domain] if domain not in {"", "ai.onnx.ml"} else (), initialisers=extra)


def branch(name):
    return helper.make_graph(
        [helper.make_node("Constant", [], [name], value=floats("k", [[0.5]]))],
        name,
        [],
        [value(name, [1, 1])],
    )


def loop():
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Identity", ["v"], ["w"])],
        "body",
        [value("i", [], TensorProto.INT64), value("go", [], TensorProto.BOOL), value("v", [None, 3])],
        [value("on", [], TensorProto.BOOL), value("w", [None, 3])],
    )
    node = helper.make_node("Loop", ["many", "yes", "X"], ["probabilities"], body=body)
    many = helper.make_tensor("many", TensorProto.INT64, [], [1 << 62])
    return model([node], initialisers=[many, helper.make_tensor("yes", TensorProto.BOOL, [], [True])])


def conditional():
    node = helper.make_node(
        "If", ["yes"], ["probabilities"], then_branch=branch("t"), else_branch=branch("e")
    )
    return model([node], initialisers=[helper.make_tensor("yes", TensorProto.BOOL, [], [True])])


@pytest.mark.parametrize(
    ("proto", "named"),
    [
        (one_node("Nonsense"), "ai.onnx.Nonsense"),
        (one_node("Evil", domain="com.example"), "com.example.Evil"),
        (one_node("FusedGemm", domain="com.microsoft"), "com.microsoft.FusedGemm"),
        (one_node("RandomNormalLike"), "RandomNormalLike"),
        (loop(), "Loop"),
        (conditional(), "If"),
    ],
    ids=["unknown", "custom", "contrib", "random", "loop", "if"],
)
def test_operators_outside_the_list_are_named(tmp_path, proto, named):
    error = refusal(save(proto, tmp_path))
    assert error.rule == "operators"
    assert named in str(error)


def test_local_functions_are_refused(tmp_path):
    proto = linear()
    proto.functions.append(
        helper.make_function(
            "own", "F", ["x"], ["y"], [helper.make_node("Neg", ["x"], ["y"])], [helper.make_opsetid("", 17)]
        )
    )
    assert refusal(save(proto, tmp_path)).rule == "operators"


@pytest.mark.parametrize(("field", "number"), [("ir", 99), ("opset", 99), ("opset", 1), ("ml", 99)])
def test_versions_out_of_bounds_are_refused(tmp_path, field, number):
    proto = linear()
    if field == "ir":
        proto.ir_version = number
    else:
        proto.opset_import[0 if field == "opset" else 1].version = number
    assert refusal(save(proto, tmp_path)).rule == "versions"


def huge_initialiser():
    proto = linear()
    proto.graph.initializer[0].dims[:] = [1 << 40, 1 << 20]
    return proto


def from_shape(op, *inputs, extra, **attributes):
    return model([helper.make_node(op, list(inputs), ["probabilities"], **attributes)], initialisers=extra)


def sparse():
    proto = linear()
    tensor = proto.graph.sparse_initializer.add(dims=[1 << 40])
    tensor.values.CopyFrom(floats("s", [1.0]))
    tensor.indices.CopyFrom(integers("s_indices", [0]))
    return proto


@pytest.mark.parametrize(
    "proto",
    [
        huge_initialiser(),
        sparse(),
        from_shape("ConstantOfShape", "s", extra=[integers("s", [1 << 31, 4])]),
        from_shape("Expand", "X", "s", extra=[integers("s", [1 << 30, 3])]),
        from_shape("Tile", "X", "s", extra=[integers("s", [1, 1 << 30])]),
        from_shape("Pad", "X", "s", extra=[integers("s", [0, 0, 0, 1 << 33])]),
    ],
    ids=["initialiser", "sparse", "constant-of-shape", "expand", "tile", "pad"],
)
def test_tensors_that_would_fill_the_memory_are_refused_before_loading(tmp_path, proto):
    assert refusal(save(proto, tmp_path)).rule == "sizes"


def test_a_growth_that_only_shows_when_it_runs_hits_the_memory_bound(tmp_path):
    rows = [helper.make_node("Transpose", ["X"], ["wide0"])]
    names = ["X"]
    for i in range(30):  # each doubles: two to the thirtieth columns
        rows.append(helper.make_node("Concat", [names[-1], names[-1]], [f"c{i}"], axis=1))
        names.append(f"c{i}")
    rows.append(helper.make_node("ReduceMean", [names[-1]], ["probabilities"], axes=[1], keepdims=1))
    error = refusal(save(model(rows[1:]), tmp_path))
    assert error.rule == "runtime"
    assert "2 GiB" in str(error)


def test_work_without_end_is_ended(tmp_path, monkeypatch):
    nodes = [helper.make_node("MatMul", ["X", "wide"], ["z0"])]
    nodes += [helper.make_node("MatMul", [f"z{i}", "square"], [f"z{i + 1}"]) for i in range(400)]
    nodes.append(helper.make_node("ReduceMean", ["z400"], ["probabilities"], axes=[1], keepdims=1))
    extra = [floats("wide", np.ones((3, 400))), floats("square", np.eye(400))]
    monkeypatch.setattr("mlassay.model.runtime.RUN_SECONDS", 0.2)
    path = save(model(nodes, initialisers=extra), tmp_path)
    loaded = Model.load(path, NUMBERS)
    with pytest.raises(Unusable, match=r"more than 0\.2 seconds"):
        loaded.score(loaded.encode({name: ["1"] * 4096 for name in "abc"}))


def tree_node(proto):
    return next(n for n in proto.graph.node if n.op_type == "TreeEnsembleClassifier")


@pytest.mark.parametrize(
    ("attribute", "new"),
    [
        ("nodes_truenodeids", 0),
        ("nodes_truenodeids", 10_000),
        ("nodes_featureids", -5),
        ("nodes_nodeids", 0),
        ("class_ids", 77),
    ],
    ids=["loop", "nowhere", "column", "twice", "class"],
)
def test_trees_that_are_no_trees_are_refused(tmp_path, attribute, new):
    from sklearn.ensemble import GradientBoostingClassifier

    proto = parsed(fitted(GradientBoostingClassifier(n_estimators=3, random_state=0))[0])
    next(a for a in tree_node(proto).attribute if a.name == attribute).ints[1] = new
    assert refusal(save(proto, tmp_path)).rule == "trees"


@pytest.mark.parametrize(
    ("proto", "says"),
    [
        (
            model([helper.make_node("Sigmoid", ["X"], ["probabilities"])], inputs=[value("X", [None, 7])]),
            "7 columns",
        ),
        (
            model(
                [helper.make_node("Sigmoid", ["age"], ["probabilities"])], inputs=[value("age", [None, 1])]
            ),
            "columns",
        ),
        (
            model(
                [helper.make_node("Add", ["age", "a"], ["probabilities"])],
                inputs=[value("age", [None, 1]), value("a", [None, 1])],
            ),
            "unknown input: age",
        ),
        (
            model([helper.make_node("Sigmoid", ["X"], ["probabilities"])], inputs=[value("X", [1, 3])]),
            "1 rows only",
        ),
        (
            model([helper.make_node("Sigmoid", ["X"], ["probabilities"])], inputs=[value("X", [None, 3, 1])]),
            "no table",
        ),
    ],
    ids=["width", "one-unknown", "unknown", "fixed-batch", "rank"],
)
def test_inputs_that_do_not_fit_list_what_is_taken_and_what_is_offered(tmp_path, proto, says):
    error = refusal(save(proto, tmp_path))
    assert error.rule == "inputs"
    assert says in str(error)
    assert "the plan offers a, b, c" in error.problems[0].why


def test_zipmap_is_refused_with_the_option_that_avoids_it(tmp_path):
    import skl2onnx
    from sklearn.linear_model import LogisticRegression

    x = np.array([[0, 1, 2], [3, 4, 5]], np.float32)
    proto = skl2onnx.to_onnx(LogisticRegression().fit(x, [0, 1]), x, target_opset={"": 17, "ai.onnx.ml": 3})
    error = refusal(save(proto, tmp_path))
    assert "zipmap" in error.problems[0].remedy


@pytest.mark.parametrize(
    ("nodes", "outputs"),
    [
        ([helper.make_node("Sigmoid", ["X"], ["probabilities"])], None),
        ([helper.make_node("ReduceMean", ["X"], ["probabilities"])], None),
        ([helper.make_node("Sigmoid", ["X"], ["s"]), helper.make_node("Neg", ["X"], ["n"])], ["s", "n"]),
        ([helper.make_node("Cast", ["X"], ["i"], to=TensorProto.INT64)], ["i"]),
    ],
    ids=["three-columns", "one-number", "two-candidates", "no-float"],
)
def test_outputs_that_are_no_probabilities_are_refused(tmp_path, nodes, outputs):
    kinds = {"i": TensorProto.INT64}
    made = [value(o, None, kinds.get(o, TensorProto.FLOAT)) for o in outputs] if outputs else None
    assert refusal(save(model(nodes, outputs=made), tmp_path)).rule == "outputs"


def test_hostile_names_reach_no_message_raw(tmp_path):
    proto = one_node("::error::\x1b[31m\nowned")
    text = str(refusal(save(proto, tmp_path)))
    assert "\x1b" not in text
    assert "::" not in text


def dropping(mode, *, offered=False):
    """A Dropout before the sigmoid, whose training_mode is the tensor ``mode``."""
    nodes = [
        helper.make_node("Gemm", ["X", "W", "B"], ["z"]),
        helper.make_node("Dropout", ["z", "ratio", "mode"] if mode is not None else ["z", "ratio"], ["d"]),
        helper.make_node("Sigmoid", ["d"], ["probabilities"]),
    ]
    made = [floats("W", np.ones((3, 1))), floats("B", [0.5]), helper.make_tensor("ratio", 1, [], [0.5])]
    if isinstance(mode, bool):
        made.append(helper.make_tensor("mode", TensorProto.BOOL, [], [mode]))
    inputs = [value("X", [None, 3]), *([value("mode", [], TensorProto.BOOL)] if offered else [])]
    if mode == "computed":
        nodes.insert(0, helper.make_node("ReduceSum", ["X"], ["sum"], keepdims=0))
        nodes.insert(1, helper.make_node("Greater", ["sum", "ratio"], ["mode"]))
    return model(nodes, inputs=inputs, initialisers=made)


@pytest.mark.parametrize(("mode", "offered"), [(True, False), ("computed", False), (False, True)])
def test_a_model_that_may_answer_otherwise_at_each_call_is_refused(tmp_path, mode, offered):
    error = refusal(save(dropping(mode, offered=offered), tmp_path))
    assert error.rule == "operators"
    assert "at random" in error.problems[0].what


@pytest.mark.parametrize("mode", [None, False])
def test_a_dropout_that_does_nothing_is_taken(tmp_path, mode):
    loaded = Model.load(save(dropping(mode), tmp_path), NUMBERS)
    assert np.ptp([loaded.score(loaded.encode(ROWS))[0] for _ in range(5)]) == 0
