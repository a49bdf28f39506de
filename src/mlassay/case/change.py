"""A change under ``governance/`` or of a manifest as policy sees it."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.case.answers import SignedReader, read_answers
from mlassay.case.common import Place, object_at, on_line, touched_by
from mlassay.case.requests import RequestName, governance_at
from mlassay.config import Policy
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.records import ChangeRequest
from mlassay.git import Repository
from mlassay.manifest import load_manifest
from mlassay.policy import ChangeCase

GOVERNANCE = layout.GOVERNANCE.rstrip("/")


def read_change(
    repo: Repository, name: RequestName, place: Place, policy: Policy, reader: SignedReader
) -> ChangeCase:
    """The case of a change; EvidenceError when the request cannot be read."""
    head, parent = place.head, place.parent
    request = reader.read(name.request, ChangeRequest)
    answers = read_answers(reader, name)
    paths = [path.path for path in request.record.paths]
    manifests = [path for path in paths if path != GOVERNANCE]
    return ChangeCase(
        id=name.id,
        folder=name.folder,
        request=request,
        approvals=tuple(answers.approvals),
        refusals=tuple(answers.refusals),
        withdrawals=tuple(answers.withdrawals),
        problems=(*answers.problems, *_unfit(repo, head, paths)),
        policy=policy,
        people=reader.people,
        now=place.now,
        parent_time=repo.commit(parent).time,
        base_on_line=on_line(repo, request.record.base, parent),
        touched=touched_by(repo, place),
        before={path: object_at(repo, parent, path) for path in paths},
        after={path: object_at(repo, head, path) for path in paths},
        owners={path: owner_of(repo, parent, head, path) for path in manifests},
    )


def is_changeable(path: str) -> bool:
    """Whether a change request may carry ``path``: ``governance``, or a data manifest."""
    return path == GOVERNANCE or (layout.is_guarded(path) and not f"{path}/".startswith(layout.GUARDED))


def owner_of(repo: Repository, parent: str, head: str, path: str) -> str:
    """Who owns the data: by the manifest before the change, or by the new one where there was none; "" if unknown."""
    for commit in (parent, head):
        try:
            data = repo.read(commit, path)
            if data is not None:
                return load_manifest(path, data).owner
        except (ConfigurationError, EvidenceError):
            continue
    return ""


def _unfit(repo: Repository, head: str, paths: list[str]) -> Iterator[Problem]:
    """Whatever would leave the main line with governance or manifests that nobody can read."""
    for path in paths:
        if not is_changeable(path):
            yield Problem(
                "a change request may not carry this path",
                remedy="commit it the usual way",
                path=path,
                rule="request",
            )
    try:
        governance_at(repo, head)
    except (ConfigurationError, EvidenceError) as error:
        yield from error.problems
    for path in paths:
        if path == GOVERNANCE or not is_changeable(path):
            continue
        try:
            if (data := repo.read(head, path)) is not None:
                load_manifest(path, data)
        except (ConfigurationError, EvidenceError) as error:
            yield from error.problems
