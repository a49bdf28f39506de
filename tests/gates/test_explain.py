"""What a model leans on: measured as scikit-learn does, held against the live release, and told row by row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlassay.digest import canonical
from mlassay.evidence.codec import report_json
from mlassay.evidence.verdict import Outcome
from mlassay.gates.explain import ExplainGate
from mlassay.gates.explain_change import turned
from mlassay.gates.explain_importance import Importance, importance, rank_change, recorded
from mlassay.gates.explain_lean import LINEAR, REPLACED, leaning
from mlassay.statistics import Estimate
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION, TASKS
from tests.factory import tasks
from tests.gates.subjects import finding


def logistic(weights, bias=0.0):
    """A logistic model with these weights, as scikit-learn exports it."""
    import skl2onnx
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression()
    model.classes_, model.coef_, model.intercept_ = (
        np.array(["no", "yes"]),
        np.array([weights], dtype=float),
        np.array([bias]),
    )
    model.n_features_in_ = 2
    proto = skl2onnx.to_onnx(
        model,
        np.zeros((1, 2), np.float32),
        options={"zipmap": False},
        target_opset={"": 17, "ai.onnx.ml": 3},
    )
    return bytes(proto.SerializeToString())


def subject(tmp_path, task, criteria=None, *, library="sklearn", model=None, live=None, more=None):
    path = tmp_path / "team"
    made = tasks.subject(tasks.repository(path, task, library=library, model=model))
    if live is not None:
        (tmp_path / "live").mkdir()
        (tmp_path / "live/model.onnx").write_bytes(live)
        made = replace(made, live=tmp_path / "live/model.onnx")
    gates = {"explain": criteria or {}, **(more or {})}
    return replace(made, plan=replace(made.plan, gates=gates))


@pytest.mark.parametrize("task", TASKS)
def test_every_task_records_what_it_leans_on(tmp_path, task) -> None:
    library = "lightgbm" if task == RANKING else "sklearn"
    report = ExplainGate().test(subject(tmp_path, task, {"columns": ["a"]}, library=library))
    assert report.outcome is Outcome.PASSED
    columns = report.measured["importance"]["columns"]
    assert [each["column"] for each in columns] == ["a", "b"]
    assert float(columns[1]["lower"]) > 0
    (curve,) = report.measured["curves"]
    assert len(curve["values"]) == len(curve["average"]) == 20
    assert all(len(line["scores"]) == 20 for line in curve["rows"])
    assert float(curve["average"][0]) < float(curve["average"][-1])
    canonical(report.measured)  # integers and decimal strings only


def test_the_same_rows_give_the_same_bytes(tmp_path) -> None:
    asked = subject(tmp_path, BINARY, {"required": "per-decision", "columns": ["a", "b"]})
    assert report_json(ExplainGate().test(asked)) == report_json(ExplainGate().test(asked))


@pytest.mark.parametrize("task", TASKS)
def test_no_rows_explain_nothing(tmp_path, task) -> None:
    made = tasks.subject(
        tasks.repository(
            tmp_path / "team", task, library="lightgbm" if task == RANKING else "sklearn", lines=[]
        )
    )
    asked = replace(made, plan=replace(made.plan, gates={"explain": {"required": "per-decision"}}))
    report = ExplainGate().test(asked)
    assert [each.id for each in report.findings] == ["explain.measurable"]
    assert report.outcome is Outcome.INCONCLUSIVE


def test_importance_is_that_of_scikit_learn(tmp_path) -> None:
    from sklearn.inspection import permutation_importance
    from sklearn.linear_model import LogisticRegression

    asked = subject(tmp_path, BINARY)
    found = importance(asked, asked.model, "roc_auc")
    _, x, y = tasks.table(BINARY)
    _, test_x, test_y = tasks.table(BINARY, seed=1)
    theirs = permutation_importance(
        LogisticRegression().fit(x, y), test_x, test_y, scoring="roc_auc", n_repeats=20, random_state=0
    )
    for name, value in zip("ab", theirs.importances_mean, strict=True):
        assert found.columns[name].lower < value < found.columns[name].upper


def test_curves_are_those_of_scikit_learn(tmp_path) -> None:
    from sklearn.inspection import partial_dependence
    from sklearn.linear_model import LogisticRegression

    report = ExplainGate().test(subject(tmp_path, BINARY, {"columns": ["b"]}))
    (curve,) = report.measured["curves"]
    _, x, y = tasks.table(BINARY)
    rows = tasks.table(BINARY, seed=1)[1]
    index = np.unique(np.linspace(0, len(rows) - 1, 500).astype(int))
    grid = np.linspace(-10, 10, 20, dtype=np.float32)
    theirs = partial_dependence(
        LogisticRegression().fit(x, y),
        rows[index],
        [1],
        custom_values={1: grid},
        response_method="predict_proba",
    )["average"][0]
    assert np.array(curve["average"], dtype=float) == pytest.approx(theirs, abs=2e-4)


def test_a_curve_that_cannot_be_drawn_is_named(tmp_path) -> None:
    report = ExplainGate().test(subject(tmp_path, BINARY, {"columns": ["group", "nowhere", "a"]}))
    assert finding(report, "explain.column.group").outcome is Outcome.INCONCLUSIVE
    assert finding(report, "explain.column.nowhere").outcome is Outcome.INCONCLUSIVE
    assert [each["column"] for each in report.measured["curves"]] == ["a"]


@pytest.mark.parametrize("changed", [True, False])
def test_a_model_that_leans_on_other_things_than_the_live_one_fails(tmp_path, changed) -> None:
    live = logistic([0.5, -2.0]) if changed else logistic([2.2, -0.9])
    asked = subject(tmp_path, BINARY, {"rank_change": {"max": 0.2}}, live=live)
    found = finding(ExplainGate().test(asked), "explain.rank_change")
    assert found.outcome is (Outcome.FAILED if changed else Outcome.PASSED)
    if changed:
        assert "first were b, a, now a, b" in found.what
        assert float(found.numbers["gap"]) > 0


def test_what_the_live_release_recorded_is_read_and_garbage_is_not(tmp_path) -> None:
    asked = subject(tmp_path, BINARY, {"rank_change": {"max": 0.2}}, live=logistic([2.2, -0.9]))
    folder = tmp_path / "live/gates"
    folder.mkdir()
    (folder / "explain.json").write_bytes(report_json(ExplainGate().test(asked)))
    assert recorded(asked.live, "roc_auc") is not None
    assert recorded(asked.live, "brier") is None
    report = ExplainGate().test(asked)
    assert report.measured["rank_change"]["against"] == "its recorded report"
    assert finding(report, "explain.rank_change").outcome is Outcome.PASSED
    for garbage in (b"[]", b"{", b'{"measured": {"importance": {"metric": "roc_auc", "columns": [3]}}}'):
        (folder / "explain.json").write_bytes(garbage)
        assert recorded(asked.live, "roc_auc") is None


def test_while_nothing_is_live_a_change_does_not_apply(tmp_path) -> None:
    found = finding(
        ExplainGate().test(subject(tmp_path, BINARY, {"rank_change": {"max": 0.2}})), "explain.rank_change"
    )
    assert found.outcome is Outcome.PASSED
    assert "nothing is live" in found.what


def made(values, half=0.001):
    return Importance("roc_auc", 100, {n: Estimate(v, v - half, v + half) for n, v in values.items()})


def test_a_change_of_order_counts_as_much_as_it_weighs() -> None:
    before = made({"a": 0.3, "b": 0.1, "c": 0.001, "d": 0.0})
    assert rank_change(before, before).point == 0
    assert rank_change(made({"a": 0.3, "b": 0.1, "c": 0.0, "d": 0.001}), before).point < 0.01
    assert rank_change(made({"a": 0.0, "b": 0.1, "c": 0.2, "d": 0.3}), before).lower > 0.5
    assert rank_change(made({"a": 0.1, "b": 0.3}, half=0.5), before).upper > 0.25
    assert rank_change(made({"z": 0.3}), made({"a": 0.3})).point == 1


def test_noise_alone_is_seldom_called_a_change() -> None:
    rng, failed = np.random.default_rng(0), 0
    true, error = np.array([0.2, 0.1, 0.05, 0.0, 0.0]), 0.02
    for _ in range(60):
        now, then = (
            Importance(
                "m",
                100,
                {
                    str(j): Estimate(v, v - 1.96 * error, v + 1.96 * error)
                    for j, v in enumerate(true + error * z)
                },
            )
            for z in rng.standard_normal((2, 5))
        )
        failed += rank_change(now, then).lower > 0.1
    assert failed <= 3


@pytest.mark.parametrize(
    ("library", "task", "criteria", "outcome"),
    [
        ("sklearn", BINARY, {"required": "white-box"}, Outcome.PASSED),
        ("sklearn", MULTICLASS, {"required": "white-box"}, Outcome.PASSED),
        ("lightgbm", BINARY, {"required": "white-box"}, Outcome.FAILED),
        ("lightgbm", BINARY, {"required": "white-box", "leaves": {"max": 1000}}, Outcome.PASSED),
        ("network", BINARY, {"required": "white-box"}, Outcome.FAILED),
        ("lightgbm", BINARY, {"required": "per-decision"}, Outcome.PASSED),
        ("network", BINARY, {"required": "per-decision"}, Outcome.PASSED),
        ("sklearn", REGRESSION, {"required": "per-decision"}, Outcome.PASSED),
        ("lightgbm", RANKING, {"required": "per-decision"}, Outcome.INCONCLUSIVE),
        ("lightgbm", RANKING, {"required": "global"}, Outcome.PASSED),
    ],
)
def test_how_far_a_model_can_be_explained(tmp_path, library, task, criteria, outcome) -> None:
    report = ExplainGate().test(subject(tmp_path, task, criteria, library=library))
    assert finding(report, "explain.required").outcome is outcome


def test_decisions_that_no_range_lets_change_are_not_explained(tmp_path) -> None:
    asked = subject(tmp_path, BINARY, {"required": "per-decision"}, library="lightgbm")
    manifest = asked.plan.evaluation
    bare = tuple(replace(c, minimum=None, maximum=None) for c in manifest.columns)
    plan = replace(asked.plan, manifests={"applications": replace(manifest, columns=bare)})
    report = ExplainGate().test(replace(asked, plan=plan))
    assert finding(report, "explain.required").outcome is Outcome.FAILED


def inputs(asked, count):
    every = asked.model.encode(asked.table.as_mapping())
    return {name: np.asarray(values)[:count] for name, values in every.items()}


def test_the_nearest_turning_value_is_where_a_linear_score_is_zero(tmp_path) -> None:
    asked = subject(tmp_path, BINARY, model=logistic([2.0, -1.0], 0.5))
    rows = inputs(asked, 40)
    columns, fixed = turned(asked, rows)
    assert not fixed
    a, b = columns
    want = (rows["b"] - 0.5) / 2
    assert a.value == pytest.approx(want, abs=1e-3)
    assert b.value == pytest.approx(2 * rows["a"] + 0.5, abs=1e-3)
    assert a.proven.all()
    assert a.share == pytest.approx(np.abs(want - rows["a"]) / 20, abs=1e-3)
    for row in range(40):
        point = {"a": np.array([a.short(row)], dtype=np.float32), "b": rows["b"][row : row + 1]}
        assert (asked.model.score(point)[0] >= 0.5) != (asked.scores[row] >= 0.5)


def test_the_nearest_turning_value_of_trees_is_proven_and_no_grid_finds_a_nearer_one(tmp_path) -> None:
    asked = subject(tmp_path, BINARY, library="lightgbm")
    rows = inputs(asked, 25)
    a = turned(asked, rows)[0][0]
    grid = np.linspace(-10, 10, 4001).astype(np.float32)
    for row in range(25):
        other = asked.model.score({"a": grid, "b": np.full(len(grid), rows["b"][row])}) >= 0.5
        turns = grid[other != (asked.scores[row] >= 0.5)]
        if turns.size:
            assert abs(a.value[row] - rows["a"][row]) <= np.abs(turns - rows["a"][row]).min() + 1e-5
        else:
            assert np.isnan(a.value[row])
    assert a.proven.mean() > 0.9


def test_directions_and_steps_that_are_declared_hold(tmp_path) -> None:
    perturb = {"columns": {"a": {"direction": "up", "step": 0.5}}, "radius": 0.01}
    asked = subject(tmp_path, BINARY, model=logistic([2.0, -1.0]), more={"adversarial": {"perturb": perturb}})
    rows = inputs(asked, 40)
    a = turned(asked, rows)[0][0]
    known = np.isfinite(a.value)
    assert (a.value[known] > rows["a"][known]).all()
    steps = (a.value[known] - rows["a"][known]) / 0.5
    assert steps == pytest.approx(np.rint(steps), abs=1e-4)
    assert not known[asked.predicted[:40] == 1].any()


def test_parts_of_a_linear_answer_add_up(tmp_path) -> None:
    asked = subject(tmp_path, BINARY, model=logistic([2.0, -1.0], 0.5))
    found = leaning(asked, 3)
    rows = inputs(asked, len(asked.table))
    assert found.method == LINEAR
    parts = dict(found.parts)
    assert parts["a"] == pytest.approx(2 * (rows["a"][3] - rows["a"].mean()), abs=1e-4)
    mean = 0.5 + 2 * rows["a"].mean() - rows["b"].mean()
    assert mean + sum(parts.values()) == pytest.approx(
        np.log(asked.scores[3] / (1 - asked.scores[3])), abs=1e-3
    )


@pytest.mark.parametrize("task", [BINARY, MULTICLASS, REGRESSION, RANKING])
def test_parts_of_other_answers_are_of_values_replaced(tmp_path, task) -> None:
    asked = subject(tmp_path, task, library="sklearn" if task == REGRESSION else "lightgbm")
    found = leaning(asked, 0)
    assert found.method == REPLACED
    assert {name for name, _ in found.parts} == {"a", "b"}
    assert found == leaning(asked, 0)
