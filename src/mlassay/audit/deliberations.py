"""Deliberations: texts that people wrote and signed by hand, or that came by a change request."""

from __future__ import annotations

from mlassay.audit.history import Group
from mlassay.audit.unexplained import DELIBERATIONS
from mlassay.case.answers import SignedReader
from mlassay.case.requests import governance_at, with_compromises
from mlassay.config import People
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.git import Repository
from mlassay.ports import Verifiers

_WHY = "a justification that anybody could write or change answers for nothing"


def unsigned_texts(
    repo: Repository, group: Group, verifiers: Verifiers, later: People | None
) -> list[Problem]:
    """Deliberations that a group of commits brought, changed or took away, with neither a change request nor a signature.

    A text's signature lies beside it (``.sig``, by ssh-keygen in the namespace ``mlassay``) and is of somebody in the
    people.yaml before, by a key that was valid then.
    """
    touched = {
        change.path.removesuffix(".sig") for change in group.changes if change.path.startswith(DELIBERATIONS)
    }
    if not touched or any(not name.environment for name in group.requests) or group.parent is None:
        return []
    commit = group.last
    try:
        policy, people = governance_at(repo, group.parent)
    except ConfigurationError as error:
        raise EvidenceError(*error.problems) from error
    reader = SignedReader(repo, commit.id, with_compromises(people, later), verifiers)
    found = []
    for path in sorted(touched):
        key = reader.signer_of(path)
        if repo.entry(commit.id, path) is None:
            what = "this text was taken away, and no change request explains that"
        elif key is None:
            what = "nobody has signed this text as it stands, and no change request brought it"
        elif not key.valid_at(commit.time) or (key.demo and not policy.demo):
            what = "this text is signed with a key that did not count when it was recorded"
        else:
            continue
        found.append(
            Problem(
                f"{what} (commit {commit.id[:12]}, {commit.time:%Y-%m-%d})",
                why=_WHY,
                remedy="mlassay propose, or sign it: ssh-keygen -Y sign -n mlassay -f KEY FILE, and commit FILE.sig as well",
                path=path,
                rule="pushed-governance",
                commit=commit.id,
            )
        )
    return found
