"""Whether what a request stands upon came to the main line by requests that people signed, or by somebody's bare push.

Policy, people and pointers are believed as the commit before says. Whoever may push to the main line could write them
there first and use them after; `mlassay verify` names such a push, and this keeps a decision from resting on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from mlassay.case.common import Place, object_at
from mlassay.case.compromised import known_by
from mlassay.case.history import pointers
from mlassay.case.landing import Landing, landing_of
from mlassay.case.promotion import judge_merged, read_case
from mlassay.case.release import find_record
from mlassay.case.requests import RequestName, name_of_branch, name_of_path, nobody_has_a_key
from mlassay.config import People
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.git import Commit, Repository
from mlassay.policy import Case, PromotionCase
from mlassay.ports import Verifiers

State = tuple[str | None, str | None, str | None]
GOVERNANCE = [layout.POLICY, layout.PEOPLE, layout.SIGSTORE]


def read_open_case(repo: Repository, name: RequestName, place: Place, verifiers: Verifiers) -> Case:
    """The case of an open request, and what of the main line under it nobody signed for; EvidenceError as `read_case`."""
    case = read_case(repo, name, place, verifiers)
    line = _Line(repo, place.parent, verifiers)
    return replace(case, unsigned=tuple(dict.fromkeys(_faults(line, case))))


def unexplained_pointers(
    repo: Repository, tip: str, environments: Iterable[str], verifiers: Verifiers
) -> frozenset[str]:
    """The environments whose pointer at ``tip`` is not what the newest promotion that holds made of it."""
    line = _Line(repo, tip, verifiers)
    return frozenset(each for each in environments if any(line.pointer_fault(each)))


def _faults(line: _Line, case: Case) -> Iterator[str]:
    yield from line.governance_fault(line.tip)
    if not isinstance(case, PromotionCase):
        return
    request = case.request.record
    yield from line.pointer_fault(request.environment)
    record = (
        find_record(line.repo, line.tip, request.release) if layout.is_release_id(request.release) else None
    )
    above = line.repo.commit(record).parents if record else ()
    if above:
        yield from line.governance_fault(above[0])
    order = case.policy.environments
    if request.environment in order[1:] and request.release_digest in case.held:
        before = order[order.index(request.environment) - 1]
        if not line.held(before, request.release_digest):
            yield f"no promotion that holds ever brought this release to {before}"


class _Line:
    """The main line up to ``tip``, and which of its governance and pointers came by requests that hold."""

    def __init__(self, repo: Repository, tip: str, verifiers: Verifiers) -> None:
        self.repo, self.tip, self._verifiers = repo, tip, verifiers
        self._root = ""
        self._signed: dict[str, State] = {}
        self._bare: dict[str, str] = {}
        self._walk()

    def governance_fault(self, commit: str) -> Iterator[str]:
        """Why policy and people at a commit are not what signed changes made of them; nothing when they are."""
        step = next(iter(self.repo.first_parents(commit, paths=GOVERNANCE)), None)
        if step is not None and _state(self.repo, commit) != self._signed.get(step.id):
            yield (
                f"{' or '.join(GOVERNANCE)} was pushed in {self._bare.get(step.id, step.id)[:12]}, "
                f"and no change request that holds explains that"
            )

    def pointer_fault(self, environment: str) -> Iterator[str]:
        """Why what an environment points at now is not what the newest promotion that holds made of it."""
        path = layout.pointer_path(environment)
        newest = next((run for run in self._promotions(environment) if self._holds(run, None)), None)
        signed = (
            object_at(self.repo, newest.last if newest else self._root, path)
            if newest or self._root
            else None
        )
        if object_at(self.repo, self.tip, path) != signed:
            yield f"{path} is not what the newest promotion that holds made of it"

    def held(self, environment: str, digest: str) -> bool:
        """Whether a promotion that holds brought this release to an environment, as far as keys are trusted today."""
        later = self._people()
        for held in pointers(self.repo, self.tip, environment):
            name = name_of_branch(f"promotion/{environment}/{held.pointer.promotion}")
            if held.pointer.live.digest != digest or name is None:
                continue
            run = self._run(name)
            path = layout.pointer_path(environment)
            same = run and object_at(self.repo, run.last, path) == object_at(self.repo, held.commit.id, path)
            if run and same and self._holds(run, later):
                return True
        return False

    def _walk(self) -> None:
        """Follow `GOVERNANCE` from the root of trust: a state counts when a change that holds made it of one that did.

        While nobody has a key there is no such root yet, and every state stands for itself.
        """
        signed: State = (None, None, None)
        bare, keyless = "", True
        for step in reversed(list(self.repo.first_parents(self.tip, paths=GOVERNANCE))):
            state = _state(self.repo, step.id)
            before = _state(self.repo, step.parents[0]) if step.parents else (None, None, None)
            if keyless and None not in state[:2]:
                self._root, signed = step.id, state
                keyless = nobody_has_a_key(self.repo, step.id)
            elif self._root and before == signed and self._by_change(step):
                signed = state
            bare = "" if state == signed else bare or step.id
            self._signed[step.id], self._bare[step.id] = signed, bare or step.id

    def _by_change(self, step: Commit) -> bool:
        run = next(
            (run for name in self._named(step) if not name.environment and (run := self._run(name))), None
        )
        return run is not None and self._judged(run, None)

    def _promotions(self, environment: str) -> Iterator[Landing]:
        folder = f"{layout.PROMOTIONS}{environment}"
        for step in self.repo.first_parents(self.tip, paths=[folder]):
            for name in self._named(step):
                if name.environment == environment and (run := self._run(name)):
                    yield run

    def _named(self, step: Commit) -> list[RequestName]:
        changes = self.repo.changes(step.parents[0] if step.parents else None, step.id)
        names = (name_of_path(change.path) for change in changes if change.old is None)
        return [name for name in names if name is not None]

    def _run(self, name: RequestName) -> Landing | None:
        return landing_of(self.repo, self.tip, name)

    def _holds(self, run: Landing, later: People | None) -> bool:
        return not list(self.governance_fault(run.parent)) and self._judged(run, later)

    def _judged(self, run: Landing, later: People | None) -> bool:
        try:
            decision = judge_merged(
                self.repo, run.last, self._verifiers, later=later, parent=run.parent, at=self.tip
            )
        except (EvidenceError, ConfigurationError):
            return False  # what cannot be read explains nothing; `mlassay verify` names the file
        return decision.allowed

    def _people(self) -> People | None:
        return known_by(self.repo, self.tip)


def _state(repo: Repository, commit: str) -> State:
    policy, people, sigstore = (object_at(repo, commit, path) for path in GOVERNANCE)
    return policy, people, sigstore
