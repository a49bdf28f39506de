"""The performance gate: is it good enough, and no worse than what runs now? See ``docs/gates/performance.md``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, report
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance_kinds import KINDS, Kind
from mlassay.gates.performance_slices import slices
from mlassay.statistics import Z95, Estimate
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION

if TYPE_CHECKING:
    from mlassay.ports import Subject

SMALLEST_SLICE = 30
"""Fewer rows than this settle nothing (gates.md), whatever an interval says."""
_POWER_Z = 0.8416  # normal quantile of a power of 80%

NOT_LOOKED_AT = (
    "rows unlike the evaluation rows: another time, another place, other applicants",
    "what a mistake costs whom: every row counts the same",
    "the threshold of the live release: both models are decided at this release's",
)
_EXAMPLES = {
    BINARY: "roc_auc: {min: 0.7}",
    MULTICLASS: "macro_f1: {min: 0.6}",
    REGRESSION: "r2: {min: 0.3}",
    RANKING: "precision_at_k: {min: 0.5}",
}


class PerformanceGate:
    """Holds declared metrics, alone and against the live release on the same rows."""

    id = "performance"

    def test(self, subject: Subject) -> GateReport:
        """Measure the evaluation rows; every interval is at 95%, and no point estimate decides."""
        criteria = Criteria.of(subject, self.id)
        named = criteria.values.get("slices", {})
        rows = Evaluated.of(subject, dict.fromkeys(rule["column"] for rule in named.values()))
        live = None if subject.live is None else _live_answers(subject, subject.live)
        return assess(rows, criteria, live)


def _live_answers(subject: Subject, path: Path) -> NDArray[np.float64] | str:
    """The live model's scores of the same rows (its whole output where there are more than two labels), or why it has none."""
    from mlassay.model import Unusable
    from mlassay.ports import load_model

    try:
        model = load_model(path, subject.plan)
        answers = model.answers(model.encode(subject.table.as_mapping()))
        scores = model.scores_of(answers)
    except Unusable as error:
        return f"the live model cannot answer these rows: {error}"
    return scores if subject.task == BINARY else answers


def assess(rows: Evaluated, criteria: Criteria, live: NDArray[np.float64] | str | None = None) -> GateReport:
    """The whole gate over plain arrays.

    ``live`` is what the live model answers (for two labels its scores, (n,); else its output, (n, k)), a reason why
    not, or None when nothing is live.
    """
    kind = KINDS[rows.task]
    held = {name: limits for name, limits in criteria.values.items() if name in kind.metrics}
    if problem := _cannot_test(rows, criteria, kind, held):
        return report(criteria, measured={}, findings=[problem], not_looked_at=_not_looked_at(rows))
    now = kind.now(rows)
    parts = {"": np.ones(len(rows.truth), bool), **slices(rows, criteria)}
    measured = {
        part: {name: metric.measure(now.where(mask)) for name, metric in kind.metrics.items()}
        for part, mask in parts.items()
    }
    judge = _Judge(rows, criteria, kind, held, now, _old(rows, kind, live), parts, measured)
    return report(
        criteria,
        measured={
            part or "all": {
                "rows": int(mask.sum()),
                **kind.words(now.where(mask), rows),
                **({} if part else kind.curves(now)),
                **{name: judge.limits(estimate) for name, estimate in measured[part].items()},
            }
            for part, mask in parts.items()
        },
        findings=[*judge.findings(), *kind.baseline(now, rows, criteria)],
        not_looked_at=_not_looked_at(rows),
    )


def _not_looked_at(rows: Evaluated) -> tuple[str, ...]:
    return NOT_LOOKED_AT if rows.task == BINARY else NOT_LOOKED_AT[:2]


def _old(rows: Evaluated, kind: Kind, live: NDArray[np.float64] | str | None) -> Any:
    if live is None or isinstance(live, str):
        return live
    if not np.isfinite(live).all():
        return "the live model gave scores that are not finite"
    return kind.of(rows, live)


