"""The behaviour gate proves promises where it can, breaks them with witnesses, and never takes a search for a proof."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx import helper
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from mlassay.digest import canonical
from mlassay.evidence.verdict import Outcome
from mlassay.gates.behaviour import BehaviourGate
from mlassay.gates.behaviour_hold import Holder
from mlassay.manifest import Column
from tests.gates.subjects import NUMBERS, finding, rows, subject
from tests.model.models import fitted, floats, linear, model

DATA = {"train": rows(60, seed=1), "test": rows(300, seed=2)}


def made(tmp_path, proto, criteria, **more):
    return subject(tmp_path, proto, gates={"behaviour": criteria}, data=more.pop("data", DATA), **more)


def asked(tmp_path, proto, criteria, **more):
    report = BehaviourGate().test(made(tmp_path, proto, criteria, **more))
    canonical(dict(report.measured))
    return report


def boosted(**settings):
    return fitted(GradientBoostingClassifier(n_estimators=20, max_depth=3, random_state=0, **settings))[0]


@pytest.mark.parametrize(
    ("weights", "outcome"), [((1.0, -2.0, 0.5), Outcome.PASSED), ((-1.0, -2.0, 0.5), Outcome.FAILED)]
)
def test_a_linear_model_keeps_a_direction_by_the_sign_of_its_weight(tmp_path, weights, outcome):
    report = asked(tmp_path, linear(weights), {"monotone": {"a": "up", "b": "down"}})
    told = finding(report, "behaviour.monotone.a")
    assert told.outcome is outcome
    assert finding(report, "behaviour.monotone.b").outcome is Outcome.PASSED
    assert told.numbers["undecided"] == 0
    if outcome is Outcome.PASSED:
        assert told.numbers["proven"] == 300
        assert "no others" in told.why
    else:
        assert "then unfavourable" in told.remedy
        assert "violations: {max:" in told.remedy


def test_what_has_no_weight_matters_to_nobody_and_what_has_does(tmp_path):
    criteria = {"invariant": {"columns": ["a", "b", "n"]}}
    report = asked(tmp_path, linear((1.0, 0.0, 0.0), 0.0), criteria)
    outcomes = {f.id: f.outcome for f in report.findings}
    assert outcomes == {
        "behaviour.invariant.a": Outcome.FAILED,
        "behaviour.invariant.b": Outcome.PASSED,
        "behaviour.invariant.n": Outcome.PASSED,
    }
    assert report.measured["promises"]["invariant.n"]["methods"] == ["every value tried"]


def test_trees_are_settled_exactly_and_the_witness_is_true(tmp_path):
    """Against the truth by brute force: every place where the score can jump lies between neighbours of a fine grid."""
    pytest.importorskip("veritas")
    made_ = made(tmp_path, boosted(), {"monotone": {"a": "up"}, "invariant": {"columns": ["b"]}})
    report = BehaviourGate().test(made_)
    told = report.measured["promises"]
    assert told["monotone.a"]["undecided"] == told["invariant.b"]["undecided"] == 0
    model_ = made_.model
    thresholds = [
        set(np.asarray(attribute.floats, np.float32))
        for node in model_.proto.graph.node
        for attribute in node.attribute
        if attribute.name == "nodes_values"
    ]
    cuts = np.array(sorted(set().union(*thresholds, {np.float32(-4), np.float32(4)})), np.float32)
    cuts = cuts[(cuts >= -4) & (cuts <= 4)]
    points = np.unique(
        np.concatenate([cuts, np.nextafter(cuts, np.float32(9)), np.nextafter(cuts, np.float32(-9))])
    )
    points = points[(points >= -4) & (points <= 4)]
    every = model_.encode(made_.table.as_mapping())
    own = made_.scores >= 0.5
    rises, turns = np.zeros(300, bool), np.zeros(300, bool)
    for point in points:
        at = np.full(300, point, np.float32)
        there = model_.score({**every, "a": at}) >= 0.5
        rises |= (own & ~there & (at > every["a"])) | (~own & there & (at < every["a"]))
        turns |= (model_.score({**every, "b": at}) >= 0.5) != own
    assert told["monotone.a"]["violations"] == int(rises.sum())
    assert told["invariant.b"]["violations"] == int(turns.sum())
    assert turns.any()


def test_a_constrained_twin_of_a_forest_passes(tmp_path):
    settings = {"n_estimators": 20, "max_depth": 4, "random_state": 0}
    criteria = {"monotone": {"a": "up"}}
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 3)).astype(np.float32)
    y = (np.sin(3 * x[:, 0]) + 0.3 * x[:, 0] + rng.normal(scale=0.3, size=400) > 0).astype(int)
    outcomes = []
    for place, constraint in (("bad", None), ("good", [1, 0, 0])):
        import skl2onnx

        estimator = RandomForestClassifier(monotonic_cst=constraint, **settings).fit(x, y)
        proto = skl2onnx.to_onnx(
            estimator, x[:1], options={"zipmap": False}, target_opset={"": 17, "ai.onnx.ml": 3}
        )
        (tmp_path / place).mkdir()
        outcomes.append(asked(tmp_path / place, proto, criteria).outcome)
    assert outcomes == [Outcome.FAILED, Outcome.PASSED]


def wave():
    nodes = [
        helper.make_node("Gemm", ["X", "W"], ["z"]),
        helper.make_node("Tanh", ["z"], ["t"]),
        helper.make_node("Sigmoid", ["t"], ["probabilities"]),
    ]
    return model(nodes, initialisers=[floats("W", np.array([[2.0], [0.0], [0.0]]))])


def test_what_is_only_searched_and_not_found_is_inconclusive_and_what_is_found_fails(tmp_path):
    report = asked(tmp_path, wave(), {"invariant": {"columns": ["a", "b", "n"]}})
    assert finding(report, "behaviour.invariant.a").outcome is Outcome.FAILED
    assert finding(report, "behaviour.invariant.n").outcome is Outcome.PASSED, "every value of few is tried"
    open_ = finding(report, "behaviour.invariant.b")
    assert open_.outcome in (Outcome.INCONCLUSIVE, Outcome.PASSED)
    assert (open_.outcome is Outcome.PASSED) == (open_.numbers["undecided"] == 0)


RULE = {"when": {"a": {"max": -3}}, "answer": "favourable"}


def test_a_row_that_must_never_be_is_looked_for_where_no_row_is(tmp_path):
    """No evaluation row lies under -3.5; each is moved there."""
    never = {"never": [{"when": {"a": {"max": -3.5}}, "answer": "favourable"}]}
    (tmp_path / "good").mkdir()
    (tmp_path / "bad").mkdir()
    good = finding(asked(tmp_path / "good", linear((9.0, 1.0, 0.0), 0.0), never), "behaviour.never.1")
    bad = finding(asked(tmp_path / "bad", linear((0.1, 1.0, 0.0), 0.0), never), "behaviour.never.1")
    assert (good.outcome, bad.outcome) == (Outcome.PASSED, Outcome.FAILED)
    assert "any row inside the declared ranges" in good.why
    assert "a -3.5" in bad.remedy


def test_a_corner_of_a_forbidden_region_is_found(tmp_path):
    """At the region's end the answer is right, and further inside it is not."""
    never = {"never": [{"when": {"n": {"min": 8, "max": 9}, "a": {"min": 1, "max": 2}}, "answer": "yes"}]}
    report = asked(tmp_path, linear((1.0, 0.0, 1.0), -10.99), never)
    told = finding(report, "behaviour.never.1")
    assert told.outcome is Outcome.FAILED
    witnesses = report.measured["promises"]["never.1"]["witnesses"]
    assert any(witness.get("then") == "favourable" for witness in witnesses)


