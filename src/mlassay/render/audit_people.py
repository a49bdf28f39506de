"""Who could sign what, when, in words and for machines."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from mlassay.audit.chronicle import Chronicle
from mlassay.audit.people_log import OWN, VALID, KeyState, PeopleLog, Signatory, Step
from mlassay.evidence.times import time_string
from mlassay.render.audit_parts import PROVEN, decision_text, moment_json, when_text
from mlassay.render.text import plain

VERSION = 1


def people_lines(log: PeopleLog) -> Iterator[str]:
    """Everybody who could sign something then, and how that came about."""
    then = f"{log.when:%Y-%m-%d %H:%M} UTC"
    if log.since is None:
        yield f"At {then} nobody could sign anything: no policy and no people were on the main line yet."
    else:
        yield f"At {then} these could sign, by people.yaml and policy.yaml of {when_text(log.since)}:"
        if not log.signatories:
            yield "  nobody: people.yaml names nobody, or cannot be read"
    for signatory in log.signatories:
        yield ""
        yield from _signatory(signatory)
    if any(not each.machine for each in log.signatories):
        yield ""
        yield f"What policy lets people do takes a key that is valid then, and is {OWN}."
    yield ""
    yield "How it came about:"
    for step in log.steps:
        yield from _step(step)
    yield PROVEN


def people_json(chronicle: Chronicle, log: PeopleLog) -> dict[str, Any]:
    """The same for machines; docs/verbs/audit-people.md explains every member."""
    return {
        "version": VERSION,
        "head": chronicle.head.commit,
        "checked": chronicle.judged,
        "when": time_string(log.when),
        "since": moment_json(log.since),
        "signatories": [
            {
                "id": each.id,
                "machine": each.machine,
                "name": each.name,
                "team": each.team,
                "roles": list(each.roles),
                "accounts": dict(each.accounts),
                "keys": [_key_json(key) for key in each.keys],
                "may": list(each.may),
                "signs": list(each.signs),
            }
            for each in log.signatories
        ],
        "steps": [
            {
                "at": moment_json(step.moment),
                "change": step.change.id if step.change is not None else "",
                "root": step.root,
                "allowed": _allowed(step),
                "differences": list(step.differences),
            }
            for step in log.steps
        ],
    }


def _signatory(who: Signatory) -> Iterator[str]:
    if who.machine:
        yield f"{plain(who.id)}: a CI signer{f', {plain(who.name)}' if who.name else ''}"
    else:
        yield f"{plain(who.id)}: {plain(who.name)}, team {plain(who.team)}, roles {', '.join(map(plain, who.roles)) or 'none'}"
    for key in who.keys:
        yield f"  {_key(key)}"
    if not who.keys:
        yield "  no key"
    for forge, number in sorted(who.accounts.items()):
        yield f"  account {number} on {plain(forge)}: reviews there count where policy says so"
    for may in who.may:
        yield f"  may {plain(may)}"
    for kind in who.signs:
        yield f"  may sign {plain(kind)}"


def _key(key: KeyState) -> str:
    until = f" until {_time(key.valid_until)}" if key.valid_until is not None else ""
    text = f"key {key.fingerprint} ({plain(key.kind)}), valid from {_time(key.valid_from)}{until}"
    if key.revoked_at is not None:
        text += f", revoked at {_time(key.revoked_at)}: {plain(key.revoked_because) or 'no reason given'}"
    if key.compromised_since is not None:
        text += f", in wrong hands since {_time(key.compromised_since)}"
    if key.demo:
        text += ", a demonstration key, which everybody has"
    text += "" if key.standing == VALID else f": {key.standing.upper()}"
    return text + (f" ({key.later})" if key.later else "")


def _step(step: Step) -> Iterator[str]:
    if step.change is not None:
        request = step.change.request
        asked = f" that {plain(request.requester)} asked for" if request is not None else ""
        by = ", ".join(plain(w.person) for w in step.change.words if w.kind == "approval" and not w.uncounted)
        why = f"change {plain(step.change.id)}{asked}, approved by {by or 'nobody'}; {decision_text(step.change.decision)}"
    else:
        why = (
            "the root of trust, which nothing before it explains"
            if step.root
            else "EXPLAINED BY NO CHANGE REQUEST"
        )
    yield f"  {when_text(step.moment)}: {why}"
    for difference in step.differences or ("words only: nothing that decides",):
        yield f"    {plain(difference)}"


def _allowed(step: Step) -> bool | None:
    if step.change is None or step.change.decision is None:
        return None
    return step.change.decision.allowed


def _key_json(key: KeyState) -> dict[str, Any]:
    return {
        "fingerprint": key.fingerprint,
        "kind": key.kind,
        "valid_from": time_string(key.valid_from),
        "valid_until": _or_none(key.valid_until),
        "revoked_at": _or_none(key.revoked_at),
        "revoked_because": key.revoked_because,
        "compromised_since": _or_none(key.compromised_since),
        "demo": key.demo,
        "standing": key.standing,
        "later": key.later,
    }


def _or_none(when: datetime | None) -> str | None:
    return time_string(when) if when is not None else None


def _time(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M} UTC"
