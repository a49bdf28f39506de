"""Promotions, changes and waivers on the main line, each judged again as it was when it landed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from mlassay.audit.findings import named
from mlassay.audit.history import Group
from mlassay.audit.rules import of_demand
from mlassay.case.answers import SignedReader
from mlassay.case.promotion import merged_case
from mlassay.case.refused import read_refused
from mlassay.case.release import ReleaseEvidence
from mlassay.case.requests import RequestName, governance_at, with_compromises
from mlassay.config import People
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.records import Record, Request, Waiver
from mlassay.git import Repository
from mlassay.policy import Case, Decision, PromotionCase, Signed, decide
from mlassay.policy.decide import strange_paths
from mlassay.policy.echoes import echoes
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

    @property
    def at_its_commit(self) -> Confirmed:
        """The same with each problem under its rule, and at the commit that brought this in."""
        return replace(self, problems=tuple(named(problem, self.commit) for problem in self.problems))


@dataclass(frozen=True, slots=True)
class Seen:
    """What a judgement looked at: a request's case and decision, a release's evidence, or a waiver."""

    case: Case | None = None
    decision: Decision | None = None
    evidence: ReleaseEvidence | None = None
    waiver: Signed[Waiver] | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of evidence already: the problems of releases as they were recorded, and paths altered since."""

    problems: AbstractSet[Problem] = frozenset()
    altered: AbstractSet[str] = frozenset()

    def has(self, problem: Problem) -> bool:
        """Whether a problem of a release's evidence is among these."""
        folder = f"{problem.path}/"
        known = any(each.what == problem.what and each.path == problem.path for each in self.problems)
        return known or any(path == problem.path or path.startswith(folder) for path in self.altered)


def judge_request(
    repo: Repository,
    group: Group,
    name: RequestName,
    at: str,
    verifiers: Verifiers,
    later: People | None,
    told: Told,
) -> Confirmed:
    """A promotion or change that landed, judged again by the policy and people before it, and by its own signatures.

    Where policy counted reviews on the forge, those count that a record on the main line up to ``at`` holds. Demands
    that only repeat what is ``told`` of the evidence, or of another record, are left out.
    """
    kind, commit = ("promotion" if name.environment else "change"), group.last.id
    shown = f"{name.environment}/{name.id}" if name.environment else name.id
    paths = [change.path for change in group.changes]
    if all(path.startswith(f"{name.folder}/") for path in paths):
        return _judge_refused(repo, group, name, shown, verifiers, later)
    try:
        case = merged_case(repo, commit, verifiers, later=later, parent=group.parent, at=at)
    except (EvidenceError, ConfigurationError) as error:
        return Confirmed(kind, shown, commit, problems=_at(name.request, error))
    decision = decide(case)
    approvals = [each for each in case.approvals if each.review is None]
    refusals = [each for each in case.refusals if each.review is None]
    records: list[Signed[Record]] = [case.request, *approvals, *refusals, *case.withdrawals]
    problems = [*case.problems, *_unsigned_of(case, records)]
    if not any(problem.rule == "request" for problem in case.problems):
        # What lies in another environment's folder was asked of nobody there: all else would be echo.
        problems += _unmet(case, decision, told, name.request)
    people = tuple(sorted({approval.record.person for approval in case.approvals}))
    asked = case.request.record
    about = f"{asked.release} to {name.environment}" if isinstance(asked, Request) else _paths(asked.paths)
    says = f"{about}, asked by {asked.requester}, approved by {', '.join(people) or 'nobody'}"
    checks = sum(1 for demand in decision.demands if demand.met)
    by = tuple(sorted({asked.requester, *people}))
    seen = Seen(case=case, decision=decision)
    return Confirmed(kind, shown, commit, says, by, len(records), checks, tuple(problems), seen)


def _judge_refused(
    repo: Repository,
    group: Group,
    name: RequestName,
    shown: str,
    verifiers: Verifiers,
    later: People | None,
) -> Confirmed:
    """A request that was recorded without what it asked for: it must have been refused or withdrawn."""
    commit = group.last.id
    try:
        reader = _reader(repo, commit, group.parent, verifiers, later)
        found = read_refused(reader, name, group.last.time)
    except (EvidenceError, ConfigurationError) as error:
        problems = tuple(
            replace(problem, rule=problem.rule or "refused") for problem in _at(name.request, error)
        )
        return Confirmed("refused", shown, commit, problems=problems)
    who = tuple(sorted({each.record.person for each in found.standing}))
    asked = found.request.record
    says = f"asked by {asked.requester}, refused or withdrawn by {', '.join(who)}"
    said = (*found.answers.approvals, *found.answers.refusals, *found.answers.withdrawals)
    by = tuple(sorted({asked.requester, *who}))
    return Confirmed("refused", shown, commit, says, by, 1 + len(said), len(found.standing))


