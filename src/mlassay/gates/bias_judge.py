"""From comparisons to findings: one for each declared criterion and group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from mlassay.digest import decimal_string
from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.bias_asked import Asked
from mlassay.gates.bias_cells import Groups
from mlassay.gates.bias_means import MEAN_RULES, MeanComparison, MeanRule, compare_means
from mlassay.gates.bias_measured import Counted, Tables
from mlassay.gates.bias_rules import RATES, Comparison, Rate, Rule, class_rates, compare
from mlassay.gates.bias_threshold import Setting, nearest_setting
from mlassay.gates.bias_words import mean_remedy, mean_sentence, mean_why, remedy, sentence, why
from mlassay.gates.common import CRITERIA_FILE, shown
from mlassay.gates.performance_words import significant

_TOLD = 3  # labels of many that one finding tells of


@dataclass(frozen=True, slots=True)
class Judge:
    """Turns counts into findings."""

    asked: Asked
    counted: Counted

    def findings(self) -> list[Finding]:
        """Of every declared criterion, in the order of the rules."""
        of_classes = class_rates(self.asked.rows.labels) if self.counted.by_class else {}
        return [
            *(self._nothing_to_compare(groups) for groups, _ in self.counted.tables if _alone(groups)),
            *self._rates(self.asked.rules(), self.counted.tables, RATES),
            *self._rates(self.asked.class_rules(), self.counted.by_class, of_classes),
            *self._means(),
        ]

    def _rates(self, rules: Mapping[str, Rule], tables: Tables, rates: Mapping[str, Rate]) -> list[Finding]:
        found = []
        for criterion, rule in rules.items():
            limit = self.asked.limit(criterion)
            if limit is None:
                continue
            comparisons = compare(rule, limit, tables, self.asked.smallest, rates)
            failed = any(one.outcome is Outcome.FAILED for one in comparisons)
            setting = self._setting(criterion, limit) if failed and rates is RATES else None
            for _, parts in groupby(comparisons, key=lambda one: (one.groups.columns, one.group)):
                found.append(self._finding(criterion, rule, limit, list(parts), setting))
        return found

    def _finding(
        self, criterion: str, rule: Rule, limit: float, parts: Sequence[Comparison], setting: Setting | None
    ) -> Finding:
        first = parts[0]
        outcome = Outcome.worst([part.outcome for part in parts])
        told = [part for part in parts if part.outcome is outcome][:_TOLD] if len(parts) > _TOLD else parts
        more = (
            f" {len(parts) - len(told)} more labels were compared, with no worse an answer."
            if len(told) < len(parts)
            else ""
        )
        return Finding(
            id=_id(criterion, first.groups.label(first.group)),
            outcome=outcome,
            what=" ".join(sentence(part, rule, limit, self.asked.rows) for part in told) + more,
            why=why(told, rule, outcome),
            remedy=remedy(parts, outcome, setting, self.asked.rows),
            path=CRITERIA_FILE,
            line=self.asked.criteria.line(criterion, rule.bound),
            numbers=_numbers(parts, limit),
        )

    def _setting(self, criterion: str, limit: float) -> Setting | None:
        return nearest_setting(
            self.asked.rows, self.counted.cells, self.counted.tables, criterion, limit, self.asked.smallest
        )

    def _means(self) -> list[Finding]:
        found = []
        for criterion, rule in MEAN_RULES.items() if self.counted.sums else ():
            limit = self.asked.limit(criterion)
            if limit is not None:
                compared = compare_means(
                    rule, limit, self.counted.sums, self.counted.tables, self.asked.smallest
                )
                found += [self._mean(criterion, rule, limit, part) for part in compared]
        return found

    def _mean(self, criterion: str, rule: MeanRule, limit: float, part: MeanComparison) -> Finding:
        outcome = part.said.outcome(part.place)
        return Finding(
            id=_id(criterion, part.groups.label(part.group)),
            outcome=outcome,
            what=mean_sentence(part, rule, limit, self.asked.rows),
            why=mean_why(part, rule, outcome),
            remedy=mean_remedy(part, outcome),
            path=CRITERIA_FILE,
            line=self.asked.criteria.line(criterion, rule.bound),
            numbers=_mean_numbers(part, rule, limit),
        )

    def _nothing_to_compare(self, groups: Groups) -> Finding:
        criteria = self.asked.criteria
        wanted = criteria.values.get("reference", {})
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
            line=criteria.line("reference" if missing else "sensitive"),
        )


def _alone(groups: Groups) -> bool:
    return groups.reference < 0 or len(groups.values) < 2


def _id(rule: str, subject: str) -> str:
    return f"bias.{rule}.{subject.replace(' & ', '&')}"


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


def _mean_numbers(part: MeanComparison, rule: MeanRule, limit: float) -> dict[str, str | int]:
    numbers: dict[str, str | int] = {
        "threshold": significant(limit),
        "rows": part.rows,
        "mean": significant(part.mean),
        "gap": significant(part.gap),
        "lower": significant(float(part.said.lower[part.place])),
        "upper": significant(float(part.said.upper[part.place])),
        "p_holm": shown(float(part.said.p[part.place])),
    }
    if not rule.within:
        numbers |= {"reference_rows": part.reference_rows, "reference_mean": significant(part.reference_mean)}
    return numbers if part.needed is None else numbers | {"rows_to_settle": part.needed}
