"""A request that somebody refused, recorded on the main line without anything that it asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from mlassay.case.answers import Answers, SignedReader, read_answers
from mlassay.case.landing import Landing
from mlassay.case.machine import read_request
from mlassay.case.requests import RequestName
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.records import ChangeRequest, Refusal, Request, Withdrawal
from mlassay.git import Repository
from mlassay.policy import Signed
from mlassay.policy.approvals import TOLERANCE

OBJECTIONS = ("refusals/", "withdrawals/")


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused request as its folder holds it; ``standing`` are the objections that count, at least one."""

    request: Signed[Request] | Signed[ChangeRequest]
    answers: Answers
    standing: tuple[Signed[Refusal] | Signed[Withdrawal], ...]


def only_an_objection(name: RequestName, paths: Iterable[str]) -> bool:
    """Whether a commit that touches these guarded ``paths`` brings the folder of one request, an objection in it, and no more."""
    folder = f"{name.folder}/"
    touched = list(paths)
    inside = [path.removeprefix(folder) for path in touched if path.startswith(folder)]
    return len(inside) == len(touched) and any(path.startswith(OBJECTIONS) for path in inside)


def lands_nothing(repo: Repository, landing: Landing) -> bool:
    """Whether what looks like a landing only recorded that somebody refused."""
    changes = repo.changes(landing.parent, landing.last)
    return only_an_objection(landing.name, (change.path for change in changes))


def read_refused(reader: SignedReader, name: RequestName, now: datetime) -> Refused:
    """The request and who objects to it; EvidenceError with every record that does not hold, or when nobody objects.

    An objection counts when it is of exactly this request and its key was valid at ``now``: a refusal by anybody whom
    people.yaml names, or an approval taken back by whoever gave it, or the asker's own withdrawal.
    """
    request, answers = read_request(reader, name), read_answers(reader, name)
    objections: list[Signed[Refusal] | Signed[Withdrawal]] = [*answers.refusals, *answers.withdrawals]
    said = [*answers.approvals, *objections]
    problems = [*answers.problems]
    problems += [_unsigned(record.path) for record in (request, *said) if record.key is None]
    problems += [_other(record.path) for record in said if record.record.request != request.digest]
    EvidenceError.raise_if_any(problems)
    may_withdraw = {request.record.requester, *(approval.record.person for approval in answers.approvals)}
    standing = tuple(
        each
        for each in objections
        if _counts(each, now) and (isinstance(each.record, Refusal) or each.record.person in may_withdraw)
    )
    if not standing:
        raise EvidenceError(
            Problem(
                "nobody whose objection counts has refused or withdrawn this request",
                why="only a request that people signed a no to is recorded without landing",
                remedy=f"mlassay refuse {name.id} --reason …",
                path=name.folder,
            )
        )
    return Refused(request, answers, standing)


def _counts(objection: Signed[Refusal] | Signed[Withdrawal], now: datetime) -> bool:
    key = objection.key
    return key is not None and key.valid_at(now) and objection.record.at <= now + TOLERANCE


def _unsigned(path: str) -> Problem:
    return Problem("nobody whose key counts here has signed these bytes", path=path)


def _other(path: str) -> Problem:
    return Problem("this answers another request than the one beside it", path=path)
