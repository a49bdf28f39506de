"""The record of reviews: after a merge that rests on them, one commit on the main line with what the forge holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from mlassay.case.common import Place, object_at
from mlassay.case.landing import Landing, landing_of, record_path
from mlassay.case.main_line import BRANCH, MainLine, land
from mlassay.case.promotion import judge_merged, read_case
from mlassay.case.refused import lands_nothing
from mlassay.case.requests import RequestName, governance_at, name_of_path
from mlassay.case.review_record import RECORD_BYTES, read_record, record_statement
from mlassay.case.reviews import weigh, words_from
from mlassay.config.types import NO_REVIEWS
from mlassay.errors import ConfigurationError, EvidenceError, Problem, RemoteError
from mlassay.evidence import layout
from mlassay.evidence.predicates import Run
from mlassay.evidence.reviews import ReviewRecord, ReviewWord
from mlassay.evidence.statement import REVIEW_RECORD
from mlassay.git import Repository
from mlassay.policy import Case, Decision
from mlassay.policy.review_rules import record_command
from mlassay.ports import PullRequest, Review, Signer, Verifiers
from mlassay.stages._message import message
from mlassay.stages._sealed import sealed
from mlassay.stages.requests import TRIES, Desk, find_landed, machine_of

MOST_OTHERS = 200


@dataclass(frozen=True, slots=True)
class ReviewsRecorded:
    """What came of recording the reviews of one request: ``decision`` with them, and the commit ("" when none was made).

    ``already`` says that the same record stood there before. Reviews that do not suffice are a no, and not recorded.
    """

    name: RequestName
    record: ReviewRecord
    decision: Decision
    commit: str = ""
    already: bool = False
    message: str = ""
    local_is_current: bool = False


@dataclass(frozen=True, slots=True)
class _Heard:
    """A request that landed, as its reviews found it."""

    landing: Landing
    case: Case
    record: ReviewRecord


def unrecorded(repository: Repository, tip: str, verifiers: Verifiers) -> tuple[RequestName, ...]:
    """Requests on the main line that rest on reviews on a forge whose record is missing, oldest first."""
    folders = [layout.PROMOTIONS.rstrip("/"), layout.CHANGES.rstrip("/")]
    found: list[RequestName] = []
    for step in repository.first_parents(tip, paths=folders):
        if not step.parents or not _counts_reviews(repository, step.parents[0]):
            continue
        for change in repository.changes(step.parents[0], step.id):
            name = name_of_path(change.path) if change.old is None else None
            if name is not None and _lacks_record(repository, tip, name, verifiers):
                found.append(name)
    return tuple(reversed(found))


def record_reviews(
    desk: Desk, signer: Signer, run: Run, request: str, *, dry_run: bool = False
) -> ReviewsRecorded:
    """Commit what the forge holds of a landed request's reviews, signed by the desk's key, by compare-and-swap.

    Doing it again changes nothing. ConfigurationError when the request has not landed, its policy counts no reviews,
    the signer may not, or another record stands; RemoteError when the forge is gone or the main line kept moving.
    """
    heard_of: Sequence[Review] | None = None
    pull: PullRequest | None = None
    for _ in range(TRIES):
        line = desk.line()
        name, landing, case = _landed(desk, line, request)
        machine_of(desk.repository, line.tip, signer, REVIEW_RECORD, desk.now(line.tip))
        pull = pull or _pull_request(desk, case, name)
        heard_of = desk.reviews_of(pull) if heard_of is None else heard_of
        heard = _Heard(landing, case, _record(desk, landing, case, pull, heard_of, run))
        if (standing := _stands(desk, line, heard)) is not None:
            current = dry_run or desk.repository.fast_forward(BRANCH, line.tip)
            return replace(standing, local_is_current=current)
        done = _write(desk, line, heard, signer)
        if dry_run or not done.commit:
            return replace(done, commit="")
        if land(desk.repository, line, done.commit):
            return replace(done, local_is_current=desk.repository.fast_forward(BRANCH, done.commit))
    raise RemoteError(Problem("the main line kept moving on", remedy=record_command(request)))


def _counts_reviews(repository: Repository, commit: str) -> bool:
    try:
        return governance_at(repository, commit)[0].reviews != NO_REVIEWS
    except ConfigurationError:
        return False  # before the root of trust, or not to be read: verify says so


def _lacks_record(repository: Repository, tip: str, name: RequestName, verifiers: Verifiers) -> bool:
    landing = landing_of(repository, tip, name)
    if landing is None or object_at(repository, tip, record_path(name)) is not None:
        return False
    if lands_nothing(repository, landing):
        return False  # it was refused, and only that is recorded
    try:
        decision = judge_merged(repository, landing.last, verifiers, parent=landing.parent, at=tip)
    except (EvidenceError, ConfigurationError):
        return False  # no record could mend that
    return any(demand.id == "reviews" for demand in decision.unmet)


def _landed(desk: Desk, line: MainLine, request: str) -> tuple[RequestName, Landing, Case]:
    found = find_landed(desk.repository, line.tip, request)
    landing = landing_of(desk.repository, line.tip, found[0]) if found else None
    if found is None or landing is None:
        raise ConfigurationError(
            Problem(
                f"{request} has not landed",
                why="reviews are recorded after the merge, with the commit that it became",
                remedy=f"mlassay merge {request}",
            )
        )
    time = desk.repository.commit(landing.last).time
    place = Place(landing.parent, landing.last, landing.parent, time)
    case = read_case(desk.repository, found[0], place, desk.verifiers)
    if case.policy.reviews == NO_REVIEWS:
        raise ConfigurationError(
            Problem(
                f"the policy before {request} counts no reviews",
                why="a record of them would explain nothing",
                remedy="to let reviews count from now on: 'reviews: github' in policy.yaml, then mlassay propose",
            )
        )
    return found[0], landing, case


def _pull_request(desk: Desk, case: Case, name: RequestName) -> PullRequest:
    wanted = case.policy.reviews
    if desk.reviewing is None or desk.reviews_on != wanted:
        raise ConfigurationError(
            Problem(
                f"its reviews are on {wanted}, and this is {desk.reviews_on or 'a git remote alone'}",
                remedy=f"run it where {wanted} can be asked: git config mlassay.forge {wanted}",
            )
        )
    pull = desk.reviewing.landed(name.branch)
    if pull is None:
        raise RemoteError(
            Problem(
                f"{wanted} knows no pull request of {name.branch}",
                why="the reviews are on its page",
                remedy="wait a moment, then run the command again",
            )
        )
    return pull


def _record(
    desk: Desk, landing: Landing, case: Case, pull: PullRequest, told: Sequence[Review], run: Run
) -> ReviewRecord:
    parents = desk.repository.commit(landing.last).parents
    head = parents[1] if len(parents) > 1 else pull.head
    weighed = weigh(case, words_from(told), head)
    counted = [signed.review for signed in (*weighed.approvals, *weighed.refusals) if signed.review]
    others = [word.without_body() for word, _ in weighed.unheeded][-MOST_OTHERS:]
    return ReviewRecord(
        forge=case.policy.reviews,
        number=pull.number,
        url=pull.url,
        head=head,
        merge=landing.last,
        run=run,
        reviews=tuple(sorted(counted, key=_order)),
        others=tuple(sorted(others, key=_order)),
    )


def _order(word: ReviewWord) -> tuple[datetime, int]:
    return word.at, word.id


def _stands(desk: Desk, line: MainLine, heard: _Heard) -> ReviewsRecorded | None:
    """What is recorded already; None when nothing is. ConfigurationError when it says anything else."""
    landing, repository = heard.landing, desk.repository
    path = record_path(landing.name)
    if object_at(repository, line.tip, path) is None:
        return None
    found = read_record(heard.case, repository, landing, line.tip, desk.verifiers)
    if not found.record.same_as(heard.record):
        raise ConfigurationError(
            Problem(
                "another record of its reviews stands on the main line",
                why="records are only ever added; what was said on the forge after it was written is not part of it",
                remedy="mlassay verify says whether what stands there holds",
                path=path,
            )
        )
    decision = _judged(desk, landing, line.tip)
    return ReviewsRecorded(landing.name, found.record, decision, found.commit, already=True)


def _write(desk: Desk, line: MainLine, heard: _Heard, signer: Signer) -> ReviewsRecorded:
    """The commit that would land, judged as any auditor will; without it when the reviews do not suffice."""
    landing, repository, record = heard.landing, desk.repository, heard.record
    data = sealed(signer, record_statement(heard.case.request.record, record)).to_bytes()
    if len(data) > RECORD_BYTES:
        raise RemoteError(
            Problem("its reviews are larger than a record may be", remedy="shorten them on the forge")
        )
    text = _message(heard.case, landing, record)
    commit = repository.write_commit(
        line.tip,
        {record_path(landing.name): data},
        message=text,
        author=repository.identity(),
        when=desk.now(line.tip),
    )
    read_record(heard.case, repository, landing, commit, desk.verifiers)
    decision = _judged(desk, landing, commit)
    return ReviewsRecorded(landing.name, record, decision, commit if decision.allowed else "", message=text)


def _judged(desk: Desk, landing: Landing, at: str) -> Decision:
    return judge_merged(desk.repository, landing.last, desk.verifiers, parent=landing.parent, at=at)


def _message(case: Case, landing: Landing, record: ReviewRecord) -> str:
    kind = "Promotion" if landing.name.environment else "Change"
    told = (
        f"What {record.forge} holds of the reviews of {landing.name.id}, which landed as {record.merge[:12]}. "
        f"The branch stood at {record.head[:12]}."
    )
    points = [f"{_voice(case, word)} {word.state} it" for word in record.reviews]
    trailers = [(kind, landing.name.id), ("Pull-request", record.url or str(record.number))]
    return message(f"Record the reviews of {landing.name.id}", [told], points, trailers)


def _voice(case: Case, word: ReviewWord) -> str:
    people = case.people.people.values()
    known = next((p.name for p in people if p.accounts.get(case.policy.reviews) == word.account), "somebody")
    return f"{known} ({word.login}, account {word.account})"
