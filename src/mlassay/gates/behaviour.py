"""The behaviour gate: does it keep the promises that its domain makes?"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.behaviour_hold import Held, Holder
from mlassay.gates.behaviour_promises import NUMBERS, Promise, ends, is_favourable_answer, promises_of
from mlassay.gates.common import CRITERIA_FILE, Criteria, not_applicable, report
from mlassay.gates.shares import SMALLEST, interval
from mlassay.statistics import Estimate, rate_limits
from mlassay.tasks import RANKING

if TYPE_CHECKING:
    from mlassay.ports import Subject

_NOT_LOOKED_AT = (
    "promises that nobody declared",
    "rows unlike the evaluation rows: what is proven is proven for these, and each column moves alone",
    "missing values: a row that lacks a value keeps lacking it",
)
_EXAMPLE = "invariant: {columns: [...]}, monotone: {income: up} or never: [{when: {income: {max: 0}}, answer: favourable}]"


class BehaviourGate:
    """Holds declared invariances, directions and rows that must never be.

    Linear models, tree ensembles and ReLU networks are settled by proof, as are columns of few values of any model, by
    trying each; others are searched, and what a search does not break stays undecided.
    """

    id = "behaviour"

    def test(self, subject: Subject) -> GateReport:
        """One finding for each promise: how many rows break it, of how many it is proven."""
        criteria = Criteria.of(subject, self.id)
        if subject.task == RANKING:
            why = "in a ranking each row's place depends on the others, so that no row has a decision of its own"
            return not_applicable(criteria, why)
        if not subject.decides:
            why = "the model predicts a number, and model.threshold does not say which are favourable"
            return not_applicable(criteria, why)
        promises = promises_of(criteria.values)
        if not promises:
            return report(criteria, measured={}, findings=[_nothing(criteria)], not_looked_at=_NOT_LOOKED_AT)
        most = int((criteria.values.get("violations") or {}).get("max", 0))
        holder = Holder(subject)
        findings, measured = [], {}
        for promise in promises:
            subject.progress(f"behaviour: {promise.text}")
            if why := _unheld(subject, promise):
                findings.append(_cannot(criteria, promise, why))
                continue
            held = holder.hold(promise)
            findings.append(_finding(criteria, promise, held, most))
            measured[promise.name] = _measured(promise, held)
        aside = [*_NOT_LOOKED_AT]
        if left := len(subject.scores) - len(holder.numbers):
            aside.append(f"{left} of {len(subject.scores)} rows, left out to bound the time")
        return report(
            criteria,
            measured={"rows": len(holder.numbers), "promises": measured},
            findings=findings,
            not_looked_at=aside,
        )


def _unheld(subject: Subject, promise: Promise) -> str:
    """Why a promise cannot be held as it stands, if so; most of it is refused when ml.yaml is read."""
    known = {column.name: column for column in subject.plan.evaluation.columns}
    names = list(promise.when or ()) or [promise.column]
    if unknown := [name for name in names if name not in known]:
        return f"there is no column {unknown[0]}"
    if promise.kind == "never":
        if is_favourable_answer(subject, promise.answer) is None:
            return (
                f"'{promise.answer}' is neither favourable nor unfavourable, nor the only label of its side"
            )
        taken = {each.name for each in subject.model.inputs}
        for name, asked in (promise.when or {}).items():
            low, high = ends(known[name], asked) if known[name].type in NUMBERS else (0.0, 0.0)
            if name in taken and not -math.inf < low <= high < math.inf:
                return f"{name} has no declared range, or none of it meets the condition"
        return ""
    column = known[promise.column]
    if promise.column not in {each.name for each in subject.model.inputs}:
        return f"the model does not take {promise.column}"
    if column.type in NUMBERS and (column.minimum is None or column.maximum is None):
        return f"{promise.column} has no declared range"
    if column.type not in NUMBERS and (promise.kind == "monotone" or not column.values):
        return f"{promise.column} is a {column.type}"
    return ""


def _finding(criteria: Criteria, promise: Promise, held: Held, most: int) -> Finding:
    rows = len(held.numbers)
    if held.violations > most:
        outcome, why = Outcome.FAILED, "each of these rows has a witness that ONNX Runtime confirmed"
    elif rows < SMALLEST:
        outcome, why = Outcome.INCONCLUSIVE, f"under {SMALLEST} rows nothing is concluded"
    elif held.violations + held.open <= most:
        outcome, why = Outcome.PASSED, "it is proven for these rows, and for no others"
    else:
        outcome, why = Outcome.INCONCLUSIVE, "what was searched and not found is not proven"
    if held.anywhere == "proven" and outcome is Outcome.PASSED:
        why = "it is proven for these rows, and for any row inside the declared ranges that lacks no value"
    told = f"proven for {held.proven} of {rows} rows, broken for {held.violations}"
    if held.open:
        told += f", undecided for {held.open}"
    return Finding(
        f"behaviour.{promise.name}",
        outcome,
        f"{promise.text}: {told}, where at most {most} may break it.",
        why,
        _remedy(promise, held, outcome),
        CRITERIA_FILE,
        criteria.line(*promise.keys),
        _numbers(held, most),
    )


def _numbers(held: Held, most: int) -> dict[str, str | int]:
    rows = len(held.numbers)
    share = Estimate.unknown()
    if rows:
        lower, _ = rate_limits(held.violations, rows)
        _, upper = rate_limits(held.violations + held.open, rows)
        share = Estimate(held.violations / rows, float(lower), float(upper))
    return {
        "rows": rows,
        "proven": held.proven,
        "violations": held.violations,
        "undecided": held.open,
        "threshold": most,
        **interval(share),
    }


def _remedy(promise: Promise, held: Held, outcome: Outcome) -> str:
    if outcome is Outcome.PASSED:
        return ""
    if outcome is Outcome.INCONCLUSIVE:
        if len(held.numbers) < SMALLEST:
            return f"Evaluate on {SMALLEST} rows or more that the promise is about."
        return (
            "Use a model that can be read (linear, trees, ReLU), or a column of whole numbers or categories."
        )
    first = held.witnesses[0] if held.witnesses else None
    seen = f"See {_seen(first)}. " if first else ""
    setting = f"Nothing but violations: {{max: {held.violations + held.open}}} would let these rows pass. "
    if promise.kind == "monotone":
        return f"{seen}{setting}Train with a monotone constraint on {promise.column}, as boosting and linear models take it."
    if promise.kind == "invariant":
        return f"{seen}{setting}Withhold {promise.column} from training (train.withhold), or coarsen it."
    return f"{seen}{setting}Answer such rows before the model is asked, or train on rows that show it."


def _seen(witness: dict[str, Any]) -> str:
    if "changed" not in witness:
        told = ", ".join(f"{name} {value}" for name, value in witness["at"].items())
        return f"row {witness['row']}{f' at {told}' if told else ''}: {witness['decided']}"
    told = ", ".join(
        f"{name} from {each['from']} to {each['to']}" for name, each in witness["changed"].items()
    )
    return f"row {witness['row']}, {told}: {witness['decided']}, then {witness['then']}"


def _measured(promise: Promise, held: Held) -> dict[str, Any]:
    told = {
        "promise": promise.text,
        "rows": len(held.numbers),
        "proven": held.proven,
        "violations": held.violations,
        "undecided": held.open,
        "lacking_the_value": held.still,
        "methods": sorted(held.methods),
        "witnesses": held.witnesses,
    }
    return told if held.anywhere is None else {**told, "for_any_row": held.anywhere}


def _nothing(criteria: Criteria) -> Finding:
    return Finding(
        "behaviour.promises",
        Outcome.INCONCLUSIVE,
        "no promise is declared",
        "what a domain demands of every decision is for people to say",
        f"declare {_EXAMPLE}",
        CRITERIA_FILE,
        criteria.line(),
    )


def _cannot(criteria: Criteria, promise: Promise, why: str) -> Finding:
    return Finding(
        f"behaviour.{promise.name}",
        Outcome.INCONCLUSIVE,
        f"{promise.text}: this cannot be held: {why}.",
        "a promise that was declared decides",
        "correct the promise, or the column in the manifest of the evaluation data",
        CRITERIA_FILE,
        criteria.line(*promise.keys),
    )
