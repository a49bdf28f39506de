"""What the stages around a request share: who is asking, which request is meant, and its case now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mlassay.case.common import Place
from mlassay.case.landing import landing_of
from mlassay.case.main_line import MainLine, main_line, time_upon
from mlassay.case.refused import lands_nothing
from mlassay.case.requests import RequestName, governance_at, name_of_branch, name_of_path
from mlassay.case.reviews import with_live_reviews
from mlassay.case.signer import Trust, signer_of, signer_problems
from mlassay.case.standing import read_open_case
from mlassay.config import CiSigner, People, Person
from mlassay.config.types import NO_REVIEWS
from mlassay.errors import ConfigurationError, Problem, RemoteError
from mlassay.evidence import layout
from mlassay.evidence.keys import key_id
from mlassay.evidence.statement import REQUEST
from mlassay.git import Commit, Identity, Repository
from mlassay.policy import Case
from mlassay.policy.requester import desk_fault
from mlassay.ports import Forge, PullRequest, Review, Reviewing, Signer, Verifiers

TRIES = 30  # each lost race means that somebody else's commit landed


def utc_now() -> datetime:
    """The time of this machine, in UTC and whole seconds as records hold it."""
    return datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a request is handled: the repository, its forge, how signatures are verified, and what time it is.

    ``reviewing`` is the forge on which people review (None: they sign, and nothing else), ``reviews_on`` its name as
    policy writes it.
    """

    repository: Repository
    forge: Forge
    verifiers: Verifiers
    clock: Callable[[], datetime] = utc_now
    reviewing: Reviewing | None = None
    reviews_on: str = ""

    def line(self) -> MainLine:
        """The main line as the remote has it now."""
        return main_line(self.repository, fetch=True)

    def now(self, parent: str) -> datetime:
        """The time now, never earlier than the commit that is stood upon."""
        return time_upon(self.repository, parent, self.clock())

    def case(self, line: MainLine, found: Found) -> Case:
        """The case of an open request, against the main line's tip, with its reviews where policy counts them."""
        since = self.repository.merge_base(line.tip, found.pull.head)
        place = Place(line.tip, found.pull.head, since, self.now(line.tip))
        case = read_open_case(self.repository, found.name, place, self.verifiers)
        if case.policy.reviews == NO_REVIEWS or not found.pull.number:
            return case
        heard = self.reviews_of(found.pull) if case.policy.reviews == self.reviews_on else ()
        return with_live_reviews(case, self.reviews_on, heard, found.pull.head)

    def hear(self, case: Case, branch: str, head: str) -> Case:
        """``case`` of the open request on ``branch`` with its reviews, where policy counts them and a forge tells them."""
        if case.policy.reviews == NO_REVIEWS or case.policy.reviews != self.reviews_on:
            return case
        pull = next((p for p in self.forge.requests() if (p.branch, p.head) == (branch, head)), None)
        heard = self.reviews_of(pull) if pull is not None else ()
        return with_live_reviews(case, self.reviews_on, heard, head)

    def reviews_of(self, pull: PullRequest) -> Sequence[Review]:
        """The reviews of a pull request, as the forge has them now."""
        return self.reviewing.reviews(pull) if self.reviewing is not None else ()


@dataclass(frozen=True, slots=True)
class Found:
    """An open request: its names, and its branch where it was seen."""

    name: RequestName
    pull: PullRequest


def find_open(desk: Desk, request: str) -> Found | None:
    """The open request with this id; None when there is none."""
    for pull in desk.forge.requests():
        name = name_of_branch(pull.branch)
        if name is not None and name.id == request:
            return Found(name, pull)
    return None


def find_head(desk: Desk, head: str) -> Found | None:
    """The open request whose branch stands at this commit; None when there is none."""
    for pull in desk.forge.requests():
        name = name_of_branch(pull.branch)
        if name is not None and pull.head == head:
            return Found(name, pull)
    return None


def needed(desk: Desk, request: str) -> Found:
    """The open request with this id; ConfigurationError that says what became of it, or which ones there are.

    RemoteError when its pull request was closed, or its branch deleted, by somebody on the forge.
    """
    found = find_open(desk, request)
    if found is None:
        line = desk.line()
        landed = find_landed(desk.repository, line.tip, request)
        if landed is not None:
            not_refused(desk.repository, line.tip, landed[0])
            raise ConfigurationError(
                Problem(f"{request} has landed already: {landed[1].subject}", remedy="mlassay status")
            )
        _not_closed(desk, line, request)
        known = ", ".join(sorted(pull.id for pull in desk.forge.requests()))
        raise ConfigurationError(
            Problem(
                f"no open request is called {request}",
                remedy=f"open are: {known}"
                if known
                else "nothing is open; mlassay promote opens a promotion",
            )
        )
    return found


