"""The performance gate over plain arrays: scikit-learn's metrics, verdict rules, drops, baselines and slices."""

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from mlassay.digest import canonical
from mlassay.evidence.verdict import Outcome
from mlassay.gates.common import Criteria
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance import PerformanceGate, assess, decide, rows_to_settle
from mlassay.gates.performance_metrics import METRICS, Answers
from mlassay.statistics import Estimate
from tests.gates.subjects import subject
from tests.model.models import linear

THEIRS = {
    "roc_auc": lambda y, _, s: sk.roc_auc_score(y, s),
    "average_precision": lambda y, _, s: sk.average_precision_score(y, s),
    "accuracy": lambda y, p, _: sk.accuracy_score(y, p),
    "balanced_accuracy": lambda y, p, _: sk.balanced_accuracy_score(y, p),
    "precision": lambda y, p, _: sk.precision_score(y, p),
    "recall": lambda y, p, _: sk.recall_score(y, p),
    "f1": lambda y, p, _: sk.f1_score(y, p),
    "log_loss": lambda y, _, s: sk.log_loss(y, s),
    "brier": lambda y, _, s: sk.brier_score_loss(y, s),
}


def answers(truth, scores, threshold=0.5):
    scores = np.asarray(scores, np.float64)
    return Answers(np.asarray(truth, np.int8), (scores >= threshold).astype(np.int8), scores)


def evaluated(truth, scores, columns=None):
    one = answers(truth, scores)
    return Evaluated(one.truth, one.predicted, one.scores, 0.5, 0, "deny", ("no", "yes"), columns or {}, {})


def drawn(rows=2000, signal=1.5, rate=0.5, seed=1):
    generator = np.random.default_rng(seed)
    truth = (generator.random(rows) < rate).astype(np.int8)
    return truth, 1 / (1 + np.exp(-(generator.normal(size=rows) + signal * (truth - 0.5))))


def right(rows, share, rate=0.5):
    """Rows of which exactly this share is decided right, whichever label they have."""
    truth = (np.arange(rows) % 100 < 100 * rate).astype(np.int8)
    wrong = np.arange(rows) >= round(rows * share)
    return truth, np.where(truth ^ wrong, 0.9, 0.1)


def judge(rows, live=None, **criteria):
    return assess(rows, Criteria("performance", criteria, {"gates.performance.accuracy.min": 7}), live)


def found(report, id_):
    return next(finding for finding in report.findings if finding.id == id_)


# Metrics


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 20)), min_size=4, max_size=60))
def test_metrics_are_scikit_learns(rows):
    truth, scores = np.array(rows).T
    one = answers(truth, scores / 20)
    tn, fp, fn, tp = one.confusion
    if not (tn + fp and fn + tp and tp + fp):
        return  # what is not defined is unknown here, and a warning there
    for name, theirs in THEIRS.items():
        ours = METRICS[name].measure(one).point
        expected = theirs(one.truth, one.predicted, one.scores)
        if not np.isnan(ours):
            assert ours == pytest.approx(expected, abs=1e-10), name


@pytest.mark.parametrize("name", list(METRICS))
def test_intervals_cover_the_truth(name):
    truth, scores = drawn(rows=400_000, seed=50)
    true, held = METRICS[name].measure(answers(truth, scores)).point, 0
    for start in range(0, 400 * 250, 250):
        part = slice(start, start + 250)
        estimate = METRICS[name].measure(answers(truth[part], scores[part]))
        held += estimate.lower <= true <= estimate.upper
    assert held / 400 >= 0.93


@pytest.mark.parametrize("name", [name for name in METRICS if name != "average_precision"])
def test_intervals_of_the_drop_cover_the_truth(name):
    truth, before = drawn(rows=200_000, seed=60)
    noise = np.random.default_rng(61).normal(size=200_000)
    after = 1 / (1 + np.exp(-(np.log(before / (1 - before)) + 0.5 * noise)))
    true, held = METRICS[name].drop(answers(truth, before), answers(truth, after)).point, 0
    for start in range(0, 200 * 400, 400):
        part = slice(start, start + 400)
        estimate = METRICS[name].drop(answers(truth[part], before[part]), answers(truth[part], after[part]))
        held += estimate.lower <= true <= estimate.upper
    assert held / 200 >= 0.92


