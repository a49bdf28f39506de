"""Metrics of three or more labels, of numbers and of orders: equal to scikit-learn's, with intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sk

from mlassay.evidence.verdict import Outcome
from mlassay.gates.common import Criteria
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance import assess
from mlassay.gates.performance_classes import CLASS_METRICS, ClassAnswers
from mlassay.gates.performance_ranks import RANK_METRICS, RankAnswers
from mlassay.gates.performance_values import VALUE_METRICS, ValueAnswers
from mlassay.statistics import Estimate
from mlassay.tasks import MULTICLASS, RANKING, REGRESSION
from tests.gates.subjects import finding

LABELS = ("low", "middle", "high")


def classes(count=600, seed=0, *, skill=1.0, labels=LABELS):
    """Labels and probabilities that follow them more or less."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(len(labels), count, p=np.arange(1, len(labels) + 1) / sum(range(len(labels) + 1)))
    raw = np.exp(rng.normal(size=(count, len(labels))) + skill * np.eye(len(labels))[truth])
    return truth.astype(np.int64), raw / raw.sum(axis=1, keepdims=True)


def class_rows(truth, probabilities, columns=None):
    predicted = probabilities.argmax(axis=1)
    return Evaluated(
        truth,
        predicted,
        probabilities[:, 2],
        float("nan"),
        2,
        "grade",
        LABELS,
        columns or {},
        {},
        MULTICLASS,
        probabilities,
        predicted == 2,
        truth == 2,
    )


def values(count=600, seed=0, *, noise=1.0):
    rng = np.random.default_rng(seed)
    truth = rng.normal(10, 2, count)
    return truth, truth + noise * rng.normal(size=count)


def value_rows(truth, answers, columns=None):
    empty = np.empty(0, np.int8)
    return Evaluated(
        truth, empty, answers, float("nan"), 1, "price", (), columns or {}, {}, REGRESSION, answers[:, None]
    )


def order(count=600, seed=0, *, skill=1.0, graded=False, rounded=False):
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=count)
    truth = np.clip(np.floor(latent + 1), 0, 3) if graded else (latent > 0.8).astype(float)
    scores = skill * latent + rng.normal(size=count)
    return truth, scores.round(1) if rounded else scores


def chosen(scores, share=0.2):
    picked = np.zeros(len(scores), np.int8)
    picked[np.argsort(-scores, kind="stable")[: int(share * len(scores))]] = 1
    return picked


def rank_rows(truth, scores, columns=None, *, labels=("no", "yes")):
    picked = chosen(scores)
    return Evaluated(
        truth,
        picked,
        scores,
        float("nan"),
        1,
        "clicked",
        labels,
        columns or {},
        {},
        RANKING,
        scores[:, None],
        picked == 1,
        truth > 0,
        chosen="share 0.2",
    )


def judged(rows, criteria, live=None):
    return assess(rows, Criteria("performance", criteria, {}), live)


@pytest.mark.parametrize("labels", [LABELS, tuple("abcdefgh")])
def test_metrics_of_many_labels_are_scikit_learns(labels) -> None:
    truth, probabilities = classes(1500, 3, labels=labels)
    answers = ClassAnswers(truth, probabilities.argmax(axis=1), probabilities)
    wanted = {
        "roc_auc": sk.roc_auc_score(truth, probabilities, multi_class="ovr", average="macro"),
        "accuracy": sk.accuracy_score(truth, answers.predicted),
        "balanced_accuracy": sk.balanced_accuracy_score(truth, answers.predicted),
        "macro_f1": sk.f1_score(truth, answers.predicted, average="macro"),
        "log_loss": sk.log_loss(truth, probabilities),
    }
    found = {name: metric.measure(answers) for name, metric in CLASS_METRICS.items()}
    assert {name: each.point for name, each in found.items()} == pytest.approx(wanted)
    assert all(each.lower < each.point < each.upper for each in found.values())


