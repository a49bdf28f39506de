"""The champion gate counts who is decided otherwise than by the live release, and says when people must look."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from mlassay.digest import canonical
from mlassay.evidence.codec import report_json
from mlassay.evidence.verdict import Outcome
from mlassay.gates.champion import ChampionGate, assess
from mlassay.gates.champion_live import Live
from mlassay.gates.common import Criteria
from mlassay.gates.evaluated import Evaluated
from mlassay.tasks import MULTICLASS, RANKING
from tests.gates.subjects import config, finding, rows, subject
from tests.model.models import fitted, linear

CRITERIA = {"disagreement": {"max": 0.1}, "disagreement_by_group": {"max": 0.2}}
DATA = {"train": rows(60, seed=1), "test": rows(600, seed=2)}
NOW = (2.0, 0.0, 0.0)
ALIKE = (2.0, 0.05, 0.0)
OTHER = (0.5, -2.0, 0.0)


def made(tmp_path, live=None, *, gates=None, threshold=0.5, was=None):
    """A release of the model NOW; ``was`` is the threshold that the live one reported."""
    tmp_path.mkdir(parents=True, exist_ok=True)
    asked = subject(tmp_path, linear(NOW, 0.0), gates={"champion": gates or CRITERIA}, data=DATA)
    if threshold != 0.5:
        spec = replace(asked.plan.config.model, threshold=threshold)
        asked = replace(asked, plan=replace(asked.plan, config=replace(asked.plan.config, model=spec)))
    if live is None:
        return asked
    folder = tmp_path / "live"
    (folder / "gates").mkdir(parents=True)
    (folder / "model.onnx").write_bytes(live.SerializeToString())
    if was is not None:
        text = (
            was
            if isinstance(was, bytes)
            else report_json(ChampionGate().test(made(tmp_path / "was", threshold=was)))
        )
        (folder / "gates/champion.json").write_bytes(text)
    return replace(asked, live=folder / "model.onnx")


def test_nothing_live_passes_in_words(tmp_path):
    report = ChampionGate().test(made(tmp_path))
    assert report.outcome is Outcome.PASSED
    assert "nothing is live" in finding(report, "champion.disagreement").what
    assert report.measured == {"decided_at": "0.5"}


def test_a_model_that_decides_otherwise_fails_and_its_repaired_twin_passes(tmp_path):
    (bad, good) = (
        ChampionGate().test(made(tmp_path / w, linear(weights, 0.0)))
        for w, weights in (("a", OTHER), ("b", ALIKE))
    )
    assert (bad.outcome, good.outcome) == (Outcome.FAILED, Outcome.PASSED)
    for report in (bad, good):
        canonical(dict(report.measured))
        assert {f.id for f in report.findings} == {
            "champion.disagreement",
            "champion.disagreement_by_group.group=x",
            "champion.disagreement_by_group.group=y",
        }
    told = finding(bad, "champion.disagreement")
    assert told.numbers["gap"].startswith("0.")
    assert "rows_to_settle" in told.numbers
    assert "threshold" in told.remedy
    directions = bad.measured["worse_off"] + bad.measured["better_off"]
    assert directions == bad.measured["changed"] == told.numbers["count"]


def test_the_same_model_changes_nobody(tmp_path):
    report = ChampionGate().test(made(tmp_path, linear(NOW, 0.0)))
    assert report.measured["changed"] == 0
    assert report.measured["changed_rows"] == []
    assert report.measured["favourable"]["p"] == "1.0000"


def test_rows_that_change_are_named_by_number_only_those_worse_off_first(tmp_path):
    asked = made(tmp_path, linear(OTHER, 0.0))
    shown = ChampionGate().test(asked).measured["changed_rows"]
    assert len(shown) == 6
    assert {row["for_the_row"] for row in shown} == {"worse"}
    moved = [abs(float(row["score"]) - float(row["live_score"])) for row in shown]
    assert moved == sorted(moved, reverse=True)
    for row in shown:
        assert set(row) == {"row", "live", "now", "live_score", "score", "for_the_row", "smallest_group"}
        assert float(row["score"]) == pytest.approx(float(asked.scores[row["row"] - 1]), abs=1e-4)
        assert (row["live"], row["now"]) == ("yes", "no")


def test_the_live_release_decides_at_the_threshold_that_it_was_released_with(tmp_path):
    moved = ChampionGate().test(made(tmp_path / "a", linear(NOW, 0.0), threshold=0.2, was=0.5))
    assert moved.measured["worse_off"] == 0
    assert moved.measured["better_off"] > 60
    assert moved.outcome is Outcome.FAILED
    same = ChampionGate().test(made(tmp_path / "b", linear(NOW, 0.0), threshold=0.2, was=0.2))
    assert same.measured["changed"] == 0
    for name, was in (("c", None), ("d", b"[" * 9999), ("e", b'{"measured": {"decided_at": "nan"}}')):
        unknown = ChampionGate().test(made(tmp_path / name, linear(NOW, 0.0), threshold=0.2, was=was))
        assert any("own threshold" in text for text in unknown.not_looked_at)
        assert unknown.measured["changed"] == 0


def test_a_live_model_of_other_inputs_is_inconclusive(tmp_path):
    report = ChampionGate().test(made(tmp_path, fitted(LogisticRegression(), columns=4)[0]))
    assert report.outcome is Outcome.INCONCLUSIVE
    assert "cannot answer these rows" in finding(report, "champion.disagreement").what


def test_few_rows_settle_nothing(tmp_path):
    asked = subject(tmp_path, linear(NOW, 0.0), gates={"champion": CRITERIA}, data={**DATA, "test": rows(20)})
    (tmp_path / "live.onnx").write_bytes(linear(OTHER, 0.0).SerializeToString())
    report = ChampionGate().test(replace(asked, live=tmp_path / "live.onnx"))
    assert {f.outcome for f in report.findings} == {Outcome.INCONCLUSIVE}


def test_a_group_that_changes_is_told_apart_from_all(tmp_path):
    group = np.array(["x"] * 900 + ["y"] * 100)
    scores = np.full(1000, 0.9)
    before = np.where(group == "y", 0.1, 0.9)
    report = judged(scores, before, {"group": group.tolist()}, disagreement={"max": 0.15})
    assert finding(report, "champion.disagreement").outcome is Outcome.PASSED
    assert finding(report, "champion.disagreement_by_group.group=y").outcome is Outcome.FAILED
    assert finding(report, "champion.disagreement_by_group.group=x").outcome is Outcome.PASSED
    assert report.measured["groups"]["group=y"]["better_off"] == 100


def judged(scores, before, columns, **changed):
    truth = np.arange(len(scores)) % 2
    predicted, old = ((each >= 0.5).astype(np.int8) for each in (scores, before))
    now = Evaluated(truth, predicted, scores, 0.5, 1, "label", ("no", "yes"), columns, {})
    live = Live(before[:, None], before, old, old == 1, 0.5, ())
    return assess(now, Criteria("champion", {**CRITERIA, **changed}, {}), live)


def test_by_group_without_sensitive_columns_decides_nothing():
    report = judged(np.full(100, 0.9), np.full(100, 0.9), {})
    assert finding(report, "champion.disagreement_by_group").outcome is Outcome.INCONCLUSIVE


def test_groups_that_truly_keep_the_limit_seldom_fail_and_those_at_it_seldom_pass():
    rng = np.random.default_rng(5)
    failed = passed = 0
    for _ in range(80):
        group = rng.choice(list("abcde"), 1000).tolist()
        before = np.where(rng.random(1000) < 0.2, 0.1, 0.9)
        outcomes = [
            f.outcome
            for f in judged(np.full(1000, 0.9), before, {"g": group}, disagreement={"max": 0.2}).findings
        ]
        failed += Outcome.FAILED in outcomes[1:]
        passed += outcomes[0] is Outcome.PASSED
    assert failed <= 8
    assert passed <= 6


def test_more_labels_and_selections_are_compared_too():
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 300)
    answers = rng.dirichlet((1, 1, 1), 300)
    other = rng.dirichlet((1, 1, 1), 300)
    for task, labels in ((MULTICLASS, ("a", "b", "c")), (RANKING, ())):
        kept, was = (
            a.argmax(axis=1) if task == MULTICLASS else (a[:, 2] > 0.5).astype(int) for a in (answers, other)
        )
        good = 2 if task == MULTICLASS else 1
        now = Evaluated(
            truth,
            kept,
            answers[:, 2],
            float("nan"),
            good,
            "l",
            labels,
            {},
            {},
            task,
            answers,
            kept == good,
            truth == 2,
        )
        live = Live(other, other[:, 2], was, was == good, None, ())
        report = assess(now, Criteria("champion", {"disagreement": {"max": 0.1}}, {}), live)
        assert report.outcome is Outcome.FAILED
        assert "roc_auc_drop" in report.measured
        assert "decided_at" not in report.measured
        assert finding(report, "champion.disagreement").remedy
        canonical(dict(report.measured))


def test_a_number_without_a_threshold_is_not_applicable(tmp_path):
    asked = made(tmp_path)
    spec = replace(config({}).model, task="regression", threshold=None, favourable="higher")
    asked = replace(asked, plan=replace(asked.plan, config=replace(asked.plan.config, model=spec)))
    assert finding(ChampionGate().test(asked), "champion.not_applicable").outcome is Outcome.INCONCLUSIVE