def test_a_condition_on_a_column_that_is_no_input_chooses_rows(tmp_path):
    never = {"never": [{"when": {"group": ["x"]}, "answer": "unfavourable"}]}
    report = asked(tmp_path, linear((0.0, 0.0, 0.0), 3.0), never)
    told = finding(report, "behaviour.never.1")
    assert told.outcome is Outcome.PASSED
    assert 100 < told.numbers["rows"] < 200


def test_more_violations_may_be_allowed_and_few_rows_pass_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    loose = {"monotone": {"a": "down"}, "violations": {"max": 300}}
    assert asked(tmp_path / "a", linear(), loose).outcome is Outcome.PASSED
    few = {**DATA, "test": rows(20)}
    report = asked(tmp_path / "b", linear(), {"monotone": {"a": "up", "b": "up"}}, data=few)
    assert finding(report, "behaviour.monotone.a").outcome is Outcome.INCONCLUSIVE
    assert finding(report, "behaviour.monotone.b").outcome is Outcome.FAILED, (
        "a witness is one, among few rows too"
    )


def test_the_favourable_side_may_be_the_first_label(tmp_path):
    made_ = made(tmp_path, linear(), {"monotone": {"a": "down", "b": "up"}})
    spec = replace(made_.plan.config.model, favourable=0)
    made_ = replace(made_, plan=replace(made_.plan, config=replace(made_.plan.config, model=spec)))
    assert BehaviourGate().test(made_).outcome is Outcome.PASSED


