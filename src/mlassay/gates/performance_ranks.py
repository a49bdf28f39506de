"""Metrics of an order of rows of which the first are chosen, by scikit-learn's definitions where it has them.

Selection is over all rows, whatever part of them is measured: precision of a slice is that of its chosen rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, shown
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance_baseline import against_chance
from mlassay.gates.performance_metrics import Metric, resampled, share
from mlassay.gates.performance_words import significant
from mlassay.statistics import Estimate, auc_drop, auc_interval

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankAnswers:
    """One model's scores and the relevance of all rows, (n,) each, how many are ``chosen``, and which are measured.

    ``order`` lists rows from the highest score down, of equal ones the earlier first.
    """

    truth: Array
    scores: Array
    chosen: int
    part: NDArray[np.bool_]
    order: NDArray[np.int64]

    @classmethod
    def of(cls, rows: Evaluated, answers: Array) -> RankAnswers:
        """Answers to ``rows`` from the model's (n, k) output; as many are chosen as the release chooses."""
        scores = answers[:, -1]
        everywhere = np.ones(len(scores), bool)
        return cls(
            rows.truth.astype(np.float64),
            scores,
            int(rows.predicted.sum()),
            everywhere,
            np.argsort(-scores, kind="stable"),
        )

    def where(self, rows: NDArray[np.bool_]) -> RankAnswers:
        """The same, measured on some of the rows."""
        return replace(self, part=self.part & rows)

    @property
    def relevant(self) -> NDArray[np.bool_]:
        """Rows over zero."""
        return np.asarray(self.truth > 0)

    def drawn(self, weights: Array) -> Array:
        """How often each row is chosen, (n,), where rows stand there (n,) ``weights`` times, ones for the rows as they are."""
        upto = np.minimum(np.cumsum(weights[self.order]), self.chosen)
        taken = np.empty(len(weights))
        taken[self.order] = np.diff(upto, prepend=0.0)
        return taken

    def precision(self, weights: Array) -> float:
        """Share of the chosen rows that are relevant; nan where none is chosen."""
        taken = self.drawn(weights) * self.part
        return float((taken * self.relevant).sum() / taken.sum()) if taken.any() else float("nan")

    def recall(self, weights: Array) -> float:
        """Share of the relevant rows that are chosen; nan where none is relevant."""
        taken, relevant = self.drawn(weights) * self.part, self.relevant & self.part
        there = float((weights * relevant).sum())
        return float((taken * relevant).sum() / there) if there else float("nan")

    def ndcg(self) -> Callable[[Array], float]:
        """Discounted gain of as many first rows as are chosen, over the best possible, as a function of (n,) weights.

        Gains are the relevance itself, ties share theirs, as in scikit-learn's `ndcg_score`; nan where nothing is
        relevant.
        """
        gained, best = _gains(self.scores, self.truth), _gains(self.truth, self.truth)

        def measured(weights: Array) -> float:
            first = round(float((self.drawn(weights) * self.part).sum()))
            weights = weights * self.part
            most = best(weights, first)
            return gained(weights, first) / most if most else float("nan")

        return measured

    def gain(self, weights: Array) -> float:
        """Mean relevance of the chosen rows less that of all; nan where none is chosen."""
        taken, there = self.drawn(weights) * self.part, weights * self.part
        if not taken.any():
            return float("nan")
        return float((taken * self.truth).sum() / taken.sum() - (there * self.truth).sum() / there.sum())


def _gains(scores: Array, gains: Array) -> Callable[[Array, int], float]:
    """Discounted cumulative gain of the first rows by ``scores``, for (n,) weights; ties share their places' discounts."""
    _, tie = np.unique(-scores, return_inverse=True)

    def gained(weights: Array, first: int) -> float:
        rows, sums = np.bincount(tie, weights), np.bincount(tie, weights * gains)
        discounts = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(first) + 2))])
        upto = discounts[np.minimum(np.cumsum(rows), first).astype(np.int64)]
        means = np.divide(sums, rows, out=np.zeros_like(sums), where=rows > 0)
        return float((means * np.diff(upto, prepend=0.0)).sum())

    return gained


def _at_k(
    rate: Callable[[RankAnswers, Array], float], answers: RankAnswers, of: NDArray[np.bool_]
) -> Estimate:
    """``rate`` with the wider of Wilson's interval over the rows ``of`` and a seeded bootstrap, on either side.

    Wilson's alone takes the cut as given, and covers less often than it says where rows at the cut are unlike
    those above it; the bootstrap, which chooses anew in each draw, has no width where all of few rows are alike.
    """
    taken = answers.drawn(np.ones(len(answers.truth))) > 0
    plain = share(int((taken & answers.relevant & answers.part).sum()), int((of & answers.part).sum()))
    drawn = resampled(lambda weights: rate(answers, weights), len(answers.truth))
    # minimum and maximum let nan through: unknown on either account is unknown.
    return Estimate(
        plain.point, float(np.minimum(plain.lower, drawn.lower)), float(np.maximum(plain.upper, drawn.upper))
    )


def precision_at_k(answers: RankAnswers) -> Estimate:
    """Share of the chosen rows that are relevant."""
    return _at_k(RankAnswers.precision, answers, answers.drawn(np.ones(len(answers.truth))) > 0)


