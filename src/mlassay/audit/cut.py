"""Where a time falls on the main line: the last commit that can have landed by then, and what the dates leave in doubt."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime

from mlassay.audit.chronicle.types import Moment
from mlassay.audit.when import When
from mlassay.errors import ConfigurationError, Problem
from mlassay.git import LineRepository
from mlassay.git.line import EARLIEST, LATEST, time_of
from mlassay.policy.approvals import TOLERANCE

LOOKED_AT = 400
"""So many doubtful commits nearest to the cut are looked into."""


@dataclass(frozen=True, slots=True)
class Doubt:
    """A commit that changed what runs, and whose own date does not say for sure on which side of the cut it belongs.

    ``close``: its date is within the tolerance of honest clocks; otherwise it contradicts the order.
    """

    moment: Moment
    close: bool


@dataclass(frozen=True, slots=True)
class Cut:
    """The main line up to the commit ``at`` (None: it had not begun); ``after`` is the next one (None: ``at`` is the head).

    ``contradicting`` counts commits that stand after the cut, and claim dates before it by more than honest clocks differ.
    ``doubts`` are those of them, and of those within tolerance, that changed the pointer in question.
    """

    at: Moment | None
    after: Moment | None
    ahead: bool
    contradicting: int = 0
    first_contradicting: Moment | None = None
    doubts: tuple[Doubt, ...] = ()


def moment(repo: LineRepository, number: int) -> Moment:
    """The place ``number`` of the line; EvidenceError where git listed it otherwise than its bytes tell."""
    commit, line = repo.held(number), repo.line
    return Moment(commit.id, number, time_of(line.claimed[number]), time_of(line.latest[number]))


def cut_at(repo: LineRepository, when: When, pointer: str, now: datetime) -> Cut:
    """The cut for a time (the running maximum of the dates, along first parents, is up to it) or for a commit.

    ``pointer`` is the path whose changes are looked for among doubtful commits. ConfigurationError for a commit that is
    not on the main line.
    """
    line = repo.line
    if when.time is None:
        number = _number(repo, when.commit)
        return _cut(repo, number, ahead=False)
    seconds = int((when.time - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    found = _cut(repo, bisect_right(line.latest, seconds) - 1, ahead=when.time > now)
    return _doubted(repo, found, seconds, pointer)


def _cut(repo: LineRepository, number: int, *, ahead: bool) -> Cut:
    at = moment(repo, number) if number >= 0 else None
    after = moment(repo, number + 1) if number + 1 < len(repo.line) else None
    return Cut(at, after, ahead)


def _number(repo: LineRepository, commit: str) -> int:
    number = repo.line.number(commit)
    if number is None:
        raise ConfigurationError(
            Problem(
                f"commit {commit[:12]} is not on the first-parent line of {repo.line.ids[-1][:12]}",
                why="what runs is what the main line says; a commit of a branch came to it by a merge",
                remedy=f"name a commit of 'git log --first-parent': the merge that brought it is the last of "
                f"'git log --first-parent --ancestry-path --oneline {commit[:12]}..{repo.line.ids[-1][:12]}'",
            )
        )
    return number


def _doubted(repo: LineRepository, cut: Cut, seconds: int, pointer: str) -> Cut:
    line, room = repo.line, int(TOLERANCE.total_seconds())
    last = cut.at.number if cut.at else -1
    before, after = range(last + 1), range(last + 1, len(line))
    contradicting = list(line.claiming(EARLIEST, seconds - room, after))
    close = [
        *line.claiming(seconds - room, seconds + room, after),
        *line.claiming(seconds - room, LATEST, before),
    ]
    near = sorted({*contradicting, *close}, key=lambda at: abs(at - last))[:LOOKED_AT]
    changed = sorted(at for at in near if repo.differs(at, pointer))
    within = set(close)
    return Cut(
        at=cut.at,
        after=cut.after,
        ahead=cut.ahead,
        contradicting=len(contradicting),
        first_contradicting=moment(repo, contradicting[0]) if contradicting else None,
        doubts=tuple(Doubt(moment(repo, at), at in within) for at in changed),
    )
