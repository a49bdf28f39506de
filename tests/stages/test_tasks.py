"""Each task from ml.yaml to verdict: real models of two libraries, in repositories, by `mlassay run` in this process."""

from __future__ import annotations

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import helper

from mlassay.cli import cli
from mlassay.errors import Unmeasurable
from mlassay.evidence import read_verdict
from mlassay.gates.common import Criteria, not_applicable
from mlassay.gates.contract import ContractGate
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance import PerformanceGate
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION, TASKS
from tests.factory.tasks import LABEL, fitted, repository, subject, table
from tests.gates.subjects import finding
from tests.model.models import floats, model, value


def run(project, code=0):
    """`mlassay run` in the team's folder; its verdict, if it got so far."""
    done = CliRunner().invoke(cli, ["run", "-C", str(project.folder)])
    assert done.exit_code == code, done.output
    path = project.folder / ".mlassay/run/test/verdict.json"
    return read_verdict(path.read_bytes(), "verdict") if path.is_file() else None, done.output


def gate(verdict, id_):
    (found,) = [each for each in verdict.gates if each.gate == id_]
    return found


@pytest.mark.parametrize(
    ("task", "library"), [(task, "sklearn") for task in TASKS] + [(task, "lightgbm") for task in TASKS[1:]]
)
def test_every_task_gets_a_verdict(tmp_path, task, library) -> None:
    verdict, said = run(repository(tmp_path, task, library=library))
    assert {each.gate: str(each.outcome) for each in verdict.gates} == dict.fromkeys(
        ("data", "contract", "performance"), "passed"
    ), said
    assert (tmp_path / "team/.mlassay/run/test/report.md").read_text().startswith("# ")


WRONG = {
    MULTICLASS: lambda y: np.select([y == "bad", y == "good"], ["good", "middling"], "bad"),
    REGRESSION: lambda y: -y,
    RANKING: lambda y: np.where(y == "yes", "no", "yes"),
}


@pytest.mark.parametrize("task", TASKS[1:])
def test_a_model_that_learned_wrong_labels_is_failed(tmp_path, task) -> None:
    _, x, y = table(task)
    verdict, _ = run(repository(tmp_path, task, model=fitted(task, x, WRONG[task](y))), code=1)
    assert gate(verdict, "performance").outcome == "failed"
    assert gate(verdict, "contract").outcome == "passed"


@pytest.mark.parametrize("task", TASKS[1:])
def test_a_gate_that_does_not_take_a_task_yet_says_so_and_does_not_pass(tmp_path, task, monkeypatch) -> None:
    project = repository(tmp_path, task)
    report = not_applicable(Criteria.of(subject(project), "performance"), f"a {task} is not measured.")
    assert (report.outcome, report.findings[0].id) == ("inconclusive", "performance.not_applicable")
    assert report.findings[0].what == f"the gate performance does not apply: a {task} is not measured"
    assert report.findings[0].line


@pytest.mark.parametrize("task", TASKS)
def test_a_live_release_is_compared_on_the_same_rows(tmp_path, task) -> None:
    _, x, y = table(task)
    live = tmp_path / "live.onnx"
    live.write_bytes(fitted(task, x, y))
    name = {MULTICLASS: "macro_f1", REGRESSION: "rmse", RANKING: "precision_at_k"}.get(task, "accuracy")
    wrong = fitted(task, x, WRONG.get(task, WRONG[RANKING])(y))
    criteria = f"{name}: {{max_drop: 0.1}}"
    same = repository(tmp_path / "same", task, criteria=criteria)
    worse = repository(tmp_path / "worse", task, criteria=criteria, model=wrong)
    found = [PerformanceGate().test(subject(each, live=live)) for each in (same, worse)]
    assert [finding(each, f"performance.{name}.max_drop").outcome for each in found] == ["passed", "failed"]


