"""The stability gate moves numbers a little, and fails models whose answers turn with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx import TensorProto, helper

from mlassay.digest import canonical
from mlassay.evidence.verdict import Outcome
from mlassay.gates.stability import StabilityGate
from mlassay.gates.stability_changes import CHANGES, Numbers
from mlassay.manifest import Column
from tests.gates.subjects import finding, rows, subject
from tests.model.models import floats, linear, model, value

CRITERIA = {"flip_rate": {"max": 0.05}}
DATA = {"train": rows(60, seed=1), "test": rows(600, seed=2)}


def lively(scale):
    """A model whose answer is the sign of a fast wave over the first column."""
    nodes = [
        helper.make_node("Gemm", ["X", "W"], ["z"]),
        helper.make_node("Sin", ["z"], ["s"]),
        helper.make_node("Sigmoid", ["s"], ["probabilities"]),
    ]
    return model(nodes, initialisers=[floats("W", np.array([[scale], [0.0], [0.0]]))])


def test_a_model_on_a_fast_wave_fails_and_a_slow_one_passes(tmp_path):
    bad = StabilityGate().test(made(tmp_path, lively(200.0)))
    good = StabilityGate().test(made(tmp_path, lively(0.5)))
    assert (bad.outcome, good.outcome) == (Outcome.FAILED, Outcome.PASSED)
    assert {f.id for f in good.findings} == {f"stability.flip_rate.{name}" for name in CHANGES}
    told = finding(bad, "stability.flip_rate.noise")
    assert told.outcome is Outcome.FAILED
    assert "column a alone" in told.remedy
    assert "rows_to_settle" in told.numbers
    assert finding(bad, "stability.flip_rate.order").outcome is Outcome.PASSED
    canonical(dict(bad.measured))
    assert bad.measured == StabilityGate().test(made(tmp_path, lively(200.0))).measured


def made(tmp_path, proto, gates=None, **changes):
    return subject(tmp_path, proto, gates={"stability": gates or CRITERIA}, data=DATA, **changes)


def test_a_plain_linear_model_passes_with_its_intervals(tmp_path):
    report = StabilityGate().test(made(tmp_path, linear()))
    assert report.outcome is Outcome.PASSED
    assert report.measured["columns"] == ["a", "b", "n"]
    assert all(float(change["upper"]) <= 0.05 for change in report.measured["changes"].values())


def test_a_model_that_looks_at_the_rows_beside_fails_by_order(tmp_path):
    """The running sum over the batch is what a wrong axis leaves."""
    nodes = [
        helper.make_node("Gemm", ["X", "W"], ["z"]),
        helper.make_node("CumSum", ["z", "axis"], ["s"]),
        helper.make_node("Sigmoid", ["s"], ["probabilities"]),
    ]
    axis = helper.make_tensor("axis", TensorProto.INT64, [], [0])
    weights = floats("W", np.array([[1.0], [0.0], [0.0]]))
    report = StabilityGate().test(made(tmp_path, model(nodes, initialisers=[weights, axis])))
    assert finding(report, "stability.flip_rate.order").outcome is Outcome.FAILED


def test_a_threshold_in_the_crowd_fails_and_the_nearest_quiet_one_is_named(tmp_path):
    """Nearly all scores lie at .5, give or take what a hundredth moves."""
    crowd = linear((0.0, 0.01, 0.0), 0.0)
    data = {
        **DATA,
        "test": [(a, "0.5" if float(b) > 0 else "-0.5", n, g, y) for a, b, n, g, y in DATA["test"]],
    }
    asked = subject(tmp_path, crowd, gates={"stability": {"flip_rate": {"max": 0.05}}}, data=data)
    quiet = StabilityGate().test(asked)
    assert quiet.outcome is Outcome.PASSED
    at = float(1 / (1 + np.exp(-0.005))) - 3e-6
    loud = StabilityGate().test(with_threshold(asked, at))
    told = finding(loud, "stability.flip_rate.down")
    assert told.outcome is Outcome.FAILED
    assert "nearest threshold" in told.remedy
    assert "accuracy" in told.remedy


def with_threshold(asked, threshold, **more):
    spec = replace(asked.plan.config.model, threshold=threshold, **more)
    plan = replace(asked.plan, config=replace(asked.plan.config, model=spec))
    return replace(asked, plan=plan)


def test_few_rows_settle_nothing(tmp_path):
    data = {**DATA, "test": rows(20)}
    report = StabilityGate().test(subject(tmp_path, linear(), gates={"stability": CRITERIA}, data=data))
    assert {f.outcome for f in report.findings} == {Outcome.INCONCLUSIVE}


def test_a_number_without_a_threshold_is_not_applicable(tmp_path):
    asked = with_threshold(made(tmp_path, linear()), None, task="regression", favourable="higher")
    assert finding(StabilityGate().test(asked), "stability.not_applicable").outcome is Outcome.INCONCLUSIVE


def test_a_number_with_a_threshold_turns_too(tmp_path):
    gemm = model(
        [helper.make_node("Gemm", ["X", "W"], ["probabilities"])],
        initialisers=[floats("W", [[1.0], [0.0], [0.0]])],
    )
    data = {
        "train": [(*row[:-1], row[0]) for row in DATA["train"]],
        "test": [(*row[:-1], row[0]) for row in DATA["test"]],
    }
    columns = Column("label", "number", "label", "before", -9.0, 9.0)
    from tests.gates import subjects

    known = {
        "data": subjects.manifest(folder(tmp_path), (*subjects.NUMBERS, subjects.REST[0], columns), data)
    }
    asked = subject(tmp_path, gemm, gates={"stability": CRITERIA}, manifests=known)
    report = StabilityGate().test(with_threshold(asked, 0.25, task="regression", favourable="higher"))
    assert report.outcome is Outcome.PASSED
    assert int(report.measured["changes"]["noise"]["flips"]) > 0


def folder(tmp_path):
    (tmp_path / "root").mkdir(exist_ok=True)
    return tmp_path / "root"


NUMBER = Column("a", "number", "feature", "before", -4.0, 4.0)
WHOLE = Column("n", "integer", "feature", "before", 0.0, 1000.0)


def after(column, values, change, kind=np.float32):
    return Numbers(column, np.array(values, dtype=kind)).changed(change, 0).tolist()


def test_each_change_does_what_its_words_say():
    assert after(NUMBER, [1.0, -2.0], "up") == pytest.approx([1.01, -2.02])
    assert after(NUMBER, [1.0, -2.0], "down") == pytest.approx([0.99, -1.98])
    assert after(NUMBER, [1.23456, -0.00123456], "rounding") == pytest.approx([1.23, -0.00123])
    up, down = after(NUMBER, [1.0], "float_up")[0], after(NUMBER, [1.0], "float_down")[0]
    assert 0 < up - 1 < 2e-7
    assert 0 < 1 - down < 2e-7
    noise = Numbers(NUMBER, np.zeros(4000, np.float32)).changed("noise", 3)
    assert float(np.std(noise)) == pytest.approx(0.08, rel=0.1)


@pytest.mark.parametrize("change", [name for name in CHANGES if name != "order"])
@pytest.mark.parametrize("kind", [np.float32, np.float64, np.int64])
def test_whole_numbers_stay_whole_ranges_are_kept_and_values_outside_them_stay(change, kind):
    values = after(WHOLE, [0, 7, 1000, 2000], change, kind)
    assert all(float(each).is_integer() for each in values)
    assert min(values) >= 0
    assert max(values) <= 2000


def test_missing_stays_missing():
    for change in CHANGES:
        if change != "order":
            assert np.isnan(after(NUMBER, [np.nan, 1.0], change)[0])


def test_no_numbers_no_answer(tmp_path):
    columns = (Column("c", "category", "feature", "before", values=("u", "v")),)
    data = {
        part: [(("u", "v")[i % 2], "x", ("no", "yes")[i % 2]) for i in range(60)]
        for part in ("train", "test")
    }
    proto = model(
        [helper.make_node("Gemm", ["X", "W"], ["probabilities"])],
        inputs=[value("X", [None, 1])],
        initialisers=[floats("W", [[1.0]])],
    )
    asked = subject(tmp_path, proto, gates={"stability": CRITERIA}, data=data, columns=columns)
    assert finding(StabilityGate().test(asked), "stability.not_applicable")
