"""Promotions, changes and waivers on the main line, each judged again as it was when it landed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlassay.audit.history import Group
from mlassay.case.answers import SignedReader, read_answers
from mlassay.case.machine import read_request
from mlassay.case.promotion import merged_case
from mlassay.case.release import ReleaseEvidence
from mlassay.case.requests import RequestName, governance_at, with_compromises
from mlassay.config import People
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.records import Record, Request, Waiver
from mlassay.git import Repository
from mlassay.policy import Case, Decision, Demand, Signed, decide
from mlassay.policy.review_rules import rests_on_approvals
from mlassay.ports import Verifiers


@dataclass(frozen=True, slots=True)
class Confirmed:
    """One thing on the main line: what it is, what it ``says`` in plain words, whose signatures held, and in how many ``checks``.

    With ``problems`` it is not confirmed, and nothing else about it may be relied on. ``seen`` is what it was judged
    by, for whoever hears of it at once; `bare` lets go of that.
    """

    kind: str
    name: str
    commit: str
    says: str = ""
    by: tuple[str, ...] = ()
    signatures: int = 0
    checks: int = 0
    problems: tuple[Problem, ...] = ()
    seen: Seen | None = None

    @property
    def bare(self) -> Confirmed:
        """The same without what it was judged by, so that a long history is never held whole."""
        return replace(self, seen=None)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a judgement looked at: a request's case and decision, a release's evidence, or a waiver."""

    case: Case | None = None
    decision: Decision | None = None
    evidence: ReleaseEvidence | None = None
    waiver: Signed[Waiver] | None = None


def judge_request(
    repo: Repository, group: Group, name: RequestName, at: str, verifiers: Verifiers, later: People | None
) -> Confirmed:
    """A promotion or change that landed, judged again by the policy and people before it, and by its own signatures.

    Where policy counted reviews on the forge, those count that a record on the main line up to ``at`` holds.
    """
    kind, commit = ("promotion" if name.environment else "change"), group.last.id
    shown = f"{name.environment}/{name.id}" if name.environment else name.id
    try:
        case = merged_case(repo, commit, verifiers, later=later, parent=group.parent, at=at)
        reader = _reader(repo, commit, group.parent or "", verifiers, later)
        request, answers = read_request(reader, name), read_answers(reader, name)
    except (EvidenceError, ConfigurationError) as error:
        return Confirmed(kind, shown, commit, problems=_at(name.request, error))
    decision = decide(case)
    records: list[Signed[Record]] = [request, *answers.approvals, *answers.refusals, *answers.withdrawals]
    problems = [*answers.problems, *(_unsigned(record) for record in records if record.key is None)]
    problems += [
        Problem(f"this would not be let in again: {demand.what}", remedy=demand.remedy, path=name.request)
        for demand in _told(decision)
    ]
    people = tuple(sorted({approval.record.person for approval in case.approvals}))
    asked = request.record
    about = f"{asked.release} to {name.environment}" if isinstance(asked, Request) else _paths(asked.paths)
    says = f"{about}, asked by {asked.requester}, approved by {', '.join(people) or 'nobody'}"
    checks = sum(1 for demand in decision.demands if demand.met)
    by = tuple(sorted({asked.requester, *people}))
    seen = Seen(case=case, decision=decision)
    return Confirmed(kind, shown, commit, says, by, len(records), checks, tuple(problems), seen)


def _told(decision: Decision) -> list[Demand]:
    """The demands that are not met; what reviews would have met is told once, by the demand for their record."""
    unmet = decision.unmet
    reviews = any(demand.id == "reviews" for demand in unmet)
    return [demand for demand in unmet if not (reviews and rests_on_approvals(demand))]


def judge_waiver(
    repo: Repository, group: Group, path: str, verifiers: Verifiers, later: People | None
) -> Confirmed:
    """A waiver by itself: its one spelling, its name, its signature. Whether it may carry a gate, promotions judge."""
    commit, shown = group.last.id, path.removeprefix(layout.WAIVERS).removesuffix(".json")
    try:
        found = _reader(repo, commit, group.parent or "", verifiers, later).read(path, Waiver)
    except (EvidenceError, ConfigurationError) as error:
        return Confirmed("waiver", shown, commit, problems=_at(path, error))
    waiver, problems = found.record, []
    if found.key is None:
        problems.append(_unsigned(found))
    elif not found.key.valid_at(group.last.time):
        problems.append(
            Problem(f"the key of {waiver.person} was not valid when this was recorded", path=path)
        )
    if shown != f"{waiver.release}.{waiver.gate}.{waiver.person}":
        problems.append(Problem("this waiver is not named after its release, gate and person", path=path))
    says = f"{waiver.gate} of {waiver.release} until {waiver.until}: {waiver.reason}"
    seen = Seen(waiver=found)
    return Confirmed("waiver", shown, commit, says, (waiver.person,), 1, 1, tuple(problems), seen)


def _reader(
    repo: Repository, commit: str, parent: str, verifiers: Verifiers, later: People | None
) -> SignedReader:
    _, people = governance_at(repo, parent)
    return SignedReader(repo, commit, with_compromises(people, later), verifiers)


def _unsigned(found: Signed[Record]) -> Problem:
    return Problem(
        "nobody whose key counted before this landed has signed these bytes",
        why="the record or its signature (.sig) was altered, or it is signed with a key that people.yaml did not hold",
        remedy="compare with the commit that brought it in",
        path=found.path,
    )


def _at(path: str, error: EvidenceError | ConfigurationError) -> tuple[Problem, ...]:
    return tuple(Problem(p.what, p.why, p.remedy, p.path or path, p.line) for p in error.problems)


def _paths(paths: tuple[object, ...]) -> str:
    return ", ".join(str(getattr(path, "path", path)) for path in paths)