@dataclass(frozen=True, slots=True)
class _Judge:
    """Findings for each metric, bound and slice. ``old`` is the live model's answers, a reason, or None."""

    rows: Evaluated
    criteria: Criteria
    kind: Kind
    held: Mapping[str, Mapping[str, float]]
    now: Any
    old: Any
    parts: Mapping[str, NDArray[np.bool_]]
    measured: Mapping[str, Mapping[str, Estimate]]

    def findings(self) -> Iterator[Finding]:
        for name, limits in self.held.items():
            for bound, limit in limits.items():
                for part, mask in self.parts.items():
                    if bound == "max_drop":
                        yield self._drop(name, float(limit), part, mask)
                    else:
                        yield self._level(name, bound, float(limit), part, mask)

    def _level(self, name: str, bound: str, limit: float, part: str, mask: NDArray[np.bool_]) -> Finding:
        estimate = self.measured[part][name]
        asked = f"at {'least' if bound == 'min' else 'most'} {self._plain(limit)} is asked"
        what = f"{name}{_on(part)} is {self._told(estimate)} over {int(mask.sum())} rows, where {asked}"
        return self._finding(name, bound, limit, part, mask, estimate, what)

    def _drop(self, name: str, limit: float, part: str, mask: NDArray[np.bool_]) -> Finding:
        if self.old is None or isinstance(self.old, str):
            return self._no_live(name, part)
        estimate = self.kind.metrics[name].drop(self.old.where(mask), self.now.where(mask))
        what = (
            f"{name}{_on(part)} is worse than the live release's by {self._told(estimate)} "
            f"on the same {int(mask.sum())} rows, where at most {self._plain(limit)} is asked"
        )
        return self._finding(name, "max_drop", limit, part, mask, estimate, what)

    def _no_live(self, name: str, part: str) -> Finding:
        known = isinstance(self.old, str)
        return Finding(
            id=_id(name, "max_drop", part),
            outcome=Outcome.INCONCLUSIVE if known else Outcome.PASSED,
            what=f"max_drop of {name}{_on(part)} does not apply: nothing is live yet."
            if not known
            else f"max_drop of {name}{_on(part)} could not be measured: {self.old}.",
            why="a drop is measured against the live release, on the same rows",
            remedy="" if not known else "See that the live model's columns are still in the evaluation data",
            path=CRITERIA_FILE,
            line=self.criteria.line(name, "max_drop"),
        )

    def _finding(
        self,
        name: str,
        bound: str,
        limit: float,
        part: str,
        mask: NDArray[np.bool_],
        estimate: Estimate,
        what: str,
    ) -> Finding:
        count = int(mask.sum())
        outcome = decide(estimate, bound, limit) if count >= SMALLEST_SLICE else Outcome.INCONCLUSIVE
        rows = rows_to_settle(estimate, limit, count)
        setting = ""
        if outcome is Outcome.FAILED and bound != "max_drop":
            setting = self.kind.setting(self.now.where(mask), self.rows.threshold, name, bound, limit)
        numbers: dict[str, str | int] = {
            "rows": count,
            "threshold": self.kind.shown(limit, 4),
            **self.limits(estimate),
        }
        if rows is not None:
            numbers["rows_to_settle"] = rows
        return Finding(
            id=_id(name, bound, part),
            outcome=outcome,
            what=what + ".",
            why=_why(outcome, count),
            remedy=_remedy(outcome, rows, setting),
            path=CRITERIA_FILE,
            line=self.criteria.line(name, bound),
            numbers=numbers,
        )

    def limits(self, estimate: Estimate) -> dict[str, str]:
        """A measured number with its limits, as the task writes numbers."""
        sides = {"value": estimate.point, "lower": estimate.lower, "upper": estimate.upper}
        return {name: self.kind.shown(number, 4) for name, number in sides.items()}

    def _told(self, estimate: Estimate) -> str:
        point, lower, upper = (
            self.kind.shown(number, 3) for number in (estimate.point, estimate.lower, estimate.upper)
        )
        return f"{point} (95% interval {lower} to {upper})"

    def _plain(self, number: float) -> str:
        return self.kind.shown(number, 4).rstrip("0").rstrip(".") or "0"


