"""Verdicts and gate reports as canonical JSON, and back, with nothing unsaid and nothing extra."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from mlassay.digest import canonical, parse_canonical, same_json
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.verdict import Finding, GateReport, Outcome, Verdict

VERSION = 1

T = TypeVar("T")


def report_json(report: GateReport) -> bytes:
    """Canonical bytes of ``gates/<gate>.json``; TypeError when a float was left in it."""
    return canonical(_report_value(report))


def verdict_json(verdict: Verdict) -> bytes:
    """Canonical bytes of ``verdict.json``; TypeError when a float was left in it."""
    return canonical(_verdict_value(verdict))


def read_report(data: bytes, path: str) -> GateReport:
    """The report that `report_json` wrote; EvidenceError that names ``path`` for anything else."""
    value = _versioned(data, path)
    report = _shaped(report_of, value, path)
    _same(_report_value(report), value, path)
    return report


def read_verdict(data: bytes, path: str) -> Verdict:
    """The verdict that `verdict_json` wrote; EvidenceError that names ``path`` for anything else."""
    if (usual := _usual(data)) is not None:
        return usual
    value = _versioned(data, path)
    verdict = _shaped(_verdict_of, value, path)
    _same(_verdict_value(verdict), value, path)
    return verdict


def _usual(data: bytes) -> Verdict | None:
    """The verdict that `verdict_json` writes as these very bytes; None where `read_verdict` must say what is amiss."""
    try:
        verdict = _verdict_of(json.loads(data.decode("utf-8")))
        return verdict if verdict_json(verdict) == data else None
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        return None


def _report_value(report: GateReport) -> dict[str, Any]:
    return {"version": VERSION} | report_mapping(report)


def _verdict_value(verdict: Verdict) -> dict[str, Any]:
    return {
        "version": VERSION,
        "model": verdict.model_name,
        "objective": verdict.objective,
        "outcome": str(verdict.outcome),
        "inputs": dict(verdict.inputs),
        "risk": plain(verdict.risk),
        "gates": [report_mapping(report) for report in verdict.gates],
    }


def report_mapping(report: GateReport) -> dict[str, Any]:
    """A gate report as JSON values, as it stands inside a verdict."""
    return {
        "gate": report.gate,
        "outcome": str(report.outcome),
        "summary": report.summary,
        "criteria": plain(report.criteria),
        "measured": plain(report.measured),
        "findings": [finding_mapping(finding) for finding in report.findings],
        "not_looked_at": list(report.not_looked_at),
        "self_reported": report.self_reported,
    }


def report_of(value: Mapping[str, Any]) -> GateReport:
    """A gate report from JSON values; KeyError or TypeError when something is missing or of another type."""
    return GateReport(
        gate=_text(value["gate"]),
        outcome=Outcome(_text(value["outcome"])),
        summary=_text(value["summary"]),
        criteria=_mapping(value["criteria"]),
        measured=_mapping(value["measured"]),
        findings=tuple(_finding_of(item) for item in _list(value["findings"])),
        not_looked_at=tuple(_text(item) for item in _list(value["not_looked_at"])),
        self_reported=_flag(value["self_reported"]),
    )


def plain(value: Any) -> Any:
    """``value`` with mappings, sequences and named values as JSON has them; floats are left for `canonical` to refuse."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def finding_mapping(finding: Finding) -> dict[str, Any]:
    """A finding as JSON says it, in records and on standard output."""
    return {
        "id": finding.id,
        "outcome": str(finding.outcome),
        "what": finding.what,
        "why": finding.why,
        "remedy": finding.remedy,
        "path": finding.path,
        "line": finding.line,
        "numbers": dict(finding.numbers),
    }


def _finding_of(value: Mapping[str, Any]) -> Finding:
    line = value["line"]
    return Finding(
        id=_text(value["id"]),
        outcome=Outcome(_text(value["outcome"])),
        what=_text(value["what"]),
        why=_text(value["why"]),
        remedy=_text(value["remedy"]),
        path=_text(value["path"]),
        line=None if line is None else _number(line),
        numbers={
            key: item if isinstance(item, str) else _number(item)
            for key, item in _mapping(value["numbers"]).items()
        },
    )


def _verdict_of(value: Mapping[str, Any]) -> Verdict:
    verdict = Verdict(
        model_name=_text(value["model"]),
        outcome=Outcome(_text(value["outcome"])),
        inputs={role: _text(digest) for role, digest in _mapping(value["inputs"]).items()},
        gates=tuple(report_of(item) for item in _list(value["gates"])),
        risk=_mapping(value["risk"]),
        objective=_text(value["objective"]),
    )
    gates = [report.gate for report in verdict.gates]
    if len(set(gates)) != len(gates):
        raise ValueError("a gate stands in it twice")
    return verdict


def _versioned(data: bytes, path: str) -> Mapping[str, Any]:
    value = parse_canonical(data, path)
    if not isinstance(value, dict) or value.get("version") != VERSION:
        raise EvidenceError(
            Problem(
                "this record is of a version that this mlassay does not know",
                remedy="use the newest mlassay to read it",
                path=path,
            )
        )
    return value


def _shaped(make: Callable[[Mapping[str, Any]], T], value: Mapping[str, Any], path: str) -> T:
    try:
        return make(value)
    except (KeyError, TypeError, ValueError) as error:
        raise EvidenceError(_malformed(path, f"{type(error).__name__}: {error}")) from error


def _same(made: Mapping[str, Any], value: Mapping[str, Any], path: str) -> None:
    if not same_json(made, value):
        raise EvidenceError(_malformed(path, "it has members that such a record does not have"))


def _malformed(path: str, detail: str) -> Problem:
    return Problem(
        f"this record is not as mlassay writes it ({detail})",
        why="what a reader overlooks could say something else to another reader",
        remedy="take the file back from the commit that brought it in",
        path=path,
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is not true or false")
    return value


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list was expected")
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("a mapping was expected")
    return value
