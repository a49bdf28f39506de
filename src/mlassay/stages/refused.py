"""The record of a refusal: one commit on the main line that adds a refused request's folder, and lands nothing of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mlassay.case.answers import SignedReader
from mlassay.case.landing import landing_of
from mlassay.case.main_line import BRANCH, MainLine, land
from mlassay.case.refused import Refused, lands_nothing, read_refused
from mlassay.case.requests import RequestName
from mlassay.errors import ConfigurationError, Problem, RemoteError
from mlassay.evidence.records import Request
from mlassay.git import Repository
from mlassay.stages._message import message
from mlassay.stages.requests import TRIES, Desk, find_landed, needed, people_now


@dataclass(frozen=True, slots=True)
class RefusalRecorded:
    """What came of it: the commit ("" on a dry run), whether it stood there before, and what the commit adds."""

    name: RequestName
    commit: str = ""
    already: bool = False
    message: str = ""
    paths: tuple[str, ...] = ()
    local_is_current: bool = False


def record_refused(desk: Desk, request: str, *, dry_run: bool = False) -> RefusalRecorded:
    """Commit the folder of an open request that somebody refused or withdrew, by compare-and-swap on the main line.

    Doing it again changes nothing. ConfigurationError when there is no such request, or it has landed; EvidenceError
    when nobody's signed objection to it holds; RemoteError when the main line kept moving on.
    """
    for _ in range(TRIES):
        line = desk.line()
        if (standing := _stands(desk.repository, line, request)) is not None:
            current = dry_run or desk.repository.fast_forward(BRANCH, line.tip)
            return replace(standing, local_is_current=current)
        done = _written(desk, line, request)
        if dry_run:
            return replace(done, commit="")
        if land(desk.repository, line, done.commit):
            return replace(done, local_is_current=desk.repository.fast_forward(BRANCH, done.commit))
    raise RemoteError(
        Problem(
            f"the main line moved on {TRIES} times while this was being recorded",
            why="each time somebody else was quicker; nothing of theirs was overwritten",
            remedy=f"mlassay record --refused {request}",
        )
    )


def _stands(repository: Repository, line: MainLine, request: str) -> RefusalRecorded | None:
    """The refusal as it is recorded already; None when nothing is. ConfigurationError when the request itself landed."""
    found = find_landed(repository, line.tip, request)
    landing = landing_of(repository, line.tip, found[0]) if found else None
    if found is None:
        return None
    if landing is not None and lands_nothing(repository, landing):
        return RefusalRecorded(found[0], landing.last, already=True)
    raise ConfigurationError(
        Problem(
            f"{request} has landed: {found[1].subject}",
            why="what landed was not refused; going back is a request of its own",
            remedy="mlassay promote asks for what ran before",
        )
    )


def _written(desk: Desk, line: MainLine, request: str) -> RefusalRecorded:
    found = needed(desk, request)
    repository, name, head = desk.repository, found.name, found.pull.head
    when = max(desk.now(line.tip), repository.commit(head).time)
    reader = SignedReader(repository, head, people_now(desk, line), desk.verifiers)
    told = _message(name, read_refused(reader, name, when))
    files = {path: repository.read(head, path) for path in repository.tree(head, name.folder)}
    commit = repository.write_commit(line.tip, files, message=told, author=repository.identity(), when=when)
    return RefusalRecorded(name, commit, message=told, paths=tuple(files))


def _message(name: RequestName, refused: Refused) -> str:
    request = refused.request.record
    people = ", ".join(sorted({each.record.person for each in refused.standing}))
    if isinstance(request, Request):
        what = f"that {request.environment} run release {request.release}"
        about = [("Release", request.release), ("Environment", name.environment), ("Promotion", name.id)]
        subject = f"Record that {request.release} was refused for {request.environment}"
    else:
        what, about = "for a change", [("Change", name.id)]
        subject = f"Record that change {name.id} was refused"
    told = (
        f"{request.requester} asked {what}, and {people} said no. This only records it: nothing that was asked for "
        "has landed."
    )
    words = {"refusal": "refused", "withdrawal": "withdrew"}
    points = [
        f"{each.record.person} {words[each.record.kind]}: {each.record.reason}" for each in refused.standing
    ]
    trailers = [*about]
    for each in refused.standing:
        trailers += [("Refused-by", each.record.person), ("Reason", each.record.reason)]
    return message(subject, [told], points, trailers)