def recall_at_k(answers: RankAnswers) -> Estimate:
    """Share of the relevant rows that are chosen."""
    return _at_k(RankAnswers.recall, answers, answers.relevant)


def ndcg(answers: RankAnswers) -> Estimate:
    """`RankAnswers.ndcg` with a seeded bootstrap over rows; limits unknown where no draw differs from another."""
    estimate = resampled(answers.ndcg(), len(answers.truth))
    if estimate.lower == estimate.upper:
        return Estimate(estimate.point, float("nan"), float("nan"))
    return estimate


def _drop(
    rate: Callable[[RankAnswers], Callable[[Array], float]], before: RankAnswers, after: RankAnswers
) -> Estimate:
    """A seeded bootstrap over rows that both models share, each choosing anew in each draw."""
    old, new = rate(before), rate(after)
    return resampled(lambda weights: old(weights) - new(weights), len(before.truth))


RANK_METRICS: Mapping[str, Metric[RankAnswers]] = MappingProxyType(
    {
        "roc_auc": Metric(
            lambda answers: auc_interval(answers.relevant[answers.part], answers.scores[answers.part]),
            lambda before, after: auc_drop(
                before.relevant[before.part], before.scores[before.part], after.scores[after.part]
            ),
        ),
        "precision_at_k": Metric(
            precision_at_k, lambda before, after: _drop(lambda each: each.precision, before, after)
        ),
        "recall_at_k": Metric(
            recall_at_k, lambda before, after: _drop(lambda each: each.recall, before, after)
        ),
        "ndcg": Metric(ndcg, lambda before, after: _drop(lambda each: each.ndcg(), before, after)),
    }
)


def nearest_selection(answers: RankAnswers, _threshold: float, name: str, _bound: str, limit: float) -> str:
    """A sentence on the nearest whole percentage of rows whose Wilson interval keeps ``limit``; empty for other metrics."""
    if name not in ("precision_at_k", "recall_at_k"):
        return ""
    rows = len(answers.order)
    hits = np.cumsum((answers.relevant & answers.part)[answers.order])
    of = np.cumsum(answers.part[answers.order]) if name == "precision_at_k" else np.full(rows, hits[-1])
    other = np.full(rows, hits[-1]) if name == "precision_at_k" else np.cumsum(answers.part[answers.order])
    percents = sorted(
        range(1, 100), key=lambda percent: (abs(percent * rows - 100 * answers.chosen), percent)
    )
    for percent in percents:
        at, now = max(percent * rows // 100, 1) - 1, max(answers.chosen, 1) - 1
        kept = share(int(hits[at]), int(of[at]))
        if kept.lower >= limit:
            lost = "recall_at_k" if name == "precision_at_k" else "precision_at_k"
            before, after = (share(int(hits[each]), int(other[each])).point for each in (now, at))
            return (
                f"The nearest selection that would keep this criterion on these rows, by Wilson's interval alone, is a share "
                f"of {percent / 100:.2f} ({at + 1} rows), where {name} is {shown(kept.point, 3)}, and {lost} would go from "
                f"{shown(before, 3)} to {shown(after, 3)}. A selection chosen on the rows that test it is optimistic: choose "
                "it on other rows. "
            )
    return "No share of rows from 0.01 to 0.99 was found to keep this criterion on these rows. "


def rank_words(answers: RankAnswers, rows: Evaluated) -> dict[str, Any]:
    """How many rows are chosen, how many are relevant, and how many of equal score lie on both sides of the cut."""
    part, taken = answers.part, answers.drawn(np.ones(len(answers.truth))) > 0
    last = answers.scores[answers.order[answers.chosen - 1]] if answers.chosen else np.inf
    return {
        "select": rows.chosen,
        "selected": int((taken & part).sum()),
        "relevant": int((answers.relevant & part).sum()),
        "relevant_selected": int((taken & answers.relevant & part).sum()),
        "left_out_of_equal_score": int((~taken & part & (answers.scores == last)).sum()),
    }


def rank_baseline(now: RankAnswers, rows: Evaluated, criteria: Criteria) -> list[Finding]:
    """Is the order better than one by lot? By the area under the curve; by the gain of choosing where relevance has degrees."""
    if rows.labels:
        return [against_chance(RANK_METRICS["roc_auc"].measure(now), criteria)]
    gain = resampled(now.gain, len(now.truth))
    outcome = Outcome.PASSED if gain.lower > 0 else Outcome.FAILED if gain.upper < 0 else Outcome.INCONCLUSIVE
    says = {
        Outcome.PASSED: "better than a choice by lot",
        Outcome.FAILED: "worse than a choice by lot: scores may run the wrong way",
        Outcome.INCONCLUSIVE: "not shown to be better than a choice by lot",
    }[outcome]
    low, high = significant(gain.lower), significant(gain.upper)
    return [
        Finding(
            id="performance.baseline.gain",
            outcome=outcome,
            what=f"it chooses rows {says}: their mean {rows.label} is higher than that of all rows by "
            f"{significant(gain.point)} (95% interval {low} to {high}).",
            why="a model that chooses no better than chance does nothing that a lot would not",
            remedy=""
            if outcome is Outcome.PASSED
            else "Look at labels, inputs and their order, or evaluate on more rows",
            path=CRITERIA_FILE,
            line=criteria.line(),
            numbers={"value": significant(gain.point), "lower": low, "upper": high},
        )
    ]
