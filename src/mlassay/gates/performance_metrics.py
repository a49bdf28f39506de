"""Metrics by scikit-learn's definitions, each with a 95% interval, and their drop against another model.

Class 1 is the positive class of precision, recall and f1, as in scikit-learn. Everything but AUC and the two
losses is a function of the four counts of a confusion matrix, so nothing is resampled where algebra serves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from mlassay.gates.evaluated import Evaluated
from mlassay.statistics import (
    SEED,
    Z95,
    Estimate,
    auc_drop,
    auc_interval,
    mean_interval,
    mover_difference,
    paired_bootstrap,
    paired_difference,
    wilson,
)

Array = NDArray[np.float64]
Confusion = tuple[int, int, int, int]
"""True negatives, false positives, false negatives, true positives."""


@dataclass(frozen=True, slots=True)
class Answers:
    """One model's answers to some rows: ``truth`` and ``predicted`` are classes, ``scores`` P(class 1); shape (n,)."""

    truth: NDArray[np.int8]
    predicted: NDArray[np.int8]
    scores: Array

    def where(self, rows: NDArray[np.bool_]) -> Answers:
        """The same for some of the rows."""
        return Answers(self.truth[rows], self.predicted[rows], self.scores[rows])

    @property
    def confusion(self) -> Confusion:
        """The four counts of these rows."""
        tn, fp, fn, tp = np.bincount(self.truth * 2 + self.predicted, minlength=4).tolist()
        return tn, fp, fn, tp

    @property
    def log_losses(self) -> Array:
        """Log loss of each row, scores clipped by the machine epsilon as scikit-learn does."""
        smallest = np.finfo(np.float64).eps
        given = np.clip(np.where(self.truth == 1, self.scores, 1 - self.scores), smallest, 1 - smallest)
        loss: Array = -np.log(given)
        return loss

    @property
    def squared_errors(self) -> Array:
        """Brier score of each row."""
        error: Array = (self.truth - self.scores) ** 2
        return error


_DRAWS = (200, 1000)
"""Least and most draws of a bootstrap over rows."""

A = TypeVar("A")


@dataclass(frozen=True, slots=True)
class Metric(Generic[A]):
    """How a metric is measured alone and against another model on the same rows.

    ``drop`` is how much worse the second argument is than the first, positive when worse, whichever way the
    metric runs. ``of_counts`` measures it from a confusion matrix, where that is all it takes.
    """

    measure: Callable[[A], Estimate]
    drop: Callable[[A, A], Estimate]
    of_counts: Callable[[Confusion], Estimate] | None = None


def share(count: int, of: int) -> Estimate:
    """A share with Wilson's interval; unknown of nothing."""
    if not of:
        return Estimate.unknown()
    lower, upper = wilson(count, of)
    return Estimate(count / of, float(lower), float(upper))


def accuracy(counts: Confusion) -> Estimate:
    """Share of right answers, with Wilson's interval."""
    tn, fp, fn, tp = counts
    return share(tn + tp, tn + fp + fn + tp)


def precision(counts: Confusion) -> Estimate:
    """Share of true ones among those called positive, with Wilson's interval; unknown where none is."""
    _, fp, _, tp = counts
    return share(tp, tp + fp)


def recall(counts: Confusion) -> Estimate:
    """Share of the positives that are called so, with Wilson's interval; unknown where there are none."""
    _, _, fn, tp = counts
    return share(tp, tp + fn)


def f1(counts: Confusion) -> Estimate:
    """F1, with Wilson's interval carried over: F1 = 2s/(1+s) of the share s = tp/(tp+fp+fn).

    (Hand, Christen and Kirielle 2021, Mach Learn 110:451.)
    """
    _, fp, fn, tp = counts
    known = share(tp, tp + fp + fn)
    return Estimate(*(2 * s / (1 + s) for s in (known.point, known.lower, known.upper)))


def balanced_accuracy(counts: Confusion) -> Estimate:
    """Mean of the recalls of both classes, with the interval of a mean of two independent shares (MOVER)."""
    tn, fp, fn, tp = counts
    return _mean_of_two(share(tp, tp + fn), share(tn, tn + fp))


def _mean_of_two(first: Estimate, second: Estimate) -> Estimate:
    """The sum a + b as the difference a - (-b), halved."""
    lower, upper = mover_difference(
        first.point,
        (np.asarray(first.lower), np.asarray(first.upper)),
        -second.point,
        (np.asarray(-second.upper), np.asarray(-second.lower)),
    )
    return Estimate((first.point + second.point) / 2, float(lower) / 2, float(upper) / 2)


def _accuracy_drop(before: Answers, after: Answers) -> Estimate:
    """Newcombe's paired interval over the rows that one of the two gets right."""
    old, new = before.predicted == before.truth, after.predicted == after.truth
    cells = [int((a & b).sum()) for a, b in ((old, new), (old, ~new), (~old, new), (~old, ~new))]
    return paired_difference(*cells)


def _recall_drop(before: Answers, after: Answers, label: int = 1) -> Estimate:
    rows = before.truth == label
    return _accuracy_drop(before.where(rows), after.where(rows))


def _balanced_drop(before: Answers, after: Answers) -> Estimate:
    return _mean_of_two(*(_recall_drop(before, after, label) for label in (1, 0)))


def _auc_drop(before: Answers, after: Answers) -> Estimate:
    return auc_drop(before.truth, before.scores, after.scores)


def _mean_drop(losses: Callable[[Answers], Array], before: Answers, after: Answers) -> Estimate:
    return mean_interval(losses(after) - losses(before))


