"""What one state of governance has that the one before it had not, as lines of plain words in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from mlassay.audit.chronicle.spoken import fingerprint
from mlassay.audit.chronicle.types import GovernanceEntry
from mlassay.config import Key, People, Person, Policy
from mlassay.evidence.keys import key_id
from mlassay.evidence.times import time_string

_SILENT = {"digest", "lines", "path"}


def governance_differences(before: GovernanceEntry | None, after: GovernanceEntry) -> tuple[str, ...]:
    """What ``after`` changed: people, keys, roles, CI signers, and every value of the policy. Empty: words only."""
    return (
        *_people(before.people if before else None, after.people),
        *_policy(before.policy if before else None, after.policy),
    )


def _people(before: People | None, after: People | None) -> Iterator[str]:
    if after is None:
        yield "people.yaml is missing or cannot be read"
        return
    old = before or People(people={}, signers={}, digest="")
    for id_ in sorted(old.people.keys() | after.people.keys()):
        yield from _person(id_, old.people.get(id_), after.people.get(id_))
    for id_ in sorted(old.signers.keys() | after.signers.keys()):
        was, now = old.signers.get(id_), after.signers.get(id_)
        if now is None:
            yield f"CI signer {id_} was taken away"
            continue
        if was is None:
            yield f"CI signer {id_} was added"
        if was is None or was.predicates != now.predicates:
            yield f"CI signer {id_} may sign {', '.join(now.predicates) or 'nothing'}"
        yield from _keys(f"CI signer {id_}", (was.key,) if was else (), (now.key,))


def _person(id_: str, was: Person | None, now: Person | None) -> Iterator[str]:
    if now is None:
        yield f"{id_} was taken away"
        return
    if was is None:
        yield f"{id_} was added: {now.name}, team {now.team}, roles {', '.join(now.roles) or 'none'}"
    else:
        for word in ("name", "team"):
            if getattr(was, word) != getattr(now, word):
                yield f"{id_}: {word} {getattr(was, word)} became {getattr(now, word)}"
        if was.roles != now.roles:
            yield f"{id_}: roles {', '.join(was.roles) or 'none'} became {', '.join(now.roles) or 'none'}"
    for forge in sorted({*(was.accounts if was else ()), *now.accounts}):
        old, new = (was.accounts.get(forge) if was else None), now.accounts.get(forge)
        if old != new:
            yield f"{id_}: account on {forge} {old or 'none'} became {new or 'none'}"
    yield from _keys(id_, was.keys if was else (), now.keys)


def _keys(holder: str, before: tuple[Key, ...], after: tuple[Key, ...]) -> Iterator[str]:
    old = {key_id(key.public): key for key in before}
    new = {key_id(key.public): key for key in after}
    for id_, key in new.items():
        name, was = fingerprint(key.public), old.get(id_)
        if was is None:
            yield f"{holder}: key {name} was added, {validity(key)}"
        elif validity(was) != validity(key):
            yield f"{holder}: key {name}, {validity(was)}, became {validity(key)}"
    for id_, key in old.items():
        if id_ not in new:
            yield f"{holder}: key {fingerprint(key.public)} was taken away"


def validity(key: Key) -> str:
    """From when to when a key counts, and what ended it, in plain words."""
    until = f" until {time_string(key.valid_until)}" if key.valid_until is not None else ""
    told = [f"valid from {time_string(key.valid_from)}{until}"]
    if key.revoked_at is not None:
        why = f" ({key.revoked_because})" if key.revoked_because else ""
        told.append(f"revoked at {time_string(key.revoked_at)}{why}")
    if key.compromised_since is not None:
        told.append(f"in wrong hands since {time_string(key.compromised_since)}")
    if key.demo:
        told.append("a demonstration key, which everybody has")
    return ", ".join(told)


def _policy(before: Policy | None, after: Policy | None) -> Iterator[str]:
    if after is None:
        yield "policy.yaml is missing or cannot be read"
        return
    if before is None:
        yield f"policy.yaml came in ({after.digest})"
        return
    old, new = dict(_flat(before, "")), dict(_flat(after, ""))
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            yield f"policy {name}: {old.get(name, 'nothing')} became {new.get(name, 'nothing')}"


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if is_dataclass(value) and not isinstance(value, type):
        pairs = [(field.name, getattr(value, field.name)) for field in fields(value)]
        inside = {key: each for key, each in pairs if key not in _SILENT}
    elif isinstance(value, Mapping):
        inside = {str(key.value if isinstance(key, Enum) else key): each for key, each in value.items()}
    else:
        yield name, _text(value)
        return
    for key, each in inside.items():
        yield from _flat(each, f"{name}.{key}" if name else key)


def _text(value: Any) -> str:
    if isinstance(value, tuple | list | frozenset):
        return ", ".join(map(_text, value)) or "none"
    if isinstance(value, datetime):
        return time_string(value)
    return str(value)
