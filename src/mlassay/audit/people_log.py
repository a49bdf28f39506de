"""Who could sign what, when: people, keys, roles and CI signers as the main line held them, and which changes brought it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mlassay.audit.chronicle import ChangeEntry, Chronicle, GovernanceEntry, Moment, fingerprint
from mlassay.audit.chronicle.differences import governance_differences
from mlassay.config import Approvals, CiSigner, Key, Level, People, Person, Policy
from mlassay.evidence.keys import key_id

VALID = "valid"
OWN = "never for their own request, nor for what they wrote or set off: each promotion says who was excluded"


@dataclass(frozen=True, slots=True)
class KeyState:
    """A key as people.yaml had it: ``standing`` is "valid" or why it was not, at the time asked about.

    ``later``: what only a later commit tells of it (that it was revoked, or is in wrong hands since when), "" if nothing.
    """

    fingerprint: str
    kind: str
    valid_from: datetime
    valid_until: datetime | None
    revoked_at: datetime | None
    revoked_because: str
    compromised_since: datetime | None
    demo: bool
    standing: str
    later: str = ""


@dataclass(frozen=True, slots=True)
class Signatory:
    """A person or a CI signer, their keys, and what policy let them do while a key was valid.

    ``signs`` are the predicate types of a CI signer, () for a person; ``accounts`` maps a forge to the account's number.
    """

    id: str
    machine: bool
    name: str
    team: str
    roles: tuple[str, ...]
    accounts: Mapping[str, int]
    keys: tuple[KeyState, ...]
    may: tuple[str, ...]
    signs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """A commit that changed policy or people, what it changed, and the change request that explains it (None: none does).

    ``root``: it is the root of trust, which nothing before it can explain.
    """

    moment: Moment
    change: ChangeEntry | None
    root: bool
    differences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PeopleLog:
    """Who could sign what at ``when``, by the governance of ``since`` (None: there was none yet), and every step to the head."""

    when: datetime
    since: Moment | None
    signatories: tuple[Signatory, ...]
    steps: tuple[Step, ...]


def people_log(chronicle: Chronicle, when: datetime | None = None) -> PeopleLog:
    """Who could sign what at ``when`` (aware; the chronicle's head where it is None), and how that came about.

    Steps are all that the chronicle holds: what came after ``when`` is among them.
    """
    asked = when or chronicle.head.time
    standing = [entry for entry in chronicle.governance if entry.moment.time <= asked]
    entry = standing[-1] if standing else None
    signatories: tuple[Signatory, ...] = ()
    if entry is not None and entry.people is not None:
        later = _told([each.people for each in chronicle.governance if each.people is not None])
        signatories = tuple(_signatories(entry.people, entry.policy, asked, later))
    return PeopleLog(
        asked, entry.moment if entry is not None else None, signatories, tuple(_steps(chronicle))
    )


def _steps(chronicle: Chronicle) -> Iterator[Step]:
    changes = {(entry.id, entry.moment.commit): entry for entry in chronicle.changes}
    before: GovernanceEntry | None = None
    for entry in chronicle.governance:
        root = chronicle.root is not None and entry.moment.commit == chronicle.root.commit
        change = changes.get((entry.change, entry.moment.commit))
        yield Step(entry.moment, change, root, governance_differences(before, entry))
        before = entry


def _told(versions: Sequence[People]) -> dict[str, tuple[Key, bool]]:
    """Each key as the last of the versions that names it has it, and whether the very last does."""
    told = {key_id(key.public): (key, False) for people in versions for key in _all_keys(people)}
    return told | {key_id(key.public): (key, True) for people in versions[-1:] for key in _all_keys(people)}


def _signatories(
    people: People, policy: Policy | None, when: datetime, later: Mapping[str, tuple[Key, bool]]
) -> Iterator[Signatory]:
    for person in sorted(people.people.values(), key=lambda each: each.id):
        keys = tuple(_key(key, when, later) for key in person.keys)
        may = tuple(_may(person, policy)) if policy is not None else ()
        yield Signatory(
            person.id, False, person.name, person.team, person.roles, dict(person.accounts), keys, may
        )
    for signer in sorted(people.signers.values(), key=lambda each: each.id):
        keys = (_key(signer.key, when, later),)
        yield Signatory(
            signer.id, True, _identity(signer), "", (), {}, keys, (), tuple(sorted(signer.predicates))
        )


def _identity(signer: CiSigner) -> str:
    pins = signer.keyless
    if pins is None:
        return ""
    return f"{pins.identity} for repository {pins.repository_id} at {pins.ref}, by {pins.issuer}"


def _all_keys(people: People) -> Iterator[Key]:
    for person in people.people.values():
        yield from person.keys
    for signer in people.signers.values():
        yield signer.key


def _key(key: Key, when: datetime, later: Mapping[str, tuple[Key, bool]]) -> KeyState:
    kind = "certificate" if key.public.startswith("{") else "ecdsa-p256"
    if not key.public.startswith(("{", "-----")):
        kind = key.public.split()[0]
    return KeyState(
        fingerprint=fingerprint(key.public),
        kind=kind,
        valid_from=key.valid_from,
        valid_until=key.valid_until,
        revoked_at=key.revoked_at,
        revoked_because=key.revoked_because,
        compromised_since=key.compromised_since,
        demo=key.demo,
        standing=standing_of(key, when),
        later=_later(key, *later.get(key_id(key.public), (key, False))),
    )


def standing_of(key: Key, when: datetime) -> str:
    """Whether a signature judged at ``when`` could rest on this key: "valid", or why not."""
    if key.valid_at(when):
        return VALID
    if key.compromised_since is not None and when >= key.compromised_since:
        return "in wrong hands"
    if key.revoked_at is not None and when >= key.revoked_at:
        return "revoked"
    return "not valid yet" if when < key.valid_from else "expired"


def _later(key: Key, newest: Key, there: bool) -> str:
    if newest.compromised_since is not None and newest.compromised_since != key.compromised_since:
        return f"found later to be in wrong hands since {newest.compromised_since:%Y-%m-%d %H:%M} UTC"
    if newest.revoked_at is not None and newest.revoked_at != key.revoked_at:
        return f"revoked later, at {newest.revoked_at:%Y-%m-%d %H:%M} UTC"
    return "" if there else "no longer in people.yaml at the head"


def _may(person: Person, policy: Policy) -> Iterator[str]:
    yield "ask for promotions and changes"
    for environment in policy.environments:
        levels = [
            level for level, wanted in policy.approvals.get(environment, {}).items() if _fits(person, wanted)
        ]
        if levels:
            yield f"approve promotions to {environment}{_only(levels, policy, environment)}"
    if _fits(person, policy.governance):
        yield "approve changes of governance"
    if _fits(person, policy.manifest):
        yield "approve changes of manifests"
    for outcome, roles in policy.waivable.items():
        if set(roles) & set(person.roles):
            yield f"waive gates that are {outcome}"
    if set(policy.weakening_roles) & set(person.roles):
        yield "accept weakenings"


def _fits(person: Person, wanted: Approvals) -> bool:
    return not wanted.roles or bool(set(wanted.roles) & set(person.roles))


def _only(levels: list[Level], policy: Policy, environment: str) -> str:
    if len(levels) == len(policy.approvals[environment]):
        return ""
    return f" of risk {', '.join(sorted(map(str, levels)))}"
