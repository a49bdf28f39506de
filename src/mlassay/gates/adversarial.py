"""The adversarial gate: how many decisions flip within a stated change?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlassay.config.perturb import read_perturb
from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, not_applicable, report, shown
from mlassay.manifest import Column
from mlassay.tasks import BINARY

if TYPE_CHECKING:
    from mlassay.gates.adversarial_measure import Measured
    from mlassay.ports import Subject

_NOT_LOOKED_AT = (
    "changes beyond the radius, and changes of columns that perturb.columns does not name",
    "whether anybody could make such a change: columns move freely of each other inside their ranges",
    "categories: only numbers and integers are moved",
)
_SEARCHED = (
    "rows that the search did not break: they are undecided, never robust, so a search alone cannot pass"
)


class AdversarialGate:
    """How many decisions flip when declared columns move by a stated share of their range?

    A model whose score is a monotone function of an affine one is settled exactly, at the corners of the allowed
    box. Any other is searched: what the search breaks is proven, with a witness that ONNX Runtime confirmed;
    what it does not break is undecided. Robust means: no decision flips anywhere in the box.
    """

    id = "adversarial"

    def test(self, subject: Subject) -> GateReport:
        """Measure the share of evaluation rows whose decision flips inside the box."""
        criteria = Criteria.of(subject, self.id)
        if subject.task != BINARY:
            return not_applicable(criteria, f"the decisions of a {subject.task} are not attacked yet")
        if unfit := _unfit(criteria, subject):
            return report(criteria, measured={}, findings=unfit, not_looked_at=_NOT_LOOKED_AT)
        from mlassay.gates.adversarial_measure import measure

        change = read_perturb(criteria.values["perturb"])
        columns = tuple(subject.plan.evaluation.column(move.name) for move in change.moves)
        measured = measure(subject, columns, change, _sensitive(subject))
        finding = _judge(criteria, measured)
        aside = _NOT_LOOKED_AT if measured.exact else (*_NOT_LOOKED_AT, _SEARCHED)
        if measured.sampled:
            aside = (
                *aside,
                f"{measured.rows - measured.looked_at} of {measured.rows} rows, left out to bound the time",
            )
        if subject.cross_checks:
            from mlassay.gates.adversarial_art import cross_check

            cross_check(measured.probe, measured.found, subject.progress)
        findings = [finding, *_unproposed(criteria, measured)]
        return report(criteria, measured=measured.as_numbers(), findings=findings, not_looked_at=aside)


def _unproposed(criteria: Criteria, measured: Measured) -> list[Finding]:
    """Why the team's command has proposed nothing, if it was asked and could not."""
    if measured.proposed is None or not measured.proposed.problem:
        return []
    return [
        _finding(
            criteria,
            "adversarial.command",
            Outcome.INCONCLUSIVE,
            f"the team's command proposed nothing: {measured.proposed.problem}",
            why="what its authors know of likely changes was not tried",
            remedy="run it in a checkout with the files that the adversarial gate's docs describe, and mend it",
            at=("perturb", "command"),
        )
    ]


def _sensitive(subject: Subject) -> tuple[str, ...]:
    asked = (subject.plan.gates.get("bias") or {}).get("sensitive", ())
    known = {column.name for column in subject.plan.evaluation.columns}
    return tuple(name for name in dict.fromkeys([*asked, *subject.plan.policy.sensitive]) if name in known)


