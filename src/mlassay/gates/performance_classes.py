"""Metrics of three or more labels by scikit-learn's definitions, each with a 95% interval, and their paired drops."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance_metrics import Metric, share
from mlassay.statistics import (
    Z95,
    Estimate,
    macro_auc,
    macro_auc_drop,
    mean_interval,
    paired_difference,
)

Array = NDArray[np.float64]
MOST_SHOWN = 25
"""Classes of which a report still shows the whole confusion matrix."""


@dataclass(frozen=True, slots=True)
class ClassAnswers:
    """One model's answers to some rows: ``truth`` and ``predicted`` are class indexes (n,), ``probabilities`` (n, k)."""

    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]
    probabilities: Array

    @classmethod
    def of(cls, rows: Evaluated, probabilities: Array) -> ClassAnswers:
        """Answers to ``rows`` with these probabilities; the highest decides, the first of equal ones."""
        return cls(rows.truth, probabilities.argmax(axis=1), probabilities)

    def where(self, rows: NDArray[np.bool_]) -> ClassAnswers:
        """The same for some of the rows."""
        return ClassAnswers(self.truth[rows], self.predicted[rows], self.probabilities[rows])

    @property
    def classes(self) -> int:
        """How many labels are declared."""
        return int(self.probabilities.shape[1])

    @property
    def right(self) -> NDArray[np.bool_]:
        """Which rows are answered as labelled."""
        return np.asarray(self.predicted == self.truth)

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Rows by label and answer, (k, k)."""
        k = self.classes
        table: NDArray[np.int64] = np.bincount(self.truth * k + self.predicted, minlength=k * k).reshape(k, k)
        return table

    @property
    def log_losses(self) -> Array:
        """Log loss of each row, probabilities clipped by the machine epsilon as scikit-learn does."""
        smallest = np.finfo(np.float64).eps
        given = self.probabilities[np.arange(len(self.truth)), self.truth]
        loss: Array = -np.log(np.clip(given, smallest, 1 - smallest))
        return loss


def accuracy(answers: ClassAnswers) -> Estimate:
    """Share of right answers, with Wilson's interval."""
    return share(int(answers.right.sum()), len(answers.truth))


def balanced_accuracy(answers: ClassAnswers) -> Estimate:
    """Mean of the recalls of every declared class, with the interval of a mean of independent shares (MOVER).

    Limits are unknown where a class has no row: nobody knows how it is treated. The point leaves it out.
    """
    table = answers.confusion
    recalls = [share(int(table[k, k]), int(table[k].sum())) for k in range(answers.classes)]
    return _mean_of(recalls)


def _mean_of(parts: Sequence[Estimate]) -> Estimate:
    """Mean of independent estimates: squares of their half-widths add up (Zou and Donner 2008, Stat Med 27:1693)."""
    points, lower, upper = (
        np.array([getattr(part, side) for part in parts]) for side in ("point", "lower", "upper")
    )
    known = points[np.isfinite(points)]
    point = float(known.mean()) if known.size else float("nan")
    below, above = (float(np.sqrt((gap**2).sum())) / len(parts) for gap in (points - lower, upper - points))
    return Estimate(point, point - below, point + above)


def _f1(answers: ClassAnswers) -> tuple[Array, Array]:
    """F1 of each class, (k,), and every row's influence on the mean of them, (n,); nan where a class is nowhere.

    F1 = 2 P(both) / (P(label) + P(answer)), and the influence is that ratio's derivative in each row.
    """
    k = np.arange(answers.classes)
    label, answer = answers.truth[:, None] == k, answers.predicted[:, None] == k
    rows, either = max(len(answers.truth), 1), label.astype(np.int64) + answer
    both, size = 2.0 * (label & answer).sum(axis=0), either.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = both / size
        influence = ((2 * (label & answer) - f1 * either) / (size / rows)).mean(axis=1)
    return f1, influence


def macro_f1(answers: ClassAnswers) -> Estimate:
    """Mean of every class's F1; delta method on the logit scale, and never narrower than `balanced_accuracy`.

    The delta method alone has no width where nothing is wrong, however few the rows.
    """
    if not len(answers.truth):
        return Estimate.unknown()
    each, influence = _f1(answers)
    point, around = float(each.mean()), balanced_accuracy(answers)
    half = _half(influence)
    lower, upper = point - half, point + half
    if 0 < point < 1:
        scaled = half / (point * (1 - point))
        lower, upper = float(expit(logit(point) - scaled)), float(expit(logit(point) + scaled))
    least, most = point - (around.point - around.lower), point + (around.upper - around.point)
    # In this order nan of either goes through.
    return Estimate(
        point, max(0.0, float(np.minimum(lower, least))), min(1.0, float(np.maximum(upper, most)))
    )


def _half(influence: Array) -> float:
    """Half of the 95% interval of a mean of influences, summed without BLAS: the same bytes on any machine."""
    rows = len(influence)
    return Z95 * float(np.sqrt((influence**2).sum())) / rows if rows else float("nan")


def _accuracy_drop(before: ClassAnswers, after: ClassAnswers) -> Estimate:
    """Newcombe's paired interval over the rows that one of the two gets right."""
    old, new = before.right, after.right
    cells = [int((a & b).sum()) for a, b in ((old, new), (old, ~new), (~old, new), (~old, ~new))]
    return paired_difference(*cells)


def _balanced_drop(before: ClassAnswers, after: ClassAnswers) -> Estimate:
    parts = []
    for label in range(before.classes):
        rows = before.truth == label
        parts.append(_accuracy_drop(before.where(rows), after.where(rows)))
    return _mean_of(parts)


def _f1_drop(before: ClassAnswers, after: ClassAnswers) -> Estimate:
    """Delta method on the rows' paired influences, and never narrower than the drop of `balanced_accuracy`."""
    if not len(before.truth):
        return Estimate.unknown()
    (old, old_influence), (new, new_influence) = _f1(before), _f1(after)
    point, half, around = (
        float(old.mean() - new.mean()),
        _half(old_influence - new_influence),
        _balanced_drop(before, after),
    )
    below, above = (
        np.maximum(half, around.point - around.lower),
        np.maximum(half, around.upper - around.point),
    )
    return Estimate(point, point - float(below), point + float(above))


CLASS_METRICS: Mapping[str, Metric[ClassAnswers]] = MappingProxyType(
    {
        "roc_auc": Metric(
            lambda answers: macro_auc(answers.truth, answers.probabilities),
            lambda before, after: macro_auc_drop(before.truth, before.probabilities, after.probabilities),
        ),
        "accuracy": Metric(accuracy, _accuracy_drop),
        "balanced_accuracy": Metric(balanced_accuracy, _balanced_drop),
        "macro_f1": Metric(macro_f1, _f1_drop),
        "log_loss": Metric(
            lambda answers: mean_interval(answers.log_losses),
            lambda before, after: mean_interval(after.log_losses - before.log_losses),
        ),
    }
)


def class_words(answers: ClassAnswers, rows: Evaluated) -> dict[str, Any]:
    """How many rows each label has, and the confusion matrix (a row for each label) where it is small."""
    table = answers.confusion
    words: dict[str, Any] = {"labels": dict(zip(rows.labels, table.sum(axis=1).tolist(), strict=True))}
    return words | ({"confusion": table.tolist()} if len(table) <= MOST_SHOWN else {})
