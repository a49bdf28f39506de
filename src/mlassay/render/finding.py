"""One finding in plain words: what, why it matters, what to do, where it is decided, and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any

from mlassay.errors import ConfigurationError, Problem
from mlassay.evidence import Finding, GateReport, Outcome, Verdict
from mlassay.evidence.codec import finding_mapping
from mlassay.render.text import WORDS, criteria_text, plain, where


def find(verdict: Verdict, wanted: str) -> list[tuple[GateReport, Finding]]:
    """The findings whose id is ``wanted``, or begins with it; ConfigurationError with a suggestion when none does."""
    every = _every(verdict)
    exact = [pair for pair in every if pair[1].id == wanted]
    found = exact or [pair for pair in every if pair[1].id.startswith(wanted)]
    if not found:
        ids = list(dict.fromkeys(finding.id for _, finding in (*not_passed(verdict), *every)))
        gates = [gate.gate for gate in verdict.gates]
        near = get_close_matches(wanted, [*gates, *ids], n=3, cutoff=0.6)
        known = ", ".join(ids[:12]) + (f" and {len(ids) - 12} more" if len(ids) > 12 else "")
        remedy = f"did you mean {' or '.join(near)}?" if near else f"findings are: {known or 'none'}"
        raise ConfigurationError(
            Problem(f"no finding begins with {plain(wanted, 80)!r}", remedy=plain(remedy))
        )
    return found


def not_passed(verdict: Verdict) -> list[tuple[GateReport, Finding]]:
    """Each finding that is not passed, failed ones first."""
    bad = [pair for pair in _every(verdict) if pair[1].outcome is not Outcome.PASSED]
    return sorted(bad, key=lambda pair: pair[1].outcome is not Outcome.FAILED)


def _every(verdict: Verdict) -> list[tuple[GateReport, Finding]]:
    return [(gate, finding) for gate in verdict.gates for finding in gate.findings]


def lines(gate: GateReport, finding: Finding) -> list[str]:
    """The finding as lines for a terminal or a log."""
    text = [
        f"{plain(finding.id)}: {WORDS[finding.outcome]}",
        f"  what:  {plain(finding.what)}",
        *([f"  why:   {plain(finding.why)}"] if finding.why else []),
        *([f"  do:    {plain(finding.remedy)}"] if finding.remedy else []),
    ]
    if finding.path:
        text.append(f"  where: {where(finding)}")
    if gate.criteria:
        text.append(f"  criteria of the gate {plain(gate.gate)}: {criteria_text(gate.criteria)}")
    if finding.numbers:
        text.append("  numbers:")
        text += [f"    {plain(name)}: {plain(value)}" for name, value in sorted(finding.numbers.items())]
    if gate.self_reported:
        text.append("  note:  these numbers are self-reported: the team's own code gave them")
    return text


def as_json(pairs: Sequence[tuple[GateReport, Finding]]) -> list[dict[str, Any]]:
    """Findings for machines."""
    return [
        {
            **finding_mapping(finding),
            "gate": gate.gate,
            "criteria": dict(gate.criteria),
            "self_reported": gate.self_reported,
        }
        for gate, finding in pairs
    ]
