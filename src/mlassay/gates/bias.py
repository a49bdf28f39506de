"""The bias gate: who is treated differently? Counts, intervals and criteria as in ``docs/gates/bias.md``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.bias_asked import Asked
from mlassay.gates.bias_calibration import CRITERION, calibration
from mlassay.gates.bias_cells import Coded, Groups, count, encode, encode_bins, groupings, sides
from mlassay.gates.bias_judge import Judge
from mlassay.gates.bias_measured import Counted, measured
from mlassay.gates.common import CRITERIA_FILE, Criteria, report
from mlassay.gates.evaluated import Evaluated

if TYPE_CHECKING:
    from mlassay.ports import Subject

NOT_LOOKED_AT = (
    "columns that are not declared sensitive, and people whose group no column tells",
    "pairs of groups of which neither is the reference",
    "why groups differ, and whether the labels themselves carry past differences in treatment",
    "single people: two alike applicants may be treated differently inside one group",
)
MOST_VALUES = 250
"""Groups of one column; more of them look like names or numbers of single people, or like a measurement."""
MOST_GROUPS = 1000
"""Groups of an intersection that are compared."""


class BiasGate:
    """Compares answers between the groups of each sensitive column and of their intersections."""

    id = "bias"

    def test(self, subject: Subject) -> GateReport:
        """Measure the evaluation rows; with cross-checks on, Fairlearn must agree with every rate."""
        criteria = Criteria.of(subject, self.id)
        names = [*criteria.values.get("sensitive", ()), *subject.plan.policy.sensitive]
        answer = assess(Evaluated.of(subject, dict.fromkeys(names)), criteria)
        if subject.cross_checks:
            from mlassay.gates.bias_fairlearn import cross_check

            cross_check(subject, answer, criteria)
            subject.progress("bias: Fairlearn's MetricFrame counts the same")
        return answer


def assess(rows: Evaluated, criteria: Criteria) -> GateReport:
    """The whole gate over plain arrays: every column of ``rows`` is sensitive."""
    asked = Asked(rows, criteria)
    if problem := asked.problem():
        return report(criteria, measured={}, findings=[problem], not_looked_at=NOT_LOOKED_AT)
    columns = coded(rows, criteria)
    crowded = [column.name for column in columns if len(column.values) > MOST_VALUES]
    cells = count([column for column in columns if column.name not in crowded], *sides(rows))
    reference = {name: str(value) for name, value in criteria.values.get("reference", {}).items()}
    chosen = groupings(cells, reference, intersections=criteria.values.get("intersections", True))
    crowded += [groups.name for groups in chosen if len(groups.values) > MOST_GROUPS]
    chosen = [groups for groups in chosen if groups.name not in crowded]
    counted = Counted.of(rows, cells, chosen)
    findings = [_too_many(name, criteria) for name in crowded]
    findings += Judge(asked, counted).findings()
    if CRITERION in criteria.values:
        findings += calibration(rows, cells, counted.tables, criteria, asked.smallest)
    return report(
        criteria,
        measured=measured(rows, counted),
        findings=findings,
        not_looked_at=_not_looked_at(asked, chosen),
    )


def coded(rows: Evaluated, criteria: Criteria) -> list[Coded]:
    """The sensitive columns as groups: by their values, or by the declared bins of a column of numbers."""
    bins: dict[str, Any] = criteria.values.get("bins", {})
    return [
        encode_bins(name, texts, [float(edge) for edge in bins[name]])
        if name in bins
        else encode(name, texts, rows.declared.get(name, ()))
        for name, texts in rows.columns.items()
    ]


def _too_many(name: str, criteria: Criteria) -> Finding:
    together = " & " in name
    most = MOST_GROUPS if together else MOST_VALUES
    return Finding(
        id=f"bias.groups.{name.replace(' & ', '&')}",
        outcome=Outcome.INCONCLUSIVE,
        what=f"{name} makes more than {most} groups, and they are not compared",
        why="a group for nearly every row is a name or a measurement, and so many comparisons say nothing of anybody",
        remedy="declare `intersections: false`, or columns with fewer values"
        if together
        else f"declare `bins: {{{name}: […]}}` for a number, or a column of fewer values",
        path=CRITERIA_FILE,
        line=criteria.line("sensitive"),
    )


def _not_looked_at(asked: Asked, chosen: Sequence[Groups]) -> list[str]:
    left = list(NOT_LOOKED_AT)
    values = asked.criteria.values
    if CRITERION not in values and CRITERION in asked.answered():
        left.append("calibration within groups")
    if not values.get("intersections", True):
        left.append("intersections of sensitive columns")
    if not asked.decides:
        left.append("decisions: no model.threshold says which predicted numbers are favourable")
    left += [f"{g.empty} possible groups of {g.name} that no row is in" for g in chosen if g.empty]
    return left