def _not_closed(desk: Desk, line: MainLine, request: str) -> None:
    environments = governance_at(desk.repository, line.tip)[0].environments if desk.reviewing else ()
    names = [RequestName(request, environment) for environment in (*environments, "")]
    for branch in (name.branch for name in names if name_of_branch(name.branch) == name):
        if desk.reviewing and (pull := desk.reviewing.landed(branch)) is not None:
            raise RemoteError(
                Problem(
                    f"the pull request {pull.number} of {request} was closed without being merged, or its branch deleted",
                    why="whoever did that may have meant no; mlassay does not go past that",
                    remedy=f"open it again at {pull.url}, or delete the branch {branch} and ask anew",
                )
            )


def find_landed(repository: Repository, tip: str, request: str) -> tuple[RequestName, Commit] | None:
    """A request that is on the main line, and the commit that brought it there."""
    folders = [layout.PROMOTIONS.rstrip("/"), layout.CHANGES.rstrip("/")]
    for path in (path for folder in folders for path in repository.tree(tip, folder)):
        name = name_of_path(path)
        if name is not None and name.id == request:
            return name, list(repository.first_parents(tip, paths=[path]))[-1]
    return None


def not_refused(repository: Repository, tip: str, name: RequestName) -> None:
    """ConfigurationError when the main line holds a request only as one that somebody refused."""
    landing = landing_of(repository, tip, name)
    if landing is not None and lands_nothing(repository, landing):
        raise ConfigurationError(
            Problem(
                f"{name.id} was refused, and that is recorded on the main line ({landing.last[:12]})",
                why="a refused request never lands",
                remedy="see to the reason, then ask anew",
            )
        )


def who_signs(people: People, signer: Signer, when: datetime) -> Person:
    """The person whose key this is; ConfigurationError when nobody has it, or it is not valid now."""
    person = people.by_public_key(signer.public)
    if person is None:
        raise ConfigurationError(
            Problem(
                "people.yaml on the main line does not know this key",
                why="only somebody whom it names can answer for this",
                remedy="name another key with --key, or add yours: mlassay keys add, then mlassay propose",
                path=people.path,
            )
        )
    wanted = signer.public.split()[:2]
    if not any(key.valid_at(when) for key in person.keys if key.public.split()[:2] == wanted):
        raise ConfigurationError(
            Problem(
                f"this key of {person.id} is not valid now: not yet, no longer, or revoked",
                remedy="sign with another key, or add a new one: mlassay keys add, then mlassay propose",
                path=people.path,
            )
        )
    return person


def who_asks(repository: Repository, tip: str, signer: Signer, when: datetime) -> Person | CiSigner:
    """The person whose key this is, or the CI signer who may ask; ConfigurationError when nobody may with it."""
    if is_machine(signer):
        return machine_of(repository, tip, signer, REQUEST, when)
    return who_signs(governance_at(repository, tip)[1], signer, when)


def is_machine(signer: Signer) -> bool:
    """Whether a key is a CI's (PEM), and not a person's (an OpenSSH line)."""
    return signer.public.startswith("-----BEGIN")


def machine_of(repository: Repository, tip: str, signer: Signer, kind: str, when: datetime) -> CiSigner:
    """The CI signer whose key this is, if it may sign this kind of a desk's statement now; ConfigurationError else."""
    policy, people = governance_at(repository, tip)
    found = signer_of(people, key_id(signer.public))
    if found is None:
        raise ConfigurationError(
            Problem(
                "people.yaml on the main line does not know this CI key",
                why="only a signer whom it names may ask for promotions, or record reviews",
                remedy="mlassay keys new --ci --desk --id ID, then mlassay propose",
                path=people.path,
            )
        )
    problems = signer_problems(found, [kind], Trust(people, when, policy.demo), people.path)
    if not problems and (fault := desk_fault(found, kind)):
        remedy = "give the desk a key of its own: mlassay keys new --ci --desk --id ID, then mlassay propose"
        problems = [Problem(fault, "one key would vouch for itself", remedy, people.path)]
    ConfigurationError.raise_if_any(problems)
    return found


def author(repository: Repository, asker: Person | CiSigner) -> Identity:
    """The person's own name for commits made for them; git's where people.yaml has no address, and for a machine."""
    if isinstance(asker, CiSigner) or not asker.emails:
        return repository.identity()
    return Identity(asker.name, asker.emails[0])


def people_now(desk: Desk, line: MainLine) -> People:
    """people.yaml at the main line's tip."""
    return governance_at(desk.repository, line.tip)[1]


def signing_person(desk: Desk, signer: Signer) -> Person:
    """The person whose key this is, by the main line of now; ConfigurationError as for `who_signs`."""
    line = desk.line()
    return who_signs(people_now(desk, line), signer, desk.now(line.tip))
