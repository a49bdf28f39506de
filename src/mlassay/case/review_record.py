"""The signed record of a request's reviews: who may sign it, what it must agree with, and the case that it completes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlassay.case.common import object_at
from mlassay.case.landing import Landing, brings_record, record_path
from mlassay.case.release import trust_before
from mlassay.case.reviews import weigh, with_reviews
from mlassay.case.signer import check_envelope, signer_of
from mlassay.config.types import NO_REVIEWS
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.dsse import read_envelope
from mlassay.evidence.records import ChangeRequest, Request
from mlassay.evidence.reviews import ReviewRecord, read_review_record
from mlassay.evidence.statement import REVIEW_RECORD, Statement, read_statement
from mlassay.git import Repository
from mlassay.policy import Case, ReviewFacts
from mlassay.policy.requester import desk_fault
from mlassay.policy.review_rules import record_command
from mlassay.ports import Verifiers

RECORD_BYTES = 4 << 20


@dataclass(frozen=True)
class Recorded:
    """A record that holds: who signed it, and what it says."""

    record: ReviewRecord
    signer: str
    commit: str


def record_statement(request: Request | ChangeRequest, record: ReviewRecord) -> Statement:
    """What the desk's key signs of the reviews of a request."""
    about = {layout.REQUEST: request.digest}
    if isinstance(request, Request):
        about["release"] = request.release_digest
    return Statement(REVIEW_RECORD, about, record.predicate())


def with_recorded_reviews(
    case: Case, repo: Repository, landing: Landing, at: str, verifiers: Verifiers
) -> Case:
    """``case`` of a request that landed, with the reviews of the record that the main line up to ``at`` holds.

    Reviews count only when the policy before the landing says so; a record that does not hold is its own problem.
    """
    if case.policy.reviews == NO_REVIEWS:
        return case
    if object_at(repo, at, record_path(landing.name)) is None:
        return replace(case, reviews=ReviewFacts(recorded=False))
    try:
        found = read_record(case, repo, landing, at, verifiers)
    except EvidenceError as error:
        return replace(case, reviews=ReviewFacts(recorded=True, problems=error.problems))
    return by_record(case, found.record)


def by_record(case: Case, record: ReviewRecord) -> Case:
    """``case`` with what a record says, whether or not somebody has signed it yet."""
    return with_reviews(case, weigh(case, record.reviews, record.head), recorded=True)


def read_record(case: Case, repo: Repository, landing: Landing, at: str, verifiers: Verifiers) -> Recorded:
    """The record of a request that landed; EvidenceError with what of it does not hold."""
    path = record_path(landing.name)
    # The newest that brought it: a forged one that was taken away again is audit's to name, and bars no true one.
    steps = repo.first_parents(at, paths=[path])
    commit = next((step.id for step in steps if brings_record(repo, step.id, landing.name)), None)
    if commit is None:
        what = "no commit of the main line brought this record"
        raise EvidenceError(Problem(what, path=path, rule="review-record"))
    entry = repo.entry(commit, path)
    if entry is None or entry.mode != "100644" or (entry.size or 0) > RECORD_BYTES:
        raise EvidenceError(Problem("this is no plain file of a sane size", path=path, rule="tree"))
    if object_at(repo, at, path) != entry.id:
        raise EvidenceError(
            Problem(
                f"this is not what was recorded in {commit[:12]}",
                why="records are only ever added",
                remedy=f"git checkout {commit[:12]} -- {path}",
                path=path,
                rule="append-only",
            )
        )
    envelope = read_envelope(repo.blob(entry.id, path), path)
    trust = trust_before(repo, commit, at, path)
    signer = check_envelope(envelope, REVIEW_RECORD, path, trust, verifiers.dsse)
    statement = read_statement(envelope.payload, path)
    record = read_review_record(statement.predicate, path)
    problems = [] if statement == record_statement(case.request.record, record) else [_OTHER]
    before = signer_of(case.people, envelope.keyid)
    fault = desk_fault(signer, REVIEW_RECORD) or (desk_fault(before, REVIEW_RECORD) if before else _UNKNOWN)
    problems += [fault] if fault else []
    problems += _faults(case, repo, landing, record)
    if problems:
        raise EvidenceError(*(_wrong(problem, path, case.id) for problem in problems))
    return Recorded(record, signer.id, commit)


_OTHER = "it is a record of another request, or signs more or less than a record does"
_UNKNOWN = (
    "its key was not in people.yaml before the request landed, and a change vouches for no key of its own"
)


def _faults(case: Case, repo: Repository, landing: Landing, record: ReviewRecord) -> list[str]:
    """Where the record says anything else than the main line does."""
    parents = repo.commit(landing.last).parents
    found = []
    if record.forge != case.policy.reviews:
        found.append(
            f"it tells of reviews on {record.forge}, and policy counts those on {case.policy.reviews}"
        )
    if record.merge != landing.last:
        found.append(
            f"it says that the request landed as {record.merge[:12]}, and that was {landing.last[:12]}"
        )
    if len(parents) > 1 and record.head != parents[1]:
        found.append(f"it says that the branch stood at {record.head[:12]}, and {parents[1][:12]} was merged")
    if stale := [word for word in record.reviews if word.state == "approved" and word.head != record.head]:
        found.append(
            f"review {stale[0].id} approves {stale[0].head[:12]}, not the branch's head {record.head[:12]}"
        )
    accounts = [word.account for word in record.reviews]
    if len(set(accounts)) != len(accounts):
        found.append("it holds two last words of one account")
    if any(word.body is None for word in record.reviews):
        found.append("it leaves out the words of a review that it counts")
    return found


def _wrong(what: str, path: str, request: str) -> Problem:
    return Problem(
        what,
        why="approvals given on the forge are believed only as a key of the desk recorded them after the merge",
        remedy=f"find out who pushed it; '{record_command(request)}' writes one that holds, only where none stands",
        path=path,
        rule="review-record",
    )
