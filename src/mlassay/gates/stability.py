"""The stability gate: does a small honest perturbation change much?"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, not_applicable, report
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.shares import Share, interval, nearest_threshold, plain
from mlassay.gates.stability_changes import CHANGES, Numbers

if TYPE_CHECKING:
    from mlassay.ports import Subject

MOST_ROWS = 20_000
"""Rows that are looked at, evenly spaced over the evaluation data where there are more."""
CRITERION = "flip_rate"
_NOT_LOOKED_AT = (
    "larger changes, and changes that somebody chooses in order to turn an answer: the adversarial gate looks at those",
    "categories and texts: they stay as they are",
    "changes of one column while others stay, but for naming the column that turns most answers alone",
)


class StabilityGate:
    """How many decisions turn when every number is a little off, as measurements, typing and casts leave numbers?"""

    id = "stability"

    def test(self, subject: Subject) -> GateReport:
        """Hold the share of rows that turn under each of `CHANGES`; all seeded, the same for the same rows."""
        criteria = Criteria.of(subject, self.id)
        if not subject.decides:
            why = "the model predicts a number, and model.threshold does not say which are favourable"
            return not_applicable(criteria, why)
        looked_at = Looked.at(subject)
        if not looked_at.numbers:
            return not_applicable(criteria, "the model takes no column of numbers")
        limit = (criteria.values.get(CRITERION) or {}).get("max")
        if limit is None:
            return report(criteria, measured={}, findings=[], not_looked_at=_NOT_LOOKED_AT)
        shares = {name: looked_at.share(name, float(limit)) for name in CHANGES}
        findings = [_finding(criteria, looked_at, name, share) for name, share in shares.items()]
        aside = [*_NOT_LOOKED_AT]
        if left := len(subject.predicted) - len(looked_at.decided):
            aside.append(f"{left} of {len(subject.predicted)} rows, left out to bound the time")
        return report(criteria, measured=_measured(looked_at, shares), findings=findings, not_looked_at=aside)


@dataclass(eq=False)
class Looked:
    """The rows that are looked at, and how the model decides about them after a change."""

    subject: Subject
    evaluated: Evaluated
    rows: dict[str, Any]
    numbers: Mapping[str, Numbers]
    decided: NDArray[Any]
    scores: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    turned: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    @classmethod
    def at(cls, subject: Subject) -> Looked:
        """Up to `MOST_ROWS` of the evaluation rows."""
        rows = Evaluated.of(subject, ())
        count = len(rows.truth)
        index = np.unique(np.linspace(0, count - 1, min(count, MOST_ROWS)).astype(np.int64))
        table = subject.model.encode(subject.table.as_mapping())
        table = {name: values[index] for name, values in table.items()}
        numbers = {}
        for name, values in table.items():
            column = subject.plan.evaluation.column(name)
            if column.type in ("number", "integer") and not column.values and values.dtype.kind in "fiu":
                numbers[name] = Numbers(column, values)
        whole = len(index) == count
        some = rows if whole else _only(rows, index)
        decided = rows.predicted if whole else _decide(subject, table)[0]
        return cls(subject, some, table, numbers, decided)

    def share(self, change: str, limit: float) -> Share:
        """The share of rows that turn under a change of every number."""
        decided, self.scores[change] = self._after(change, self.numbers)
        self.turned[change] = decided != self.decided
        return Share(int(self.turned[change].sum()), len(self.decided), limit, len(CHANGES))

    def alone(self, change: str) -> tuple[str, int]:
        """The column that turns most rows when it alone changes, and how many."""
        counts = {name: int((self._after(change, {name})[0] != self.decided).sum()) for name in self.numbers}
        return max(counts.items(), key=lambda item: item[1])

    def _after(self, change: str, columns: Collection[str]) -> tuple[NDArray[Any], NDArray[np.float64]]:
        if change == "order":
            back = {name: values[::-1] for name, values in self.rows.items()}
            return _decide(self.subject, back, backwards=True)
        places = {name: place for place, name in enumerate(self.rows)}
        moved = {name: self.numbers[name].changed(change, places[name]) for name in columns}
        return _decide(self.subject, {**self.rows, **moved})


def _decide(
    subject: Subject, rows: dict[str, Any], *, backwards: bool = False
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """``(decided, scores)`` of shape (n,); rows that came in the opposite order are put back before they are decided."""
    from mlassay.plan.deciding import decided

    answers = subject.model.answers(rows)
    if backwards:
        answers = answers[::-1]
    scores = subject.model.scores_of(answers)
    return decided(subject.plan, answers, scores), scores


def _only(rows: Evaluated, index: NDArray[np.int64]) -> Evaluated:
    from dataclasses import replace

    return replace(
        rows,
        truth=rows.truth[index],
        predicted=rows.predicted[index],
        scores=rows.scores[index],
        favoured=None if rows.favoured is None else rows.favoured[index],
        deserved=None if rows.deserved is None else rows.deserved[index],
    )


def _measured(looked_at: Looked, shares: Mapping[str, Share]) -> dict[str, Any]:
    return {
        "rows": len(looked_at.decided),
        "columns": list(looked_at.numbers),
        "changes": {
            name: {"flips": share.count, **interval(share.estimate)} for name, share in shares.items()
        },
    }


def _finding(criteria: Criteria, looked_at: Looked, change: str, share: Share) -> Finding:
    what = (
        f"with {CHANGES[change]}, the share of rows decided otherwise is {share.told()} rows, "
        f"where at most {plain(share.limit)} is asked."
    )
    remedy, numbers = "", share.numbers()
    if share.outcome is not Outcome.PASSED:
        remedy = share.settled_by()
    if share.outcome is Outcome.INCONCLUSIVE:
        remedy = remedy or "No number of rows that can be foretold would settle it."
    if share.outcome is Outcome.FAILED:
        remedy += _mend(looked_at, change, share, numbers)
    id_ = f"stability.{CRITERION}.{change}"
    line = criteria.line(CRITERION, "max")
    return Finding(id_, share.outcome, what, share.why(), remedy.strip(), CRITERIA_FILE, line, numbers)


def _mend(looked_at: Looked, change: str, share: Share, numbers: dict[str, str | int]) -> str:
    rows, after = looked_at.evaluated, looked_at.scores[change]
    setting = nearest_threshold(rows, share.limit, lambda at: (rows.scores >= at) != (after >= at))
    if change == "order":
        return f"{setting}The answer to a row depends on the rows beside it: look for sums or means over the batch."
    column, count = looked_at.alone(change)
    numbers["flips_of_one_column"] = count
    return (
        f"{setting}The column {column} alone turns {count} of {share.rows} rows: give the model that input in coarser "
        "steps, or a smoother model. Changing the criterion is a weakening to be accepted by name."
    )