def _unfit(criteria: Criteria, subject: Subject) -> list[Finding]:
    """Why nothing can be measured, if so: no criteria, or columns without a range to move in."""
    perturb = criteria.values.get("perturb") or {}
    rate = (criteria.values.get("robust_rate") or {}).get("min")
    names: Sequence[str] = perturb.get("columns", ())
    if not names or "radius" not in perturb or rate is None:
        return [
            _finding(
                criteria,
                "adversarial.criteria",
                Outcome.INCONCLUSIVE,
                "it is not declared which columns may move how far, or what share of decisions must hold",
                why="how far an applicant's figures may move without another answer is for people to say",
                remedy="write perturb.columns, perturb.radius and robust_rate.min under gates.adversarial",
                at=(),
            )
        ]
    taken = {i.name for i in subject.model.inputs}
    declared = {c.name: c for c in subject.plan.evaluation.columns}
    return [
        _finding(
            criteria,
            f"adversarial.column.{name}",
            Outcome.INCONCLUSIVE,
            f"column {name} cannot be moved: {reason}",
            why="a column that is asked for and not moved would make the model look steadier than it is",
            remedy=remedy,
            at=("perturb", "columns"),
        )
        for name in names
        if (unmoved := _unmoved(declared.get(name), name in taken))
        for reason, remedy in [unmoved]
    ]


def _unmoved(column: Column | None, taken: bool) -> tuple[str, str] | None:
    if column is None:
        return "the data has no such column", "correct its name in perturb.columns"
    if column.type not in {"number", "integer"}:
        return f"it is a {column.type}, and has no distance", "name columns of numbers in perturb.columns"
    if not taken:
        return "the model does not take it as input", "take it out of perturb.columns"
    if column.minimum is None or column.maximum is None or not column.minimum < column.maximum:
        return "its manifest declares no range", "declare its minimum and maximum in the data's manifest"
    return None


def _judge(criteria: Criteria, measured: Measured) -> Finding:
    least = float(criteria.values["robust_rate"]["min"])
    low, high = measured.interval
    numbers: dict[str, str | int] = {
        "minimum": shown(least),
        "robust": measured.robust,
        "vulnerable": measured.vulnerable,
        "undecided": measured.undecided,
        "rows": measured.looked_at,
        "robust_rate_at_most": shown(measured.rate_at_most),
        "lower": shown(low),
        "upper": shown(high),
    }
    if measured.exact and measured.undecided == 0:
        what = f"{measured.robust} of {measured.looked_at} decisions hold anywhere in the box ({shown(measured.rate_at_most)})"
    else:
        what = (
            f"{measured.vulnerable} of {measured.looked_at} decisions flip in the box; "
            f"{measured.undecided} were not broken and are undecided, not robust"
        )
    what += f", where a share of at least {least:g} must hold"
    outcome, remedy = (
        Outcome.INCONCLUSIVE,
        "measure on more rows, or let people judge the witnesses and waive the gate",
    )
    if high < least:
        outcome = Outcome.FAILED
        remedy = (
            "train a smoother or monotone model, or move fewer columns less far and say why that is enough"
        )
    elif low >= least:
        outcome, remedy = Outcome.PASSED, ""
    elif not measured.exact:
        remedy = "take a model that can be settled exactly (a linear one), or let people judge the witnesses and waive"
    if outcome is not Outcome.PASSED and (radius := measured.passing_radius(least)) is not None:
        numbers["radius_that_passes"] = shown(radius)
        remedy += f"; at radius {shown(radius)} the model would pass, a promise about smaller changes only"
    if outcome is Outcome.INCONCLUSIVE and (more := measured.rows_to_settle(least)) is not None:
        numbers["rows_that_would_settle"] = more
        remedy = f"about {more} rows would settle it; " + remedy
    why = "a decision that flips on a change nobody would notice is decided by noise"
    return _finding(
        criteria,
        "adversarial.robust_rate",
        outcome,
        what,
        why=why,
        remedy=remedy,
        at=("robust_rate", "min"),
        numbers=numbers,
    )


def _finding(
    criteria: Criteria,
    id_: str,
    outcome: Outcome,
    what: str,
    *,
    why: str,
    remedy: str,
    at: tuple[str, ...],
    numbers: dict[str, Any] | None = None,
) -> Finding:
    return Finding(
        id=id_,
        outcome=outcome,
        what=what,
        why=why,
        remedy=remedy,
        path=CRITERIA_FILE,
        line=criteria.line(*at),
        numbers=numbers or {},
    )
