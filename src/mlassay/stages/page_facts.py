"""What the pages of pull requests tell: read from git objects and the forge, put into words elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

from mlassay.case.history import pointer_at
from mlassay.case.main_line import MainLine
from mlassay.case.promotion import source_of
from mlassay.case.requests import RequestName
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.records import Weakening
from mlassay.evidence.verdict import GateReport, Verdict
from mlassay.git import Repository
from mlassay.policy import PromotionCase
from mlassay.policy.approvals import Standing, excluded, standings
from mlassay.ports import PullRequest
from mlassay.stages._landed import Landed, landed
from mlassay.stages._newest import recorded
from mlassay.stages.page_changes import Changed, changed_between
from mlassay.stages.requests import Desk, Found, needed
from mlassay.stages.review import GroupRow, Review, review_at, verdict_of

READERS = 6  # people whose earlier approvals are looked up
LOOKED_BACK = 60  # promotions


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest release that the main line recorded, and its verdict (None: it cannot be read)."""

    release: str
    verdict: Verdict | None


@dataclass(frozen=True, slots=True)
class Running:
    """What runs now: where, which release, its verdict, and the source commit that it was trained from."""

    environment: str
    release: str
    verdict: Verdict | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Earlier:
    """The newest promotion that a person who may approve this one approved before, and the gates that differ since."""

    person: str
    landed: Landed
    differing: tuple[tuple[GateReport, GateReport | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFacts:
    """A promotion or a change, as it stands: what is asked, what was measured, who answered, what is missing.

    ``barred`` maps each person who may never approve it to why, ``earlier`` what others last approved.
    """

    review: Review
    pull: PullRequest
    standing: tuple[Standing, ...]
    barred: dict[str, str]
    earlier: tuple[Earlier, ...]
    changed: Changed | None
    newest: Newest | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PullFacts:
    """A model's pull request, as its own job reported it. Nothing of ``verdict`` is signed or believed.

    ``problems`` say why there is no verdict, ``log`` ends the training's log then. ``agreed`` says whether the
    verdict's inputs and criteria are those of the commit's own files; None where the commit is not in this clone,
    and then ``weakenings`` are only those that the verdict itself shows.
    """

    head: str
    pull: PullRequest | None
    verdict: Verdict | None
    problems: tuple[Problem, ...] = ()
    log: tuple[str, ...] = ()
    agreed: bool | None = None
    differing: tuple[str, ...] = ()
    running: Running | None = None
    groups: tuple[GroupRow, ...] = ()
    weakenings: tuple[Weakening, ...] = ()
    changed: Changed | None = None
    newest: Newest | None = None


def request_facts(desk: Desk, request: str) -> RequestFacts:
    """The facts of the open request with this id, as things stand now; errors as for `requests.needed`."""
    return facts_at(desk, desk.line(), needed(desk, request))


def facts_before(desk: Desk, tip: str, name: RequestName, head: str) -> RequestFacts:
    """The facts of a request whose commit ``head`` is written on top of ``tip``, and that no forge knows yet."""
    return facts_at(desk, MainLine(None, tip), Found(name, PullRequest(name.id, name.branch, head)))


def facts_at(desk: Desk, line: MainLine, found: Found) -> RequestFacts:
    """The same of a request that stands at ``found``, whether or not a forge knows of it yet."""
    repository, seen = desk.repository, review_at(desk, line, found)
    case = seen.case
    barred = excluded(case)
    before = after = None
    if isinstance(case, PromotionCase):
        before = source_of(repository, line.tip, case.live) if case.live else None
        after = _source(repository, line.tip, case.request.record.release)
    able = [id_ for id_, person in sorted(case.people.people.items()) if id_ not in barred and person.keys]
    return RequestFacts(
        review=seen,
        pull=found.pull,
        standing=standings(case),
        barred=barred,
        earlier=tuple(_earlier(repository, line.tip, seen, able[:READERS])),
        changed=changed_between(repository, before, after) if isinstance(case, PromotionCase) else None,
        newest=newest(repository, line.tip),
    )


def newest(repository: Repository, tip: str) -> Newest | None:
    """The newest recorded release; None while there is none."""
    release = next(recorded(repository, tip), None)
    return Newest(release, _verdict(repository, tip, release)) if release else None


def running_last(repository: Repository, tip: str, environments: tuple[str, ...]) -> Running | None:
    """What runs in the last environment that runs anything; None while nothing does, or no pointer can be read."""
    for environment in reversed(environments):
        try:
            pointer = pointer_at(repository, tip, environment)
        except EvidenceError:
            continue
        if pointer is not None and pointer.state == "live":
            release = pointer.live.release
            verdict = _verdict(repository, tip, release)
            return Running(environment, release, verdict, _source(repository, tip, release))
    return None


def _verdict(repository: Repository, tip: str, release: str) -> Verdict | None:
    try:
        return verdict_of(repository, tip, release)
    except EvidenceError:
        return None  # a page says that it is unknown; `mlassay verify` says why


def _source(repository: Repository, tip: str, release: str) -> str | None:
    try:
        return source_of(repository, tip, release)
    except EvidenceError:
        return None


def _earlier(repository: Repository, tip: str, seen: Review, people: list[str]) -> list[Earlier]:
    case, wanted = seen.case, set(people)
    if not isinstance(case, PromotionCase) or seen.verdict is None:
        return []
    found = []
    for number, one in enumerate(landed(repository, tip)):
        if not wanted or number >= LOOKED_BACK:
            break
        for person in sorted(wanted & {approval.person for approval in one.approvals}):
            wanted.discard(person)
            verdict = _verdict(repository, tip, one.request.release)
            found.append(Earlier(person, one, tuple(_differing(seen.verdict, verdict))))
    return found


def _differing(now: Verdict, then: Verdict | None) -> list[tuple[GateReport, GateReport | None]]:
    before = {report.gate: report for report in then.gates} if then else {}
    pairs = [(report, before.get(report.gate)) for report in now.gates]
    return [(new, old) for new, old in pairs if old is None or old.summary != new.summary]
