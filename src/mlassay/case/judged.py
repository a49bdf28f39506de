"""Whether each gate of a verdict was judged by what was agreed upon, and says what its own findings say."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial
from typing import Any

from mlassay.case.common import needed
from mlassay.case.reading import Reading
from mlassay.config import load_config, load_policy
from mlassay.digest import canonical, same_json, without_floats
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.codec import plain
from mlassay.evidence.verdict import GateReport, Outcome, Verdict
from mlassay.git import Repository
from mlassay.plan.floors import criteria_in_force, gates_in_force


def judged_as_agreed(repo: Repository, reading: Reading, source: str, verdict: Verdict) -> None:
    """Hold every gate against its findings, and against the criteria that ``source`` put in force; each fault is kept."""
    for report in verdict.gates:
        _says_what_it_found(reading, report)
    agreed = reading.attempt(partial(criteria_at, repo, source))
    if agreed is None:
        return
    told = {report.gate for report in verdict.gates}
    if missing := [gate for gate in agreed if gate not in told]:
        reading.wrong(
            layout.VERDICT,
            f"it says nothing of gates that were in force at its source commit: {', '.join(missing)}",
            "a gate that is left out can never fail",
            rule="evidence-criteria",
        )
    for report in verdict.gates:
        _held_what_was_agreed(reading, report, agreed.get(report.gate, {}))


def criteria_at(repo: Repository, commit: str) -> dict[str, Mapping[str, Any]]:
    """Gate -> criteria, for every gate in force at a commit: ``ml.yaml``'s merged with policy's floors, without floats.

    EvidenceError when one of the two is not there or cannot be read.
    """
    try:
        return dict(_criteria(needed(repo, commit, layout.CONFIG), needed(repo, commit, layout.POLICY)))
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error


@lru_cache(maxsize=64)  # a history holds the same few of them hundreds of times
def _criteria(ml: bytes, rules: bytes) -> dict[str, Mapping[str, Any]]:
    config, policy = load_config(layout.CONFIG, ml), load_policy(layout.POLICY, rules)
    level = policy.in_force(config.risk.level)
    criteria = criteria_in_force(config, policy)
    return {gate: without_floats(criteria.get(gate, {})) for gate in gates_in_force(criteria, level, policy)}


def _says_what_it_found(reading: Reading, report: GateReport) -> None:
    expected = Outcome.worst([finding.outcome for finding in report.findings])
    if report.outcome is not expected:
        says = f"its findings say {expected}" if report.findings else "it has no finding to rest on"
        reading.wrong(
            layout.gate_report(report.gate),
            f"the gate says {report.outcome}, and {says}",
            "a gate's outcome is that of its worst finding; without any it is inconclusive",
            rule="evidence-verdict",
        )


def _held_what_was_agreed(reading: Reading, report: GateReport, agreed: Mapping[str, Any]) -> None:
    if same_json(plain(report.criteria), plain(agreed)):
        return
    names = sorted(report.criteria.keys() | agreed.keys())
    differing = [name for name in names if _spelled(report.criteria, name) != _spelled(agreed, name)]
    reading.wrong(
        layout.gate_report(report.gate),
        f"its criteria are not those in force at its source commit: {', '.join(differing)}",
        f"{layout.CONFIG} and the floors of {layout.POLICY} say what a gate must hold, and nobody else",
        rule="evidence-criteria",
    )


def _spelled(criteria: Mapping[str, Any], name: str) -> bytes | None:
    return canonical(plain(criteria[name])) if name in criteria else None
