"""What has changed since a place of the main line: what ran next and runs now, keys, waivers, policy, people, manifests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from mlassay.audit.chronicle.spoken import fingerprint
from mlassay.audit.chronicle.types import Moment
from mlassay.audit.cut import moment
from mlassay.audit.ground import Ground
from mlassay.audit.in_force import InForce, WaiverInForce
from mlassay.case.common import object_at
from mlassay.case.history import pointer_at
from mlassay.config import CiSigner, Environment, Key, People, load_people
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.keys import key_id


@dataclass(frozen=True, slots=True)
class Ran:
    """A pointer and the commit that set it; ``pointer`` None: it was taken away or cannot be read."""

    pointer: Environment | None
    moment: Moment


@dataclass(frozen=True, slots=True)
class KeyChange:
    """A key of then that is not today what it was: ``what`` became of it. ``involved``: the answer rests on it."""

    holder: str
    key: str
    what: str
    involved: bool


@dataclass(frozen=True, slots=True)
class ManifestSince:
    """A data manifest of the live release: its digest at the cut and at the head (None: not there)."""

    name: str
    path: str
    used: str
    then: str | None
    now: str | None


@dataclass(frozen=True, slots=True)
class Since:
    """``promotions`` are the ids of requests for the environment that came to the main line since, sorted; ``next`` the
    first pointer after the cut, ``now`` the one at the head (each None: there is none).
    """

    commits: int
    promotions: tuple[str, ...]
    next: Ran | None
    now: Ran | None
    keys: tuple[KeyChange, ...]
    waivers_ended: tuple[WaiverInForce, ...]
    policy_changed: bool
    people_changed: bool
    changes: tuple[str, ...]
    manifests: tuple[ManifestSince, ...]


def since(ground: Ground, environment: str, at: Moment | None, live: InForce | None, now: datetime) -> Since:
    """What the line holds after ``at`` (None: all of it) that bears on the answer; ``now`` ends waivers and keys."""
    repo, head = ground.repo, ground.head
    number = at.number if at else -1
    path = layout.pointer_path(environment)
    following = repo.next_change(number, path) if number >= 0 else repo.first_with(path, len(repo.line) - 1)
    newest = next(repo.first_parents(head, paths=[path]), None)
    governance = {
        file: object_at(repo, at.commit, file) if at else None for file in (layout.POLICY, layout.PEOPLE)
    }
    return Since(
        commits=len(repo.line) - 1 - number,
        promotions=_new(ground, at, f"{layout.PROMOTIONS}{environment}"),
        next=_ran(ground, environment, following) if following is not None else None,
        now=_ran(ground, environment, repo.line.number(newest.id) or 0) if newest else None,
        keys=tuple(_keys(ground, live, now)),
        waivers_ended=tuple(w for w in live.waivers if w.waiver.until < now.date()) if live else (),
        policy_changed=object_at(repo, head, layout.POLICY) != governance[layout.POLICY],
        people_changed=object_at(repo, head, layout.PEOPLE) != governance[layout.PEOPLE],
        changes=_new(ground, at, layout.CHANGES.rstrip("/")),
        manifests=tuple(_manifests(ground, at, live)),
    )


def _new(ground: Ground, at: Moment | None, folder: str) -> tuple[str, ...]:
    repo = ground.repo
    if at and object_at(repo, at.commit, folder) == object_at(repo, ground.head, folder):
        return ()
    before = ground.names(at.commit, folder) if at else set()
    return tuple(
        sorted(name for name in ground.names(ground.head, folder) - before if layout.is_release_id(name))
    )


def _ran(ground: Ground, environment: str, number: int) -> Ran:
    place = moment(ground.repo, number)
    try:
        return Ran(pointer_at(ground.repo, place.commit, environment), place)
    except EvidenceError:
        return Ran(None, place)


def _manifests(ground: Ground, at: Moment | None, live: InForce | None) -> Iterator[ManifestSince]:
    for use in live.data if live and at else ():
        then, now = (_digest(ground, commit, use.path) for commit in (at.commit if at else "", ground.head))
        yield ManifestSince(use.name, use.path, use.digest, then, now)


def _digest(ground: Ground, commit: str, path: str) -> str | None:
    try:
        data = ground.repo.read(commit, path) if path else None
    except EvidenceError:
        return None
    return sha256(data) if data is not None else None


def _keys(ground: Ground, live: InForce | None, now: datetime) -> Iterator[KeyChange]:
    """Keys that counted when the release was let in and are revoked, compromised, gone or ended today."""
    if live is None or live.asked is None:
        return
    then = live.asked.people
    recorded = _recorded(ground, live)
    known: dict[str, Key] = {}
    for people in (recorded, then):
        today = ground.known_about(people) if people else None
        known |= {key_id(key.public): key for _, key in _held(today)} if today else {}
    involved = {word.key for word in live.asked.words if word.key}
    signers = set(live.evidence.signers if live.evidence else ())
    requester = live.asked.request.requester
    machine = live.asked.machine.signer.id if live.asked.machine else ""
    # The release was signed under the people before its record, which may be others than those before the promotion.
    for holder, key in {
        key.public: (id_, key) for id_, key in (*(_held(recorded) if recorded else ()), *_held(then))
    }.values():
        shown = fingerprint(key.public)
        concerned = shown in involved or holder in (signers | {machine, requester})
        if what := _became(known.get(key_id(key.public)), now):
            yield KeyChange(holder, shown, what, concerned)


def _recorded(ground: Ground, live: InForce) -> People | None:
    """The people whose keys counted for the release's evidence; None where nobody can read who they were."""
    if live.record is None or live.record.number == 0:
        return None
    try:
        data = ground.repo.read(ground.repo.line.ids[live.record.number - 1], layout.PEOPLE)
        return load_people(layout.PEOPLE, data) if data is not None else None
    except (EvidenceError, ConfigurationError):
        return None  # the release's own evidence says so


def _held(people: People) -> Iterator[tuple[str, Key]]:
    for person in people.people.values():
        for key in person.keys:
            yield person.id, key
    signers: list[CiSigner] = list(people.signers.values())
    for signer in signers:
        yield signer.id, signer.key


def _became(key: Key | None, now: datetime) -> str:
    if key is None:
        return "no longer in people.yaml"
    if key.compromised_since is not None:
        return f"in wrong hands since {key.compromised_since:%Y-%m-%d %H:%M} UTC"
    if key.revoked_at is not None:
        return f"revoked on {key.revoked_at:%Y-%m-%d}: {key.revoked_because or 'no reason given'}"
    if key.valid_until is not None and key.valid_until <= now:
        return f"ended on {key.valid_until:%Y-%m-%d}"
    return ""
