"""What the main line remembers: which releases an environment held, and who wrote what changed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlassay.config import Environment, load_environment
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.git import Commit, Identity, Landing, Repository
from mlassay.policy import Contributor


@dataclass(frozen=True, slots=True)
class Held:
    """One value of an environment's pointer, and the main-line commit that set it."""

    commit: Commit
    pointer: Environment


def pointer_at(repo: Repository, commit: str, environment: str) -> Environment | None:
    """What an environment points at; None when it has no pointer. EvidenceError when it cannot be read."""
    path = layout.pointer_path(environment)
    data = repo.read(commit, path)
    if data is None:
        return None
    try:
        return load_environment(path, data)
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error


def pointers(repo: Repository, head: str, environment: str) -> Iterator[Held]:
    """Every pointer that an environment had on the main line, newest first; unreadable ones are passed over.

    A pointer that nobody can read names no release, so it can only make policy say no.
    """
    for commit in repo.first_parents(head, paths=[layout.pointer_path(environment)]):
        try:
            pointer = pointer_at(repo, commit.id, environment)
        except EvidenceError:
            continue
        if pointer is not None:
            yield Held(commit, pointer)


def held_digests(repo: Repository, head: str, environment: str, wanted: str = "") -> frozenset[str]:
    """Digests of the releases that were live in an environment, back to the newest that is ``wanted``, else of all."""
    found = set()
    for held in pointers(repo, head, environment):
        found.add(held.pointer.live.digest)
        if held.pointer.live.digest == wanted:
            break  # ten years of promotions need not be read for one that was made yesterday
    return frozenset(found)


def contributors(repo: Repository, live: str | None, new: str) -> tuple[Contributor, ...]:
    """Who authored or committed what differs between two source commits (``live`` None: all since the root)."""
    landed = list(repo.makers_between(live, new))
    if live is not None:
        # Going back to an older source undoes commits: those who wrote them are concerned as well.
        landed += repo.makers_between(new, live)
    known: dict[tuple[Identity, Identity], bool] = {}
    for commit in landed:
        people = (commit.author, commit.committer)
        known[people] = known.get(people, False) or _is_source(repo, commit)
    found = {Contributor(who.name, who.email) for people, made in known.items() if made for who in people}
    return tuple(sorted(found, key=lambda c: (c.name, c.email)))


def _is_source(repo: Repository, commit: Landing) -> bool:
    """Whether a commit itself changed anything that a model is made from, and not only records about it.

    A merge counts for what differs from all of its parents: the rest was written by others.
    """
    if not any(map(_matters, commit.top_names)):
        return False
    if len(commit.parents) < 2:
        return True
    sides = [
        {change.path for change in repo.changes(parent, commit.id) if _matters(change.path)}
        for parent in commit.parents
    ]
    return bool(set.intersection(*sides))


def _matters(path: str) -> bool:
    return not path.startswith(layout.GUARDED)
