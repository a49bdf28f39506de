"""The explain gate: what does it lean on, can that be told, and has it changed? See ``docs/gates/explain.md``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, report, shown
from mlassay.gates.explain_curves import MOST_COLUMNS as MOST_CURVES
from mlassay.gates.explain_curves import curve
from mlassay.gates.explain_importance import (
    METRIC,
    MOST_COLUMNS,
    Importance,
    importance,
    rank_change,
    recorded,
)
from mlassay.gates.performance import SMALLEST_SLICE, decide
from mlassay.gates.performance_kinds import KINDS

if TYPE_CHECKING:
    from mlassay.gates.explain_kinds import Explained
    from mlassay.ports import Subject

GLOBAL = "global"
_NOT_LOOKED_AT = (
    "causes: what an answer leans on is not why a person is in their situation",
    "columns that stand in for each other: dealing one of them out anew hides behind the other",
    "columns that the model does not take",
)


class ExplainGate:
    """Records what the model leans on, holds how far it can be explained, and whether its leanings have changed."""

    id = "explain"

    def test(self, subject: Subject) -> GateReport:
        """Measure importance, curves and what is declared; every interval is at 95%."""
        criteria = Criteria.of(subject, self.id)
        if not len(subject.table):
            problem = _finding(
                criteria,
                "measurable",
                Outcome.INCONCLUSIVE,
                "there are no evaluation rows",
                why="nothing measured is nothing explained",
                remedy="check the evaluation split in the data manifest",
            )
            return report(criteria, measured={}, findings=[problem], not_looked_at=_NOT_LOOKED_AT)
        kind = KINDS[subject.task]
        metric = criteria.values.get("metric", METRIC[subject.task])
        if metric not in kind.metrics:
            problem = _finding(
                criteria,
                "metric",
                Outcome.INCONCLUSIVE,
                f"no metric of this task is named {metric}",
                why="importance is what a metric loses",
                remedy=f"use {', '.join(kind.metrics)}",
            )
            return report(criteria, measured={}, findings=[problem], not_looked_at=_NOT_LOOKED_AT)
        subject.progress(f"explain: {metric} with each of {len(subject.model.inputs)} columns dealt out anew")
        now = importance(subject, subject.model, metric)
        measured: dict[str, Any] = {
            "importance": {"metric": metric, "rows": now.rows, "columns": now.as_json()},
        }
        findings = [_required(criteria, subject, now, measured)]
        findings += _changed(criteria, subject, now, measured)
        findings += _curves(criteria, subject, measured)
        aside = list(_NOT_LOOKED_AT)
        if (count := len(subject.model.inputs)) > MOST_COLUMNS:
            aside.append(f"{count - MOST_COLUMNS} of {count} columns, left out to bound the time")
        return report(criteria, measured=measured, findings=findings, not_looked_at=aside)


def _required(criteria: Criteria, subject: Subject, now: Importance, measured: dict[str, Any]) -> Finding:
    wanted = str(criteria.values.get("required", GLOBAL))
    if wanted == GLOBAL:
        return _global(criteria, now)
    from mlassay.gates.explain_kinds import per_decision, white_box

    most = int((criteria.values.get("leaves") or {}).get("max", 64))
    box, words = white_box(subject, most)
    measured["white_box"] = {"holds": int(box), "why": words}
    if box or wanted == "white-box":
        return _finding(
            criteria,
            "required",
            Outcome.PASSED if box else Outcome.FAILED,
            f"{'a white box' if box else 'no white box'}: {words}",
            why="a person can follow every answer from the model itself"
            if box
            else "a white box was asked for, and nobody can follow this model's answers by reading it",
            remedy=""
            if box
            else "take a linear model or one small tree, or have people agree that per-decision explanations are enough",
        )
    return _decision(criteria, measured, per_decision(subject))


def _decision(criteria: Criteria, measured: dict[str, Any], found: Explained) -> Finding:
    if found.why:
        return _finding(
            criteria,
            "required",
            Outcome.INCONCLUSIVE,
            f"there is no decision of one row to explain: {found.why}",
            why="per-decision explanations were asked for",
            remedy="declare model.threshold, or ask for `required: global`",
        )
    measured["per_decision"] = {
        "rows": found.rows,
        "with_a_change_that_turns_it": found.turned,
        "proven_that_no_single_column_turns_it": found.proven,
    }
    left = found.rows - found.turned - found.proven
    what = (
        f"of {found.rows} decisions {found.turned} are turned by a change of one column, and of {found.proven} it is proven "
        f"that none turns them"
    )
    held = not left and found.rows >= SMALLEST_SLICE
    outcome = Outcome.PASSED if held else Outcome.FAILED if left else Outcome.INCONCLUSIVE
    return _finding(
        criteria,
        "required",
        outcome,
        what + (f"; of {left} neither is known" if left else ""),
        why="whoever is decided about can be told what would have changed the decision"
        if held
        else "somebody who asks what would have changed the decision would get no answer"
        if left
        else f"under {SMALLEST_SLICE} rows nothing is concluded",
        remedy=""
        if held
        else "declare the columns' ranges in the manifest, take a model that is settled by proof (linear, trees, ReLU), "
        "or have people agree that `required: global` is enough",
        numbers={"rows": found.rows, "turned": found.turned, "proven": found.proven, "unexplained": left},
    )


def _global(criteria: Criteria, now: Importance) -> Finding:
    known = all(np.isfinite([e.lower, e.upper]).all() for e in now.columns.values())
    held = known and now.rows >= SMALLEST_SLICE and bool(now.columns)
    first = ", ".join(now.ranked[:3])
    what = (
        f"over {now.rows} rows the answers lean most on {first}"
        if held
        else "what the answers lean on is not known"
    )
    return _finding(
        criteria,
        "required",
        Outcome.PASSED if held else Outcome.INCONCLUSIVE,
        what,
        why="importance is recorded with its intervals"
        if held
        else "too few rows, or a metric that they leave undefined",
        remedy=""
        if held
        else f"bring {SMALLEST_SLICE} evaluation rows with every label, or name another metric",
        numbers={"rows": now.rows},
    )


def _changed(
    criteria: Criteria, subject: Subject, now: Importance, measured: dict[str, Any]
) -> Iterator[Finding]:
    limit = (criteria.values.get("rank_change") or {}).get("max")
    if subject.live is None:
        if limit is not None:
            what = "rank_change does not apply: nothing is live yet"
            why = "a change is measured against the live release"
            yield _finding(criteria, "rank_change", Outcome.PASSED, what, why=why, at=("rank_change", "max"))
        return
    then, source = _before(subject, now)
    if isinstance(then, str):
        if limit is not None:
            yield _finding(
                criteria,
                "rank_change",
                Outcome.INCONCLUSIVE,
                f"rank_change could not be measured: {then}",
                why="a change is measured against the live release",
                remedy="see that the live model's columns are still in the evaluation data",
                at=("rank_change", "max"),
            )
        return
    change = rank_change(now, then)
    limits = {"value": shown(change.point), "lower": shown(change.lower), "upper": shown(change.upper)}
    measured["rank_change"] = {**limits, "against": source, "before": then.as_json()}
    if limit is None:
        return
    moved = _moved(now, then)
    outcome = decide(change, "max", float(limit)) if now.rows >= SMALLEST_SLICE else Outcome.INCONCLUSIVE
    yield _finding(
        criteria,
        "rank_change",
        outcome,
        f"the order of what the answers lean on is {shown(change.point, 3)} away from the live release's (95% interval "
        f"{shown(change.lower, 3)} to {shown(change.upper, 3)}; 0 is the same order, 1 the reverse), where at most {limit:g} "
        f"is asked{moved}",
        why="the whole 95% interval keeps the criterion"
        if outcome is Outcome.PASSED
        else "a model that leans on other things than before is another model, whatever its accuracy"
        if outcome is Outcome.FAILED
        else "noise in either measurement could make the difference",
        remedy=""
        if outcome is Outcome.PASSED
        else "find out what changed in the data or the training, and let people judge the new leanings before they accept them"
        if outcome is Outcome.FAILED
        else "measure on more rows, or let people judge the two lists",
        at=("rank_change", "max"),
        numbers={"rows": now.rows, "maximum": shown(float(limit)), **limits}
        | ({"gap": shown(change.point - float(limit))} if outcome is Outcome.FAILED else {}),
    )


def _moved(now: Importance, then: Importance) -> str:
    """The three columns that stand first, before and now, where they are others."""
    before, after = then.ranked[:3], now.ranked[:3]
    return f"; first were {', '.join(before)}, now {', '.join(after)}" if before != after else ""


def _before(subject: Subject, now: Importance) -> tuple[Importance | str, str]:
    """The live release's importance from its own report, else measured of its model on these rows; or why neither."""
    from mlassay.model import Unusable
    from mlassay.ports import load_model

    if subject.live is None:
        return "nothing is live", ""
    found = recorded(subject.live, now.metric)
    if found is not None:
        return found, "its recorded report"
    try:
        return importance(
            subject, load_model(subject.live, subject.plan), now.metric
        ), "its model on these rows"
    except Unusable as error:
        return f"its report says nothing of {now.metric}, and its model cannot answer these rows: {error}", ""