@pytest.mark.parametrize("name", list(METRICS))
def test_a_drop_is_positive_when_worse_and_nothing_against_itself(name):
    truth, scores = drawn(400)
    worse = 1 - scores
    assert METRICS[name].drop(answers(truth, scores), answers(truth, worse)).lower > 0
    itself = METRICS[name].drop(answers(truth, scores), answers(truth, scores))
    assert itself.point == 0
    assert -0.02 < itself.lower <= 0 <= itself.upper < 0.02


# The verdict rules


def test_a_level_is_decided_by_its_whole_interval():
    outcomes = [
        found(
            judge(evaluated(*right(1190, share)), accuracy={"min": 0.85}), "performance.accuracy.min"
        ).outcome
        for share in (0.903, 0.86, 0.80)
    ]
    assert outcomes == [Outcome.PASSED, Outcome.INCONCLUSIVE, Outcome.FAILED]


def test_nothing_known_is_never_passed_or_failed():
    nan = float("nan")
    for estimate in (Estimate(0.9, nan, nan), Estimate(nan, nan, 0.1), Estimate(nan, 0.9, nan)):
        for bound in ("min", "max", "max_drop"):
            assert decide(estimate, bound, 0.5) is Outcome.INCONCLUSIVE


def test_a_ceiling_holds_losses():
    truth, scores = drawn()
    report = judge(evaluated(truth, scores), brier={"max": 0.5}, log_loss={"max": 0.1})
    assert found(report, "performance.brier.max").outcome is Outcome.PASSED
    assert found(report, "performance.log_loss.max").outcome is Outcome.FAILED


def test_few_rows_conclude_nothing_however_good():
    report = judge(evaluated(*right(29, 1.0)), accuracy={"min": 0.5})
    assert found(report, "performance.accuracy.min").outcome is Outcome.INCONCLUSIVE


def test_one_class_leaves_ranking_unknown():
    report = judge(evaluated(np.zeros(100, int), np.linspace(0, 1, 100)), roc_auc={"min": 0.7})
    assert report.outcome is Outcome.INCONCLUSIVE
    assert found(report, "performance.roc_auc.min").numbers["value"] == "unknown"


@pytest.mark.parametrize(
    ("rows", "criteria"),
    [
        (evaluated(*drawn(100)), {}),
        (evaluated(*drawn(100)), {"rationale": "none"}),
        (evaluated(*drawn(100)), {"accuracy": {"min": 0}, "gini": {"min": 0.1}}),
        (evaluated([], []), {"accuracy": {"min": 0.1}}),
        (evaluated([0, 1] * 50, [np.nan] * 100), {"accuracy": {"min": 0.0}}),
    ],
)
def test_what_cannot_be_measured_is_inconclusive(rows, criteria):
    report = judge(rows, **criteria)
    assert report.outcome is Outcome.INCONCLUSIVE
    assert [finding.id for finding in report.findings] == ["performance.measurable"]


def test_as_many_rows_as_are_said_settle_it():
    truth, scores = right(400, 0.87)
    finding = found(judge(evaluated(truth, scores), accuracy={"min": 0.85}), "performance.accuracy.min")
    assert finding.outcome is Outcome.INCONCLUSIVE
    needed = finding.numbers["rows_to_settle"]
    assert str(needed) in finding.remedy
    settled = 0
    for seed in range(200):
        hits = int(np.random.default_rng(seed).binomial(needed, 0.87))
        estimate = METRICS["accuracy"].of_counts((hits, needed - hits, 0, 0))
        settled += decide(estimate, "min", 0.85) is not Outcome.INCONCLUSIVE
    assert 0.7 < settled / 200 < 0.9
    assert rows_to_settle(Estimate(0.85, 0.8, 0.9), 0.85, 100) is None


