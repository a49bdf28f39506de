"""What was live at a time, as JSON (version 1): the same facts, under how far each is proven."""

from __future__ import annotations

from typing import Any

from mlassay.audit.at import Answer
from mlassay.audit.chronicle.types import Moment, Word
from mlassay.audit.in_force import Asked, InForce, WaiverInForce
from mlassay.audit.since import Ran, Since
from mlassay.config import Environment
from mlassay.errors import Problem
from mlassay.evidence.codec import plain as plain_values
from mlassay.evidence.predicates import run_mapping
from mlassay.evidence.times import time_string
from mlassay.render.audit_at import headline, proofs
from mlassay.render.decision import decision_json

VERSION = 1


def at_json(answer: Answer) -> dict[str, Any]:
    """The answer; times are UTC, ``time`` the earliest that the order allows, ``claimed`` what a committer wrote."""
    cut, when = answer.cut, answer.when
    return {
        "version": VERSION,
        "environment": answer.environment,
        "holds": not answer.problems,
        "summary": headline(answer),
        "asked": {
            "text": when.text,
            "read_as": when.reading,
            "time": time_string(when.time) if when.time else None,
            "commit": when.commit or None,
            "future": cut.ahead,
        },
        "head": _moment(answer.head),
        "root": _moment(answer.root),
        "governed": answer.governed,
        "cut": {
            "at": _moment(cut.at),
            "next": _moment(cut.after),
            "contradicting": cut.contradicting,
            "first_contradicting": _moment(cut.first_contradicting),
            "doubts": [{**(_moment(d.moment) or {}), "close": d.close} for d in cut.doubts],
        },
        "that_day": [
            {"release": each.release, "promotion": each.promotion, **(_moment(each.moment) or {})}
            for each in answer.today
        ],
        "live": _live(answer.live) if answer.live else None,
        "since": _since(answer.since),
        "proof": {key.replace(" ", "_"): list(told) for key, told in proofs(answer).items()},
        "problems": [problem_json(each) for each in answer.problems],
        "held_then": bool(answer.live)
        and set(answer.problems) <= set(answer.live.known_since if answer.live else ()),
        "demo": answer.demo,
    }


def problem_json(problem: Problem) -> dict[str, Any]:
    """One problem with the rule that it breaks."""
    return {
        "rule": problem.rule,
        "what": problem.what,
        "why": problem.why,
        "remedy": problem.remedy,
        "path": problem.path,
        "commit": problem.commit,
    }


def _moment(moment: Moment | None) -> dict[str, Any] | None:
    if moment is None:
        return None
    return {
        "commit": moment.commit,
        "number": moment.number,
        "time": time_string(moment.time),
        "claimed": time_string(moment.claimed),
    }


def _pointer(pointer: Environment | None) -> dict[str, Any] | None:
    if pointer is None:
        return None
    live = pointer.live
    return {
        "state": pointer.state,
        "promotion": pointer.promotion,
        "release": live.release,
        "digest": live.digest,
        "model": f"sha256:{live.model_sha256}",
        "beside": [
            {"release": r.release, "role": r.role, "share": r.share}
            for r in pointer.releases
            if r is not live
        ],
    }


def _live(live: InForce) -> dict[str, Any]:
    evidence = live.evidence
    release, verdict = (evidence.release, evidence.verdict) if evidence else (None, None)
    told = _pointer(live.pointer) or {"release": None}
    return told | {
        "pointer_digest": live.pointer_digest,
        "since": _moment(live.landed),
        "recorded": _moment(live.record),
        "name": release.name if release else None,
        "source": release.source.commit if release else None,
        "signers": list(evidence.signers) if evidence else [],
        "data": [{"name": d.name, "path": d.path, "manifest": d.digest, "files": d.root} for d in live.data],
        "verdict": verdict.outcome if verdict else None,
        "risk": plain_values(verdict.risk) if verdict else None,
        "gates": {
            gate.gate: {
                "outcome": gate.outcome,
                "summary": gate.summary,
                "criteria": plain_values(gate.criteria),
                "self_reported": gate.self_reported,
            }
            for gate in (verdict.gates if verdict else ())
        },
        "asked": _asked(live.asked, told.get("promotion", "")) if live.asked else None,
        "waivers": [_waiver(each) for each in live.waivers],
    }


def _asked(asked: Asked, promotion: str) -> dict[str, Any]:
    request = asked.request
    return {
        "request": asked.digest,
        "requester": request.requester,
        "requested_at": time_string(request.requested_at),
        "reason": request.reason,
        "machine": run_mapping(asked.machine.run) if asked.machine else None,
        "set_off_by": list(asked.setters),
        "policy": request.policy,
        "weakenings": [
            {"id": w.id, "what": w.what, "before": w.before, "after": w.after} for w in request.weakenings
        ],
        "questions": [{"id": q.id, "question": q.question} for q in request.questions],
        "words": [_word(word) for word in asked.words],
        "completed": _moment(asked.completed),
        "decision_then": asked.then.allowed,
        "decision_today": decision_json(promotion, asked.today),
    }


def _word(word: Word) -> dict[str, Any]:
    return {
        "kind": word.kind,
        "person": word.person,
        "reason": word.reason,
        "risk": word.risk,
        "answers": dict(word.answers),
        "accepts": list(word.accepts),
        "at": time_string(word.at),
        "counts": word.holds and not word.uncounted,
        "why_not": word.uncounted,
        "key": word.key,
        "review": word.review,
        "digest": word.digest,
    }


def _waiver(each: WaiverInForce) -> dict[str, Any]:
    return {
        **each.waiver.as_mapping(),
        "path": each.path,
        "signature_holds": each.holds,
        "leaned_on": each.leaned_on,
    }


def _ran(ran: Ran | None) -> dict[str, Any] | None:
    if ran is None:
        return None
    return (_pointer(ran.pointer) or {"release": None}) | {"since": _moment(ran.moment)}


def _since(since: Since) -> dict[str, Any]:
    return {
        "commits": since.commits,
        "requests": list(since.promotions),
        "next": _ran(since.next),
        "now": _ran(since.now),
        "keys": [
            {"holder": key.holder, "key": key.key, "what": key.what, "involved": key.involved}
            for key in since.keys
        ],
        "waivers_ended": [each.path for each in since.waivers_ended],
        "policy_changed": since.policy_changed,
        "people_changed": since.people_changed,
        "changes": list(since.changes),
        "manifests": [
            {"name": m.name, "path": m.path, "used": m.used, "then": m.then, "now": m.now}
            for m in since.manifests
        ],
    }