def test_a_live_release_of_another_task_is_named_and_not_passed(tmp_path) -> None:
    _, x, y = table(BINARY)
    (tmp_path / "live.onnx").write_bytes(fitted(BINARY, x, y))
    project = repository(tmp_path, MULTICLASS, criteria="accuracy: {max_drop: 0.1}")
    report = PerformanceGate().test(subject(project, live=tmp_path / "live.onnx"))
    held = finding(report, "performance.accuracy.max_drop")
    assert held.outcome == "inconclusive"
    assert "the live model cannot answer these rows" in held.what


@pytest.mark.parametrize(
    ("task", "label", "said"),
    [
        (MULTICLASS, "unheard", "is not one of the declared values (bad, good, middling)"),
        (MULTICLASS, "", "(the first is row 3: empty)"),
        (REGRESSION, "much", "is not a number"),
        (REGRESSION, "", "is not a number"),
        (RANKING, "perhaps", "is not one of the declared values"),
        (BINARY, "perhaps", "is not one of the declared values (no, yes)"),
    ],
)
def test_a_row_without_a_usable_label_is_named_and_nothing_passes(tmp_path, task, label, said) -> None:
    lines = table(task, seed=1)[0]
    lines[2] = lines[2].rpartition(",")[0] + f",{label}"
    verdict, _ = run(repository(tmp_path, task, lines=lines), code=1)
    assert {each.gate: str(each.outcome) for each in verdict.gates} == {
        "data": "failed",
        "contract": "passed",
        "performance": "inconclusive",
    }
    assert finding(gate(verdict, "data"), "data.label.label").outcome == "failed"
    assert said in finding(gate(verdict, "performance"), "performance.unmeasurable").what


@pytest.mark.parametrize("task", TASKS)
def test_one_label_only_or_no_rows_never_pass(tmp_path, task) -> None:
    lines = [line.rpartition(",")[0] for line in table(task, seed=1)[0]]
    same = "0.5" if task == REGRESSION else "good" if task == MULTICLASS else "yes"
    verdict, _ = run(repository(tmp_path / "one", task, lines=[f"{line},{same}" for line in lines]), code=1)
    assert (gate(verdict, "data").outcome, gate(verdict, "contract").outcome) == ("failed", "passed")
    assert gate(verdict, "performance").outcome != "passed"
    verdict, _ = run(repository(tmp_path / "none", task, lines=[]), code=1)
    assert gate(verdict, "data").outcome == "failed"
    for name in ("contract", "performance"):
        assert gate(verdict, name).outcome == "inconclusive"
        assert "there are no evaluation rows" in gate(verdict, name).summary


def made(nodes, *, width, initialisers=()):
    """A graph over X (n, 2) that ends in the one output ``answers``."""
    outputs = [value("answers", [None, width])]
    return model(
        nodes, inputs=[value("X", [None, 2])], outputs=outputs, initialisers=initialisers
    ).SerializeToString()


@pytest.mark.parametrize(
    ("task", "width", "rule"),
    [(MULTICLASS, 3, "probabilities"), (REGRESSION, 1, "finite"), (RANKING, 1, "finite")],
)
def test_answers_that_mean_nothing_are_failed_by_the_contract(tmp_path, task, width, rule) -> None:
    weights = [floats("W", np.ones((2, width)))]
    matmul = helper.make_node("MatMul", ["X", "W"], ["answers" if rule == "probabilities" else "z"])
    root = [] if rule == "probabilities" else [helper.make_node("Sqrt", ["z"], ["answers"])]
    project = repository(tmp_path, task, model=made([matmul, *root], width=width, initialisers=weights))
    verdict, _ = run(project, code=1)
    assert finding(gate(verdict, "contract"), f"contract.{rule}").outcome == "failed"
    assert gate(verdict, "performance").outcome != "passed"


@pytest.mark.parametrize(("task", "width"), [(MULTICLASS, 2), (MULTICLASS, 4), (REGRESSION, 2), (RANKING, 3)])
def test_a_model_of_another_width_is_refused_with_what_the_task_asks(tmp_path, task, width) -> None:
    node = helper.make_node("MatMul", ["X", "W"], ["answers"])
    project = repository(
        tmp_path, task, model=made([node], width=width, initialisers=[floats("W", np.ones((2, width)))])
    )
    held = finding(ContractGate().test(subject(project)), "contract.outputs")
    assert held.outcome == "failed"
    assert f"rows x {width}" in held.what


