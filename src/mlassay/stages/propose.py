"""The propose stage: the work tree's changes under ``governance/`` and of manifests, as one signed request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from mlassay.case.change import GOVERNANCE, is_changeable
from mlassay.case.common import object_at
from mlassay.case.requests import RequestName, governance_at, name_of_branch
from mlassay.config import Person
from mlassay.digest import canonical, sha256, short
from mlassay.errors import ConfigurationError, EvidenceError, Problem, RemoteError
from mlassay.evidence.records import ChangeRequest, PathChange
from mlassay.files import read_file
from mlassay.git import MovedOn, Repository
from mlassay.manifest import load_manifest
from mlassay.policy.reasons import fault
from mlassay.ports import PullRequest, Signer
from mlassay.stages._message import listed, message
from mlassay.stages.page_facts import RequestFacts, facts_before
from mlassay.stages.requests import TRIES, Desk, author, who_signs

FILE_BYTES = 1 << 20
DATA = "data"


@dataclass(frozen=True, slots=True)
class Proposed:
    """What `propose` did, or would do: ``no`` says why not ("" when it was); ``pull`` is None on a dry run."""

    name: RequestName
    request: ChangeRequest
    files: tuple[str, ...]
    pull: PullRequest | None = None
    already: bool = False
    no: str = ""


def propose(
    desk: Desk,
    signer: Signer,
    reason: str,
    *,
    page: Callable[[RequestFacts], str] | None = None,
    dry_run: bool = False,
) -> Proposed:
    """Open a change request of everything that differs under ``governance/`` and among the data manifests.

    ``page`` renders the pull request's body. The work tree stays as it is. ConfigurationError when there is nothing to propose, when it cannot be read, or
    when this checkout is behind the main line in what it changes.
    """
    for _ in range(TRIES):
        line = desk.line()
        files = changed_files(desk.repository, line.tip)
        now = desk.now(line.tip)
        requester = who_signs(governance_at(desk.repository, line.tip)[1], signer, now)
        request = _request(desk, line.tip, files, requester, now, reason)
        name = RequestName(_id(request))
        proposed = Proposed(name, request, tuple(sorted(files)))
        if why := fault(reason):
            return Proposed(name, request, proposed.files, no=f"the reason will not do: {why}")
        if found := _open_already(desk, request):
            return Proposed(found[0], request, proposed.files, pull=found[1], already=True)
        if dry_run:
            return proposed
        try:
            pull = _publish(desk, signer, name, request, files, requester, page)
        except MovedOn:
            continue
        return Proposed(name, request, proposed.files, pull=pull)
    raise RemoteError(
        Problem("the request could not be opened: its branch kept moving", remedy="run it again")
    )


def changed_files(repository: Repository, tip: str) -> dict[str, bytes | None]:
    """Path to new bytes (None: deleted) of everything in the work tree that a change request may carry."""
    head = repository.head()
    changes = [
        change for change in repository.worktree_differences(tip, [GOVERNANCE, DATA]) if _belongs(change.path)
    ]
    if not changes:
        raise ConfigurationError(
            Problem(
                "nothing under governance/ and no data manifest differs from the main line",
                remedy="edit what shall change (do not commit it), then propose it",
            )
        )
    behind = [
        c.path
        for c in changes
        if head and object_at(repository, head, c.path) != object_at(repository, tip, c.path)
    ]
    # What somebody committed here already is as good as what lies in the work tree, if it stands on the tip.
    if behind and not (head and repository.is_ancestor(tip, head)):
        raise ConfigurationError(
            Problem(
                "this checkout is behind the main line in what it changes",
                why="proposing it would take back what others have changed since",
                remedy="git pull, look at the differences, then propose again",
                path=behind[0],
            )
        )
    if odd := [c.path for c in changes if c.new is not None and c.new.mode != "100644"]:
        raise ConfigurationError(
            Problem("this is not a plain file", why="a link or a program is no rule", path=odd[0])
        )
    return {
        change.path: None if change.new is None else read_file(repository.folder, change.path, FILE_BYTES)
        for change in changes
    }


def _belongs(path: str) -> bool:
    return path.startswith(f"{GOVERNANCE}/") or is_changeable(path)


def _request(
    desk: Desk, tip: str, files: dict[str, bytes | None], requester: Person, now: datetime, reason: str
) -> ChangeRequest:
    repository, who = desk.repository, author(desk.repository, requester)
    # Git names the new tree and blobs once they are written; no ref points at this commit.
    trial = repository.write_commit(tip, files, message="What is proposed\n", author=who, when=now)
    _readable(repository, trial, files)
    paths = sorted({GOVERNANCE if path.startswith(f"{GOVERNANCE}/") else path for path in files})
    bound = tuple(
        PathChange(p, object_at(repository, tip, p), object_at(repository, trial, p)) for p in paths
    )
    return ChangeRequest(tip, bound, requester.id, now, reason)


def _readable(repository: Repository, commit: str, files: dict[str, bytes | None]) -> None:
    problems: list[Problem] = []
    try:
        governance_at(repository, commit)
    except ConfigurationError as error:
        problems += error.problems
    for path, data in files.items():
        if data is not None and not path.startswith(f"{GOVERNANCE}/"):
            try:
                load_manifest(path, data)
            except ConfigurationError as error:
                problems += error.problems
    ConfigurationError.raise_if_any(problems)


def _open_already(desk: Desk, request: ChangeRequest) -> tuple[RequestName, PullRequest] | None:
    for pull in desk.forge.requests():
        name = name_of_branch(pull.branch)
        if name is None or name.environment:
            continue
        try:
            open_ = ChangeRequest.parse(desk.repository.read(pull.head, name.request) or b"", name.request)
        except EvidenceError:
            continue  # whoever pushed that branch has not asked for anything that can be read
        if (open_.paths, open_.requester) == (request.paths, request.requester):
            return name, pull
    return None


def _publish(
    desk: Desk,
    signer: Signer,
    name: RequestName,
    request: ChangeRequest,
    files: dict[str, bytes | None],
    requester: Person,
    page: Callable[[RequestFacts], str] | None,
) -> PullRequest:
    data = request.to_bytes()
    records = {name.request: data, f"{name.request}.sig": signer.sign(data)}
    what = listed([path.path for path in request.paths])
    text = message(
        f"Ask to change {what}",
        [f"{requester.name} asks for a change of {what}."],
        [request.reason],
        [("Change", name.id)],
    )
    who = author(desk.repository, requester)
    when = request.requested_at
    head = desk.repository.write_commit(
        request.base, {**files, **records}, message=text, author=who, when=when
    )
    body = page(facts_before(desk, request.base, name, head)) if page else text
    return desk.forge.open(name.branch, head, title=text.partition("\n")[0], body=body)


def _id(request: ChangeRequest) -> str:
    about = {
        "base": request.base,
        "paths": [{"path": p.path, "old": p.old, "new": p.new} for p in request.paths],
        "requester": request.requester,
    }
    return f"{request.requested_at:%Y%m%d}-{short(sha256(canonical(about)))}"
