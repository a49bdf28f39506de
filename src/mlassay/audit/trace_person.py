"""One person's, or one CI signer's, acts as the main line holds them: what they signed, and what only names them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from mlassay.audit.chronicle import (
    ChangeEntry,
    Chronicle,
    Moment,
    PromotionEntry,
    RefusedEntry,
    ReleaseEntry,
    WaiverEntry,
    Word,
    fingerprint,
)
from mlassay.audit.chronicle.differences import validity
from mlassay.audit.finding_names import unknown
from mlassay.config import Key, People, Person
from mlassay.evidence import predicates
from mlassay.evidence.records import Request
from mlassay.git import Repository

SIGNED, REVIEWED, CLAIMED = "signed", "reviewed", "claimed"
VERBS = {"approval": "approved", "refusal": "refused", "withdrawal": "withdrew"}
Asked = PromotionEntry | ChangeEntry | RefusedEntry
PERSON = "person or CI signer"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing done: ``what`` was done about ``about``, and how far it is proven.

    ``proof`` is "signed" (``key``: the fingerprint, or the signer), "reviewed" (a record of a review on a forge) or
    "claimed" (no signature holds). ``at`` is when the writer says, None where only the commit tells. ``fault`` says why
    it did not count, or that the record has problems.
    """

    moment: Moment
    what: str
    about: str
    at: datetime | None
    says: str
    proof: str
    key: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A commit that names the person as its author or committer: nobody proves that."""

    commit: str
    time: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class KeyHeld:
    """A key of theirs with one validity, and from when to when people.yaml said so (``until`` None: it still does)."""

    fingerprint: str
    validity: str
    since: Moment
    until: Moment | None


@dataclass(frozen=True, slots=True)
class PersonTrace:
    """Who it is by the newest people.yaml that names them ("" and () where none does), and their acts, oldest first.

    ``keys`` are all that people.yaml ever gave them. ``commits`` is None where nobody looked for commits.
    """

    id: str
    machine: bool
    name: str
    team: str
    roles: tuple[str, ...]
    acts: tuple[Act, ...]
    keys: tuple[KeyHeld, ...] = ()
    commits: tuple[Claimed, ...] | None = None


def trace_person(chronicle: Chronicle, asked: str) -> PersonTrace:
    """Everything that ``asked`` did: an id in people.yaml, now or ever, or a name or address there that is one person's.

    ConfigurationError when nobody is called that.
    """
    people, signers = ever_known(chronicle)
    acts = sorted(_acts(chronicle, people), key=lambda pair: pair[1].moment.number)
    ids = {*people, *signers, *(who for who, _ in acts)}
    found = asked if asked in ids else _by_name(people, asked)
    if found is None:
        raise unknown(PERSON, asked, ids)
    person = people.get(found)
    mine = tuple(act for who, act in acts if who == found)
    keys = tuple(keys_held(chronicle, found))
    if person is None:
        return PersonTrace(found, found in signers, "", "", (), mine, keys)
    return PersonTrace(found, False, person.name, person.team, person.roles, mine, keys)


def ever_known(chronicle: Chronicle) -> tuple[dict[str, Person], set[str]]:
    """Everybody whom people.yaml ever named, as it named them last, and every CI signer's id."""
    people: dict[str, Person] = {}
    signers: set[str] = set()
    for entry in chronicle.governance:
        if entry.people is not None:
            people |= entry.people.people
            signers |= entry.people.signers.keys()
    return people, signers


def keys_held(chronicle: Chronicle, holder: str) -> Iterator[KeyHeld]:
    """Every key that people.yaml gave to a person or a CI signer, each validity of it apart, in the order of the main line."""
    standing: dict[tuple[str, str], Moment] = {}
    for entry in chronicle.governance:
        now = {(fingerprint(key.public), validity(key)) for key in _keys_of(entry.people, holder)}
        for each in sorted(standing.keys() - now):
            yield KeyHeld(*each, standing.pop(each), entry.moment)
        for each in now:
            standing.setdefault(each, entry.moment)
    for each, since in sorted(standing.items(), key=lambda item: (item[1].number, item[0])):
        yield KeyHeld(*each, since, None)


def _keys_of(people: People | None, holder: str) -> tuple[Key, ...]:
    if people is None:
        return ()
    person, signer = people.people.get(holder), people.signers.get(holder)
    return (*(person.keys if person else ()), *((signer.key,) if signer else ()))


def emails_of(chronicle: Chronicle, person: str) -> frozenset[str]:
    """Every address that people.yaml ever gave to a person, in small letters."""
    found = set()
    for entry in chronicle.governance:
        known = entry.people.people.get(person) if entry.people is not None else None
        found |= {email.casefold() for email in known.emails} if known is not None else set()
    return frozenset(found)


