"""What was live at a place of the main line, and whether what it rests on holds: judged as `mlassay verify` judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from mlassay.audit.chronicle.releases import Releases
from mlassay.audit.chronicle.spoken import words_of_case
from mlassay.audit.chronicle.types import DataUse, Moment, Word
from mlassay.audit.cut import moment
from mlassay.audit.ground import Ground
from mlassay.case.answers import SignedReader
from mlassay.case.common import object_at
from mlassay.case.history import pointer_at
from mlassay.case.release import ReleaseEvidence, find_record, read_release
from mlassay.case.requests import RequestName, governance_at, name_of_branch, with_compromises
from mlassay.config import Environment, People
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.records import Request, Waiver
from mlassay.policy import Decision, MachineRequest, PromotionCase
from mlassay.policy.approvals import setters_off


@dataclass(frozen=True, slots=True)
class WaiverInForce:
    """A waiver for the live release that stood on the main line then, and had not ended.

    ``holds``: a key of its person signed it. ``leaned_on``: the promotion names it.
    """

    waiver: Waiver
    path: str
    holds: bool
    leaned_on: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """The promotion that made the pointer what it was, as it was judged: ``then`` with what was known when it landed,
    ``today`` with every compromise of a key told since.

    ``completed`` is the last of several commits that landed it together, where its approvals came after the pointer.
    ``setters`` are the people who may have set off the run in which a ``machine`` asked.
    """

    request: Request
    digest: str
    completed: Moment | None
    machine: MachineRequest | None
    setters: tuple[str, ...]
    words: tuple[Word, ...]
    then: Decision
    today: Decision
    people: People


@dataclass(frozen=True, slots=True)
class InForce:
    """The pointer of an environment at a cut, and everything known of what it makes live.

    ``landed`` is the commit that made it so. With ``problems`` nothing here may be relied on; ``known_since`` are those
    of them that came up only by what was told after the release was let in.
    """

    pointer: Environment | None
    pointer_digest: str
    landed: Moment
    asked: Asked | None
    evidence: ReleaseEvidence | None
    record: Moment | None
    data: tuple[DataUse, ...]
    waivers: tuple[WaiverInForce, ...]
    problems: tuple[Problem, ...]
    known_since: tuple[Problem, ...] = ()


def in_force(ground: Ground, environment: str, at: Moment, day: str) -> InForce | None:
    """What was live after the commit ``at``; None where the environment had no pointer.

    ``day`` (ISO) is the day that waivers must reach. Every problem names its file.
    """
    repo, path = ground.repo, layout.pointer_path(environment)
    newest = repo.last_change(at.number, path)
    entry = repo.entry(at.commit, path)
    if newest is None or entry is None:
        return None
    landed = moment(repo, newest)
    try:
        pointer = pointer_at(repo, at.commit, environment)
        digest = sha256(repo.blob(entry.id, path))
    except EvidenceError as error:
        return InForce(None, "", landed, None, None, None, (), (), error.problems)
    if pointer is None:
        return None
    return _Reading(ground, environment, at, landed, pointer, digest).all(day)


@dataclass
class _Reading:
    """One pointer, being read."""

    ground: Ground
    environment: str
    at: Moment
    landed: Moment
    pointer: Environment
    digest: str

    def all(self, day: str) -> InForce:
        ground, release = self.ground, self.pointer.live.release
        asked, problems, known_since = self._asked()
        evidence, record = self._evidence(release)
        bad = [problem for problem in evidence.problems if problem not in problems]
        if evidence.problems:
            then = ground.attempt(
                partial(read_release, ground.repo, self.landed.commit, release, ground.verifiers), []
            )
            if then is not None and not then.problems:
                known_since += bad
        data = tuple(Releases(ground.repo).data_of(evidence.release)) if evidence.release else ()
        return InForce(
            pointer=self.pointer,
            pointer_digest=self.digest,
            landed=self.landed,
            asked=asked,
            evidence=evidence,
            record=record,
            data=data,
            waivers=tuple(self._waivers(release, day, asked)),
            problems=tuple(dict.fromkeys([*problems, *bad])),
            known_since=tuple(dict.fromkeys(known_since)),
        )

    def _evidence(self, release: str) -> tuple[ReleaseEvidence, Moment | None]:
        """The evidence as it stands at the head, by the keys before its record, and with what is known today."""
        repo = self.ground.repo
        record = find_record(repo, self.at.commit, release) if layout.is_release_id(release) else None
        found = read_release(repo, self.ground.head, release, self.ground.verifiers, record=record)
        if record is None:
            return found, None
        problems = [*found.problems, *self.ground.ungoverned(record)]
        place = moment(repo, repo.line.number(record) or 0)
        return replace(found, problems=tuple(dict.fromkeys(problems))), place

    def _asked(self) -> tuple[Asked | None, list[Problem], list[Problem]]:
        name = name_of_branch(f"promotion/{self.environment}/{self.pointer.promotion}")
        if name is None or not (group := self.ground.landing(self.landed.number, name)):
            return None, [self._unexplained("no promotion came with it")], []
        problems: list[Problem] = list(self._overtaken(name))
        judged = self.ground.judge(group, name)
        problems += [*judged.problems, *self.ground.ungoverned(group.steps[0].commit.id)]
        seen = judged.seen
        if seen is None or not isinstance(seen.case, PromotionCase) or seen.decision is None:
            return None, problems, []
        case, known_since = seen.case, []
        if case.request.record.release_digest != self.pointer.live.digest:
            problems.append(self._unexplained("the promotion of that commit asked for another release"))
        lacking = list(self.ground.never_before(case, group))
        problems += lacking
        then = self.ground.judge(group, name, later=False) if judged.problems else judged
        if not then.problems:
            known_since = list(judged.problems)
        if lacking and not list(self.ground.never_before(case, group, later=False)):
            known_since += lacking
        first_seen = then.seen.decision if then.seen and then.seen.decision else seen.decision
        last = self.ground.repo.line.number(group.last.id) or 0
        return (
            Asked(
                request=case.request.record,
                digest=case.request.digest,
                completed=moment(self.ground.repo, last) if last > self.at.number else None,
                machine=case.machine,
                setters=tuple(person.id for person in setters_off(case.people, case.machine.run))
                if case.machine
                else (),
                words=words_of_case(case),
                then=first_seen,
                today=seen.decision,
                people=case.people,
            ),
            problems,
            known_since,
        )

    def _overtaken(self, name: RequestName) -> Iterator[Problem]:
        """Another promotion that landed since, although the pointer is this one's: an old value was brought back."""
        repo, folder = self.ground.repo, f"{layout.PROMOTIONS}{self.environment}"
        if object_at(repo, self.at.commit, folder) == object_at(repo, self.landed.commit, folder):
            return
        here, there = (self.ground.names(commit, folder) for commit in (self.at.commit, self.landed.commit))
        for id_ in sorted(here - there - {name.id}):
            if repo.entry(self.at.commit, f"{folder}/{id_}/{layout.REQUEST}") is None:
                continue
            place = repo.first_with(f"{folder}/{id_}", self.at.number)
            if place is not None and repo.differs(place, layout.pointer_path(self.environment)):
                yield self._unexplained(
                    f"promotion {id_} landed since, and this is what an older one asked for"
                )

    def _unexplained(self, why: str) -> Problem:
        commit = self.landed.commit
        return Problem(
            f"what {self.environment} points at came with commit {commit[:12]}, and {why}",
            why="what runs changes by a promotion that people signed, never by a bare push",
            remedy=f"git show {commit[:12]} -- {layout.pointer_path(self.environment)}; mlassay audit verify",
            path=layout.pointer_path(self.environment),
            rule="pushed-pointer",
            commit=commit,
        )

    def _waivers(self, release: str, day: str, asked: Asked | None) -> Iterator[WaiverInForce]:
        repo, commit = self.ground.repo, self.at.commit
        used = {use.path for use in asked.request.waivers} if asked else set()
        try:
            _, people = governance_at(repo, commit)
        except (ConfigurationError, EvidenceError):
            return  # what cannot be read is told with the promotion's own ground
        reader = SignedReader(
            repo, commit, with_compromises(people, self.ground.known_of(commit)), self.ground.verifiers
        )
        for file in sorted(self.ground.names(commit, layout.WAIVERS.rstrip("/"))):
            path = f"{layout.WAIVERS}{file}"
            if not file.startswith(f"{release}.") or not file.endswith(".json"):
                continue
            try:
                found = reader.read(path, Waiver)
            except EvidenceError:
                continue  # `audit verify` names it; nobody signed for what it says
            if found.record.until.isoformat() >= day:
                yield WaiverInForce(found.record, path, found.key is not None, path in used)