def test_metrics_of_numbers_are_scikit_learns() -> None:
    truth, answers = values(501, 4)
    wanted = {
        "mae": sk.mean_absolute_error(truth, answers),
        "rmse": sk.root_mean_squared_error(truth, answers),
        "median_absolute_error": sk.median_absolute_error(truth, answers),
        "r2": sk.r2_score(truth, answers),
    }
    found = {name: metric.measure(ValueAnswers(truth, answers)) for name, metric in VALUE_METRICS.items()}
    assert {name: each.point for name, each in found.items()} == pytest.approx(wanted)
    assert all(each.lower < each.point < each.upper for each in found.values())


@pytest.mark.parametrize("graded", [False, True])
@pytest.mark.parametrize("rounded", [False, True])
def test_metrics_of_an_order_are_scikit_learns(graded, rounded) -> None:
    truth, scores = order(400, 5, graded=graded, rounded=rounded)
    rows = rank_rows(truth, scores)
    found = {n: m.measure(RankAnswers.of(rows, scores[:, None])) for n, m in RANK_METRICS.items()}
    relevant, picked = truth > 0, rows.predicted == 1
    wanted = {
        "roc_auc": sk.roc_auc_score(relevant, scores),
        "precision_at_k": sk.precision_score(relevant, picked),
        "recall_at_k": sk.recall_score(relevant, picked),
        "ndcg": sk.ndcg_score([truth], [scores], k=80),
    }
    assert {name: each.point for name, each in found.items()} == pytest.approx(wanted)
    assert all(each.lower < each.point < each.upper for each in found.values())


def test_drops_are_the_differences_of_the_two_models() -> None:
    truth, one = classes(500, 1, skill=1.5)
    two = classes(500, 1, skill=0.5)[1]
    drops(
        CLASS_METRICS, *(ClassAnswers(truth, each.argmax(axis=1), each) for each in (one, two)), {"log_loss"}
    )
    truth, one = values(500, 1, noise=0.5)
    two = values(500, 1, noise=1.5)[1]
    drops(VALUE_METRICS, ValueAnswers(truth, one), ValueAnswers(truth, two), set(VALUE_METRICS) - {"r2"})
    truth, one = order(500, 1, skill=3)
    two = order(500, 1, skill=0.5)[1]
    drops(
        RANK_METRICS, *(RankAnswers.of(rank_rows(truth, each), each[:, None]) for each in (one, two)), set()
    )


def drops(kind, before, after, losses) -> None:
    """``after`` is worse by every metric, by as much as the two levels differ."""
    for name, metric in kind.items():
        old, new, drop = metric.measure(before).point, metric.measure(after).point, metric.drop(before, after)
        assert drop.point == pytest.approx(new - old if name in losses else old - new), name
        assert 0 < drop.lower < drop.point < drop.upper, name


def test_a_model_is_no_worse_than_itself_and_is_never_shown_to_be() -> None:
    truth, probabilities = classes(300)
    answers = ClassAnswers(truth, probabilities.argmax(axis=1), probabilities)
    for name, metric in CLASS_METRICS.items():
        drop = metric.drop(answers, answers)
        assert drop.point == 0, name
        assert drop.lower <= 0 <= drop.upper, name


COVERED = [
    ("macro_f1", 100, 1.0),
    ("macro_f1", 1000, 1.0),
    ("balanced_accuracy", 100, 3.0),
    ("rmse", 30, 1.0),
    ("rmse", 300, 1.0),
    ("mae", 30, 1.0),
    ("r2", 50, 1.0),
    ("r2", 500, 3.0),
    ("median_absolute_error", 50, 1.0),
    ("precision_at_k", 500, 2.0),
    ("ndcg", 300, 1.0),
]