@dataclass(frozen=True, slots=True)
class _Ranked:
    """Rows from the highest score down, sorted once for many weightings; ``last`` ends each run of equal scores."""

    order: NDArray[np.int64]
    positive: NDArray[np.bool_]
    last: NDArray[np.int64]

    @classmethod
    def of(cls, answers: Answers) -> _Ranked:
        order = np.argsort(-answers.scores, kind="stable")
        steps = np.flatnonzero(np.diff(answers.scores[order]))
        return cls(order, answers.truth[order] == 1, np.append(steps, len(order) - 1))

    def average_precision(self, weights: Array) -> float:
        """As scikit-learn defines it (steps, not trapezes), for (n,) weights; nan without a positive."""
        weights = weights[self.order]
        above = np.cumsum(weights)[self.last]
        hits = np.cumsum(weights * self.positive)[self.last]
        gained = np.diff(hits, prepend=0)
        some = gained > 0  # ties of weight zero at the top have no precision, and gain nothing
        return float((gained[some] * hits[some] / above[some]).sum() / hits[-1]) if hits[-1] else float("nan")


def average_precision(answers: Answers) -> Estimate:
    """Average precision, with the interval of its logit over the positives (Boyd, Eng and Page 2013, ECML 451).

    Unknown at 0 or 1, where that interval has no width however few the rows.
    """
    positives = int((answers.truth == 1).sum())
    if not positives or not np.isfinite(answers.scores).all():
        return Estimate.unknown()
    point = _Ranked.of(answers).average_precision(np.ones(len(answers.truth)))
    if not 0 < point < 1:
        return Estimate(point, float("nan"), float("nan"))
    half = Z95 / np.sqrt(positives * point * (1 - point))
    return Estimate(point, float(expit(logit(point) - half)), float(expit(logit(point) + half)))


def average_precision_drop(before: Answers, after: Answers) -> Estimate:
    """Drop in average precision, with a seeded bootstrap over rows that both models share."""
    rows = len(before.truth)
    if rows == 0 or not (before.truth == 1).any():
        return Estimate.unknown()
    old, new = _Ranked.of(before), _Ranked.of(after)
    estimate = resampled(
        lambda weights: old.average_precision(weights) - new.average_precision(weights), rows
    )
    return estimate if np.isfinite(estimate.lower) else Estimate.unknown()


def resampled(statistic: Callable[[Array], float], rows: int) -> Estimate:
    """Percentile interval of a seeded bootstrap over rows; ``statistic`` takes how often each stands there, (n,).

    Limits are unknown where a draw has no answer: leaving it out would make the interval too narrow.
    """
    if not rows:
        return Estimate.unknown()
    generator = np.random.Generator(np.random.PCG64(SEED))
    drawn = [
        statistic(np.bincount(generator.integers(0, rows, rows), minlength=rows).astype(np.float64))
        for _ in range(int(np.clip(2e8 // rows, *_DRAWS)))
    ]
    point = statistic(np.ones(rows))
    if not np.isfinite(drawn).all():
        return Estimate(point, float("nan"), float("nan"))
    lower, upper = np.quantile(drawn, [0.025, 0.975])
    return Estimate(point, float(lower), float(upper))


def _resampled_drop(statistic: Callable[[Array], Array], before: Answers, after: Answers) -> Estimate:
    """Bootstrap over the eight cells of truth, old and new answer: one seeded multinomial draw each."""
    cells = np.bincount(before.truth * 4 + before.predicted * 2 + after.predicted, minlength=8)

    def drop(counts: Array) -> Array:
        table = counts.reshape(*counts.shape[:-1], 2, 2, 2)
        # Axes left over: truth and answer of the old model, of the new one.
        return statistic(table.sum(axis=-1)) - statistic(table.sum(axis=-2))

    return paired_bootstrap(cells, drop)


def _precision_of(tables: Array) -> Array:
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = tables[..., 1, 1] / (tables[..., 1, 1] + tables[..., 0, 1])
    return value


def _f1_of(tables: Array) -> Array:
    twice = 2 * tables[..., 1, 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Array = twice / (twice + tables[..., 0, 1] + tables[..., 1, 0])
    return value


def _counted(
    of_counts: Callable[[Confusion], Estimate], drop: Callable[[Answers, Answers], Estimate]
) -> Metric[Answers]:
    return Metric(lambda answers: of_counts(answers.confusion), drop, of_counts)


METRICS: Mapping[str, Metric[Answers]] = MappingProxyType(
    {
        "roc_auc": Metric(lambda answers: auc_interval(answers.truth, answers.scores), _auc_drop),
        "average_precision": Metric(average_precision, average_precision_drop),
        "accuracy": _counted(accuracy, _accuracy_drop),
        "balanced_accuracy": _counted(balanced_accuracy, _balanced_drop),
        "precision": _counted(precision, partial(_resampled_drop, _precision_of)),
        "recall": _counted(recall, _recall_drop),
        "f1": _counted(f1, partial(_resampled_drop, _f1_of)),
        "log_loss": Metric(
            lambda answers: mean_interval(answers.log_losses),
            partial(_mean_drop, lambda answers: answers.log_losses),
        ),
        "brier": Metric(
            lambda answers: mean_interval(answers.squared_errors),
            partial(_mean_drop, lambda answers: answers.squared_errors),
        ),
    }
)


def confusion_words(answers: Answers, _: Evaluated) -> dict[str, Any]:
    """The four counts under their names."""
    names = ("true_negatives", "false_positives", "false_negatives", "true_positives")
    return dict(zip(names, answers.confusion, strict=True))
