"""Is the model better than no model: than one order of all rows, and than always giving the same answer?"""

from __future__ import annotations

import numpy as np

from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, shown
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance_classes import CLASS_METRICS, ClassAnswers
from mlassay.gates.performance_metrics import METRICS, Answers
from mlassay.statistics import Estimate, mcnemar

ALPHA = 0.05


def baseline(now: Answers, rows: Evaluated, criteria: Criteria) -> list[Finding]:
    """Ranking against chance always; accuracy against the majority class, deciding only where accuracy is a criterion.

    On rare events a useful model may well be less accurate than always saying no, so that accuracy is judged
    only for teams that declared it.
    """
    return _both(METRICS["roc_auc"].measure(now), now, rows, criteria)


def class_baseline(now: ClassAnswers, rows: Evaluated, criteria: Criteria) -> list[Finding]:
    """As `baseline`, with the mean area of each label against the rest; and a finding where labels have no rows."""
    return [
        *_unseen(now, rows, criteria),
        *_both(CLASS_METRICS["roc_auc"].measure(now), now, rows, criteria),
    ]


def _unseen(now: ClassAnswers, rows: Evaluated, criteria: Criteria) -> list[Finding]:
    there = set(now.truth.tolist())
    names = [name for index, name in enumerate(rows.labels) if index not in there]
    if not names:
        return []
    return [
        Finding(
            id="performance.labels",
            outcome=Outcome.INCONCLUSIVE,
            what=f"no evaluation row is labelled {', '.join(names)}.",
            why="how the model answers where that is so is not known, and no mean over all labels has an interval",
            remedy="Evaluate on rows of every label, or take the label out of the column's declared values",
            path=CRITERIA_FILE,
            line=criteria.line(),
        )
    ]


def _both(area: Estimate, now: Answers | ClassAnswers, rows: Evaluated, criteria: Criteria) -> list[Finding]:
    ranking = against_chance(area, criteria)
    return [ranking, _majority(now, rows, criteria, ranks=ranking.outcome is Outcome.PASSED)]


def against_chance(area: Estimate, criteria: Criteria) -> Finding:
    """Whether an area under the ROC curve is shown to be over one half."""
    # Written so that nan is neither.
    outcome = (
        Outcome.PASSED if area.lower > 0.5 else Outcome.FAILED if area.upper < 0.5 else Outcome.INCONCLUSIVE
    )
    says = {
        Outcome.PASSED: "better than chance",
        Outcome.FAILED: "worse than chance: the labels may be the wrong way round",
        Outcome.INCONCLUSIVE: "not shown to be better than chance",
    }[outcome]
    return Finding(
        id="performance.baseline.roc_auc",
        outcome=outcome,
        what=f"it ranks rows {says}: area {shown(area.point, 3)} "
        f"(95% interval {shown(area.lower, 3)} to {shown(area.upper, 3)}), where chance has 0.5.",
        why="a model that ranks no better than chance does nothing that an order by lot would not",
        remedy=""
        if outcome is Outcome.PASSED
        else "Look at labels, inputs and their order, or evaluate on more rows",
        path=CRITERIA_FILE,
        line=criteria.line(),
        numbers={"value": shown(area.point), "lower": shown(area.lower), "upper": shown(area.upper)},
    )


def _majority(now: Answers | ClassAnswers, rows: Evaluated, criteria: Criteria, *, ranks: bool) -> Finding:
    majority = int(np.bincount(now.truth).argmax())
    constant = np.full_like(now.truth, majority)
    right, always = now.predicted == now.truth, constant == now.truth
    only_model, only_constant = int((right & ~always).sum()), int((always & ~right).sum())
    p = mcnemar(only_model, only_constant)
    settled, better = p <= ALPHA, only_model > only_constant
    judged = "accuracy" in criteria.values
    if settled and better:
        outcome, says = Outcome.PASSED, "is more accurate than"
    elif settled:
        outcome, says = Outcome.FAILED if judged else Outcome.PASSED, "is less accurate than"
    else:
        outcome, says = (
            Outcome.PASSED if ranks or not judged else Outcome.INCONCLUSIVE,
            "is not shown to differ from",
        )
    answer = f"{rows.label}={rows.labels[majority]}"
    aside = "" if judged else " Accuracy is no criterion here, so this decides nothing."
    return Finding(
        id="performance.baseline.accuracy",
        outcome=outcome,
        what=f"the model ({shown(float(right.mean()), 3)}) {says} always answering {answer} "
        f"({shown(float(always.mean()), 3)}), by McNemar's test on the same rows.{aside}",
        why="a model that is less accurate than one answer for all must be worth it in some other declared way",
        remedy=""
        if outcome is Outcome.PASSED
        else "Try another threshold or other class weights; where events are rare, declare recall or roc_auc "
        "in place of accuracy, which people must accept by name",
        path=CRITERIA_FILE,
        line=criteria.line("accuracy"),
        numbers={
            "value": shown(float(right.mean())),
            "baseline": shown(float(always.mean())),
            "only_model_right": only_model,
            "only_baseline_right": only_constant,
            "p": shown(p),
        },
    )