# The live release


def test_nothing_live_is_said_by_name_and_does_not_block():
    report = judge(evaluated(*right(1190, 0.9)), accuracy={"min": 0.85, "max_drop": 0.02})
    finding = found(report, "performance.accuracy.max_drop")
    assert finding.outcome is Outcome.PASSED
    assert "nothing is live" in finding.what


def test_a_drop_is_paired_on_the_same_rows():
    truth, live = right(1190, 0.905)
    same = judge(evaluated(truth, live), live, accuracy={"max_drop": 0.02})
    assert found(same, "performance.accuracy.max_drop").outcome is Outcome.PASSED
    worse = judge(evaluated(*right(1190, 0.84)), live, accuracy={"max_drop": 0.02})
    assert found(worse, "performance.accuracy.max_drop").outcome is Outcome.FAILED
    a_little = judge(evaluated(*right(1190, 0.885)), live, accuracy={"max_drop": 0.02})
    assert found(a_little, "performance.accuracy.max_drop").outcome is Outcome.INCONCLUSIVE


def test_a_live_model_that_cannot_answer_is_inconclusive():
    rows = evaluated(*right(1190, 0.9))
    for live in ("the live model cannot answer these rows", np.full(1190, np.nan)):
        finding = found(judge(rows, live, accuracy={"max_drop": 0.5}), "performance.accuracy.max_drop")
        assert finding.outcome is Outcome.INCONCLUSIVE
        assert "live model" in finding.what


# Baselines


def test_accuracy_under_the_majority_fails_only_where_accuracy_is_asked():
    truth, scores = drawn(3000, signal=1.5, rate=0.08)
    rows = evaluated(truth, scores)
    asked = found(judge(rows, accuracy={"min": 0.1}), "performance.baseline.accuracy")
    not_asked = found(judge(rows, roc_auc={"min": 0.6}), "performance.baseline.accuracy")
    assert asked.outcome is Outcome.FAILED
    assert not_asked.outcome is Outcome.PASSED
    assert "decides nothing" in not_asked.what


def test_a_model_that_always_gives_the_majority_answer_is_not_passed():
    truth = (np.arange(1000) % 10 == 0).astype(np.int8)
    report = judge(evaluated(truth, np.full(1000, 0.1)), accuracy={"min": 0.85})
    assert found(report, "performance.accuracy.min").outcome is Outcome.PASSED
    assert report.outcome is Outcome.INCONCLUSIVE


def test_a_model_the_wrong_way_round_is_failed():
    truth, scores = drawn()
    assert (
        found(
            judge(evaluated(truth, 1 - scores), roc_auc={"min": 0.0}), "performance.baseline.roc_auc"
        ).outcome
        is Outcome.FAILED
    )


# Slices


def test_a_slice_is_held_to_the_same_criteria():
    truth, scores = right(2000, 0.95)
    where = np.where(np.arange(2000) >= 1800, "north", "south").tolist()
    ages = [str(age) for age in np.where(np.arange(2000) >= 1800, 70, 40)]
    rows = evaluated(truth, scores, {"area": where, "age": ages})
    slices = {
        "north": {"column": "area", "values": ["north"]},
        "south": {"column": "area", "equals": "south"},
        "old": {"column": "age", "min": 65},
        "nobody": {"column": "age", "max": 10},
    }
    report = judge(rows, accuracy={"min": 0.85}, slices=slices)
    outcomes = {name: found(report, f"performance.accuracy.min.{name}").outcome for name in slices}
    assert found(report, "performance.accuracy.min").outcome is Outcome.PASSED
    assert outcomes == {
        "north": Outcome.FAILED,
        "south": Outcome.PASSED,
        "old": Outcome.FAILED,
        "nobody": Outcome.INCONCLUSIVE,
    }


# What is said