def with_commits(trace: PersonTrace, chronicle: Chronicle, repo: Repository) -> PersonTrace:
    """The same with every commit that the head reaches whose author or committer has an address of theirs, newest first."""
    emails = emails_of(chronicle, trace.id)
    commits = repo.commits_between(None, chronicle.head.commit) if emails else ()
    found = tuple(
        Claimed(commit.id, commit.time, commit.subject)
        for commit in commits
        if emails & {commit.author.email.casefold(), commit.committer.email.casefold()}
    )
    return replace(trace, commits=found)


def _by_name(people: Mapping[str, Person], asked: str) -> str | None:
    wanted = asked.casefold()
    found = [
        person.id
        for person in people.values()
        if wanted in {person.id.casefold(), person.name.casefold(), *(e.casefold() for e in person.emails)}
    ]
    return found[0] if len(found) == 1 else None


def _acts(chronicle: Chronicle, people: Mapping[str, Person]) -> Iterator[tuple[str, Act]]:
    requests: list[Asked] = [*chronicle.promotions, *chronicle.changes, *chronicle.refused]
    for request in requests:
        yield from _of_request(request)
    for waiver in chronicle.waivers:
        yield from _of_waiver(waiver)
    for release in chronicle.releases:
        yield from _of_release(release, people.values())


def about_request(entry: Asked) -> str:
    """A request in words: which one it is, and what it asks for."""
    environment = "" if isinstance(entry, ChangeEntry) else entry.environment
    name = f"promotion {environment}/{entry.id}" if environment else f"change {entry.id}"
    request = entry.request
    if request is None:
        return f"{name} (which cannot be read)"
    if isinstance(request, Request):
        return f"{name} ({request.release})"
    return f"{name} ({', '.join(path.path for path in request.paths)})"


def _of_request(entry: Asked) -> Iterator[tuple[str, Act]]:
    fault, about = broken(entry.problems), about_request(entry)
    if entry.request is not None:
        request = entry.request
        proof = SIGNED if entry.request_key else CLAIMED
        yield (
            request.requester,
            Act(
                entry.moment,
                "asked for",
                about,
                request.requested_at,
                request.reason,
                proof,
                entry.request_key,
                fault,
            ),
        )
    for word in entry.words:
        yield word.person, _of_word(entry.moment, about, word, fault)


def _of_word(moment: Moment, about: str, word: Word, fault: str) -> Act:
    proof = REVIEWED if word.review else SIGNED if word.holds else CLAIMED
    why = word.uncounted and f"it did not count: {word.uncounted}"
    says = f"{word.reason} Risk: {word.risk}" if word.risk else word.reason
    return Act(moment, VERBS[word.kind], about, word.at, says, proof, word.key or word.review, why or fault)


def _of_waiver(entry: WaiverEntry) -> Iterator[tuple[str, Act]]:
    waiver = entry.waiver
    if waiver is None:
        return
    about = f"{waiver.gate} of {waiver.release} until {waiver.until}"
    proof = SIGNED if entry.key else CLAIMED
    fault = broken(entry.problems)
    yield waiver.person, Act(entry.moment, "waived", about, waiver.at, waiver.reason, proof, entry.key, fault)


def _of_release(entry: ReleaseEntry, people: Iterable[Person]) -> Iterator[tuple[str, Act]]:
    fault = broken(entry.problems)
    outcome = str(entry.verdict.outcome) if entry.verdict is not None else "no verdict can be read"
    for signer in entry.signers:
        about = f"the evidence of {entry.id}"
        yield signer, Act(entry.moment, "signed", about, None, outcome, SIGNED, signer, fault)
    if entry.provenance is None:
        return
    for person in people:
        if _set_off(entry.provenance, person):
            about = f"the run that made {entry.id}"
            proof = SIGNED if entry.signers else CLAIMED
            by = ", ".join(entry.signers)
            yield person.id, Act(entry.moment, "set off", about, None, f"as {by} says", proof, by, fault)


def _set_off(provenance: Mapping[str, Any], person: Person) -> bool:
    """Whether a run's dispatcher is this person: by an address, or by a forge's number of an account."""
    who = predicates.dispatcher_of(provenance)
    accounts = {str(number) for number in person.accounts.values()}
    emails = {email.casefold() for email in person.emails}
    return who.email.casefold() in emails or (bool(who.account_id) and who.account_id in accounts)


def broken(problems: tuple[object, ...]) -> str:
    """That something does not hold, in a word; "" where it does."""
    return "does not hold: see mlassay audit verify" if problems else ""
