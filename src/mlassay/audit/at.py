"""What was live in an environment at a time: found by bisection, judged again, and told apart by how far it is proven."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches

from mlassay.audit import clone
from mlassay.audit.ahead import Listing
from mlassay.audit.chronicle.types import Moment
from mlassay.audit.cut import Cut, cut_at, moment
from mlassay.audit.ground import Ground, people_at
from mlassay.audit.in_force import InForce, in_force
from mlassay.audit.since import Since, since
from mlassay.audit.when import When, read_when
from mlassay.case.common import object_at
from mlassay.case.history import pointers
from mlassay.case.release import is_demo
from mlassay.case.requests import governance_at
from mlassay.config import Policy
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.git import LineRepository, Repository
from mlassay.ports import Verifiers

_ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?")


@dataclass(frozen=True, slots=True)
class Landed:
    """A pointer that came to the main line on the day that was asked about."""

    release: str
    promotion: str
    moment: Moment


@dataclass(frozen=True, slots=True)
class Answer:
    """What was live in ``environment`` (``live`` None: nothing), as far as the main line up to ``head`` tells.

    ``governed``: there was a root of trust by then. ``today`` are the pointers set on the day, where a day was asked
    for. ``problems`` is everything that the answer rests on and that does not hold; ``replaced`` are objects that other
    git commands would show instead of those read here.
    """

    environment: str
    when: When
    head: Moment
    root: Moment | None
    cut: Cut
    governed: bool
    policy: Policy | None
    live: InForce | None
    since: Since
    today: tuple[Landed, ...]
    problems: tuple[Problem, ...]
    replaced: tuple[Problem, ...]
    demo: bool


def answer(
    repository: Repository,
    text: str,
    environment: str,
    head: str,
    now: datetime,
    verifiers: Verifiers,
    progress: Callable[[str], None] = lambda _: None,
    listing: Listing | None = None,
) -> Answer:
    """What was live in ``environment`` at ``text`` (a time or a revision), on the first-parent line of ``head``.

    ``listing`` is that of the line where whoever asks has begun it already.
    ConfigurationError for a text that is neither, an environment that nobody ever named, or a clone that is not whole.
    """
    clone.refuse_incomplete(repository)
    when = read_when(repository, text, now)
    ground = _ground(repository, head, verifiers, progress, listing or Listing(repository, head))
    repo = ground.repo
    cut = cut_at(repo, when, _pointer(environment), now)
    policy = _policy(repo, cut.at.commit) if cut.at else None
    _refuse_unknown(repo, environment, head, policy)
    live = None
    if cut.at is not None:
        day = (when.time or cut.at.time).date().isoformat()
        live = in_force(ground, environment, cut.at, day)
    return Answer(
        environment=environment,
        when=when,
        head=moment(repo, len(repo.line) - 1),
        root=moment(repo, ground.root) if ground.root is not None else None,
        cut=cut,
        governed=_governed(ground, cut),
        policy=policy,
        live=live,
        since=since(ground, environment, cut.at, live, now),
        today=tuple(_on_that_day(repo, environment, when, cut)),
        problems=tuple(dict.fromkeys([*live.problems, *_altered(ground, environment, live)])) if live else (),
        replaced=tuple(clone.overlays(repository)),
        demo=is_demo(repo, head),
    )


def _ground(
    repository: Repository,
    head: str,
    verifiers: Verifiers,
    progress: Callable[[str], None],
    listing: Listing,
) -> Ground:
    """The line of ``head``; while git lists it, what is known of its end is read."""
    progress("the main line")
    later = people_at(repository, head)
    _policy(repository, head)
    ground = Ground(LineRepository(repository, listing.line()), verifiers, head, later, progress)
    ground.root = ground.find_root()
    return ground


def _governed(ground: Ground, cut: Cut) -> bool:
    return cut.at is not None and ground.root is not None and cut.at.number >= ground.root


def _pointer(environment: str) -> str:
    if not _ENVIRONMENT.fullmatch(environment):
        raise ConfigurationError(
            Problem(
                f"{environment[:80]!a} is not the name of an environment",
                remedy="'mlassay status' lists them",
            )
        )
    return layout.pointer_path(environment)


def _policy(repo: Repository, commit: str) -> Policy | None:
    try:
        return governance_at(repo, commit)[0]
    except (ConfigurationError, EvidenceError):
        return None  # what rests on it is told by what it judges


def _refuse_unknown(repo: LineRepository, environment: str, head: str, policy: Policy | None) -> None:
    """An environment that neither policy then nor now names, and that has no pointer, is a typing error."""
    path, last = layout.pointer_path(environment), len(repo.line) - 1
    now = _policy(repo, head)
    known = dict.fromkeys([*(policy.environments if policy else ()), *(now.environments if now else ())])
    if environment in known or repo.first_with(path, last) is not None:
        return
    if next(repo.first_parents(head, paths=[path]), None) is not None:
        return
    near = get_close_matches(environment, known, n=1)
    hint = f"did you mean '{near[0]}'? " if near else ""
    remedy = f"{hint}environments are: {', '.join(known)}"
    raise ConfigurationError(
        Problem(
            f"no environment {environment!r} was ever named here",
            remedy=remedy
            if known
            else f"go to the repository that has {layout.POLICY}, or name it with -C DIR",
        )
    )


def _altered(ground: Ground, environment: str, live: InForce) -> Iterator[Problem]:
    """What people wrote to let the release in, where it is not today what it was when the last of it landed."""
    if live.pointer is None or live.asked is None:
        return
    folder = f"{layout.PROMOTIONS}{environment}/{live.pointer.promotion}"
    landed = (live.asked.completed or live.landed).commit
    if object_at(ground.repo, landed, folder) == object_at(ground.repo, ground.head, folder):
        return
    now = ground.repo.tree(ground.head, folder)
    for path, entry in ground.repo.tree(landed, folder).items():
        if now.get(path) != entry:
            yield Problem(
                f"this was {'changed' if path in now else 'deleted'} after it was recorded",
                why="records are only ever added; what is told here is what was signed, as it stood when it landed",
                remedy=f"git show {landed[:12]}:PATH shows that; mlassay audit verify names the commit that touched it",
                path=path,
                rule="append-only",
            )


def _on_that_day(repo: LineRepository, environment: str, when: When, cut: Cut) -> list[Landed]:
    if when.day is None or cut.at is None:
        return []
    found = []
    for held in pointers(repo, cut.at.commit, environment):
        place = moment(repo, repo.line.number(held.commit.id) or 0)
        if place.time < when.day:
            break
        found.append(Landed(held.pointer.live.release, held.pointer.promotion, place))
    return found[::-1]
