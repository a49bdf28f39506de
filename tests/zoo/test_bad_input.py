"""Input that nobody should give a gate, given to all of them at once: a named finding or one clear error, never a pass."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import replace
from threading import Timer

import numpy as np
import pytest
from onnx import TensorProto, helper

from mlassay.config import ModelSpec
from mlassay.errors import ConfigurationError
from mlassay.manifest import Column
from mlassay.tasks import BINARY, MULTICLASS
from mlassay.wiring import GATES
from tests.factory.project import CONFIG
from tests.gates.subjects import manifest
from tests.gates.subjects import subject as made
from tests.model.models import floats, linear, model, value
from tests.zoo.houses import criteria, reports
from tests.zoo.models import ZOO
from tests.zoo.rows import ANSWER, GRADES, GROUP, NUMBERS, numbers

pytestmark = pytest.mark.filterwarnings("ignore")
KIND = ZOO["logistic"]
LINEAR = linear((2.0, -1.0, 0.2), -1.0)
ALL = tuple(gate for gate in criteria(KIND))
ON_NUMBERS = tuple(gate for gate in ALL if gate not in ("data", "contract"))


def house(folder, *, test=None, train=None, proto=LINEAR, columns=NUMBERS, label=ANSWER, task=BINARY, **more):
    """A subject over drawn rows, of which some were replaced; ``more`` are criteria that replace the usual ones."""
    usual = numbers(task, 1).texts if test is None else test
    splits = {"train": numbers(task, 0).texts if train is None else train, "test": usual}
    (folder / "root").mkdir(parents=True)
    known = {"data": manifest(folder / "root", (*columns, GROUP, label), splits)}
    wanted = criteria(replace(KIND, task=task)) | more
    wanted["champion"] = {"disagreement": {"max": 0.2}}
    spec = ModelSpec("model.onnx", task, "yes" if task == BINARY else "good", 0.5 if task == BINARY else None)
    subject = made(folder, proto, wanted, data=splits, manifests=known, model=spec)
    (folder / "live.onnx").write_bytes(LINEAR.SerializeToString())
    return replace(subject, live=folder / "live.onnx")


def said(subject):
    """The outcome of every gate, each with findings in words and none with a traceback."""
    found = reports(subject)
    assert set(found) == set(ALL)
    for report in found.values():
        assert report.findings
        for each in report.findings:
            assert "Traceback" not in each.what
            assert each.outcome == "passed" or (each.what and each.why and each.remedy)
    return found


def none_passes(found, gates=ON_NUMBERS):
    passed = [gate for gate in gates if found[gate].outcome == "passed"]
    assert not passed, [(g, f.id, f.what) for g in passed for f in found[g].findings]


def with_labels(*labels):
    rows = numbers(BINARY, 1).texts
    return [(*row[:-1], labels[number % len(labels)]) for number, row in enumerate(rows)]


def test_the_control_passes_every_gate(tmp_path) -> None:
    found = said(house(tmp_path))
    assert {g: str(r.outcome) for g, r in found.items()} == dict.fromkeys(ALL, "passed")


def test_labels_never_seen_are_named(tmp_path) -> None:
    found = said(house(tmp_path, test=with_labels("no", "yes", "perhaps")))
    none_passes(found, ("data", "performance", "bias", "privacy"))
    assert "perhaps" in found["performance"].findings[0].what
    assert found["data"].outcome == "failed"


def test_one_class_only(tmp_path) -> None:
    found = said(house(tmp_path, test=with_labels("yes")))
    none_passes(found, ("data", "performance"))


def test_all_rows_of_one_group(tmp_path) -> None:
    rows = [(*row[:-2], "x", row[-1]) for row in numbers(BINARY, 1).texts]
    none_passes(said(house(tmp_path, test=rows)), ("data", "bias"))


def test_no_group_at_all(tmp_path) -> None:
    rows = [(*row[:-2], "", row[-1]) for row in numbers(BINARY, 1).texts]
    none_passes(said(house(tmp_path, test=rows)), ("data", "bias"))


@pytest.mark.parametrize("count", [0, 1, 5])
def test_no_rows_or_hardly_any(tmp_path, count) -> None:
    found = said(house(tmp_path, test=numbers(BINARY, 1).texts[:count]))
    # That a model is a white box is read from its graph, whatever the rows.
    none_passes(found, set(ALL if not count else ON_NUMBERS) - {"explain"})


def test_constant_columns(tmp_path) -> None:
    rows = [("1.0", "0.5", "3", *row[-2:]) for row in numbers(BINARY, 1).texts]
    found = said(house(tmp_path, test=rows))
    none_passes(found, ("performance",))


def test_constant_columns_in_training_too(tmp_path) -> None:
    rows = [("1.0", "0.5", "3", *row[-2:]) for row in numbers(BINARY, 1).texts]
    none_passes(said(house(tmp_path, test=rows, train=rows)), ("data", "performance"))


@pytest.mark.parametrize("bad", ["nan", "inf", "-inf", "1e999", "", "much", "1,5", "0x10", "NaN "])
def test_features_that_are_no_numbers(tmp_path, bad) -> None:
    rows = numbers(BINARY, 1).texts
    rows[7] = (bad, *rows[7][1:])
    found = said(house(tmp_path, test=rows))
    none_passes(found, ("data",))
    assert any("a" in f.what and f.outcome == "failed" for f in found["data"].findings)


def test_features_that_are_all_missing(tmp_path) -> None:
    rows = [("", *row[1:]) for row in numbers(BINARY, 1).texts]
    none_passes(said(house(tmp_path, test=rows)), ALL)


@pytest.mark.parametrize("node", ["Log", "Reciprocal"])
def test_scores_that_are_no_numbers(tmp_path, node) -> None:
    """NaN where a number is under zero, infinity where it is zero."""
    nodes = [
        helper.make_node("Slice", ["X", "zero", "one", "one"], ["a"]),
        helper.make_node(node, ["a"], ["probabilities"]),
    ]
    ends = [helper.make_tensor(name, TensorProto.INT64, [1], [at]) for name, at in (("zero", 0), ("one", 1))]
    rows = [("0", *row[1:]) for row in numbers(BINARY, 1).texts]
    found = said(house(tmp_path, test=rows, proto=model(nodes, initialisers=ends)))
    none_passes(found, ("contract", *ON_NUMBERS))


@pytest.mark.parametrize("scale", [0.5, 1.5, -1.0])
def test_probabilities_that_do_not_sum_to_one(tmp_path, scale) -> None:
    nodes = [
        helper.make_node("Gemm", ["X", "W"], ["z"]),
        helper.make_node("Softmax", ["z"], ["s"], axis=1),
        helper.make_node("Mul", ["s", "scale"], ["probabilities"]),
    ]
    weights = floats("W", np.array([[-2.0, 2.0], [1.0, -1.0], [0.0, 0.0]]))
    proto = model(nodes, initialisers=[weights, floats("scale", [scale])])
    found = said(house(tmp_path, proto=proto))
    assert found["contract"].outcome == "failed"
    assert any(f.id == "contract.probabilities" and f.outcome == "failed" for f in found["contract"].findings)


def test_probabilities_of_classes_that_do_not_sum_to_one(tmp_path) -> None:
    nodes = [
        helper.make_node("Gemm", ["X", "W"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["probabilities"]),
    ]
    weights = floats("W", np.array([[-2.0, 2.0, 0.0], [1.0, -1.0, 0.0], [0.0, 0.0, 0.0]]))
    found = said(house(tmp_path, proto=model(nodes, initialisers=[weights]), task=MULTICLASS, label=GRADES))
    assert found["contract"].outcome == "failed"


def test_two_thousand_columns(tmp_path) -> None:
    wide = tuple(Column(f"c{i}", "number", "feature", "before", -4.0, 4.0) for i in range(2000))
    rng = np.random.default_rng(0)

    def rows(count):
        x = rng.normal(size=(count, len(wide))).round(2).clip(-4, 4)
        y = np.where(x[:, 0] > 0, "yes", "no").tolist()
        return [(*map(str, row), "xy"[i % 2], y[i]) for i, row in enumerate(x.tolist())]

    weights = np.zeros((2000, 1))
    weights[0] = 3
    nodes = [
        helper.make_node("Gemm", ["X", "W"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["probabilities"]),
    ]
    proto = model(nodes, inputs=[value("X", [None, 2000])], initialisers=[floats("W", weights)])
    before = time.process_time()
    subject = house(
        tmp_path,
        test=rows(60),
        train=rows(60),
        proto=proto,
        columns=wide,
        adversarial={"perturb": {"columns": ["c0", "c1"], "radius": 0.01}, "robust_rate": {"min": 0.7}},
        behaviour={"monotone": {"c0": "up"}},
    )
    subject = replace(subject, live=None)
    found = said(subject)
    assert time.process_time() - before < 30
    assert found["contract"].outcome == "passed"
    none_passes(found, ("bias", "privacy"))


REFUSED = ("contract", *ON_NUMBERS)


def refused(found, said_so):
    assert {str(found[gate].outcome) for gate in REFUSED} == {"failed"}
    assert found["data"].outcome == "passed"
    for gate in REFUSED:
        assert any(said_so in f.what for f in found[gate].findings), found[gate].findings


def test_a_model_that_sleeps_is_ended_once_for_all_gates(tmp_path, monkeypatch) -> None:
    """A legal graph that works for minutes; each gate that asks it again would cost the bound again."""
    started = []

    class Counted(Timer):
        def start(self):
            started.append(self)
            super().start()

    monkeypatch.setattr("mlassay.model.runtime.RUN_SECONDS", 1.0)
    monkeypatch.setattr("mlassay.model.runtime.Timer", Counted)
    side = 800
    nodes = [
        helper.make_node("ReduceMean", ["X"], ["m"], axes=[0, 1], keepdims=1),
        helper.make_node("Add", ["big", "m"], ["h0"]),
    ]
    nodes += [helper.make_node("MatMul", [f"h{i}", "big"], [f"h{i + 1}"]) for i in range(4000)]
    nodes += [
        helper.make_node("ReduceMean", ["h4000"], ["t"], axes=[0, 1], keepdims=1),
        helper.make_node("ReduceSum", ["X", "axis"], ["s"], keepdims=1),
        helper.make_node("Add", ["s", "t"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["probabilities"]),
    ]
    held = [
        floats("big", np.full((side, side), 1 / side)),
        helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
    ]
    found = said(house(tmp_path, proto=model(nodes, initialisers=held)))
    refused(found, "needs more than 1 seconds")
    assert len(started) == 1


def test_a_model_of_two_gigabytes_is_refused_by_its_size_unread(tmp_path) -> None:
    subject = house(tmp_path)
    with (subject.outputs / "model.onnx").open("wb") as file:
        os.truncate(file.fileno(), 2 << 30)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = said(subject)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 << 10  # KiB on Linux
    refused(found, "MiB")


@pytest.mark.parametrize("operator", ["Loop", "Scan", "If", "RandomNormalLike", "SequenceMap"])
def test_loops_and_chance_are_refused(tmp_path, operator) -> None:
    nodes = [
        helper.make_node(operator, ["X"], ["r"]),
        helper.make_node("Sigmoid", ["r"], ["probabilities"]),
    ]
    refused(said(house(tmp_path, proto=model(nodes))), operator)


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "folder"])
def test_no_model_at_all(tmp_path, kind) -> None:
    subject = house(tmp_path)
    path = subject.outputs / "model.onnx"
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind != "missing":
        path.write_bytes(b"" if kind == "empty" else b"no model")
    found = said(subject)
    assert {str(found[gate].outcome) for gate in REFUSED} == {"failed"}


def test_columns_that_the_data_lack(tmp_path) -> None:
    found = said(
        house(
            tmp_path,
            bias={"sensitive": ["ghost"], "selection_rate_ratio": {"min": 0.7}},
            adversarial={"perturb": {"columns": ["ghost"], "radius": 0.01}, "robust_rate": {"min": 0.7}},
            behaviour={"monotone": {"ghost": "up"}},
            privacy={
                "membership_auc": {"max": 0.6},
                "sensitive": ["ghost"],
                "attribute_advantage": {"max": 0.1},
            },
        )
    )
    none_passes(found, ("bias", "adversarial", "behaviour", "privacy"))
    for gate in ("bias", "adversarial", "behaviour", "privacy"):
        assert any("ghost" in f.what and f.outcome != "passed" for f in found[gate].findings), gate


OUT_OF_RANGE = {
    "performance": [
        "{accuracy: {min: 1.5}}",
        "{accuracy: {min: -1}}",
        "{accuracy: {min: .nan}}",
        "{accuracy: 1}",
    ],
    "bias": [
        "{sensitive: [group], selection_rate_ratio: {min: 2}}",
        "{sensitive: [], selection_rate_ratio: {min: 0.8}}",
        "{sensitive: [group], selection_rate_ratio: {max: 0.8}}",
        "{sensitive: [ghost], selection_rate_ratio: {min: 0.8}}",
    ],
    "adversarial": [
        "{perturb: {columns: [income], radius: 0}, robust_rate: {min: 0.8}}",
        "{perturb: {columns: [income], radius: .inf}, robust_rate: {min: 0.8}}",
        "{perturb: {columns: [income], radius: 0.1}, robust_rate: {min: 80}}",
    ],
    "stability": ["{flip_rate: {max: -0.1}}", "{flip_rate: {max: 5%}}"],
    "privacy": ["{membership_auc: {max: 60}}", "{sensitive: []}"],
    "champion": ["{disagreement: {max: 2}}"],
    "behaviour": ["{violations: {max: -1}}", "{monotone: {income: sideways}}"],
    "explain": ["{required: perhaps}", "{rank_change: {max: 2}}"],
    "data": ["{drift: {max: -1}}", "{near_duplicates: {max: 2}}"],
    "supply": ["{secrets: {max: -1}}"],
    "contract": ["{opset: 99}"],
    "unit": ["{run: ''}"],
    "standards": ["[]"],
    "load": ["{latency_p95_ms: {max: 0}}", "{size_mb: {min: 1}}"],
    "parity": ["{difference: {max: 2}}", "{label_flips: {max: 0.5}}"],
    "ghost": ["{}"],
}


@pytest.mark.parametrize(("gate", "text"), [(g, t) for g, texts in OUT_OF_RANGE.items() for t in texts])
def test_criteria_out_of_range_are_one_clear_error_with_file_and_line(gate, text, tmp_path) -> None:
    from tests.factory.project import make
    from tests.factory.tasks import plan_of

    head, _, rest = CONFIG.partition("gates:\n")
    config = f"{head}gates:\n  performance: {{accuracy: {{min: 0.8}}}}\n  bias: {{sensitive: [group], selection_rate_ratio: {{min: 0.8}}}}\n"
    config = "".join(line for line in config.splitlines(keepends=True) if not line.startswith(f"  {gate}:"))
    config += f"  {gate}: {text}\nstore:{rest.partition('store:')[2]}"
    with pytest.raises(ConfigurationError) as caught:
        plan_of(make(tmp_path, config=config))
    problems = caught.value.problems
    assert all(each.path == "ml.yaml" and each.what for each in problems)
    assert any(each.line for each in problems)


def test_every_gate_that_takes_criteria_is_among_those_out_of_range() -> None:
    assert set(OUT_OF_RANGE) >= set(GATES)