@pytest.mark.parametrize(("name", "count", "skill"), COVERED)
def test_intervals_cover_the_truth(name, count, skill, monkeypatch) -> None:
    """Draws of a known population: the interval must hold its value in at least 93% of them."""

    def measured(rows, seed):
        if name in CLASS_METRICS:
            truth, given = classes(rows, seed, skill=skill)
            return CLASS_METRICS[name].measure(ClassAnswers(truth, given.argmax(axis=1), given))
        if name in VALUE_METRICS:
            return VALUE_METRICS[name].measure(ValueAnswers(*values(rows, seed, noise=skill)))
        truth, scores = order(rows, seed, skill=skill)
        return RANK_METRICS[name].measure(RankAnswers.of(rank_rows(truth, scores), scores[:, None]))

    with monkeypatch.context() as patched:
        # Of the whole population only the point is wanted, and no bootstrap of it.
        patched.setattr("mlassay.gates.performance_ranks.resampled", _point)
        true = measured(200_000, 999).point if name != "ndcg" else _mean_ndcg(measured, count)
    monkeypatch.setattr("mlassay.gates.performance_metrics._DRAWS", (200, 200))
    draws = 400 if name not in RANK_METRICS else 60
    found = [measured(count, seed) for seed in range(draws)]
    held = sum(each.lower <= true <= each.upper for each in found) / draws
    assert held >= (0.93 if draws == 400 else 0.91)  # fewer draws tell less exactly
    width = np.mean([each.upper - each.lower for each in found])
    assert width <= 6 * np.std([each.point for each in found])  # what says nothing holds always


def _point(statistic, rows):
    return Estimate(statistic(np.ones(rows)), 0.0, 1.0)


def _mean_ndcg(measured, count):
    """The discount depends on how many rows there are, so that the value to be covered is that of this size."""
    return float(np.mean([measured(count, seed).point for seed in range(5000, 6500)]))


def test_a_level_is_decided_by_its_whole_interval() -> None:
    rows = value_rows(*values(400))
    report = judged(rows, {"mae": {"max": 1.0}, "rmse": {"max": 0.5}, "r2": {"min": 0.755}})
    told = {each.id: each.outcome for each in report.findings}
    assert told["performance.mae.max"] is Outcome.PASSED
    assert told["performance.rmse.max"] is Outcome.FAILED
    assert told["performance.r2.min"] is Outcome.INCONCLUSIVE
    assert finding(report, "performance.rmse.max").numbers["threshold"] == "0.5000"


def test_small_units_are_written_with_digits_that_say_something() -> None:
    truth, answers = values(400)
    report = judged(value_rows(truth * 1e-7, answers * 1e-7), {"mae": {"max": 2e-7}})
    assert "where at most 0.0000002 is asked" in finding(report, "performance.mae.max").what
    assert finding(report, "performance.mae.max").outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("good", "bad", "live"),
    [
        (class_rows(*classes(skill=3)), class_rows(*classes(skill=0.5)), classes(skill=3)[1]),
        (value_rows(*values(noise=0.5)), value_rows(*values(noise=2.5)), values(noise=0.5)[1][:, None]),
        (rank_rows(*order(skill=4)), rank_rows(*order(skill=0.3)), order(skill=4)[1][:, None]),
    ],
    ids=["classes", "values", "order"],
)
def test_a_worse_model_is_failed_and_its_twin_passed(good, bad, live) -> None:
    criteria = {
        MULTICLASS: {"macro_f1": {"min": 0.7, "max_drop": 0.05}, "log_loss": {"max": 1.0}},
        REGRESSION: {"rmse": {"max": 1.0, "max_drop": 0.1}, "r2": {"min": 0.7}},
        RANKING: {"precision_at_k": {"min": 0.6, "max_drop": 0.1}, "ndcg": {"min": 0.6}},
    }[good.task]
    passed, failed = judged(good, criteria, live), judged(bad, criteria, live)
    assert passed.outcome is Outcome.PASSED, [f.what for f in passed.findings]
    declared = [each for each in failed.findings if "baseline" not in each.id]
    assert len(declared) == 3
    assert {each.outcome for each in declared} == {Outcome.FAILED}, [f.what for f in declared]
    assert all("rows_to_settle" in each.numbers for each in declared)


