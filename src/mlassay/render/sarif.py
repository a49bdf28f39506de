"""Findings as SARIF 2.1.0, the form that code scanning and Jenkins' ``recordIssues`` read: each at the line that decided it."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from mlassay import __version__
from mlassay.evidence import Finding, GateReport, Outcome, Verdict
from mlassay.evidence.layout import CONFIG
from mlassay.files import path_fault
from mlassay.render.text import ordered, plain

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HOME = "https://github.com/mlassay/mlassay"
RESULTS = 5000  # GitHub shows the first 5,000
FINGERPRINT = "mlassayFinding/v1"

_LEVELS = {Outcome.FAILED: "error", Outcome.INCONCLUSIVE: "warning"}


def sarif(verdict: Verdict) -> str:
    """JSON of what is not passed in ``verdict``; the same text for the same verdict.

    A rule is a kind of finding (``bias.selection_rate_ratio``), a result one finding, at the line that set its criterion.
    """
    pairs = [(gate, finding) for gate in verdict.gates for finding in ordered(gate.findings)][:RESULTS]
    kinds: dict[str, tuple[GateReport, Finding]] = {}
    for gate, finding in pairs:
        kinds.setdefault(_kind(finding), (gate, finding))
    indices = {kind: number for number, kind in enumerate(kinds)}
    run = {
        "tool": {
            "driver": {
                "name": "mlassay",
                "semanticVersion": __version__,
                "informationUri": HOME,
                "rules": [_rule(kind, gate, finding) for kind, (gate, finding) in kinds.items()],
            }
        },
        "automationDetails": {"id": f"mlassay/{plain(verdict.model_name, 200)}/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(verdict, finding, indices[_kind(finding)]) for _, finding in pairs],
    }
    value = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _kind(finding: Finding) -> str:
    """``bias.selection_rate_ratio`` of ``bias.selection_rate_ratio.afam=yes``."""
    return ".".join(plain(finding.id, 200).split(".")[:2])


def _rule(kind: str, gate: GateReport, finding: Finding) -> dict[str, Any]:
    own = "run" in gate.criteria and gate.gate != "unit"
    page = f"{HOME}/blob/main/docs/gates/{'own' if own else quote(plain(gate.gate, 40), safe='')}.md"
    why = plain(finding.why) or "a criterion that was declared beforehand is not held"
    reported = " Self-reported: the team's own code gave these numbers." if gate.self_reported else ""
    text = f"{why[:1].upper()}{why[1:]}. One finding in plain words: mlassay explain {kind}.{reported}"
    return {
        "id": kind,
        "name": "".join(part.capitalize() for part in kind.replace(".", "_").split("_")),
        "shortDescription": {"text": f"The gate '{plain(gate.gate, 40)}': {kind.partition('.')[2] or kind}"},
        "fullDescription": {"text": why},
        "help": {"text": text},
        "helpUri": page,
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["machine-learning", plain(gate.gate, 40)]},
    }


def _result(verdict: Verdict, finding: Finding, rule: int) -> dict[str, Any]:
    told = [plain(finding.what), plain(finding.remedy)]
    # One finding of one model stays the same finding when ml.yaml grows a line above it.
    print_ = hashlib.sha256(f"{verdict.model_name}\0{finding.id}".encode()).hexdigest()
    return {
        "ruleId": _kind(finding),
        "ruleIndex": rule,
        "level": _LEVELS[finding.outcome],
        "message": {"text": ". What to do: ".join(part for part in told if part) or plain(finding.id)},
        "locations": [{"physicalLocation": _location(finding)}],
        "partialFingerprints": {FINGERPRINT: print_, "primaryLocationLineHash": f"{print_[:16]}:1"},
        "properties": {"finding": plain(finding.id)},
    }


def _location(finding: Finding) -> dict[str, Any]:
    """Where it was decided; the first line of ml.yaml when that is not a path inside the repository."""
    inside = bool(finding.path) and path_fault(finding.path) is None
    line = finding.line if inside and finding.line is not None and finding.line > 0 else 1
    return {
        "artifactLocation": {"uri": quote(finding.path if inside else CONFIG), "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": line},
    }
