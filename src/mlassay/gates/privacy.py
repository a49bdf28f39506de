"""The privacy gate: does it give away its training rows? See ``docs/gates/privacy.md``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, not_applicable, report, shown
from mlassay.gates.performance import SMALLEST_SLICE, decide, rows_to_settle
from mlassay.gates.privacy_members import Floats, Sides, losses, sides
from mlassay.statistics import Estimate, auc_interval, tpr_at_fpr
from mlassay.tasks import BINARY, MULTICLASS, RANKING

if TYPE_CHECKING:
    from mlassay.gates.privacy_guess import Copy, Guess
    from mlassay.ports import Subject

FPR = 0.01
_NOT_LOOKED_AT = (
    "attackers who train models of their own to compare with (shadow models), or who see the model's inside",
    "training rows unlike the evaluation rows: what tells the two apart for another reason counts as membership",
    "what many answers about one person tell together",
)


class PrivacyGate:
    """Tells the rows that training was given from rows that it was not by the model's loss (Yeom et al. 2018).

    Reported as Carlini et al. 2022 ask: the true positive rate at 1% false positives, beside the area. A sensitive
    column is guessed and the model copied as well, as far as its answers help.
    """

    id = "privacy"

    def test(self, subject: Subject) -> GateReport:
        """Measure on equally many rows of both sides; every interval is at 95%, and no point estimate decides."""
        criteria = Criteria.of(subject, self.id)
        if subject.task == RANKING:
            return not_applicable(
                criteria, "a place in an order says nothing of one row alone, so no row has a loss"
            )
        from mlassay.gates.privacy_guess import copy, guess

        drawn = sides(subject)
        if not len(drawn.members):
            return report(
                criteria,
                measured={},
                findings=[_no_rows(criteria, drawn)],
                not_looked_at=(*_NOT_LOOKED_AT, *drawn.left_out),
            )
        attack = Attack.of(subject.task, drawn)
        subject.progress(f"privacy: {len(drawn.members)} rows of each side")
        guesses = [guess(subject, drawn.members, name) for name in _sensitive(criteria, subject)]
        copied = copy(subject, drawn.others)
        findings = list(_Judge(criteria, attack, guesses, copied).findings())
        if subject.cross_checks:
            from mlassay.gates.privacy_art import cross_check

            most = (criteria.values.get("membership_auc") or {}).get("max")
            cross_check(subject, drawn, attack, most, subject.progress)
        return report(
            criteria,
            measured=_measured(drawn, attack, guesses, copied),
            findings=findings,
            not_looked_at=(*_NOT_LOOKED_AT, *_aside(drawn, guesses, copied)),
        )


@dataclass(frozen=True, eq=False)
class Attack:
    """The attack by loss: ``member`` (2n,) is 1 for rows of training, ``scores`` (2n,) are higher where that is likelier.

    ``label_only`` is the area where the attacker sees the decision and no score (unknown for a number).
    """

    member: Floats
    scores: Floats
    area: Estimate
    rate: Estimate
    label_only: Estimate

    @classmethod
    def of(cls, task: str, drawn: Sides) -> Attack:
        """Both numbers over all drawn rows, in n log n."""
        parts = [losses(task, side.truth, side.answers) for side in (drawn.members, drawn.others)]
        member = np.repeat([1.0, 0.0], [len(part) for part in parts])
        scores = -np.concatenate(parts)
        right = [_right(task, side.truth, side.answers) for side in (drawn.members, drawn.others)]
        label_only = auc_interval(member, np.concatenate(right)) if task in (BINARY, MULTICLASS) else None
        return cls(
            member,
            scores,
            auc_interval(member, scores),
            tpr_at_fpr(member, scores, FPR),
            label_only or Estimate.unknown(),
        )

    @property
    def rows(self) -> int:
        """Rows of each side."""
        return len(self.member) // 2


def _right(task: str, truth: Floats, answers: Floats) -> Floats:
    """1 where the likelier label is the row's own."""
    chosen = answers.argmax(axis=1) if task == MULTICLASS else answers[:, -1] >= 0.5
    return np.asarray(chosen == truth, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Judge:
    """A finding for each declared criterion."""

    criteria: Criteria
    attack: Attack
    guesses: Sequence[Guess]
    copied: Copy

    def findings(self) -> Iterator[Finding]:
        held = [
            key for key, value in self.criteria.values.items() if isinstance(value, dict) and "max" in value
        ]
        if not held:
            yield self._undeclared()
        if "membership_auc" in held:
            yield self._membership()
        if "tpr_at_fpr" in held:
            yield self._rate()
        if "attribute_advantage" in held:
            yield from self._attributes()
        if "extraction_agreement" in held:
            yield self._copy()

    def _undeclared(self) -> Finding:
        return Finding(
            "privacy.criteria",
            Outcome.INCONCLUSIVE,
            "no criterion is declared",
            "the gate holds declared limits, and has none",
            "declare, for example, `membership_auc: {max: 0.6}` under gates.privacy",
            CRITERIA_FILE,
            self.criteria.line(),
        )

    def _membership(self) -> Finding:
        area, rows = self.attack.area, self.attack.rows
        limit = self._limit("membership_auc")
        what = (
            f"who sees the model's answers tells rows of training from others with an area of {_told(area)} "
            f"over {rows} rows of each (0.5 is chance), where at most {limit:g} is asked"
        )
        return self._finding("membership_auc", "", area, limit, rows, what, self._instead(limit))

    def _instead(self, limit: float) -> str:
        """The nearest setting that would pass, and its cost, where it was measured."""
        only = self.attack.label_only
        if decide(only, "max", limit) is not Outcome.PASSED:
            return ""
        return (
            f"If only the decision left the system and no score, the area would be {_told(only)}, which passes; "
            "nobody would see then how near to the threshold an answer was. "
        )

    def _rate(self) -> Finding:
        rate, limit = self.attack.rate, self._limit("tpr_at_fpr")
        what = (
            f"an attacker who is wrong about 1 in 100 others recognises {_told(rate)} of the rows of training, "
            f"where at most {limit:g} is asked"
        )
        return self._finding("tpr_at_fpr", "", rate, limit, self.attack.rows, what, "")

    def _attributes(self) -> Iterator[Finding]:
        limit = self._limit("attribute_advantage")
        for each in self.guesses:
            what = (
                f"with the model's answer {each.column} is guessed with an area that is larger by {_told(each.advantage)} "
                f"than without it, over {each.rows} rows, where at most {limit:g} is asked"
            )
            if each.why:
                what = f"how well {each.column} is guessed was not measured: {each.why}"
            yield self._finding(
                "attribute_advantage", each.column, each.advantage, limit, each.rows, what, ""
            )
        if not self.guesses:
            yield self._finding(
                "attribute_advantage",
                "",
                Estimate.unknown(),
                limit,
                0,
                "no sensitive column is declared that could be guessed",
                "Name columns under gates.privacy.sensitive. ",
            )

    def _copy(self) -> Finding:
        copied, limit = self.copied, self._limit("extraction_agreement")
        what = (
            f"a copy trained on {copied.queries} answers decides as the model does for {_told(copied.agreement)} "
            f"of {copied.rows} other rows, where at most {limit:g} is asked"
        )
        if copied.why:
            what = f"how well the model can be copied was not measured: {copied.why}"
        return self._finding("extraction_agreement", "", copied.agreement, limit, copied.rows, what, "")

    def _limit(self, name: str) -> float:
        return float(self.criteria.values[name]["max"])

    def _finding(
        self, name: str, part: str, found: Estimate, limit: float, rows: int, what: str, instead: str
    ) -> Finding:
        outcome = decide(found, "max", limit) if rows >= SMALLEST_SLICE else Outcome.INCONCLUSIVE
        settle = rows_to_settle(found, limit, rows)
        numbers: dict[str, str | int] = {"rows": rows, "maximum": shown(limit), **_limits(found)}
        if outcome is Outcome.FAILED:
            numbers["gap"] = shown(found.point - limit)
        if settle is not None:
            numbers["rows_to_settle"] = settle
        return Finding(
            id=f"privacy.{name}" + (f".{part}" if part else ""),
            outcome=outcome,
            what=what + ".",
            why=_why(outcome, rows),
            remedy=_remedy(outcome, name, settle, instead),
            path=CRITERIA_FILE,
            line=self.criteria.line(name, "max"),
            numbers=numbers,
        )


def _no_rows(criteria: Criteria, drawn: Sides) -> Finding:
    return Finding(
        "privacy.measurable",
        Outcome.INCONCLUSIVE,
        f"there are no rows to compare: {drawn.given - drawn.unlabelled} that training was given and this model takes, "
        f"with a label, and {drawn.held_out} that it was not",
        "membership is told by comparing both",
        "check train.data, the splits in the data manifest, and the label column of the training rows",
        CRITERIA_FILE,
        criteria.line(),
    )


def _sensitive(criteria: Criteria, subject: Subject) -> tuple[str, ...]:
    """The columns that are declared here, or that the bias gate and policy call sensitive."""
    if named := criteria.values.get("sensitive"):
        return tuple(named)
    asked = (subject.plan.gates.get("bias") or {}).get("sensitive", ())
    known = {column.name for column in subject.plan.evaluation.columns}
    return tuple(name for name in dict.fromkeys([*asked, *subject.plan.policy.sensitive]) if name in known)


def _measured(drawn: Sides, attack: Attack, guesses: Sequence[Guess], copied: Copy) -> dict[str, Any]:
    return {
        "rows": {
            "of_each_side": len(drawn.members),
            "given_to_training": drawn.given,
            "held_out": drawn.held_out,
            "without_a_label": drawn.unlabelled,
        },
        "membership": {
            "auc": _limits(attack.area),
            "tpr_at_1_percent_fpr": _limits(attack.rate),
            "auc_by_decision_alone": _limits(attack.label_only),
        },
        "attributes": [
            {
                "column": each.column,
                "rows": each.rows,
                "auc_without_the_model": _limits(each.without),
                "auc_with_its_answer": _limits(each.with_),
                "advantage": _limits(each.advantage),
            }
            for each in guesses
        ],
        "extraction": {
            "queries": copied.queries,
            "rows": copied.rows,
            "agreement": _limits(copied.agreement),
            "most_frequent_decision": shown(copied.constant),
        },
    }


def _aside(drawn: Sides, guesses: Sequence[Guess], copied: Copy) -> Iterator[str]:
    yield from drawn.left_out
    for name in drawn.prepared:
        yield f"what the prepare step that writes {name} did to rows: its sources stand for them"
    yield from (f"guessing {each.column}: {each.why}" for each in guesses if each.why)
    if copied.why:
        yield f"copying the model: {copied.why}"


def _limits(found: Estimate) -> dict[str, str]:
    return {"value": shown(found.point), "lower": shown(found.lower), "upper": shown(found.upper)}


def _told(found: Estimate) -> str:
    return f"{shown(found.point, 3)} (95% interval {shown(found.lower, 3)} to {shown(found.upper, 3)})"


def _why(outcome: Outcome, rows: int) -> str:
    if outcome is Outcome.PASSED:
        return "the whole 95% interval keeps the criterion"
    if outcome is Outcome.FAILED:
        return "the whole 95% interval breaks the criterion: the model remembers people, and its answers tell"
    if rows < SMALLEST_SLICE:
        return f"under {SMALLEST_SLICE} rows nothing is concluded"
    return "the interval lies on both sides of the criterion, or is unknown: these rows cannot tell"


_LEARN_LESS = "Regularise the model (fewer or shallower trees, more rows a leaf, a stronger penalty) or train on more rows."
_REMEDIES = {
    "membership_auc": _LEARN_LESS,
    "tpr_at_fpr": _LEARN_LESS,
    "attribute_advantage": "Withhold columns that stand in for it, regularise the model, or let out decisions instead of scores.",
    "extraction_agreement": "Limit how many answers one caller gets, or let out decisions instead of scores.",
}


def _remedy(outcome: Outcome, name: str, settle: int | None, instead: str) -> str:
    if outcome is Outcome.PASSED:
        return ""
    if outcome is Outcome.FAILED:
        enough = "" if settle is None else f"These rows settle it: about {settle} would have been enough. "
        return f"{enough}{instead}{_REMEDIES[name]}"
    if settle is None:
        return (
            instead + "No number of rows that can be foretold would settle it; look at the rows themselves."
        )
    return f"About {settle} rows of each side would settle it four times in five, if the value stays as measured."
