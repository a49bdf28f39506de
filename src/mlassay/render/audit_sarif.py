"""An audit's findings as SARIF 2.1.0: a rule is a rule of the audit, a result one finding at its file."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import quote

from mlassay import __version__
from mlassay.audit.findings import Finding
from mlassay.audit.rules import RULES, Rule
from mlassay.audit.verify import Report
from mlassay.evidence.layout import POLICY
from mlassay.files import path_fault
from mlassay.render.sarif import HOME, RESULTS, SCHEMA
from mlassay.render.text import plain

FINGERPRINT = "mlassayAudit/v1"


def audit_sarif(report: Report) -> str:
    """JSON of every finding, the first 5,000; the same text for the same report."""
    findings = report.findings[:RESULTS]
    rules = [RULES[id_] for id_ in RULES if id_ in {finding.rule for finding in findings}]
    indices = {rule.id: number for number, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "mlassay audit",
                "semanticVersion": __version__,
                "informationUri": HOME,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "automationDetails": {"id": "mlassay/audit/"},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, indices[finding.rule]) for finding in findings],
        "properties": {"verdict": report.verdict, "head": report.head, "root": report.root},
    }
    value = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(value, indent=2, sort_keys=True) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    text = (
        f"What must hold: {rule.what}. An innocent explanation: {rule.innocent}. What to do: {rule.remedy}."
    )
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.replace(".", "-").split("-")),
        "shortDescription": {"text": _sentence(rule.breaks)},
        "fullDescription": {"text": _sentence(rule.what)},
        "help": {"text": text},
        "helpUri": f"{HOME}/blob/main/docs/audit-rules.md",
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["audit"]},
    }


def _result(finding: Finding, rule: int) -> dict[str, Any]:
    commit = f" (commit {finding.commit[:12]})" if finding.commit else ""
    told = [
        f"{plain(finding.what)}{commit}",
        f"Why: {plain(finding.why)}",
        f"What to do: {plain(finding.remedy)}",
    ]
    key = f"{finding.rule}\0{finding.commit}\0{finding.path}\0{finding.what}"
    print_ = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()
    inside = bool(finding.path) and path_fault(finding.path) is None
    # Code scanning shows only what lies at a file of the repository; what has none is about who may decide.
    where = finding.path.encode("utf-8", "surrogateescape") if inside else POLICY.encode()
    return {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": "error",
        "message": {"text": ". ".join(told)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(where), "uriBaseId": "%SRCROOT%"},
                    "region": {"startLine": 1},
                }
            }
        ],
        "partialFingerprints": {FINGERPRINT: print_, "primaryLocationLineHash": f"{print_[:16]}:1"},
        "properties": {"commit": finding.commit, "path": plain(finding.path), "innocent": finding.innocent},
    }


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
