"""Promotions, changes and refused requests as the main line holds them, with what the walk made of each."""

from __future__ import annotations

from dataclasses import dataclass

from mlassay.audit.chronicle.spoken import fingerprint, words_of_answers, words_of_case
from mlassay.audit.chronicle.types import ChangeEntry, Moment, PromotionEntry, RefusedEntry, Word
from mlassay.audit.history import Group
from mlassay.audit.requests import Confirmed
from mlassay.case.answers import SignedReader, read_answers
from mlassay.case.machine import read_asked
from mlassay.case.refused import only_an_objection
from mlassay.case.requests import RequestName, governance_at, with_compromises
from mlassay.config import Key, People
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence.records import ChangeRequest, Request
from mlassay.git import Repository
from mlassay.policy import Decision, PromotionCase
from mlassay.ports import Verifiers

Entry = PromotionEntry | ChangeEntry | RefusedEntry


@dataclass(frozen=True)
class Readings:
    """What every reading of a request needs; ``later`` is the newest people.yaml, for keys found to be compromised."""

    repo: Repository
    verifiers: Verifiers
    later: People | None

    def at(self, commit: str, parent: str | None) -> SignedReader:
        """A reader of what ``commit`` brought, by the keys of ``parent``; nobody's where nobody can read those."""
        try:
            people = governance_at(self.repo, parent)[1] if parent else _NOBODY
        except (ConfigurationError, EvidenceError):
            people = _NOBODY  # the walk names the file; no signature holds here
        return SignedReader(self.repo, commit, with_compromises(people, self.later), self.verifiers)


_NOBODY = People(people={}, signers={}, digest="")


def request_entry(
    readings: Readings,
    group: Group,
    name: RequestName,
    moment: Moment,
    judged: Confirmed | None,
    previous: str | None,
) -> Entry:
    """The entry of one request; ``judged`` is what the walk said of it, ``previous`` the release that ran before."""
    told = _told(readings, group, name, judged)
    request, parent = told.request, group.parent or ""
    if only_an_objection(name, (change.path for change in group.changes)):
        return RefusedEntry(name.environment, name.id, moment, request, told.words, told.problems, told.key)
    if not name.environment:
        change = request if isinstance(request, ChangeRequest) else None
        return ChangeEntry(
            name.id, moment, parent, change, told.digest, told.words, told.decision, told.problems, told.key
        )
    return PromotionEntry(
        environment=name.environment,
        id=name.id,
        moment=moment,
        parent=parent,
        request=request if isinstance(request, Request) else None,
        request_digest=told.digest,
        by_machine=told.machine,
        words=told.words,
        decision=told.decision,
        previous=previous,
        problems=told.problems,
        request_key=told.key,
    )


@dataclass(frozen=True)
class Told:
    request: Request | ChangeRequest | None
    digest: str
    machine: str
    words: tuple[Word, ...]
    decision: Decision | None
    problems: tuple[Problem, ...]
    key: str = ""


def _told(readings: Readings, group: Group, name: RequestName, judged: Confirmed | None) -> Told:
    problems = judged.problems if judged is not None else ()
    seen = judged.seen if judged is not None else None
    if seen is not None and seen.case is not None:
        case = seen.case
        machine = case.machine.signer.id if isinstance(case, PromotionCase) and case.machine else ""
        words = words_of_case(case)
        request = case.request
        return Told(
            request.record, request.digest, machine, words, seen.decision, problems, _key(request.key)
        )
    return read_unjudged(readings.at(group.last.id, group.parent), name, problems)


def read_unjudged(reader: SignedReader, name: RequestName, problems: tuple[Problem, ...] = ()) -> Told:
    """What a request says, without anybody's judgement of it; what cannot be read is among its problems."""
    request: Request | ChangeRequest | None = None
    digest = machine = key = ""
    try:
        if name.environment:
            asked = read_asked(reader, name)
            request, digest = asked.request.record, asked.request.digest
            machine, key = asked.machine.signer.id if asked.machine else "", _key(asked.request.key)
        else:
            found = reader.read(name.request, ChangeRequest)
            request, digest, key = found.record, found.digest, _key(found.key)
    except EvidenceError as error:
        problems = problems or error.problems
    try:
        words = words_of_answers(read_answers(reader, name))
    except EvidenceError as error:
        return Told(request, digest, machine, (), None, problems or error.problems, key)
    return Told(request, digest, machine, words, None, problems, key)


def _key(key: Key | None) -> str:
    return fingerprint(key.public) if key is not None else ""
