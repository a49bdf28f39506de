"""Refused and withdrawn requests: those that the main line keeps, and those that only lie on branches which this clone saw."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mlassay.audit.chronicle import Chronicle, Moment, RefusedEntry
from mlassay.audit.chronicle.requests import read_unjudged
from mlassay.case.answers import SignedReader
from mlassay.case.refused import OBJECTIONS
from mlassay.case.requests import RequestName, governance_at, name_of_branch, open_branches
from mlassay.config import People
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.git import Repository
from mlassay.ports import Verifiers

MAIN_LINE, BRANCH = "main line", "branch"


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused request; ``branch`` is where it was seen, "" when the main line holds it.

    On a branch nothing is append-only: it may be gone tomorrow, and its ``entry.moment`` only says what its head claims.
    """

    entry: RefusedEntry
    branch: str = ""


def refusals(chronicle: Chronicle, repo: Repository, verifiers: Verifiers) -> Iterator[Refused]:
    """Those on the main line, oldest first, then those on branches, by name."""
    for entry in chronicle.refused:
        yield Refused(entry)
    yield from on_branches(chronicle, repo, verifiers)


def on_branches(chronicle: Chronicle, repo: Repository, verifiers: Verifiers) -> Iterator[Refused]:
    """Requests that somebody objected to, on branches as last seen here, and that the main line does not hold.

    Signatures are tried with the keys at the chronicle's head. A branch that cannot be read is an entry with problems.
    """
    try:
        _, people = governance_at(repo, chronicle.head.commit)
    except (ConfigurationError, EvidenceError):
        people = People(people={}, signers={}, digest="")
    for branch, head in open_branches(repo):
        name = name_of_branch(branch)
        if name is None:
            continue
        try:
            if repo.entry(chronicle.head.commit, name.folder) is not None or not _objected(repo, head, name):
                continue
            time = repo.commit(head).time
        except EvidenceError as error:
            moment = chronicle.head
            yield Refused(RefusedEntry(name.environment, name.id, moment, None, (), error.problems), branch)
            continue
        told = read_unjudged(SignedReader(repo, head, people, verifiers), name)
        moment = Moment(head, -1, time, time)
        entry = RefusedEntry(
            name.environment, name.id, moment, told.request, told.words, told.problems, told.key
        )
        yield Refused(entry, branch)


def _objected(repo: Repository, head: str, name: RequestName) -> bool:
    inside = (path.removeprefix(f"{name.folder}/") for path in repo.tree(head, name.folder))
    return any(path.startswith(OBJECTIONS) for path in inside)
