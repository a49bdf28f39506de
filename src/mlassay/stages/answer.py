"""The approve, refuse and withdraw stages: one person's signed answer, pushed onto the request's branch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from mlassay.case.main_line import MainLine
from mlassay.config import Person
from mlassay.errors import ConfigurationError, EvidenceError, Problem, RemoteError
from mlassay.evidence.records import Approval, Refusal, Withdrawal
from mlassay.git import MovedOn
from mlassay.policy import Case, Signed
from mlassay.policy.approvals import excluded, standings
from mlassay.policy.reasons import fault
from mlassay.ports import Signer
from mlassay.stages._message import message
from mlassay.stages.requests import TRIES, Desk, Found, author, needed, people_now, who_signs

Kind = Literal["approve", "refuse", "withdraw"]
_FOLDERS: dict[Kind, str] = {"approve": "approvals", "refuse": "refusals", "withdraw": "withdrawals"}


@dataclass(frozen=True, slots=True)
class Words:
    """What a person says: why, and for an approval the risk accepted, answers and accepted weakenings."""

    reason: str
    risk: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)
    accepts: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of it: ``no`` says why the answer may not be given ("" when it was, or would be on a dry run)."""

    request: str
    person: str
    kind: Kind
    path: str
    no: str = ""
    already: bool = False
    head: str = ""


def answer(
    desk: Desk, signer: Signer, request: str, kind: Kind, words: Words, *, dry_run: bool = False
) -> Answered:
    """Sign one answer to an open request and push it by compare-and-swap; a second run changes nothing.

    An answer that could never count (an approval of one's own work, one without a reason) is a no, not an error.
    """
    for _ in range(TRIES):
        line = desk.line()
        found = needed(desk, request)
        case = desk.case(line, found)
        person = who_signs(people_now(desk, line), signer, case.now)
        path = f"{found.name.folder}/{_FOLDERS[kind]}/{person.id}.json"
        record = _record(case, person, kind, words)
        outcome = Answered(request, person.id, kind, path)
        if no := _why_not(case, signer, record, path):
            return replace(outcome, no=no)
        if _said_already(desk, found, path, record):
            return replace(outcome, already=True, head=found.pull.head)
        if dry_run:
            return outcome
        files = {path: record.to_bytes(), f"{path}.sig": signer.sign(record.to_bytes())}
        text = _message(person, kind, found, record)
        head = desk.repository.write_commit(
            found.pull.head,
            files,
            message=text,
            author=author(desk.repository, person),
            when=_when(desk, line, found),
        )
        try:
            desk.forge.update(found.pull, head)
        except MovedOn:
            continue  # somebody else answered at the same moment: the branch is read again
        return replace(outcome, head=head)
    raise RemoteError(Problem(f"the branch of {request} kept moving on", remedy="run it again"))


def _when(desk: Desk, line: MainLine, found: Found) -> datetime:
    return max(desk.now(line.tip), desk.repository.commit(found.pull.head).time)


def may_not(case: Case, person: Person) -> str:
    """Why this person's approval could never count here ("" when it could)."""
    why = excluded(case).get(person.id)
    return f"{person.id} may not approve {case.id}: {person.id} {why}" if why else ""


def _record(case: Case, person: Person, kind: Kind, words: Words) -> Approval | Refusal | Withdrawal:
    digest, at = case.request.digest, case.now
    if kind == "refuse":
        return Refusal(digest, person.id, words.reason, at)
    if kind == "withdraw":
        return Withdrawal(digest, person.id, words.reason, at)
    return Approval(
        digest,
        person.id,
        words.reason,
        words.risk,
        at,
        dict(words.answers),
        tuple(sorted(set(words.accepts))),
    )


def _why_not(case: Case, signer: Signer, record: Approval | Refusal | Withdrawal, path: str) -> str:
    person = case.people.people[record.person]
    if not isinstance(record, Approval):
        if isinstance(record, Withdrawal) and record.person not in {a.record.person for a in case.approvals}:
            return f"{record.person} has not approved {case.id}, so there is nothing to withdraw; refuse it instead"
        why = fault(record.reason)
        return f"the reason will not do: {why}" if why else ""
    if no := may_not(case, person):
        return no
    if unknown := sorted(set(record.answers) - {q.id for q in case.request.record.questions}):
        return f"{case.id} does not ask {', '.join(unknown)}"
    if unknown := sorted(set(record.accepts) - set(_named_weakenings(case))):
        return f"{case.id} names no weakening {', '.join(unknown)}"
    wanted = signer.public.split()[:2]
    key = next(key for key in person.keys if key.public.split()[:2] == wanted)
    mine = Signed(record, path, record.digest, key)
    others = tuple(a for a in case.approvals if a.record.person != person.id)
    tried = replace(case, approvals=(*others, mine))
    return next(s.why_not for s in standings(tried) if s.approval is mine)


def _named_weakenings(case: Case) -> list[str]:
    return [weakening.id for weakening in getattr(case.request.record, "weakenings", ())]


def _said_already(desk: Desk, found: Found, path: str, record: Approval | Refusal | Withdrawal) -> bool:
    """Whether the branch holds this very answer, but for its time (a run that was killed after its push)."""
    data = desk.repository.read(found.pull.head, path)
    if data is None or desk.repository.entry(found.pull.head, f"{path}.sig") is None:
        return False
    try:
        said = type(record).parse(data, path)
    except EvidenceError as error:
        raise ConfigurationError(*error.problems) from error
    return replace(said, at=record.at) == record


def _message(person: Person, kind: Kind, found: Found, record: Approval | Refusal | Withdrawal) -> str:
    verb = {"approve": "Approve", "refuse": "Refuse", "withdraw": "Withdraw approval of"}[kind]
    points = [record.reason]
    if isinstance(record, Approval):
        points.append(f"accepts this risk: {record.risk}")
    by = {"approve": "Approved-by", "refuse": "Refused-by", "withdraw": "Withdrawn-by"}[kind]
    kind_of = "Promotion" if found.name.environment else "Change"
    return message(f"{verb} {found.name.id}", [], points, [(kind_of, found.name.id), (by, person.id)])
