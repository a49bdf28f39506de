"""What every gate needs in order to say what it found. Nothing is measured here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlassay.digest import decimal_string, without_floats
from mlassay.evidence.verdict import Finding, GateReport, Outcome

if TYPE_CHECKING:
    from mlassay.ports import Subject

CRITERIA_FILE = "ml.yaml"


@dataclass(frozen=True, slots=True)
class Criteria:
    """The thresholds that one gate was given, and the line of ``ml.yaml`` that each came from."""

    gate: str
    values: Mapping[str, Any]
    lines: Mapping[str, int]

    @classmethod
    def of(cls, subject: Subject, gate: str) -> Criteria:
        """The criteria in force for ``gate``; empty where the plan has none."""
        return cls(gate, subject.plan.gates.get(gate, {}), subject.plan.config.lines)

    def line(self, *keys: str) -> int | None:
        """Line of the key path under ``gates.<gate>``, or of the nearest key above it that has one."""
        parts = ("gates", self.gate, *keys)
        paths = (".".join(parts[:end]) for end in range(len(parts), 1, -1))
        return next((self.lines[path] for path in paths if path in self.lines), None)


def shown(number: float, places: int = 4) -> str:
    """A measured number as a decimal string; ``unknown`` where there is none, so that nan never looks like one."""
    return decimal_string(number, places) if math.isfinite(number) else "unknown"


def report(
    criteria: Criteria,
    *,
    measured: Mapping[str, Any],
    findings: Sequence[Finding],
    not_looked_at: Sequence[str],
    summary: str = "",
    self_reported: bool = False,
) -> GateReport:
    """The gate's report: its outcome is that of its worst finding, inconclusive when there are no findings."""
    outcome = Outcome.worst([finding.outcome for finding in findings])
    return GateReport(
        gate=criteria.gate,
        outcome=outcome,
        summary=summary or headline(findings, outcome),
        criteria=without_floats(criteria.values),
        measured=measured,
        findings=tuple(findings),
        not_looked_at=tuple(not_looked_at),
        self_reported=self_reported,
    )


def not_applicable(criteria: Criteria, why: str) -> GateReport:
    """The answer of a gate that does not apply to this model: named, and inconclusive.

    People who agree that it does not apply write the gate and their reason under policy's ``exemptions``.
    ``why`` ends the sentence "the gate X does not apply: …".
    """
    finding = Finding(
        id=f"{criteria.gate}.not_applicable",
        outcome=Outcome.INCONCLUSIVE,
        what=f"the gate {criteria.gate} does not apply: {why.removesuffix('.')}",
        why="what was not measured is not held, and a gate that was declared or demanded always answers",
        remedy=f"take gates.{criteria.gate} out of ml.yaml; where policy demands it, have policy name the exemption and its reason",
        path=CRITERIA_FILE,
        line=criteria.line(),
    )
    return report(
        criteria, measured={}, findings=[finding], not_looked_at=("everything: the gate does not apply",)
    )


def headline(findings: Sequence[Finding], outcome: Outcome) -> str:
    """What a reader must know first: the first finding that made the outcome, and how many more there are."""
    deciding = [finding for finding in findings if finding.outcome is outcome]
    if not deciding:
        return "nothing was tested"
    if outcome is Outcome.PASSED:
        deciding.sort(key=lambda finding: "lower" not in finding.numbers)
        if len(deciding) > 1 and "lower" not in deciding[0].numbers:
            return f"all {len(deciding)} things tested hold"
    more = f" (and {len(deciding) - 1} more)" if len(deciding) > 1 else ""
    return deciding[0].what.removesuffix(".") + more
