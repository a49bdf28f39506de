"""An audit's answer for people and for machines: the verdict first, then findings by rule, then what nobody can know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from typing import Any

from mlassay.audit.anchor import Anchored
from mlassay.audit.findings import Finding
from mlassay.audit.requests import Confirmed
from mlassay.audit.rules import RULES
from mlassay.audit.verify import NOT_INTACT, Report
from mlassay.evidence.times import time_string
from mlassay.render.text import count, plain

SHOWN = 6
"""Findings of one rule that a terminal shows; ``--json`` has them all."""

_PLURALS = {
    "release": "releases",
    "promotion": "promotions",
    "change": "changes",
    "waiver": "waivers",
    "reviews": "records of reviews",
    "refused": "refused requests",
}
_SINGULAR = {"reviews": "record of reviews", "refused": "refused request"}


def verdict_lines(report: Report) -> Iterator[str]:
    """The verdict in words, and what it means; the first line is the headline."""
    findings = report.findings
    if report.verdict == NOT_INTACT:
        rules = len({finding.rule for finding in findings})
        yield f"NOT INTACT: {count(len(findings), 'finding')} under {count(rules, 'rule')}"
        yield "Something was recorded, changed or taken away that nothing in this history explains."
    elif report.anchor is not None:
        yield _capital(report.verdict) + f" ({report.anchor.date:%Y-%m-%d})"
        yield "The history up to there is the one that the anchor was made of; all of it, and all since, is explained."
    elif report.root is not None:
        yield _capital(report.verdict) + f" ({_date(report, report.root)})"
        yield "Everything that was recorded since then is explained by people and keys of its own time."
    else:
        yield _capital(report.verdict)
    if report.root is not None and report.root_was_named and report.verdict != NOT_INTACT:
        yield f"The root of trust is the one that you named: {report.root}"


def finding_blocks(report: Report) -> Iterator[tuple[str, list[str]]]:
    """For each rule that is broken its heading, and the lines below: each place, then why, innocently how, and what to do."""
    order = list(RULES)
    findings = sorted(report.findings, key=lambda finding: order.index(finding.rule))
    for rule, group in groupby(findings, lambda finding: finding.rule):
        yield f"{rule}: {RULES[rule].breaks}", list(_block(report, list(group)))


def _block(report: Report, findings: list[Finding]) -> Iterator[str]:
    shown = findings[:SHOWN]
    for (commit, what), places in groupby(shown, lambda finding: (finding.commit, finding.what)):
        at = f"commit {commit[:12]} ({_date(report, commit)}): " if commit else ""
        yield f"  {at}{plain(what)}"
        for finding in places:
            if finding.path:
                yield f"    {plain(finding.path)}"
    if len(findings) > SHOWN:
        yield f"    and {len(findings) - SHOWN} more; --json tells all of them"
    yield f"  why:      {plain(findings[0].why)}"
    yield f"  innocent: {plain(findings[0].innocent)}"
    for remedy in dict.fromkeys(each.remedy for each in shown):
        yield f"  do:       {plain(remedy)}"
    if (first := next((each for each in findings if each.commit and each.path), None)) is not None:
        yield f"  look:     git show {first.commit[:12]} -- {plain(first.path)}"


def anchor_lines(report: Report) -> Iterator[str]:
    """How fresh the knowledge from anchors is."""
    for one in report.anchored:
        if one.problems:
            yield f"{plain(one.file.path)}: does not hold, told above"
            continue
        unknown = (
            "signed by nobody" if one.file.anchor.signer is None else "signed by nobody who is known here"
        )
        signer = f"signed by {plain(one.signer)}" if one.signer else unknown
        stamp = ""
        if one.stamp is not None and one.stamp.proven:
            stamp = f", stamped {one.stamp.time:%Y-%m-%d %H:%M} UTC by {plain(one.stamp.authority)}"
        since = (
            f"{count(one.behind, 'commit')} in {count(one.days or 0, 'day')} since"
            if one.behind
            else "nothing since"
        )
        yield f"{plain(one.file.path)}: commit {one.commit[:12]}, {one.date:%Y-%m-%d}, {signer}{stamp}; {since}"
        for each in one.notes:
            yield f"  note: {plain(each)}"


def checked_line(report: Report) -> str:
    """What was judged, in numbers."""
    kinds = [item.kind for item in report.confirmed]
    told = [count(kinds.count(k), _SINGULAR.get(k, k), many) for k, many in _PLURALS.items() if k in kinds]
    signatures = count(sum(item.signatures for item in report.confirmed), "signature")
    checks = count(sum(item.checks for item in report.confirmed), "check")
    return f"Judged again up to {report.head[:12]}: {', '.join(told) or 'nothing'} ({signatures}, {checks})"


def audit_json(report: Report) -> dict[str, Any]:
    """The whole answer of ``audit verify`` for machines."""
    return {
        "verdict": report.verdict,
        "holds": report.verdict != NOT_INTACT,
        "head": report.head,
        "root": report.root,
        "anchors": [_anchor_json(one) for one in report.anchored],
        "findings": [
            asdict(finding) | {"date": _date(report, finding.commit) or None} for finding in report.findings
        ],
        "confirmed": [_confirmed_json(item, "holds") for item in report.confirmed],
        "unknown": list(report.not_checked),
    }


def verify_json(report: Report) -> dict[str, Any]:
    """The answer of ``verify`` for machines: what holds, and the plain problems, under no rules."""
    return {
        "valid": not report.problems,
        "head": report.head,
        "root": report.root,
        "confirmed": [_confirmed_json(item, "valid") for item in report.confirmed],
        "problems": [
            {"what": problem.what, "why": problem.why, "remedy": problem.remedy, "path": problem.path}
            for problem in report.problems
        ],
        "not_checked": list(report.not_checked),
    }


def _confirmed_json(item: Confirmed, word: str) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "name": item.name,
        "commit": item.commit,
        "says": item.says,
        "by": list(item.by),
        "signatures": item.signatures,
        "checks": item.checks,
        word: not item.problems,
    }


def _anchor_json(one: Anchored) -> dict[str, Any]:
    stamp = one.stamp
    return {
        "file": one.file.path,
        "commit": one.commit,
        "date": time_string(one.date),
        "signer": one.signer or None,
        "stamp": {"time": time_string(stamp.time), "authority": stamp.authority, "proven": stamp.proven}
        if stamp
        else None,
        "commits_since": one.behind,
        "days_since": one.days,
        "holds": not one.problems,
        "notes": list(one.notes),
    }


def _date(report: Report, commit: str) -> str:
    when = report.times.get(commit)
    return f"{when:%Y-%m-%d}" if when is not None else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
