"""The status and show stages: what runs where since when, what waits for whom, and all about one release."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from mlassay.case.answers import SignedReader
from mlassay.case.common import Place
from mlassay.case.history import Held, pointers
from mlassay.case.main_line import BRANCH, main_line
from mlassay.case.release import ReleaseEvidence, read_release
from mlassay.case.requests import RequestName, governance_at, name_of_branch
from mlassay.case.standing import read_open_case, unexplained_pointers
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.records import Waiver
from mlassay.git import Repository
from mlassay.policy import Case, Decision, Signed, decide
from mlassay.ports import Verifiers
from mlassay.stages._landed import Landed, landed
from mlassay.stages._newest import recorded
from mlassay.stages.review import verdict_of
from mlassay.stages.review_record import unrecorded

Hear = Callable[[Case, str, str], Case]


@dataclass(frozen=True, slots=True)
class Running:
    """One environment: its pointer and the commit that set it (None: nothing ran there yet), and its waivers.

    ``explained``: a promotion that holds made the pointer what it is, or there is none and never was.
    """

    environment: str
    held: Held | None
    waivers: tuple[Waiver, ...] = ()
    explained: bool = True


@dataclass(frozen=True, slots=True)
class Waiting:
    """One open request with its case and decision, or the problem why it cannot be judged."""

    name: RequestName
    case: Case | None
    decision: Decision | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Status:
    """What runs where at ``commit``, and what was open when ``remote`` was last seen (None: there is none).

    ``unrecorded`` are requests that landed by reviews which nobody has recorded yet.
    """

    commit: str
    running: tuple[Running, ...]
    waiting: tuple[Waiting, ...]
    newest: str | None
    newest_verdict: str = ""
    remote: str | None = None
    unrecorded: tuple[RequestName, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """One release: its evidence, the promotions that landed, the waivers, and where it runs now."""

    evidence: ReleaseEvidence
    promotions: tuple[Landed, ...]
    waivers: tuple[Signed[Waiver], ...]
    live_in: tuple[str, ...]


def status(
    repository: Repository,
    commit: str,
    requests: list[tuple[str, str]],
    verifiers: Verifiers,
    hear: Hear | None = None,
) -> Status:
    """What runs where at ``commit``; ``requests`` are open branches and their heads, as last seen.

    ``hear`` adds the reviews that a forge holds now to an open case, given its branch; nothing is asked without it.
    """
    policy, people = governance_at(repository, commit)
    newest = next(recorded(repository, commit), None)
    verdict = verdict_of(repository, commit, newest) if newest else None
    reader = SignedReader(repository, commit, people, verifiers)
    unexplained = unexplained_pointers(repository, commit, policy.environments, verifiers)
    running = []
    for environment in policy.environments:
        held = next(pointers(repository, commit, environment), None)
        waived = waivers_of(reader, held.pointer.live.release) if held else ()
        records = tuple(waiver.record for waiver in waived)
        running.append(Running(environment, held, records, environment not in unexplained))
    waiting = [
        _waiting(repository, name, head, verifiers, hear)
        for branch, head in requests
        if (name := name_of_branch(branch)) is not None
    ]
    open_ = tuple(one for one in waiting if one is not None)
    outcome = str(verdict.outcome) if verdict else ""
    missing = unrecorded(repository, commit, verifiers)
    remote = repository.remote(BRANCH)
    return Status(commit, tuple(running), open_, newest, outcome, remote, missing)


def show(repository: Repository, commit: str, release: str, verifiers: Verifiers) -> Shown:
    """All about one release at ``commit``; ConfigurationError when there is no such release."""
    known = list(recorded(repository, commit))
    matching = [one for one in known if one == release or one.endswith(f"-{release}")]
    if len(matching) != 1:
        raise ConfigurationError(
            Problem(
                f"there is no release {release!r} on the main line here",
                remedy=f"recorded are: {', '.join(known[:10]) or 'none'}; 'mlassay status' tells what runs where",
            )
        )
    policy, people = governance_at(repository, commit)
    found = read_release(repository, commit, matching[0], verifiers)
    live_in = []
    for environment in policy.environments:
        held = next(pointers(repository, commit, environment), None)
        if held and held.pointer.live.release == matching[0]:
            live_in.append(environment)
    reader = SignedReader(repository, commit, people, verifiers)
    promotions = tuple(one for one in landed(repository, commit) if one.request.release == matching[0])[::-1]
    return Shown(found, promotions, waivers_of(reader, matching[0]), tuple(live_in))


def _waiting(
    repository: Repository, name: RequestName, head: str, verifiers: Verifiers, hear: Hear | None
) -> Waiting | None:
    """An open request against the main line as last seen; None when it has landed and only its branch is left."""
    tip = main_line(repository, fetch=False).tip
    if repository.entry(tip, name.folder) is not None:
        return None
    now = max(datetime.now(UTC), repository.commit(tip).time)
    try:
        since = repository.merge_base(tip, head)
        case = read_open_case(repository, name, Place(tip, head, since, now), verifiers)
        case = hear(case, name.branch, head) if hear is not None else case
    except EvidenceError as error:
        return Waiting(name, None, None, str(error))
    return Waiting(name, case, decide(case))


def waivers_of(reader: SignedReader, release: str) -> tuple[Signed[Waiver], ...]:
    """The waivers for a release, whether or not their signatures hold; unreadable ones are left to `verify`."""
    found = []
    for path in reader.repo.tree(reader.commit, layout.WAIVERS.rstrip("/")):
        if path.startswith(f"{layout.WAIVERS}{release}.") and path.endswith(".json"):
            try:
                found.append(reader.read(path, Waiver))
            except EvidenceError:
                continue
    return tuple(found)