@pytest.mark.parametrize("library", ["sklearn", "lightgbm", "network"])
def test_a_model_whose_classes_stand_in_another_order_is_refused(tmp_path, library) -> None:
    project = repository(tmp_path, MULTICLASS, library=library)
    assert ContractGate().test(subject(project)).outcome == "passed"
    path = project.folder / "data/applications.manifest.yaml"
    path.write_text(path.read_text().replace("[bad, good, middling]", "[bad, middling, good]"))
    held = finding(ContractGate().test(subject(project)), "contract.outputs")
    assert held.outcome == "failed"
    assert "another order" in held.what


def test_a_large_unit_is_no_difference_between_batches(tmp_path) -> None:
    """float32 moves by parts in a million of the answer, not of one."""
    weights = [floats("W", np.full((2, 1), 123456.789)), floats("B", [1e6])]
    nodes = [helper.make_node("Gemm", ["X", "W", "B"], ["answers"])]
    project = repository(tmp_path, REGRESSION, model=made(nodes, width=1, initialisers=weights))
    assert ContractGate().test(subject(project)).outcome == "passed"


def test_what_people_get_is_told_for_every_task(tmp_path) -> None:
    """`favoured` and `deserved`, by each task's own rule."""
    for task in TASKS:
        looked = subject(repository(tmp_path / task, task))
        rows = Evaluated.of(looked, ["group"])
        assert (rows.favoured == looked.favoured).all()
        assert rows.favoured.shape == rows.deserved.shape == looked.scores.shape == (1200,)
        assert (rows.favoured == rows.deserved).mean() > 0.8
    multi = subject(repository(tmp_path / "two", MULTICLASS, spec="favourable: [good, middling]"))
    assert (multi.scores == multi.answers[:, [1, 2]].sum(axis=1)).all()
    assert (multi.favoured == np.isin(multi.predicted, [1, 2])).all()
    assert Evaluated.of(multi, []).good == "label=good or middling"
    assert Evaluated.of(multi, []).bad == "label=bad"
    lower = subject(repository(tmp_path / "lower", REGRESSION, spec="favourable: lower, threshold: 2"))
    assert (lower.favoured == (lower.scores < 2)).all()
    assert Evaluated.of(lower, []).good == "label<2"
    chosen = subject(repository(tmp_path / "count", RANKING, spec="select: {count: 50}"))
    assert chosen.favoured.sum() == 50
    assert chosen.scores[chosen.favoured].min() >= chosen.scores[~chosen.favoured].max()


def test_a_regression_without_threshold_decides_nothing(tmp_path) -> None:
    looked = subject(repository(tmp_path, REGRESSION, spec="favourable: higher"))
    assert not looked.decides
    assert looked.favoured is None
    with pytest.raises(Unmeasurable, match=r"model\.threshold is not declared"):
        _ = looked.predicted
    rows = Evaluated.of(looked, [])
    assert (len(rows.predicted), rows.favoured, rows.deserved) == (0, None, None)
    assert PerformanceGate().test(looked).outcome == "passed"


def test_a_ranking_may_have_degrees_of_relevance(tmp_path, monkeypatch) -> None:
    _, x, y = table(REGRESSION)
    grades = np.clip(np.round(y / 5 + 1), 0, 4)
    monkeypatch.setitem(LABEL, RANKING, "type: integer, min: 0, max: 4")
    rows, _, values = table(REGRESSION, seed=1)
    graded = np.clip(np.round(values / 5 + 1), 0, 4).astype(int)
    lines = [f"{line.rpartition(',')[0]},{grade}" for line, grade in zip(rows, graded, strict=True)]
    project = repository(
        tmp_path,
        RANKING,
        model=fitted(REGRESSION, x, grades),
        lines=lines,
        criteria="ndcg: {min: 0.7}",
        train=lines,
    )
    report = PerformanceGate().test(subject(project))
    assert report.outcome == "passed", [each.what for each in report.findings]
    assert finding(report, "performance.baseline.gain").outcome == "passed"
