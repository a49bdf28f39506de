"""The nearest decision threshold at which a failed metric would have passed, and its price."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mlassay.digest import decimal_string
from mlassay.gates.performance_metrics import METRICS, Answers, Confusion, accuracy
from mlassay.gates.thresholds import SETTINGS
from mlassay.statistics import Estimate


def nearest_setting(answers: Answers, threshold: float, name: str, bound: str, limit: float) -> str:
    """A sentence on the nearest of `SETTINGS` whose interval keeps ``limit``; empty where no threshold matters."""
    measure = METRICS[name].of_counts
    if measure is None:
        return ""
    by_setting = confusions(answers)
    for position in np.argsort(abs(SETTINGS - threshold), kind="stable").tolist():
        estimate = measure(by_setting[position])
        if _keeps(estimate, bound, limit):
            return _sentence(SETTINGS[position], name, estimate, answers, by_setting[position])
    return (
        f"No threshold from {SETTINGS[0]} to {SETTINGS[-1]} was found to keep this criterion on these rows. "
    )


def confusions(answers: Answers) -> list[Confusion]:
    """The confusion matrix at each of `SETTINGS`, from one histogram of scores."""
    # A score in bin b reaches the first b settings.
    bins = np.searchsorted(SETTINGS, answers.scores, side="right")
    size = len(SETTINGS) + 1
    table: NDArray[np.int64] = np.bincount(
        answers.truth.astype(np.int64) * size + bins, minlength=2 * size
    ).reshape(2, size)
    reach = np.cumsum(table[:, ::-1], axis=1)[:, ::-1][:, 1:]
    rest = table.sum(axis=1, keepdims=True) - reach
    tn, fp, fn, tp = rest[0].tolist(), reach[0].tolist(), rest[1].tolist(), reach[1].tolist()
    return list(zip(tn, fp, fn, tp, strict=True))


def _keeps(estimate: Estimate, bound: str, limit: float) -> bool:
    return estimate.lower >= limit if bound == "min" else estimate.upper <= limit


def _sentence(setting: float, name: str, estimate: Estimate, answers: Answers, counts: Confusion) -> str:
    price = ""
    if name != "accuracy":
        now, then = accuracy(answers.confusion).point, accuracy(counts).point
        price = f", and accuracy would go from {decimal_string(now, 3)} to {decimal_string(then, 3)}"
    return (
        f"The nearest threshold that would keep this criterion on these rows is {decimal_string(setting, 3)}, "
        f"where {name} is {decimal_string(estimate.point, 3)}{price}; {counts[1]} false positives and {counts[2]} "
        f"false negatives in place of {answers.confusion[1]} and {answers.confusion[2]}. A threshold chosen on the "
        "rows that test it is optimistic: choose it on other rows. "
    )
