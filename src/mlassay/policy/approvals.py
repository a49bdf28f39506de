"""Whose approval counts. People are compared, never keys; names in commits can only exclude."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from mlassay.config import Approvals, Key, People, Person
from mlassay.config.demo import is_demo_key
from mlassay.config.types import NO_REVIEWS
from mlassay.evidence.predicates import Run
from mlassay.evidence.records import Approval
from mlassay.policy.reasons import fault
from mlassay.policy.types import Case, Demand, PromotionCase, Signed

LONG = 300  # characters of a name or address that is not remembered
TOLERANCE = timedelta(minutes=5)
"""How far clocks of honest machines may differ."""

DEVELOPER = "developer"


@dataclass(frozen=True, slots=True)
class Standing:
    """One approval in the folder: whose it is, and why it does not count ("" when it does)."""

    approval: Signed[Approval]
    person: Person | None
    why_not: str

    @property
    def counts(self) -> bool:
        """Whether it may be counted at all; roles and teams come after."""
        return not self.why_not


def standings(case: Case) -> tuple[Standing, ...]:
    """Every approval with its standing, oldest first; of two by one person or one key only the first counts."""
    taken = excluded(case)
    keys: set[str] = set()
    persons: set[str] = set()
    found = []
    for approval in sorted(case.approvals, key=lambda a: (a.record.at, a.path)):
        person = case.people.people.get(approval.record.person)
        why_not = _why_not(case, approval, person, taken)
        if not why_not and approval.key is not None:
            public = same_key(approval.key.public)
            why_not = "its key has already signed another approval" if public in keys else ""
            keys.add(public)
        if not why_not and approval.record.person in persons:
            why_not = "they have approved already"
        if not why_not or approval.review is None:
            persons.add(approval.record.person)
        found.append(Standing(approval, person, why_not))
    return tuple(found)


def excluded(case: Case) -> dict[str, str]:
    """Person id to the reason why that person's approval never counts here."""
    people = case.people
    reasons: dict[str, str] = {}
    for person in _matching(people, contributors(case)):
        reasons[person.id] = "wrote or committed what changed since the live release"
    for person in dispatchers(case):
        reasons[person.id] = "set off the run that made this release"
    for person in askers(case):
        reasons[person.id] = "set off the run that asked for it"
    reasons[case.request.record.requester] = "asked for it"
    shared = {same_key(key.public): id_ for id_ in reasons if (p := people.people.get(id_)) for key in p.keys}
    for person in people.people.values():
        for key in person.keys:
            other = shared.get(same_key(key.public))
            if other is not None and person.id not in reasons:
                reasons[person.id] = f"holds the same key as {other}, who {reasons[other]}"
    return reasons


def contributors(case: Case) -> frozenset[str]:
    """Every name and address in the commits that changed something since the live release, in one spelling."""
    return frozenset(_folded(text) for c in case.contributors for text in (c.name, c.email) if text.strip())


def dispatchers(case: Case) -> tuple[Person, ...]:
    """Who set the run off, as far as people.yaml knows them."""
    if not isinstance(case, PromotionCase) or case.release is None:
        return ()
    words = frozenset(_folded(text) for text in case.release.dispatcher if text.strip())
    return tuple(_matching(case.people, words))


def askers(case: Case) -> tuple[Person, ...]:
    """Who set off the run in which a CI signer asked, as far as people.yaml knows them."""
    if not isinstance(case, PromotionCase) or case.machine is None:
        return ()
    return setters_off(case.people, case.machine.run)


def setters_off(people: People, run: Run) -> tuple[Person, ...]:
    """The people whom a run's dispatcher may be: by account id, and by any name that it goes by."""
    who = run.dispatcher
    words = frozenset(_folded(text) for text in (who.account, who.account_id, who.email) if text.strip())
    return tuple(_matching(people, words))


def developing_teams(case: Case) -> frozenset[str]:
    """The teams that are not outside: of whoever asked, set off or contributed, and of every developer.

    Commits are not proven to be anybody's, so every team with a developer counts as having written them.
    """
    people = case.people
    inside = [*_matching(people, contributors(case)), *dispatchers(case), *askers(case)]
    inside += [
        p for p in people.people.values() if DEVELOPER in p.roles or p.id == case.request.record.requester
    ]
    return frozenset(person.team for person in inside)


