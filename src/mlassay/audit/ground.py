"""What a judgement at one place of the main line stands upon: who governed there, and by which requests they came to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeVar

from mlassay.audit.history import Group, Step
from mlassay.audit.requests import Confirmed, Told, judge_request
from mlassay.audit.unexplained import unexplained
from mlassay.case.compromised import known_by
from mlassay.case.history import pointers
from mlassay.case.requests import RequestName, governance_at, name_of_branch, name_of_path, nobody_has_a_key
from mlassay.config import People, load_people
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.git import LineRepository, Repository
from mlassay.policy import PromotionCase
from mlassay.policy.approvals import TOLERANCE
from mlassay.ports import Verifiers

T = TypeVar("T")
GOVERNANCE = (layout.POLICY, layout.PEOPLE)
TRUSTED = (*GOVERNANCE, layout.SIGSTORE)
"""The files that say whose signatures count."""
LOOKED_AT = 400
"""So many commits of contradicting dates are looked into."""
LOOKS = 256
"""At so many places before what looks like the root of trust it is asked whether anybody governed there already."""


@dataclass
class Ground:
    """One line, read as far as an answer needs it; ``later`` is the people.yaml of its head, without what was forgotten.

    ``root`` is the place of the root of trust: the first commit with policy and people of whom anybody has a key.
    """

    repo: LineRepository
    verifiers: Verifiers
    head: str
    later: People | None
    progress: Callable[[str], None] = lambda _: None
    root: int | None = None
    _signed: dict[str, tuple[Problem, ...]] = field(default_factory=dict)

    def governed(self, number: int) -> bool:
        """Whether there are policy and people of whom anybody has a key at a place of the line."""
        repo, commit = self.repo, self.repo.line.ids[number]
        return all(repo.entry(commit, path) for path in GOVERNANCE) and not nobody_has_a_key(repo, commit)

    def find_root(self) -> int | None:
        """The place of the root of trust, by bisection; None where nobody governs at the head.

        Whoever takes governance away and founds it anew would move it: so the line before it is looked at as well, ever
        farther back and evenly. Only more commits without governance than some hundred times those with it hide from that.
        """
        high = len(self.repo.line) - 1
        if not self.governed(high):
            return None
        while True:
            high = self._founded(high)
            earlier = [place for place in _looks(high) if self.governed(place)]
            if not earlier:
                return high
            high = min(earlier)

    def _founded(self, high: int) -> int:
        low = -1
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.governed(middle) else (middle, high)
        return high

    def attempt(self, check: Callable[[], T], problems: list[Problem]) -> T | None:
        """What ``check`` answers; None when it raised, and its problems are among ``problems``."""
        try:
            return check()
        except (EvidenceError, ConfigurationError) as error:
            problems += error.problems
            return None

    def names(self, commit: str, folder: str) -> set[str]:
        """The names right below a folder; none where there is no folder."""
        return set(self.repo.names(commit, folder))

    def landing(self, number: int, name: RequestName) -> Group | None:
        """The commits around the place ``number`` that landed a request together; None when that one did not bring it."""
        repo, first, last = self.repo, number, number
        while first > 0 and repo.differs(first - 1, name.folder):
            first -= 1
        while (
            last + 1 < len(repo.line)
            and repo.differs(last + 1, name.folder)
            and not self._records(last + 1, name)
        ):
            last += 1
        steps = tuple(self._step(place) for place in range(first, last + 1))
        if first == 0 or name not in Group(steps).requests:
            return None
        return Group(steps)

    def judge(self, group: Group, name: RequestName, *, later: bool = True) -> Confirmed:
        """A landed request judged again, as `mlassay verify` does; without ``later`` as if nothing had been told since."""
        self.progress(f"{name.environment or 'change'} {name.id}")
        people = self.known_of(group.parent) if later and group.parent else None
        judged = judge_request(self.repo, group, name, self.head, self.verifiers, people, Told())
        found = replace(judged, problems=(*judged.problems, *unexplained(group)))
        return found.at_its_commit

    def known_of(self, commit: str) -> People | None:
        """As `known_about` of the people.yaml of a commit; of that of the head where nobody can read it."""
        try:
            return self.known_about(governance_at(self.repo, commit)[1])
        except (ConfigurationError, EvidenceError):
            return self.later  # what cannot be read is told by what it judges

    def known_about(self, people: People) -> People | None:
        """What is known today of the keys that ``people`` names, also of those that nobody names any more.

        Where the head still names all of them, it tells what is known, and no older people.yaml is looked for.
        """
        return known_by(self.repo, self.head, people)

    def ungoverned(self, commit: str) -> tuple[Problem, ...]:
        """Why policy, people or a Sigstore of one's own before ``commit`` are not what signed changes made of them."""
        number = self.repo.line.number(commit)
        if self.root is None or number is None or number <= self.root:
            return (_no_root(commit),)
        found: list[Problem] = []
        root = self.repo.line.ids[self.root]
        before = self.repo.line.ids[number - 1]
        for step in self.repo.first_parents(before, paths=TRUSTED, until=root):
            if step.id in self._signed:
                return tuple(dict.fromkeys([*found, *self._signed[step.id]]))
            problems = self._changed(step.id)
            self._signed[step.id] = problems
            found += problems
        return tuple(dict.fromkeys(found))

    def never_before(self, case: PromotionCase, group: Group, *, later: bool = True) -> Iterator[Problem]:
        """Whether the environment before this one came to hold the release by a promotion, and not by a bare push."""
        order, request = case.policy.environments, case.request.record
        if request.environment not in order[1:] or group.parent is None:
            return
        before = order[order.index(request.environment) - 1]
        for held in pointers(self.repo, group.parent, before):
            name = name_of_branch(f"promotion/{before}/{held.pointer.promotion}")
            if held.pointer.live.digest != request.release_digest:
                continue
            landed = self.landing(self.repo.line.number(held.commit.id) or 0, name) if name else None
            if landed and name and not self.judge(landed, name, later=later).problems:
                return
        if request.release_digest in case.held:
            yield Problem(
                f"no promotion that holds ever brought {request.release} to {before}",
                why=f"{request.environment} takes only what {before} holds or held",
                remedy="mlassay audit verify names the commit",
                path=layout.pointer_path(before),
                rule="pushed-pointer",
            )

    def _changed(self, commit: str) -> tuple[Problem, ...]:
        number = self.repo.line.number(commit) or 0
        for change in self.repo.changes(self.repo.line.ids[number - 1], commit):
            name = name_of_path(change.path) if change.old is None else None
            if name and not name.environment and (group := self.landing(number, name)):
                return self.judge(group, name).problems
        return (
            Problem(
                f"{' or '.join(TRUSTED)} was pushed in {commit[:12]}, and no change request explains that",
                why="whoever may push could write themselves into people.yaml, and use that afterwards",
                remedy=f"git show {commit[:12]}; mlassay audit verify",
                path=layout.PEOPLE,
                rule="pushed-governance",
                commit=commit,
            ),
        )

    def _records(self, number: int, name: RequestName) -> bool:
        path = f"{name.folder}/{layout.REVIEW_RECORD}"
        commit, before = self.repo.line.ids[number], self.repo.line.ids[number - 1]
        return self.repo.entry(before, path) is None and self.repo.entry(commit, path) is not None

    def _step(self, number: int) -> Step:
        commit = self.repo.held(number)
        parent = commit.parents[0] if commit.parents else None
        changes = self.repo.changes(parent, commit.id)
        guarded = tuple(change for change in changes if layout.is_guarded(change.path))
        later = self._dated_later(number)
        return Step(
            commit,
            parent,
            guarded,
            "",
            behind_parent=bool(guarded) and number - 1 in later,
            behind_record=bool(guarded) and any(self._is_record(place) for place in later[-LOOKED_AT:]),
        )

    def _dated_later(self, number: int) -> list[int]:
        """The places before ``number`` that claim dates after its own, by more than honest clocks differ."""
        claimed, room = self.repo.line.claimed, int(TOLERANCE.total_seconds())
        if self.repo.line.latest[number] - room <= claimed[number]:
            return []
        return [place for place in range(number) if claimed[place] > claimed[number] + room]

    def _is_record(self, place: int) -> bool:
        return any(self.repo.differs(place, prefix.rstrip("/")) for prefix in layout.GUARDED)


def _looks(end: int) -> set[int]:
    """Places from 0 to ``end`` (left out): those whose distance from it doubles, and `LOOKS` spread evenly."""
    back = {end - 2**power for power in range(end.bit_length())}
    return {place for place in back if place >= 0} | set(range(0, end, max(1, end // LOOKS)))


def people_at(repo: Repository, commit: str) -> People | None:
    """The people.yaml of a commit; None when there is none. EvidenceError when nobody can read it."""
    try:
        data = repo.read(commit, layout.PEOPLE)
        return load_people(layout.PEOPLE, data) if data is not None else None
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error


def _no_root(commit: str) -> Problem:
    return Problem(
        f"before commit {commit[:12]} nobody's key was known here",
        why="keys are read from the commits before; what came with them or earlier nobody can vouch for",
        remedy="mlassay audit verify",
        path=layout.PEOPLE,
        rule="root",
        commit=commit,
    )
