"""Models that no gate can use, through the real verbs: failed or refused with the reason, never a crash."""

import pytest
from onnx import TensorProto, helper

from tests.killing import small
from tests.model.models import floats, model, value

GOOD = small.made_model()


def graph(*nodes, columns=1, domains=(), initialisers=()):
    """Bytes of a model over ``columns`` columns."""
    inputs = [value("X", [None, columns])]
    return model(
        list(nodes), inputs=inputs, initialisers=list(initialisers), domains=domains
    ).SerializeToString()


def external():
    """A model whose weights lie outside of its folder."""
    weight = helper.make_tensor("W", TensorProto.FLOAT, [1, 1], [0.0])
    weight.ClearField("float_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, text in (("location", "../../../../etc/passwd"), ("offset", "0"), ("length", "4")):
        entry = weight.external_data.add()
        entry.key, entry.value = key, text
    node = helper.make_node("Gemm", ["X", "W", "B"], ["probabilities"])
    return graph(node, initialisers=[weight, floats("B", [0.0])])


def nan():
    """A model that answers NaN to everything."""
    nodes = [
        helper.make_node("Sub", ["X", "X"], ["zero"]),
        helper.make_node("Div", ["zero", "zero"], ["probabilities"]),
    ]
    return graph(*nodes)


def wide():
    """A model of three columns where the data has one."""
    nodes = [helper.make_node("ReduceMean", ["X"], ["probabilities"], axes=[1])]
    return graph(*nodes, columns=3)


MODELS = {
    "empty": (b"", "truncated"),
    "text": (b"This is a promising model.\n", "ONNX"),
    "a pickle": (
        b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        "pickle",
    ),
    "truncated": (GOOD[: len(GOOD) // 2], ""),
    "external data": (external(), "outside"),
    "an unknown operator": (graph(helper.make_node("Wonder", ["X"], ["probabilities"])), "Wonder"),
    "an unknown domain": (
        graph(helper.make_node("Wonder", ["X"], ["probabilities"], domain="com.acme"), domains=["com.acme"]),
        "com.acme",
    ),
    "NaN": (nan(), "NaN"),
    "too many columns": (wide(), "3"),
}


@pytest.mark.parametrize("kind", MODELS)
def test_a_model_that_cannot_be_used_is_failed_or_refused_with_the_reason(kind, tmp_path, verbs):
    data, says = MODELS[kind]
    clone = small.make(
        tmp_path / "team",
        data or GOOD,
        changes={} if data else {"train.sh": b": > $MLASSAY_OUT/model.onnx\n"},
    )
    trained = verbs.run(["train"], clone)
    said = trained.out + trained.err
    if trained.code == 0:
        tested = verbs.run(["test"], clone)
        assert tested.code in {1, 2}, tested
        said = tested.out + tested.err
        report = clone / ".mlassay/run/test/report.md"
        said += report.read_text() if report.exists() else ""
    else:
        assert trained.code in {1, 2}, trained
    assert "Traceback" not in said
    assert "bug in mlassay" not in said
    assert says in said, said
    if trained.code == 0 and tested.code == 1:
        assert verbs.run(small.words("sign", clone.parent), clone).code == 0, (
            "a failed release is recorded too"
        )
        assert verbs.run(["record"], clone).code == 0
        assert verbs.run(["verify"], clone).code == 0


def test_a_good_model_passes(tmp_path, verbs):
    clone = small.make(tmp_path / "team", GOOD)
    assert verbs.run(["run"], clone).code == 0
