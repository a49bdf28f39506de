"""The bias gate: who is treated differently? Counts, intervals and criteria as in ``docs/gates/bias.md``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.digest import decimal_string
from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.bias_calibration import CRITERION, calibration
from mlassay.gates.bias_cells import Cells, Counts, Groups, count, encode, groupings
from mlassay.gates.bias_rules import RATES, RULES, SMALLEST_GROUP, Comparison, compare
from mlassay.gates.bias_threshold import Setting, nearest_setting
from mlassay.gates.bias_words import remedy, sentence, why
from mlassay.gates.common import CRITERIA_FILE, Criteria, not_applicable, report, shown
from mlassay.gates.evaluated import Evaluated
from mlassay.statistics import wilson
from mlassay.tasks import BINARY

if TYPE_CHECKING:
    from mlassay.ports import Subject

NOT_LOOKED_AT = (
    "columns that are not declared sensitive, and people whose group no column tells",
    "pairs of groups of which neither is the reference",
    "why groups differ, and whether the labels themselves carry past differences in treatment",
    "single people: two alike applicants may be treated differently inside one group",
)
_NO_CRITERIA = {"sensitive", "reference", "intersections", "minimum_rows", "rationale"}


class BiasGate:
    """Compares decisions between the groups of each sensitive column and of their intersections."""

    id = "bias"

    def test(self, subject: Subject) -> GateReport:
        """Measure the evaluation rows; with cross-checks on, Fairlearn must agree with every rate."""
        criteria = Criteria.of(subject, self.id)
        if subject.task != BINARY:
            return not_applicable(criteria, f"the groups of a {subject.task} are not compared yet")
        names = [*criteria.values.get("sensitive", ()), *subject.plan.policy.sensitive]
        answer = assess(Evaluated.of(subject, dict.fromkeys(names)), criteria)
        if subject.cross_checks:
            from mlassay.gates.bias_fairlearn import cross_check

            cross_check(subject, answer)
            subject.progress("bias: Fairlearn's MetricFrame counts the same")
        return answer


def assess(rows: Evaluated, criteria: Criteria) -> GateReport:
    """The whole gate over plain arrays: every column of ``rows`` is sensitive."""
    thresholds = {
        name: float(criteria.values[name][rule.bound])
        for name, rule in RULES.items()
        if rule.bound in criteria.values.get(name, {})
    }
    if problem := _cannot_test(rows, criteria, thresholds):
        return report(criteria, measured={}, findings=[problem], not_looked_at=NOT_LOOKED_AT)
    cells = count(
        [encode(name, texts, rows.declared.get(name, ())) for name, texts in rows.columns.items()],
        rows.truth == rows.favourable,
        rows.predicted == rows.favourable,
    )
    reference = {name: str(value) for name, value in criteria.values.get("reference", {}).items()}
    chosen = groupings(cells, reference, intersections=criteria.values.get("intersections", True))
    tables = [(groups, groups.sum(cells.counts)) for groups in chosen]
    findings = _Judge(rows, criteria, thresholds, cells, tables).findings()
    if CRITERION in criteria.values:
        findings += calibration(rows, cells, tables, criteria, _smallest(criteria))
    return report(
        criteria,
        measured=_measured(rows, tables),
        findings=findings,
        not_looked_at=_not_looked_at(criteria, tables),
    )


@dataclass(frozen=True, slots=True)
class _Judge:
    """Turns comparisons into findings, one for each criterion and group."""

    rows: Evaluated
    criteria: Criteria
    thresholds: Mapping[str, float]
    cells: Cells
    tables: Sequence[tuple[Groups, Counts]]

    def findings(self) -> list[Finding]:
        compared = {
            name: compare(RULES[name], limit, self.tables, _smallest(self.criteria))
            for name, limit in self.thresholds.items()
        }
        found = [self._nothing_to_compare(groups) for groups, _ in self.tables if _alone(groups)]
        for criterion, comparisons in compared.items():
            failed = any(one.outcome is Outcome.FAILED for one in comparisons)
            setting = self._setting(criterion) if failed else None
            for _, parts in groupby(comparisons, key=lambda one: (one.groups.columns, one.group)):
                found.append(self._finding(criterion, list(parts), setting))
        return found

    def _finding(self, criterion: str, parts: Sequence[Comparison], setting: Setting | None) -> Finding:
        first, rule, limit = parts[0], RULES[criterion], self.thresholds[criterion]
        outcome = Outcome.worst([part.outcome for part in parts])
        return Finding(
            id=_id(criterion, first.groups.label(first.group)),
            outcome=outcome,
            what=" ".join(sentence(part, rule, limit, self.rows) for part in parts),
            why=why(parts, rule, outcome),
            remedy=remedy(parts, outcome, setting, self.rows),
            path=CRITERIA_FILE,
            line=self.criteria.line(criterion, rule.bound),
            numbers=_numbers(parts, limit),
        )

    def _setting(self, criterion: str) -> Setting | None:
        return nearest_setting(
            self.rows,
            self.cells,
            self.tables,
            criterion,
            self.thresholds[criterion],
            _smallest(self.criteria),
        )

    def _nothing_to_compare(self, groups: Groups) -> Finding:
        wanted = self.criteria.values.get("reference", {})
        missing = ", ".join(f"{name}={wanted[name]}" for name in groups.columns if name in wanted)
        return Finding(
            id=_id("groups", groups.name),
            outcome=Outcome.INCONCLUSIVE,
            what=f"no row has the declared reference {missing}"
            if groups.reference < 0 and missing
            else f"the evaluation rows hold no two groups of {groups.name} to compare",
            why="without two groups there is no difference to measure, and nothing measured is nothing passed",
            remedy="evaluate on rows of every group, and check the spelling of the reference group",
            path=CRITERIA_FILE,
            line=self.criteria.line("reference" if missing else "sensitive"),
        )


def _alone(groups: Groups) -> bool:
    return groups.reference < 0 or len(groups.values) < 2


def _id(rule: str, subject: str) -> str:
    return f"bias.{rule}.{subject.replace(' & ', '&')}"


def _cannot_test(rows: Evaluated, criteria: Criteria, thresholds: Mapping[str, float]) -> Finding | None:
    if unmeasured := _unmeasured(criteria):
        what = f"no measurement answers the criteria {', '.join(unmeasured)}"
        why = "a declared criterion always decides, and one that nobody measures was not kept"
        fix = "a ratio takes `min` and a difference `max`: " + ", ".join([*RULES, CRITERION])
    elif not rows.columns or not (thresholds or CRITERION in criteria.values):
        what = "no sensitive column is declared" if not rows.columns else "no threshold is declared"
        why = "the gate compares groups of declared columns against declared thresholds, and has none"
        fix = "declare `sensitive: [column]` and, for example, `selection_rate_ratio: {min: 0.8}`"
    elif rows.unscored:
        what = f"the model gave no finite score to {rows.unscored} of {len(rows.scores)} rows"
        why = "a decision on a score that is not a number is no decision, and must not count as one"
        fix = "see the contract gate; a model has to answer every row"
    elif not len(rows.truth):
        what = "there are no evaluation rows"
        why = "nothing measured is nothing passed"
        fix = "check the evaluation split in the data manifest"
    else:
        return None
    return Finding("bias.measurable", Outcome.INCONCLUSIVE, what, why, fix, CRITERIA_FILE, criteria.line())


def _unmeasured(criteria: Criteria) -> list[str]:
    """Declared thresholds that no rule of this gate answers, as dotted keys."""
    bounds = {name: rule.bound for name, rule in RULES.items()} | {CRITERION: "max"}
    declared = {name: keys for name, keys in criteria.values.items() if name not in _NO_CRITERIA}
    return sorted(
        f"{name}.{bound}"
        for name, keys in declared.items()
        for bound in (keys if isinstance(keys, Mapping) else {"": keys})
        if bounds.get(name) != bound
    )


def _smallest(criteria: Criteria) -> int:
    """Rows under which a group is inconclusive: never fewer than `SMALLEST_GROUP`."""
    return max(SMALLEST_GROUP, int(criteria.values.get("minimum_rows", SMALLEST_GROUP)))


def _numbers(parts: Sequence[Comparison], limit: float) -> dict[str, str | int]:
    numbers: dict[str, str | int] = {"threshold": decimal_string(limit, 4)}
    for part in parts:
        prefix = f"{part.rate}." if len(parts) > 1 else ""
        numbers |= {
            f"{prefix}count": part.count[0],
            f"{prefix}of": part.count[1],
            f"{prefix}reference_count": part.reference[0],
            f"{prefix}reference_of": part.reference[1],
            f"{prefix}gap": shown(part.gap),
            f"{prefix}lower": shown(part.lower),
            f"{prefix}upper": shown(part.upper),
            f"{prefix}p_holm": shown(part.p),
        }
        if part.rows is not None:
            numbers[f"{prefix}rows_to_settle"] = part.rows
    return numbers


def _measured(rows: Evaluated, tables: Sequence[tuple[Groups, Counts]]) -> dict[str, Any]:
    return {
        "rows": len(rows.truth),
        "favourable": rows.good,
        "threshold": shown(rows.threshold),
        "columns": {groups.name: _table(groups, counts) for groups, counts in tables},
    }


def _table(groups: Groups, counts: Counts) -> dict[str, Any]:
    by_rate = {name: rate(counts) for name, rate in RATES.items()}
    limits = {name: np.transpose(wilson(x, n)) for name, (x, n) in by_rate.items()}
    points = {name: x / np.where(n > 0, n, np.nan) for name, (x, n) in by_rate.items()}
    spread = {name: _spread(point) for name, point in points.items()}
    selection = points["selection_rate"]
    filled = selection[np.isfinite(selection)]
    highest = float(filled.max(initial=0.0))
    return {
        "columns": list(groups.columns),
        "reference": groups.label(groups.reference) if groups.reference >= 0 else "unknown",
        "demographic_parity_ratio": shown(float(filled.min()) / highest if highest else np.nan),
        "demographic_parity_difference": shown(spread["selection_rate"]),
        "equalized_odds_difference": shown(
            float(np.maximum(spread["true_positive_rate"], spread["false_positive_rate"]))
        ),
        "groups": [
            {
                "group": groups.label(group),
                "values": list(groups.values[group]),
                "rows": int(counts[group].sum()),
                "selected": int(counts[group, :, 1].sum()),
                "positives": int(counts[group, 1].sum()),
                "true_positives": int(counts[group, 1, 1]),
                "false_positives": int(counts[group, 0, 1]),
                **{
                    name: {
                        "rate": shown(float(points[name][group])),
                        "lower": shown(float(limits[name][group, 0])),
                        "upper": shown(float(limits[name][group, 1])),
                    }
                    for name in RATES
                },
            }
            for group in range(len(groups.values))
        ],
    }


def _spread(rates: Any) -> float:
    known = rates[np.isfinite(rates)]
    return float(known.max() - known.min()) if known.size else float("nan")


def _not_looked_at(criteria: Criteria, tables: Sequence[tuple[Groups, Counts]]) -> list[str]:
    left = list(NOT_LOOKED_AT)
    if CRITERION not in criteria.values:
        left.append("calibration within groups")
    if not criteria.values.get("intersections", True):
        left.append("intersections of sensitive columns")
    left += [f"{g.empty} possible groups of {g.name} that no row is in" for g, _ in tables if g.empty]
    return left