def test_a_failure_names_the_nearest_threshold_that_would_keep_it():
    truth, logits = drawn(2000, signal=3)
    scores = logits**2.5  # well ranked, badly placed
    finding = found(judge(evaluated(truth, scores), recall={"min": 0.9}), "performance.recall.min")
    assert finding.outcome is Outcome.FAILED
    threshold = float(re.search(r"on these rows is (\d\.\d{3})", finding.remedy).group(1))
    assert METRICS["recall"].measure(answers(truth, scores, threshold)).lower >= 0.9
    assert METRICS["recall"].measure(answers(truth, scores, threshold + 0.001)).lower < 0.9
    accuracy = float(re.search(r"accuracy would go from \S+ to (\d\.\d{3})", finding.remedy).group(1))
    assert accuracy == pytest.approx(((scores >= threshold) == truth).mean(), abs=0.0006)


def test_a_report_is_canonical_json_with_lines():
    report = judge(evaluated(*right(1190, 0.8)), accuracy={"min": 0.85}, f1={"min": 0.2})
    canonical([report.measured, report.criteria, [dict(f.numbers) for f in report.findings]])
    assert found(report, "performance.accuracy.min").line == 7
    assert report.measured["all"]["accuracy"]["value"] == "0.8000"


# On a real model and real files


def test_the_gate_scores_the_model_itself_and_the_live_one_on_the_same_rows(tmp_path):
    criteria = {"performance": {"accuracy": {"min": 0.6, "max_drop": 0.2}}}
    new = subject(tmp_path, linear(), criteria)
    live = tmp_path / "live.onnx"
    live.write_bytes(linear().SerializeToString())
    report = PerformanceGate().test(replace(new, live=live))
    assert found(report, "performance.accuracy.max_drop").numbers["value"] == "0.0000"
    assert found(report, "performance.accuracy.max_drop").outcome is Outcome.PASSED
    assert found(report, "performance.accuracy.min").numbers["rows"] == 200


def test_a_live_model_that_cannot_be_read_is_named_and_not_passed(tmp_path):
    live = tmp_path / "live.onnx"
    live.write_bytes(b"no model")
    criteria = {"performance": {"accuracy": {"max_drop": 0.2}}}
    report = PerformanceGate().test(replace(subject(tmp_path, linear(), criteria), live=live))
    assert found(report, "performance.accuracy.max_drop").outcome is Outcome.INCONCLUSIVE


REPORT = """
import hashlib, numpy as np
from mlassay.digest import canonical
from mlassay.gates import bias, performance
from mlassay.gates.common import Criteria
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance_metrics import METRICS
g = np.random.default_rng(3)
truth, scores = g.integers(0, 2, 1500).astype("int8"), g.random(1500)
columns = {"g": g.choice(["\\u00e9", "I", "i", "z", ""], 1500).tolist(), "h": g.choice(["x", "y"], 1500).tolist()}
rows = Evaluated(truth, (scores >= .5).astype("int8"), scores, .5, 1, "l", ("a", "b"), columns, {})
metrics = {name: {"max_drop": 0.1} for name in METRICS}
one = bias.assess(rows, Criteria("bias", {"sensitive": ["g"], "selection_rate_ratio": {"min": .99}}, {}))
two = performance.assess(rows, Criteria("performance", metrics, {}), g.random(1500))
for report in (one, two):
    found = [[f.id, f.what, f.why, f.remedy, dict(f.numbers)] for f in report.findings]
    print(hashlib.sha256(canonical([report.measured, found])).hexdigest())
"""


def test_reports_are_the_same_bytes_in_any_locale_with_any_number_of_threads():
    printed = set()
    for language, threads, seed in (("C", "1", "0"), ("tr_TR.UTF-8", "4", "77")):
        env = {
            "LC_ALL": language,
            "OMP_NUM_THREADS": threads,
            "OPENBLAS_NUM_THREADS": threads,
            "PYTHONHASHSEED": seed,
        }
        done = subprocess.run(
            [sys.executable, "-c", REPORT], env=env, capture_output=True, text=True, check=True
        )
        printed.add(done.stdout)
    assert len(printed) == 1
    assert len(printed.pop().split()) == 2