def _curves(criteria: Criteria, subject: Subject, measured: dict[str, Any]) -> Iterator[Finding]:
    names = criteria.values.get("columns", ())
    taken = {each.name for each in subject.model.inputs}
    curves = []
    for name in names[:MOST_CURVES]:
        column = next((c for c in subject.plan.evaluation.columns if c.name == name), None)
        why = (
            "the data have no such column"
            if column is None
            else "the model does not take it as input"
            if name not in taken
            else "it is text, and has no range"
            if column.type == "text"
            else ""
        )
        if column is None or why:
            yield _finding(
                criteria,
                f"column.{name}",
                Outcome.INCONCLUSIVE,
                f"there is no curve of column {name}: {why}",
                why="a curve that was asked for and is not there would look as if it were flat",
                remedy="correct the name in gates.explain.columns, or take it out",
                at=("columns",),
            )
        else:
            curves.append(curve(subject, column))
    if curves:
        measured["curves"] = curves


def _finding(
    criteria: Criteria,
    name: str,
    outcome: Outcome,
    what: str,
    *,
    why: str,
    remedy: str = "",
    at: tuple[str, ...] = (),
    numbers: dict[str, Any] | None = None,
) -> Finding:
    return Finding(
        f"explain.{name}",
        outcome,
        what,
        why,
        remedy,
        CRITERIA_FILE,
        criteria.line(*(at or (name,))),
        numbers or {},
    )
