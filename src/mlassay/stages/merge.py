"""The decide and merge stages: the policy's answer, and the one commit that lands what it says yes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mlassay.case.landing import landing_of
from mlassay.case.main_line import BRANCH, MainLine
from mlassay.case.promotion import judge_merged
from mlassay.case.requests import RequestName
from mlassay.errors import EvidenceError, Problem, RemoteError
from mlassay.evidence import layout
from mlassay.evidence.predicates import Dispatcher, Run
from mlassay.evidence.reviews import ReviewRecord, ReviewWord
from mlassay.git import MovedOn, Repository
from mlassay.policy import Case, Decision, PromotionCase, decide
from mlassay.ports import PullRequest
from mlassay.stages._landing import landing_message
from mlassay.stages.requests import TRIES, Desk, Found, find_landed, find_open, needed, not_refused


@dataclass(frozen=True, slots=True)
class Merged:
    """What came of a merge: the decision, and the commit on the main line ("" when there is none, or a dry run).

    ``already`` says that it had landed before; ``winner`` the main-line commit that was quicker, if one was;
    ``unrecorded`` that it rests on reviews whose record must follow.
    """

    name: RequestName
    decision: Decision
    commit: str = ""
    already: bool = False
    winner: str = ""
    message: str = ""
    paths: tuple[str, ...] = ()
    local_is_current: bool = False
    unrecorded: bool = False


def decided(desk: Desk, request: str) -> tuple[Case, Decision]:
    """The case of an open request now, and the policy's decision about it."""
    found = needed(desk, request)
    case = desk.case(desk.line(), found)
    return case, decide(case)


def merge(desk: Desk, request: str, *, dry_run: bool = False) -> Merged:
    """Land an open request if the decision is yes; read, decide and try again while the main line moves on.

    EvidenceError when what would land could not be judged the same from git alone; RemoteError when the main line
    kept moving, or the remote is gone.
    """
    seen: MainLine | None = None
    for _ in range(TRIES):
        # The branch first: it goes only after the main line has what it carried.
        found = find_open(desk, request)
        line = desk.line()
        landed = find_landed(desk.repository, line.tip, request)
        if landed is not None:
            not_refused(desk.repository, line.tip, landed[0])
            return _already(desk, landed[0], landed[1].id, found, dry_run=dry_run)
        found = found or needed(desk, request)
        case = desk.case(line, found)
        decision = decide(case)
        if not decision.allowed:
            return Merged(found.name, decision, winner=_winner(desk.repository, case, seen, line))
        text = landing_message(case, desk.repository, line.tip)
        paths = tuple(touched.path for touched in case.touched)
        if dry_run:
            return Merged(found.name, decision, message=text, paths=paths)
        commit = _commit(desk, line, found.pull, paths, text, case.now)
        _same_from_git_alone(desk, commit, _foreseen(case, found.pull, commit))
        try:
            landed_as = desk.forge.merge(found.pull, commit, line.tip)
        except MovedOn:
            seen = seen or line
            continue
        if landed_as != commit:
            _still_so(desk, landed_as, _foreseen(case, found.pull, landed_as))
            commit = landed_as
        current = desk.repository.fast_forward(BRANCH, commit)
        rests = bool(_reviews(case))
        return Merged(
            found.name,
            decision,
            commit,
            message=text,
            paths=paths,
            local_is_current=current,
            unrecorded=rests,
        )
    raise RemoteError(
        Problem(
            f"the main line moved on {TRIES} times while {request} was being merged",
            why="each time somebody else was quicker; nothing of theirs was overwritten",
            remedy=f"mlassay merge {request}",
        )
    )


def _commit(
    desk: Desk, line: MainLine, pull: PullRequest, paths: tuple[str, ...], text: str, when: datetime
) -> str:
    """The merge: the main line's own tree with exactly the paths of the request, on both parents."""
    repository = desk.repository
    files = {path: repository.read(pull.head, path) for path in paths}
    when = max(when, repository.commit(pull.head).time)
    parents = [line.tip, pull.head]
    return repository.write_commit(
        line.tip, files, message=text, author=repository.identity(), when=when, parents=parents
    )


def _reviews(case: Case) -> tuple[ReviewWord, ...]:
    """The reviews among the approvals and refusals of a case."""
    return tuple(signed.review for signed in (*case.approvals, *case.refusals) if signed.review)


def _foreseen(case: Case, pull: PullRequest, commit: str) -> ReviewRecord | None:
    """The record that will be written of the reviews that this merge rests on; None where it rests on none."""
    if not (reviews := _reviews(case)):
        return None
    run = Run("", "", "", Dispatcher())
    return ReviewRecord(case.policy.reviews, pull.number, pull.url, pull.head, commit, run, reviews)


def _same_from_git_alone(desk: Desk, commit: str, foreseen: ReviewRecord | None) -> None:
    """Judge what is about to land as any auditor will: an answer that only holds here must not be published."""
    decision = judge_merged(desk.repository, commit, desk.verifiers, foreseen=foreseen)
    if not decision.allowed:
        raise EvidenceError(*(Problem(demand.what, remedy=demand.remedy) for demand in decision.unmet))


def _still_so(desk: Desk, commit: str, foreseen: ReviewRecord | None) -> None:
    """Judge what the forge itself made of the merge: it stands on the main line, whatever the answer."""
    decision = judge_merged(desk.repository, commit, desk.verifiers, foreseen=foreseen)
    if not decision.allowed:
        why = "the forge merged it, and what came of it is not what was decided: verify names it from now on"
        remedy = f"look at commit {commit[:12]}; going back is a promotion or a change of its own"
        EvidenceError.raise_if_any(Problem(demand.what, why, remedy) for demand in decision.unmet)


def _already(desk: Desk, name: RequestName, commit: str, found: Found | None, *, dry_run: bool) -> Merged:
    tip = desk.line().tip
    landing = landing_of(desk.repository, tip, name)
    last, parent = (landing.last, landing.parent) if landing else (commit, None)
    decision = judge_merged(desk.repository, last, desk.verifiers, parent=parent, at=tip)
    missing = any(demand.id == "reviews" for demand in decision.unmet)
    if dry_run:
        return Merged(name, decision, commit, already=True, local_is_current=True, unrecorded=missing)
    if found is not None:
        # Nothing is left to move: it closes what a killed run left open.
        desk.forge.merge(found.pull, tip, tip)
    current = desk.repository.fast_forward(BRANCH, tip)
    return Merged(name, decision, commit, already=True, local_is_current=current, unrecorded=missing)


def _winner(repository: Repository, case: Case, seen: MainLine | None, line: MainLine) -> str:
    """The commit that changed what this request rests on, since the base of the request."""
    if isinstance(case, PromotionCase):
        paths = [case.pointer_path, layout.evidence_dir(case.request.record.release), layout.POLICY]
        unchanged = (
            case.previous == case.request.record.previous and case.policy.digest == case.request.record.policy
        )
    else:
        paths = [path.path for path in case.request.record.paths]
        unchanged = all(case.before.get(p.path) == p.old for p in case.request.record.paths)
    if unchanged or not case.base_on_line:
        return ""
    since = case.request.record.base if seen is None else seen.tip
    first = list(repository.first_parents(line.tip, paths=paths, until=since))
    return f"{first[-1].id[:12]} {first[-1].subject}" if first else ""
