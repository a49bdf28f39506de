"""Two releases side by side as JSON (version 1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlassay.audit.compare import Comparison, GatePair, GroupPair, Side
from mlassay.audit.diverge import Difference, Stage
from mlassay.evidence.codec import plain as plain_values
from mlassay.evidence.times import time_string
from mlassay.git import Commit

VERSION = 1


def comparison_json(found: Comparison) -> dict[str, Any]:
    """Everything that differs; ``parted`` names the first stage whose digests do, null where all are the same."""
    code = found.code
    return {
        "version": VERSION,
        "a": _side(found.a),
        "b": _side(found.b),
        "parted": found.parted.name if found.parted else None,
        "stages": [_stage(stage) for stage in found.stages],
        "gates": {pair.gate: _gate(pair) for pair in found.gates},
        "groups": [_group(pair) for pair in found.groups],
        "worse_off": list(dict.fromkeys(pair.group for pair in found.groups if pair.worse)),
        "settings": _differences(found.settings),
        "environment": _differences(found.environment),
        "code": {
            "paths": list(code.paths),
            "new": [_commit(commit) for commit in code.new],
            "undone": [_commit(commit) for commit in code.undone],
            "more": code.more,
        }
        if code
        else None,
    }


def _side(side: Side) -> dict[str, Any]:
    evidence = side.evidence
    release, verdict = evidence.release, evidence.verdict
    return {
        "named": side.place.text,
        "release": side.place.release,
        "why": side.place.why,
        "holds": not evidence.problems,
        "problems": [str(problem) for problem in evidence.problems],
        "digest": release.digest if release else None,
        "model": release.model.digest if release else None,
        "source": release.source.commit if release else None,
        "verdict": verdict.outcome if verdict else None,
        "data": [{"name": d.name, "path": d.path, "manifest": d.digest, "files": d.root} for d in side.data],
        "promotions": [
            {
                "environment": each.environment,
                "promotion": each.promotion,
                "commit": each.commit,
                "approvals": [{"person": person, "reason": reason} for person, reason in each.approvals],
            }
            for each in side.promotions
        ],
    }


def _stage(stage: Stage) -> dict[str, Any]:
    return {
        "stage": stage.name,
        "differs": stage.differs,
        "same_inputs_other_outputs": stage.unstable,
        "self_reported": stage.self_reported,
        "compared": stage.compared,
        "inputs": _differences(stage.inputs),
        "outputs": _differences(stage.outputs),
    }


def _gate(pair: GatePair) -> dict[str, Any]:
    a, b = pair.a, pair.b
    return {
        "a": a.outcome if a else None,
        "b": b.outcome if b else None,
        "criteria": {
            "a": plain_values(a.criteria) if a else None,
            "b": plain_values(b.criteria) if b else None,
        },
        "differing_criteria": _differences(pair.criteria),
        "numbers": {
            number.finding: {"a": number.a or None, "b": number.b or None} for number in pair.numbers
        },
    }


def _group(pair: GroupPair) -> dict[str, Any]:
    return {
        "column": pair.column,
        "group": pair.group,
        "rate": pair.rate,
        "a": pair.a or None,
        "b": pair.b or None,
        "rows": {"a": pair.rows[0], "b": pair.rows[1]},
        "fell": str(pair.fell) if pair.fell is not None else None,
        "worse": pair.worse,
    }


def _differences(found: Sequence[Difference]) -> list[dict[str, str]]:
    return [{"name": each.name, "a": each.a, "b": each.b} for each in found]


def _commit(commit: Commit) -> dict[str, str]:
    return {
        "commit": commit.id,
        "subject": commit.message.partition("\n")[0],
        "author": commit.author.name,
        "claimed": time_string(commit.time),
    }
