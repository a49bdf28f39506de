"""What two ways of predicting the same rows must agree in: how far apart they may lie, and which answers may turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria
from mlassay.gates.parity_rows import Floats, apart
from mlassay.gates.performance_words import significant
from mlassay.gates.shares import SMALLEST, plain
from mlassay.tasks import MULTICLASS

if TYPE_CHECKING:
    from mlassay.ports import Subject

EXAMPLES = 5


@dataclass(frozen=True, eq=False)
class Answers:
    """The model's answers to some rows, in the shape that predictions are told in: (n, 1), or (n, k) for k labels."""

    values: Floats
    decided: NDArray[Any] | None

    @classmethod
    def of(cls, subject: Subject, answers: Floats) -> Answers:
        """From the model's output, or from what somebody else predicted."""
        from mlassay.plan.deciding import decided

        values = answers if subject.task == MULTICLASS else answers[:, -1:]
        if not subject.decides:
            return cls(values, None)
        return cls(values, decided(subject.plan, values, values[:, -1]))


def held(
    criteria: Criteria, measured: dict[str, Any], subject: Subject, who: str, ours: Answers, theirs: Answers
) -> list[Finding]:
    """Findings on the answers that ``who`` (``golden`` or ``twin``) gave against ours; what was measured goes into ``measured``."""
    away = apart(ours.values, theirs.values, subject.task)
    flips = np.zeros(len(away), bool)
    if ours.decided is not None and theirs.decided is not None:
        flips = np.asarray(ours.decided != theirs.decided)
    worst = np.argsort(-away, kind="stable")[:EXAMPLES]
    measured[who] = {
        "rows": len(away),
        "largest_difference": significant(float(away.max(initial=0.0))),
        "label_flips": int(flips.sum()) if ours.decided is not None else "nothing is decided",
        "furthest_apart": [
            {
                "row": int(row) + 1,
                "theirs": [significant(float(value)) for value in theirs.values[row]],
                "onnx_runtime": [significant(float(value)) for value in ours.values[row]],
            }
            for row in worst.tolist()
            if away[row] > 0
        ],
    }
    prefix = "" if who == "golden" else f"{who}."
    found = []
    if (most := (criteria.values.get("difference") or {}).get("max")) is not None:
        found.append(_difference(criteria, prefix, who, away, float(most)))
    if (
        most := (criteria.values.get("label_flips") or {}).get("max")
    ) is not None and ours.decided is not None:
        found.append(_flips(criteria, prefix, who, flips, int(most)))
    return found


_WHOSE = {"golden": "training's own prediction", "twin": "the twin's prediction"}
_MEND = {
    "golden": "Look at the rows under furthest_apart: the usual causes are doubles cut to float32 at a tree's thresholds, "
    "a scaler before trees, other categories' codes or order, and missing values. ",
    "twin": "Look at the rows under furthest_apart, and at how the twin reads missing values, categories and numbers. ",
}


def _difference(criteria: Criteria, prefix: str, who: str, away: Floats, most: float) -> Finding:
    largest, over = float(away.max(initial=0.0)), int((away > most).sum())
    row = int(away.argmax()) + 1 if away.size else 0
    outcome = outcome_of(len(away), over == 0)
    what = (
        f"{_WHOSE[who]} lies up to {significant(largest)} from ONNX Runtime's (row {row} of {len(away)}), "
        f"where at most {plain(most)} is asked; {over} rows lie further apart."
    )
    remedy = ""
    if outcome is Outcome.FAILED:
        remedy = f"{_MEND[who]}Nothing under difference: {{max: {significant(largest)}}} would let these rows pass."
    numbers: dict[str, str | int] = {
        "rows": len(away),
        "rows_over": over,
        "largest": significant(largest),
        "threshold": plain(most),
    }
    return finding(criteria, f"{prefix}difference", ("difference", "max"), outcome, what, remedy, numbers)


def _flips(criteria: Criteria, prefix: str, who: str, flips: NDArray[np.bool_], most: int) -> Finding:
    count = int(flips.sum())
    outcome = outcome_of(len(flips), count <= most)
    first = f" (the first is row {int(flips.argmax()) + 1})" if count else ""
    what = f"{count} of {len(flips)} rows are decided otherwise than by {_WHOSE[who]}{first}, where at most {most} may be."
    remedy = ""
    if outcome is Outcome.FAILED:
        remedy = f"{_MEND[who]}Nothing under label_flips: {{max: {count}}} would let these rows pass."
    numbers: dict[str, str | int] = {"rows": len(flips), "flips": count, "threshold": most}
    return finding(criteria, f"{prefix}label_flips", ("label_flips", "max"), outcome, what, remedy, numbers)


def outcome_of(rows: int, holds: bool) -> Outcome:
    """What breaks it breaks it among few rows too; what holds for few says little."""
    if not holds:
        return Outcome.FAILED
    return Outcome.PASSED if rows >= SMALLEST else Outcome.INCONCLUSIVE


def finding(
    criteria: Criteria,
    rule: str,
    keys: tuple[str, ...],
    outcome: Outcome,
    what: str,
    remedy: str,
    numbers: dict[str, str | int],
) -> Finding:
    """One finding of this gate, at the criterion that ``keys`` name."""
    why = {
        Outcome.PASSED: "held row by row, on these rows",
        Outcome.FAILED: "what people looked at in training is not what would be served",
        Outcome.INCONCLUSIVE: f"under {SMALLEST} rows nothing is concluded",
    }[outcome]
    if outcome is Outcome.INCONCLUSIVE:
        remedy = f"Leave {SMALLEST} golden rows or more, of every kind that there is."
    line = criteria.line(*keys)
    return Finding(f"parity.{rule}", outcome, what, why, remedy, CRITERIA_FILE, line, numbers)