def test_a_category_is_tried_value_by_value(tmp_path):
    columns = (*NUMBERS[:2], Column("c", "category", "feature", "before", values=("u", "v", "w")))
    data = {
        split: [(a, b, ("u", "v", "w")[i % 3], g, y) for i, (a, b, _, g, y) in enumerate(part)]
        for split, part in DATA.items()
    }
    for place, weight, outcome in (("good", 0.0, Outcome.PASSED), ("bad", 5.0, Outcome.FAILED)):
        (tmp_path / place).mkdir()
        made_ = made(
            tmp_path / place,
            linear((1.0, 1.0, weight)),
            {"invariant": {"columns": ["c"]}},
            data=data,
            columns=columns,
        )
        report = BehaviourGate().test(made_)
        assert report.outcome is outcome
        assert Holder(made_).numbers.size == 300
        if outcome is Outcome.FAILED:
            change = report.measured["promises"]["invariant.c"]["witnesses"][0]["changed"]["c"]
            assert set(change.values()) <= {"u", "v", "w"}


def test_nothing_declared_and_nothing_decided_are_said(tmp_path):
    assert (
        finding(asked(tmp_path, linear(), {"violations": {"max": 0}}), "behaviour.promises").outcome
        is Outcome.INCONCLUSIVE
    )
    made_ = made(tmp_path, linear(), {"monotone": {"a": "up"}})
    for changes in ({"task": "ranking"}, {"task": "regression", "threshold": None, "favourable": "higher"}):
        spec = replace(made_.plan.config.model, **changes)
        other = replace(made_, plan=replace(made_.plan, config=replace(made_.plan.config, model=spec)))
        assert finding(BehaviourGate().test(other), "behaviour.not_applicable")


@pytest.mark.parametrize(
    "criteria",
    [
        {"invariant": {"columns": ["nobody"]}},
        {"monotone": {"group": "up"}},
        {"never": [{"when": {"a": {"min": 9}}, "answer": "favourable"}]},
        {"never": [{"when": {"a": {"min": 0}}, "answer": "perhaps"}]},
    ],
)
def test_a_promise_that_cannot_be_held_is_inconclusive(tmp_path, criteria):
    report = asked(tmp_path, linear(), criteria)
    assert [f.outcome for f in report.findings] == [Outcome.INCONCLUSIVE]
    assert "cannot be held" in report.findings[0].what


def test_a_row_with_three_labels_is_held_to_its_favourable_side(tmp_path, monkeypatch):
    """A direction of whole numbers is tried value by value, and counted here by asking for each."""
    import skl2onnx

    from mlassay.config import ModelSpec
    from tests.gates import subjects

    label = Column("label", "category", "label", "before", values=("low", "middle", "high"))
    monkeypatch.setattr(subjects, "REST", (subjects.REST[0], label))
    rng = np.random.default_rng(0)
    x = np.column_stack([rng.normal(size=(200, 2)), rng.integers(0, 11, 200)]).astype(np.float32)
    y = np.digitize(x[:, 2] + rng.normal(scale=3, size=200), [3, 7])
    lines = [
        (*(str(float(v)) for v in row[:2]), str(int(row[2])), "x", label.values[t])
        for row, t in zip(x, y, strict=True)
    ]
    forest = RandomForestClassifier(9, max_depth=4, random_state=0).fit(x, y)
    proto = skl2onnx.to_onnx(forest, x[:1], options={"zipmap": False}, target_opset={"": 17, "ai.onnx.ml": 3})
    spec = ModelSpec("model.onnx", "multiclass-classification", "high", None)
    made_ = made(tmp_path, proto, {"monotone": {"n": "up"}}, data={"train": lines, "test": lines}, model=spec)
    told = finding(BehaviourGate().test(made_), "behaviour.monotone.n")
    every = made_.model.encode(made_.table.as_mapping())
    grid = np.array(
        [
            made_.model.answers({**every, "n": np.full(200, n, np.float32)}).argmax(axis=1) == 2
            for n in range(11)
        ]
    )
    own, at = made_.favoured, every["n"]
    values = np.arange(11)[:, None]
    falls = (own & ~grid & (values > at)) | (~own & grid & (values < at))
    assert told.numbers["violations"] == int(falls.any(axis=0).sum())
    assert told.numbers["undecided"] == 0
    assert told.outcome is Outcome.FAILED
