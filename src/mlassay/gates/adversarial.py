"""The adversarial gate: how many decisions flip within a stated change?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlassay.config.perturb import read_perturb
from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, not_applicable, report, shown
from mlassay.manifest import Column
from mlassay.tasks import RANKING

if TYPE_CHECKING:
    from mlassay.gates.adversarial_measure import Measured
    from mlassay.ports import Subject

_BEYOND = "changes beyond what perturb allows, and changes of columns that perturb.columns does not name"
_FREELY = "whether anybody could make such a change: columns move freely of each other inside their ranges"
_BOUND = "whether anybody could make such a change, apart from what perturb.constraints says"
_CATEGORIES = "categories: only numbers and integers are moved"
_SEARCHED = (
    "rows that the search did not break: they are undecided, never robust, so a search alone cannot pass"
)


class AdversarialGate:
    """How many decisions flip when declared columns move by a stated share of their range?

    Linear models, tree ensembles and ReLU networks are settled exactly (`adversarial_settle`). Any other is searched:
    what the search breaks is proven, with a witness that ONNX Runtime confirmed; what it does not break is undecided.
    Robust means: no decision flips anywhere in what is allowed.
    """

    id = "adversarial"

    def test(self, subject: Subject) -> GateReport:
        """Measure the share of evaluation rows whose decision flips inside the box."""
        criteria = Criteria.of(subject, self.id)
        if why := _no_decision(subject):
            return not_applicable(criteria, why)
        if unfit := _no_rows(criteria, subject) or _unfit(criteria, subject):
            return report(criteria, measured={}, findings=unfit, not_looked_at=(_BEYOND, _FREELY))
        from mlassay.gates.adversarial_measure import measure

        change = read_perturb(criteria.values["perturb"])
        columns = tuple(subject.plan.evaluation.column(move.name) for move in change.moves)
        measured = measure(subject, columns, change, _sensitive(subject))
        finding = _judge(criteria, measured)
        if subject.cross_checks:
            from mlassay.gates.adversarial_art import cross_check

            cross_check(measured.probe, measured.found, subject.progress)
        findings = [finding, *_unproposed(criteria, measured)]
        aside = _aside(measured)
        return report(criteria, measured=measured.as_numbers(), findings=findings, not_looked_at=aside)


def _no_decision(subject: Subject) -> str:
    """Why no row has a decision of its own that could flip, if so."""
    if subject.task == RANKING:
        return "in a ranking each row's place depends on the others, so that no row has a decision of its own"
    if not subject.decides:
        return "the model predicts a number, and model.threshold does not say which are favourable"
    return ""


def _aside(measured: Measured) -> tuple[str, ...]:
    """What was not looked at, and why a model was searched that others like it are settled by proof."""
    change, box = measured.change, measured.probe.box
    aside = [_BEYOND, _BOUND if change.constraints else _FREELY]
    if not any(codes is not None for codes in box.choices):
        aside.append(_CATEGORIES)
    if not measured.exact:
        aside.append(_SEARCHED)
        aside += [f"a proof: {reason}" for reason in measured.reasons]
    if measured.sampled:
        left = measured.rows - measured.looked_at
        aside.append(f"{left} of {measured.rows} rows, left out to bound the time")
    return tuple(aside)


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


def _no_rows(criteria: Criteria, subject: Subject) -> list[Finding]:
    if len(subject.scores):
        return []
    return [
        _finding(
            criteria,
            "adversarial.rows",
            Outcome.INCONCLUSIVE,
            "there are no evaluation rows",
            why="without rows nothing is decided, and nothing can flip",
            remedy="put rows into the split that evaluate.data names",
            at=(),
        )
    ]


def _unfit(criteria: Criteria, subject: Subject) -> list[Finding]:
    """Why nothing can be measured, if so: no criteria, or columns without a range to move in."""
    perturb = criteria.values.get("perturb") or {}
    rate = (criteria.values.get("robust_rate") or {}).get("min")
    names: Sequence[str] = perturb.get("columns", ())
    moves = read_perturb({**perturb, "constraints": ()}).moves
    far = all(m.radius is not None or m.by is not None or m.values for m in moves) or "radius" in perturb
    if not names or not far or rate is None:
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
    listed = not isinstance(perturb["columns"], Mapping)
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
        if (unmoved := _unmoved(declared.get(name), name in taken, listed=listed))
        for reason, remedy in [unmoved]
    ]


def _unmoved(column: Column | None, taken: bool, *, listed: bool) -> tuple[str, str] | None:
    if column is None:
        return "the data has no such column", "correct its name in perturb.columns"
    if column.type not in {"number", "integer"} and (listed or column.type != "category"):
        remedy = "name columns of numbers, or say column by column what may change (a category's values)"
        return f"it is a {column.type}, and has no distance", remedy
    if not taken:
        return "the model does not take it as input", "take it out of perturb.columns"
    if column.type == "category":
        return None
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
        remedy = "take a model that can be settled exactly (linear, trees, ReLU), or let people judge the witnesses and waive"
    if outcome is not Outcome.PASSED and (radius := measured.passing_radius(least)) is not None:
        by_radius = measured.scale == measured.change.radius
        key, words = ("radius", "radius") if by_radius else ("share", "a share of the change of")
        numbers[f"{key}_that_passes"] = shown(radius)
        remedy += f"; at {words} {shown(radius)} the model would pass, a promise about smaller changes only"
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
