"""The contract gate explains every model that it refuses, and holds good ones to their answers."""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile

import numpy as np
import pytest
from onnx import TensorProto, helper

from mlassay.digest import canonical
from mlassay.evidence.verdict import Outcome
from mlassay.gates.contract import ContractGate
from tests.gates.subjects import NUMBERS, finding, subject
from tests.model.models import fitted, floats, linear, model, value

MISSING = (
    *NUMBERS[:2],
    NUMBERS[2].__class__("n", "integer", "feature", "before", 0.0, 10.0, missing_allowed=True),
)


def test_a_good_linear_model_passes(tmp_path):
    report = ContractGate().test(subject(tmp_path, linear()))
    assert report.outcome is Outcome.PASSED
    assert finding(report, "contract.batching").outcome is Outcome.PASSED
    canonical(dict(report.measured))


def test_a_good_forest_passes(tmp_path):
    from sklearn.ensemble import RandomForestClassifier

    proto, _ = fitted(RandomForestClassifier(20, max_depth=6, random_state=0))
    assert ContractGate().test(subject(tmp_path, proto)).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("proto", "rule"),
    [
        (b"no model", "format"),
        (None, "file"),
        (linear().SerializeToString()[:100], None),
        (
            model([helper.make_node("Evil", ["X"], ["probabilities"], domain="x.y")], domains=["x.y"]),
            "operators",
        ),
        (
            model([helper.make_node("Sigmoid", ["X"], ["probabilities"])], inputs=[value("X", [None, 9])]),
            "inputs",
        ),
    ],
    ids=["text", "missing", "truncated", "operator", "columns"],
)
def test_an_unusable_model_fails_with_its_reason_and_nothing_untested_is_held(tmp_path, proto, rule):
    report = ContractGate().test(subject(tmp_path, proto))
    assert report.outcome is Outcome.FAILED
    if rule:
        assert finding(report, f"contract.{rule}").outcome is Outcome.FAILED
        assert finding(report, f"contract.{rule}").remedy
    assert finding(report, "contract.not_tested").outcome is Outcome.INCONCLUSIVE
    assert "contract.batching" not in {f.id for f in report.findings}


def answering(*nodes, extra=()):
    return model(list(nodes), initialisers=extra)


def test_nan_answers_fail(tmp_path):
    log = helper.make_node("Log", ["X"], ["l"])
    mean = helper.make_node("ReduceMean", ["l"], ["probabilities"], axes=[1], keepdims=1)
    report = ContractGate().test(subject(tmp_path, answering(log, mean)))
    assert finding(report, "contract.finite").outcome is Outcome.FAILED


def test_nan_where_missing_is_allowed_fails_on_edges_though_no_row_is_missing(tmp_path):
    report = ContractGate().test(subject(tmp_path, linear(), columns=MISSING))
    assert finding(report, "contract.finite").outcome is Outcome.PASSED
    assert finding(report, "contract.edges").outcome is Outcome.FAILED


def test_numbers_that_are_no_probabilities_fail(tmp_path):
    scores = answering(
        helper.make_node("Gemm", ["X", "W"], ["probabilities"]), extra=[floats("W", np.ones((3, 1)))]
    )
    report = ContractGate().test(subject(tmp_path, scores))
    assert finding(report, "contract.probabilities").outcome is Outcome.FAILED


def test_two_columns_must_sum_to_one(tmp_path):
    gemm = helper.make_node("Gemm", ["X", "W"], ["z"])
    sigmoid = helper.make_node("Sigmoid", ["z"], ["probabilities"])
    report = ContractGate().test(
        subject(tmp_path, answering(gemm, sigmoid, extra=[floats("W", np.ones((3, 2)))]))
    )
    assert finding(report, "contract.probabilities").outcome is Outcome.FAILED


def test_an_answer_that_depends_on_the_other_rows_fails(tmp_path):
    mean = helper.make_node("ReduceMean", ["X"], ["m"], axes=[0], keepdims=1)
    centred = helper.make_node("Sub", ["X", "m"], ["c"])
    gemm = helper.make_node("Gemm", ["c", "W"], ["z"])
    sigmoid = helper.make_node("Sigmoid", ["z"], ["probabilities"])
    proto = answering(mean, centred, gemm, sigmoid, extra=[floats("W", np.ones((3, 1)))])
    report = ContractGate().test(subject(tmp_path, proto))
    assert finding(report, "contract.batching").outcome is Outcome.FAILED
    assert report.outcome is Outcome.FAILED


class Evil:
    def __reduce__(self):
        return print, ("owned",)


def zipped(data):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", data)
    return out.getvalue()


def object_array():
    out = io.BytesIO()
    np.save(out, np.array([Evil()], dtype=object), allow_pickle=True)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("notes.txt", pickle.dumps(Evil())),
        ("deep/er/old.bin", pickle.dumps(Evil(), protocol=0)),
        ("weights.zip", zipped(pickle.dumps(Evil()))),
        ("model.gz", gzip.compress(pickle.dumps(Evil()))),
        ("table.npy", object_array()),
        ("keras.data", b"\x89HDF\r\n\x1a\n" + bytes(100)),
        ("empty.pkl", b""),
    ],
    # Packed data hold the time, so that their bytes, as names, would differ from worker to worker.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_pickles_are_found_by_content_whatever_their_name(tmp_path, name, data, capfd):
    made = subject(tmp_path, linear())
    path = made.outputs / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    found = finding(ContractGate().test(made), "contract.pickle")
    assert found.outcome is Outcome.FAILED
    assert name in found.what
    assert "owned" not in capfd.readouterr().out


def test_links_among_the_outputs_fail_and_honest_files_do_not(tmp_path):
    made = subject(tmp_path, linear())
    (made.outputs / "metrics.json").write_text('{"auc": "0.8"}')
    np.save(made.outputs / "golden.npy", np.ones(3))
    (made.outputs / "log.txt").write_text("epoch 1\nepoch 2\n")
    assert finding(ContractGate().test(made), "contract.pickle").outcome is Outcome.PASSED
    (made.outputs / "link").symlink_to("/etc")
    assert "symbolic link" in finding(ContractGate().test(made), "contract.pickle").what


def test_what_is_measured_names_the_operators(tmp_path):
    report = ContractGate().test(subject(tmp_path, linear()))
    assert report.measured["operators"] == {"ai.onnx.Gemm": 1, "ai.onnx.Sigmoid": 1}
    assert report.measured["inputs"] == ["a", "b", "n"]


def test_a_float64_model_is_scored_too(tmp_path):
    wide = [value("X", [None, 3], TensorProto.DOUBLE)]
    mean = helper.make_node("ReduceMean", ["X"], ["m"], axes=[1], keepdims=1)
    proto = model(
        [mean, helper.make_node("Sigmoid", ["m"], ["probabilities"])],
        inputs=wide,
        outputs=[value("probabilities", [None, 1], TensorProto.DOUBLE)],
    )
    assert ContractGate().test(subject(tmp_path, proto)).outcome is Outcome.PASSED