def test_a_model_that_says_one_thing_is_not_passed() -> None:
    truth, probabilities = classes()
    constant = np.tile(probabilities.mean(axis=0), (len(truth), 1))
    report = judged(class_rows(truth, constant), {"accuracy": {"min": 0.2}})
    assert finding(report, "performance.baseline.roc_auc").outcome is Outcome.INCONCLUSIVE
    truth, _ = values()
    report = judged(value_rows(truth, np.full(len(truth), truth.mean() + 3)), {"mae": {"max": 100}})
    assert finding(report, "performance.baseline.mae").outcome is Outcome.FAILED
    truth, scores = order(graded=True)
    report = judged(rank_rows(truth, -scores, labels=()), {"ndcg": {"min": 0.01}})
    assert finding(report, "performance.baseline.gain").outcome is Outcome.FAILED


def test_a_label_without_rows_is_named_and_not_passed() -> None:
    truth, probabilities = classes()
    keep = truth != 1
    rows = class_rows(truth[keep], probabilities[keep])
    report = judged(
        rows, {"macro_f1": {"min": 0.1}, "balanced_accuracy": {"min": 0.1}, "roc_auc": {"min": 0.1}}
    )
    assert finding(report, "performance.labels").outcome is Outcome.INCONCLUSIVE
    assert "middle" in finding(report, "performance.labels").what
    for name in ("macro_f1", "balanced_accuracy", "roc_auc"):
        assert finding(report, f"performance.{name}.min").outcome is Outcome.INCONCLUSIVE, name


def test_labels_that_are_all_equal_leave_r2_unknown() -> None:
    _, answers = values()
    report = judged(value_rows(np.full(len(answers), 10.0), answers), {"r2": {"min": -100}})
    assert finding(report, "performance.r2.min").outcome is Outcome.INCONCLUSIVE
    assert finding(report, "performance.r2.min").numbers["value"] == "unknown"


def test_nothing_relevant_leaves_an_order_unknown() -> None:
    truth, scores = order()
    report = judged(
        rank_rows(truth * 0, scores), {name: {"min": 0.01} for name in ("recall_at_k", "ndcg", "roc_auc")}
    )
    assert {each.outcome for each in report.findings} == {Outcome.INCONCLUSIVE}


def test_a_metric_of_another_task_is_named() -> None:
    report = judged(value_rows(*values()), {"accuracy": {"min": 0.5}})
    assert report.outcome is Outcome.INCONCLUSIVE
    assert "no metric is named accuracy" in finding(report, "performance.measurable").what


def test_a_slice_of_an_order_is_measured_on_what_was_chosen_of_all() -> None:
    truth, scores = order(800)
    odd = ["odd" if row % 2 else "even" for row in range(800)]
    rows = rank_rows(truth, scores, {"side": odd})
    report = judged(
        rows, {"precision_at_k": {"min": 0.3}, "slices": {"odd": {"column": "side", "values": ["odd"]}}}
    )
    side = np.arange(800) % 2 == 1
    precision = (truth > 0)[side & (rows.predicted == 1)].mean()
    assert finding(report, "performance.precision_at_k.min.odd").numbers["value"] == f"{precision:.4f}"


def test_equal_scores_at_the_cut_are_counted() -> None:
    truth, scores = order(500, rounded=True)
    measured = judged(rank_rows(truth, scores), {"ndcg": {"min": 0.1}}).measured["all"]
    assert measured["selected"] == 100
    assert measured["left_out_of_equal_score"] > 0


def test_a_failed_selection_names_the_nearest_that_would_keep_it_and_its_price() -> None:
    truth, scores = order(2000, skill=2)
    rows = rank_rows(truth, scores)
    failed = finding(judged(rows, {"recall_at_k": {"min": 0.9}}), "performance.recall_at_k.min")
    assert failed.outcome is Outcome.FAILED
    share = float(failed.remedy.partition("a share of ")[2].partition(" ")[0])
    best = np.argsort(-scores, kind="stable")
    recall = [(truth[best[: int(n / 100 * 2000)]] > 0).sum() / (truth > 0).sum() for n in range(101)]
    assert 0.2 < share < 1
    assert recall[round(share * 100)] > 0.9
    assert recall[round(share * 100) - 2] < 0.92
    assert "precision_at_k would go from" in failed.remedy
    hopeless = finding(judged(rows, {"precision_at_k": {"min": 0.999}}), "performance.precision_at_k.min")
    assert "No share of rows" in hopeless.remedy