def _unsigned_of(case: Case, records: Iterable[Signed[Record]]) -> Iterator[Problem]:
    """Records that nobody signed; not the request again, where it is told why its CI signer's statement does not hold."""
    told = any(problem.path.endswith(f"/{layout.MACHINE_REQUEST}") for problem in case.problems)
    for record in records:
        if record.key is None and not (told and record is case.request):
            yield _unsigned(record)


def _unmet(case: Case, decision: Decision, told: Told, path: str) -> Iterator[Problem]:
    """The demands that are not met, each under its rule; those that repeat another are left out."""
    repeated = set(echoes(case, decision))
    if isinstance(case, PromotionCase):
        repeated |= _of_evidence(case, told)
    if (strange := strange_paths(case)) and set(strange) <= told.altered:
        repeated.add("only-its-own-paths")
    for demand in decision.unmet:
        if demand.id not in repeated:
            remedy = demand.remedy if demand.id == "reviews" else ""
            yield Problem(demand.what, remedy=remedy, path=path, rule=of_demand(demand.id))


def _of_evidence(case: PromotionCase, told: Told) -> set[str]:
    """Demands that say no more than that evidence does not hold which is told of by itself."""
    facts = case.release
    if facts is None or not facts.problems or not all(map(told.has, facts.problems)):
        return set()
    if facts.digest not in ("", case.request.record.release_digest):
        return set()
    return {"evidence-valid", *(_UNKNOWN if case.terms is None else ())}


# What cannot be judged at all while a release cannot be read.
_UNKNOWN = (
    "gates",
    "floors",
    "isolation",
    "risk-review",
    "weakenings",
    "approvals",
    "outside",
    "questions",
    "pointer",
)


def judge_waiver(
    repo: Repository, group: Group, path: str, verifiers: Verifiers, later: People | None
) -> Confirmed:
    """A waiver by itself: its one spelling, its name, its signature. Whether it may carry a gate, promotions judge."""
    commit, shown = group.last.id, path.removeprefix(layout.WAIVERS).removesuffix(".json")
    try:
        found = _reader(repo, commit, group.parent, verifiers, later).read(path, Waiver)
    except (EvidenceError, ConfigurationError) as error:
        return Confirmed("waiver", shown, commit, problems=_at(path, error))
    waiver, problems = found.record, []
    if found.key is None:
        problems.append(_unsigned(found))
    elif not found.key.valid_at(group.last.time):
        what = f"the key of {waiver.person} was not valid when this was recorded"
        problems.append(Problem(what, path=path, rule="waiver"))
    if shown != f"{waiver.release}.{waiver.gate}.{waiver.person}":
        what = "this waiver is not named after its release, gate and person"
        problems.append(Problem(what, path=path, rule="waiver"))
    if repo.entry(commit, f"{layout.evidence_dir(waiver.release)}/{layout.RELEASE}") is None:
        what = f"this waives a gate of {waiver.release}, which was not recorded by then"
        problems.append(Problem(what, "people waive what they have seen", path=path, rule="waiver"))
    says = f"{waiver.gate} of {waiver.release} until {waiver.until}: {waiver.reason}"
    seen = Seen(waiver=found)
    return Confirmed("waiver", shown, commit, says, (waiver.person,), 1, 1, tuple(problems), seen)


def _reader(
    repo: Repository, commit: str, parent: str | None, verifiers: Verifiers, later: People | None
) -> SignedReader:
    if parent is None:
        what = "this came with the very first commit, before anybody could vouch for it"
        raise EvidenceError(Problem(what, rule="root"))
    _, people = governance_at(repo, parent)
    return SignedReader(repo, commit, with_compromises(people, later), verifiers)


def _unsigned(found: Signed[Record]) -> Problem:
    return Problem(
        "nobody whose key counted before this landed has signed these bytes",
        why="the record or its signature (.sig) was altered, or it is signed with a key that people.yaml did not hold",
        remedy="compare with the commit that brought it in",
        path=found.path,
        rule="record-signature",
    )


def _at(path: str, error: EvidenceError | ConfigurationError) -> tuple[Problem, ...]:
    return tuple(replace(problem, path=problem.path or path) for problem in error.problems)


def _paths(paths: tuple[object, ...]) -> str:
    return ", ".join(str(getattr(path, "path", path)) for path in paths)
