"""What runs where, what waits for whom, and one release, in words and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlassay.evidence import predicates
from mlassay.evidence.times import time_string
from mlassay.policy.review_rules import record_command
from mlassay.render.decision import decision_json
from mlassay.render.text import MARKS, plain
from mlassay.stages.status import Running, Shown, Status, Waiting

FEW = 3
"""Up to so many weakenings that wait are told one by one."""


def status_lines(status: Status) -> Iterator[str]:
    """What runs where since when by which promotion; then every open request with what it waits for."""
    for running in status.running:
        yield from _running(running)
    if status.newest:
        yield f"newest release: {status.newest} ({status.newest_verdict or 'no verdict'})"
    else:
        yield "no release is recorded yet"
    lost = [waiting for waiting in status.waiting if waiting.decision and waiting.decision.lost]
    alive = [waiting for waiting in status.waiting if waiting not in lost]
    if not alive:
        yield "nothing waits for anybody"
    for waiting in alive:
        yield from _waiting(waiting)
    for waiting in lost:
        yield from _lost(waiting, status.remote)
    for name in status.unrecorded:
        yield f"reviews not recorded: {name.id} landed by reviews that only the forge knows"
        yield f"  {record_command(name.id)}"


def _running(running: Running) -> Iterator[str]:
    doubt = "" if running.explained else " NOT EXPLAINED by any promotion: mlassay verify"
    if running.held is None:
        yield f"{running.environment}: {'no pointer that can be read,' if doubt else 'nothing yet'}{doubt}"
        return
    commit, pointer = running.held.commit, running.held.pointer
    since = f"{commit.time:%Y-%m-%d %H:%M} UTC"
    state = "" if pointer.state == "live" else " (cut out: no answer may be given from here)"
    by = f"since {since} by {plain(pointer.promotion)}" if running.explained else f"since {since},"
    yield f"{running.environment}: {pointer.live.release} {by}{state}{doubt}"
    for waiver in running.waivers:
        yield f"  waived: {plain(waiver.gate)} by {plain(waiver.person)} until {waiver.until}: {plain(waiver.reason)}"


def _waiting(waiting: Waiting) -> Iterator[str]:
    name, what = waiting.name, _asked(waiting)
    if waiting.case is None or waiting.decision is None:
        yield f"open: {what}: cannot be judged: {plain(waiting.problem)}"
        return
    yield f"open: {what}"
    if waiting.decision.allowed:
        yield f"  every demand is met: mlassay merge {name.id}"
    weakened = [demand for demand in waiting.decision.unmet if demand.id.startswith("weakening.")]
    for demand in waiting.decision.unmet:
        if demand not in weakened or len(weakened) <= FEW:
            yield f"  waits for {plain(demand.id)}: {plain(demand.remedy or demand.what)}"
    if len(weakened) > FEW:
        yield f"  waits for {len(weakened)} weakenings to be accepted: 'mlassay decide {name.id}' names each"


def _lost(waiting: Waiting, remote: str | None) -> Iterator[str]:
    """A request that can never land any more: why, and how to be rid of it."""
    why = "; ".join(plain(demand.what) for demand in waiting.decision.lost) if waiting.decision else ""
    branch = waiting.name.branch
    delete = f"git push {plain(remote)} --delete {branch}" if remote else f"git branch -D {branch}"
    yield f"no longer possible: {_asked(waiting)}: {why}"
    yield f"  delete its branch: {delete}"


def _asked(waiting: Waiting) -> str:
    name = waiting.name
    what = f"{name.id} to {name.environment}" if name.environment else f"{name.id} (a change)"
    return f"{what}, asked by {plain(waiting.case.request.record.requester)}" if waiting.case else what


def status_json(status: Status) -> dict[str, Any]:
    """The same for machines."""
    return {
        "commit": status.commit,
        "environments": {running.environment: _running_json(running) for running in status.running},
        "newest": status.newest,
        "open": [_waiting_json(waiting) for waiting in status.waiting],
        "unrecorded": [name.id for name in status.unrecorded],
    }


def _running_json(running: Running) -> dict[str, Any] | None:
    if running.held is None:
        return None if running.explained else {"explained": False}
    commit, pointer = running.held.commit, running.held.pointer
    return {
        "release": pointer.live.release,
        "digest": pointer.live.digest,
        "state": pointer.state,
        "promotion": pointer.promotion,
        "explained": running.explained,
        "since": time_string(commit.time),
        "commit": commit.id,
        "waivers": [waiver.as_mapping() for waiver in running.waivers],
    }


def _waiting_json(waiting: Waiting) -> dict[str, Any]:
    value: dict[str, Any] = {"id": waiting.name.id, "environment": waiting.name.environment or None}
    if waiting.case is None or waiting.decision is None:
        return value | {"problem": waiting.problem}
    asked: dict[str, Any] = {"requester": waiting.case.request.record.requester}
    asked |= {"possible": not waiting.decision.lost}
    return value | asked | decision_json(waiting.name.id, waiting.decision)


def shown_lines(shown: Shown) -> Iterator[str]:
    """One release: what it is, what was found, who agreed, what was waived, where it ran."""
    found = shown.evidence
    verdict, release = found.verdict, found.release
    name = plain(release.name) if release else "unknown model"
    yield f"{found.id}: {name}, {verdict.outcome if verdict else 'no verdict'}"
    for problem in found.problems:
        yield f"  INVALID {plain(problem)}"
    if release is not None:
        yield f"  release digest {release.digest}"
        yield f"  model {release.model.digest} ({release.model.size:,} bytes)"
        yield f"  source commit {release.source.commit} of {plain(release.source.date)}"
    for gate in verdict.gates if verdict else ():
        reported = " (self-reported)" if gate.self_reported and "self-reported" not in gate.summary else ""
        yield f"  {MARKS[gate.outcome]} {plain(gate.gate)} {gate.outcome}: {plain(gate.summary)}{reported}"
    yield from _provenance(shown)
    for waiver in shown.waivers:
        record, holds = waiver.record, "" if waiver.key else " (its signature does not hold)"
        yield (
            f"  waived: {plain(record.gate)} by {plain(record.person)} until {record.until}{holds}: {plain(record.reason)}"
        )
    for landed in shown.promotions:
        yield f"  {landed.when:%Y-%m-%d}: promoted to {landed.name.environment} by {landed.name.id}"
        for approval in landed.approvals:
            yield f"      {plain(approval.person)} approved: {plain(approval.reason)}"
            yield f"      {plain(approval.person)} accepted: {plain(approval.risk)}"
    yield f"  runs now in: {', '.join(shown.live_in) or 'no environment'}"


def _provenance(shown: Shown) -> Iterator[str]:
    told = shown.evidence.provenance
    if not told:
        return
    who = predicates.dispatcher_of(told)
    details = told["runDetails"]
    isolation = details["mlassay_self_reported"].get("isolation", "unknown")
    yield f"  built by {plain(details['builder']['id'])}, set off by {plain(who.account or who.email or 'nobody it names')}"
    run, trained = details["metadata"]["invocationId"], details["mlassay_self_reported"].get("run", {})
    if isinstance(trained, dict) and trained.get("id") and trained["id"] != run:
        yield f"  trained by the run {plain(trained['id'])} (self-reported), signed by the run {plain(run)}"
    yield f"  training isolation: {plain(isolation)}; signed by {plain(', '.join(shown.evidence.signers))}"


def shown_json(shown: Shown) -> dict[str, Any]:
    """The same for machines."""
    found = shown.evidence
    release, verdict = found.release, found.verdict
    return {
        "release": found.id,
        "digest": release.digest if release else None,
        "model": {"digest": release.model.digest, "size": release.model.size} if release else None,
        "source": release.source.commit if release else None,
        "record": found.record_commit,
        "verdict": verdict.outcome if verdict else None,
        "gates": {gate.gate: {"outcome": gate.outcome, "summary": gate.summary} for gate in verdict.gates}
        if verdict
        else {},
        "problems": [{"what": p.what, "path": p.path} for p in found.problems],
        "signers": list(found.signers),
        "waivers": [
            waiver.record.as_mapping() | {"signature_holds": waiver.key is not None}
            for waiver in shown.waivers
        ],
        "promotions": [
            {
                "id": landed.name.id,
                "environment": landed.name.environment,
                "commit": landed.commit,
                "at": time_string(landed.when),
                "requester": landed.request.requester,
                "approvals": [approval.as_mapping() for approval in landed.approvals],
            }
            for landed in shown.promotions
        ],
        "live_in": list(shown.live_in),
    }