def decide(estimate: Estimate, bound: str, limit: float) -> Outcome:
    """Passed when the whole interval keeps the limit, failed when all of it breaks it; nan is inconclusive."""
    if not (math.isfinite(estimate.lower) and math.isfinite(estimate.upper)):
        return Outcome.INCONCLUSIVE
    if bound == "min":
        kept, broken = estimate.lower >= limit, estimate.upper < limit
    else:
        kept, broken = estimate.upper <= limit, estimate.lower > limit
    return Outcome.PASSED if kept else Outcome.FAILED if broken else Outcome.INCONCLUSIVE


def rows_to_settle(estimate: Estimate, limit: float, rows: int) -> int | None:
    """About how many rows would settle it with 80% power: an interval narrows with the root of the rows.

    None where nothing is known or the value lies on the limit.
    """
    distance = abs(estimate.point - limit)
    half = (estimate.upper - estimate.lower) / 2 * (Z95 + _POWER_Z) / Z95
    if not math.isfinite(half) or distance * 1e6 <= half:
        return None
    return max(SMALLEST_SLICE, math.ceil(rows * (half / distance) ** 2))


def _cannot_test(rows: Evaluated, criteria: Criteria, kind: Kind, held: Mapping[str, Any]) -> Finding | None:
    if unknown := sorted(set(criteria.values) - set(kind.metrics) - {"slices", "rationale"}):
        what, why = (
            f"no metric is named {', '.join(unknown)}",
            "a criterion that nobody measures was not kept",
        )
        fix = f"use {', '.join(kind.metrics)}"
    elif not held:
        what, why = "no metric is declared", "the gate holds declared metrics, and has none"
        fix = f"declare, for example, `{_EXAMPLES[rows.task]}`"
    elif not len(rows.truth):
        what, why = "there are no evaluation rows", "nothing measured is nothing passed"
        fix = "check the evaluation split in the data manifest"
    elif rows.unscored:
        what = f"the model gave no finite score to {rows.unscored} of {len(rows.scores)} rows"
        why = "an answer that is not a number is neither right nor wrong"
        fix = "see the contract gate; a model has to answer every row"
    else:
        return None
    return Finding(
        "performance.measurable", Outcome.INCONCLUSIVE, what, why, fix, CRITERIA_FILE, criteria.line()
    )


def _id(name: str, bound: str, part: str) -> str:
    return f"performance.{name}.{bound}" + (f".{part}" if part else "")


def _on(part: str) -> str:
    return f" on slice {part}" if part else ""


def _why(outcome: Outcome, count: int) -> str:
    if outcome is Outcome.PASSED:
        return "the whole 95% interval keeps the criterion"
    if outcome is Outcome.FAILED:
        return "the whole 95% interval breaks the criterion, so that chance alone does not explain it"
    if count < SMALLEST_SLICE:
        return f"under {SMALLEST_SLICE} rows nothing is concluded"
    return "the interval lies on both sides of the criterion, or is unknown: these rows cannot tell"


def _remedy(outcome: Outcome, rows: int | None, setting: str) -> str:
    if outcome is Outcome.PASSED:
        return ""
    if outcome is Outcome.FAILED:
        enough = "" if rows is None else f"These rows settle it: about {rows} would have been enough. "
        return f"{enough}{setting}Improve the model or its data; changing the criterion is a weakening to be accepted by name."
    if rows is None:
        return "No number of rows that can be foretold would settle it; look at the rows themselves."
    return f"About {rows} rows would settle it four times in five, if the value stays as measured."