def count_demands(
    case: Case, standing: Iterable[Standing], wanted: Approvals, where: str
) -> Iterator[Demand]:
    """The demands ``approvals`` and, where policy asks for it, ``outside``."""
    roles = frozenset(wanted.roles)
    counted = [s for s in standing if s.counts and s.person and (not roles or roles & set(s.person.roles))]
    rejected = [s for s in standing if s not in counted]
    who = f" with the role {' or '.join(sorted(roles))}" if roles else ""
    names = ", ".join(s.approval.record.person for s in counted) or "nobody"
    what = f"{where} takes {_people(wanted.count)} to approve{who}; {names} did"
    for one in rejected:
        what += f"; {one.approval.record.person} does not count: {one.why_not or 'has none of these roles'}"
    missing = wanted.count - len(counted)
    yield Demand(
        "approvals",
        missing <= 0,
        what,
        f"{_more(missing)} must run: {approve_command(case)}" if missing > 0 else "",
    )
    if wanted.outside:
        yield _outside(case, counted, wanted.outside)


def _outside(case: Case, counted: list[Standing], wanted: int) -> Demand:
    inside = developing_teams(case)
    if not any(DEVELOPER in p.roles for p in case.people.people.values()):
        what = "it cannot be told who is outside: nobody in people.yaml has the role developer"
        return Demand(
            "outside", met=False, what=what, remedy="give the developers that role by a change of people.yaml"
        )
    outside = [s.approval.record.person for s in counted if s.person and s.person.team not in inside]
    what = (
        f"{_people(wanted)} from outside the developing team ({', '.join(sorted(inside))}) must approve; "
        f"{', '.join(outside) or 'nobody'} did"
    )
    able = sorted(p.id for p in case.people.people.values() if p.team not in inside and p.keys)
    remedy = (
        f"ask one of: {', '.join(able)}"
        if able
        else "nobody in people.yaml is outside: bring somebody in by a change"
    )
    return Demand("outside", len(outside) >= wanted, what, "" if len(outside) >= wanted else remedy)


def _why_not(case: Case, approval: Signed[Approval], person: Person | None, taken: dict[str, str]) -> str:
    record = approval.record
    if person is None:
        return "people.yaml does not know them"
    if record.person in taken:
        return f"they {'asked for it' if record.person == case.request.record.requester else taken[record.person]}"
    if approval.review is None and (bad := key_fault(case, approval.key)):
        return bad
    if record.request != case.request.digest:
        return "they approved another request than this one"
    if record.at > case.now + TOLERANCE:
        return "it is dated in the future"
    if missing := [q.id for q in case.request.record.questions if fault_of_answer(record, q.id)]:
        return f"no answer to {', '.join(missing)}"
    if bad := text_fault(case, record):
        return bad
    return ""


def key_fault(case: Case, key: Key | None) -> str:
    """Why a signature may not rest on ``key`` now ("" when it may)."""
    if key is None:
        return "no signature by a key of theirs in people.yaml holds"
    if not key.valid_at(case.now):
        return "their key is not valid at this time (not yet, no longer, or revoked)"
    if (key.demo or is_demo_key(key.public)) and not case.policy.demo:
        return "their key is one of the demo's, which anybody can use"
    return ""


def text_fault(case: Case, record: Approval) -> str:
    """Why an approval's words do not count; an older approval's texts may not be copied."""
    request = case.request.record
    earlier = [
        text
        for other in case.approvals
        # What nobody signed is refused as a record; comparing thousands of such texts would hold every judge up.
        if (other.key is not None or other.review is not None)
        and other.record.person != record.person
        and (other.record.at, other.record.person) < (record.at, record.person)
        for text in (other.record.reason, other.record.risk)
    ]
    if bad := fault(record.reason, [request.reason, *earlier]):
        return f"the reason will not do: {bad}"
    if bad := fault(record.risk, [request.reason, record.reason, *earlier]):
        return f"the accepted risk is not described: {bad}"
    return ""


def fault_of_answer(record: Approval, question: str) -> str | None:
    """Why the answer to ``question`` is none, or None when it is one."""
    return fault(record.answers.get(question, ""))


def same_key(public: str) -> str:
    """Type and base64 of a public key line: what two keys are compared by."""
    return " ".join(public.split()[:2])


def approve_command(case: Case, more: str = "") -> str:
    """The command that a reviewer runs, and the other way where reviews on the forge count."""
    page = f", or approves on {case.policy.reviews} with lines 'Reason: …' and 'Risk: …'"
    command = f"mlassay approve {case.id} --reason … --risk …{more}"
    return command + (page if case.policy.reviews != NO_REVIEWS else "")


def _matching(people: People, words: frozenset[str]) -> Iterator[Person]:
    for person in people.people.values():
        accounts = (str(account) for account in person.accounts.values())
        known = {person.id, person.name, *person.emails, *accounts}
        if words & {_folded(text) for text in known}:
            yield person


def _folded(text: str) -> str:
    return _spelled(text) if len(text) <= LONG else _spelled.__wrapped__(text)


@lru_cache(maxsize=4096)  # the same few people stand in every case of a history
def _spelled(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _people(count: int) -> str:
    return {0: "nobody", 1: "one person"}.get(count, f"{count} people")


def _more(count: int) -> str:
    return "one more person" if count == 1 else f"{count} more people"
