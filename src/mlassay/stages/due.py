"""What people must look at soon, or should have: risks of what is live, waivers that it leans on, keys."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from mlassay.case.answers import SignedReader
from mlassay.case.history import Held, pointers
from mlassay.case.requests import governance_at
from mlassay.config import People, Policy
from mlassay.config.types import CiSigner, Person
from mlassay.errors import EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.codec import read_verdict
from mlassay.git import Repository
from mlassay.ports import Verifiers
from mlassay.stages.status import waivers_of


@dataclass(frozen=True, slots=True)
class Due:
    """One thing that ends on ``until`` (a day, UTC; None: nobody can tell any more); ``overdue`` when that is past."""

    what: str
    until: date | None
    overdue: bool
    remedy: str


def due(
    repository: Repository, commit: str, days: int, now: datetime, verifiers: Verifiers
) -> tuple[Due, ...]:
    """Everything at ``commit`` that ends within ``days`` of ``now``, what is overdue first, then by day."""
    policy, people = governance_at(repository, commit)
    last = now.astimezone(UTC).date() + timedelta(days=days)
    found = [*_of_live(repository, commit, policy, people, verifiers, now), *_of_keys(people, now)]
    wanted = [one for one in found if one.until is None or one.until <= last]
    return tuple(sorted(wanted, key=lambda one: (not one.overdue, one.until or date.min, one.what)))


def _of_live(
    repository: Repository,
    commit: str,
    policy: Policy,
    people: People,
    verifiers: Verifiers,
    now: datetime,
) -> Iterator[Due]:
    reader = SignedReader(repository, commit, people, verifiers)
    today = now.astimezone(UTC).date()
    for environment in policy.environments:
        held = next(pointers(repository, commit, environment), None)
        if held is None or held.pointer.state != "live":
            continue
        yield _review(repository, commit, environment, held, today)
        release = held.pointer.live.release
        for waiver in waivers_of(reader, release):
            record = waiver.record
            what = f"{environment}: the waiver of {record.person} for the gate '{record.gate}' of {release}"
            remedy = "promote a release that passes the gate, or have it waived anew with today's reasons: mlassay waive"
            yield Due(what, record.until, record.until < today, remedy)


def _review(repository: Repository, commit: str, environment: str, held: Held, today: date) -> Due:
    release = held.pointer.live.release
    what = f"{environment}: the risks of {release}, which is live, are to be looked at again"
    remedy = "look at the risks in ml.yaml, set risk.review_by anew, and promote a release of that"
    path = f"{layout.evidence_dir(release)}/{layout.VERDICT}"
    data = repository.read(commit, path)
    try:
        until = date.fromisoformat(str(read_verdict(data or b"", path).risk.get("review_by")))
    except (EvidenceError, ValueError):
        # A verdict that cannot be read says no day: that is never "not yet".
        return Due(what, None, overdue=True, remedy=f"its verdict cannot be read: mlassay verify {release}")
    return Due(what, until, until < today, remedy)


def _of_keys(people: People, now: datetime) -> Iterator[Due]:
    for person in people.people.values():
        yield from _of_person(person, now)
    for signer in people.signers.values():
        yield from _of_signer(signer, people, now)


def _of_person(person: Person, now: datetime) -> Iterator[Due]:
    """A key that ends, unless another of theirs goes on."""
    standing = [key for key in person.keys if key.revoked_at is None and key.compromised_since is None]
    if not standing or any(key.valid_until is None for key in standing):
        return
    until = max(key.valid_until for key in standing if key.valid_until)
    remedy = f"add a new key with 'mlassay keys add', then: mlassay propose (and revoke the old one of {person.id})"
    yield Due(f"the last key of {person.id}", _last_day(until), until <= now, remedy)


def _of_signer(signer: CiSigner, people: People, now: datetime) -> Iterator[Due]:
    """A CI's key that ends, unless another signer that may sign the same goes on for longer."""
    key = signer.key
    if key.valid_until is None or key.revoked_at is not None or key.compromised_since is not None:
        return
    for other in people.signers.values():
        longer = other.key.valid_until is None or other.key.valid_until > key.valid_until
        if (
            other.id != signer.id
            and longer
            and set(signer.predicates) <= set(other.predicates)
            and other.key.valid_at(now)
        ):
            return
    remedy = "make another with 'mlassay keys new --ci', add it, and mlassay propose; then give it to the CI"
    yield Due(
        f"the key of the CI signer {signer.id}", _last_day(key.valid_until), key.valid_until <= now, remedy
    )


def _last_day(until: datetime) -> date:
    """The last day on which a key is good: ``valid_until`` is the moment after it."""
    return (until - timedelta(microseconds=1)).date()
