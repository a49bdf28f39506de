"""Names of requests: which branch, which folder, which environment; and who may be asked about them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mlassay.case.main_line import BRANCH
from mlassay.config import Key, People, Policy, load_people, load_policy
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.keys import key_id
from mlassay.git import Repository

_BRANCH = re.compile(
    r"promotion/(?P<environment>[a-z0-9][a-z0-9-]*(?:/[a-z0-9][a-z0-9-]*)?)/(?P<id>[0-9]{8}-[0-9a-f]{8})"
    r"|change/(?P<change>[0-9]{8}-[0-9a-f]{8})"
)
OWN = "mlassay/"
"""Branches of mlassay's own pull requests that carry no request: nothing in them is guarded."""


@dataclass(frozen=True, slots=True)
class RequestName:
    """One request for a promotion (``environment``) or for a change (``environment`` empty)."""

    id: str
    environment: str = ""

    @property
    def branch(self) -> str:
        """The branch that carries it while it is open."""
        return f"promotion/{self.environment}/{self.id}" if self.environment else f"change/{self.id}"

    @property
    def folder(self) -> str:
        """The folder of its records."""
        return (
            layout.promotion_dir(self.environment, self.id)
            if self.environment
            else layout.change_dir(self.id)
        )

    @property
    def request(self) -> str:
        """Path of the signed request itself."""
        return f"{self.folder}/request.json"


def name_of_branch(branch: str) -> RequestName | None:
    """The request that a branch carries; None for any other branch."""
    match = _BRANCH.fullmatch(branch)
    if match is None:
        return None
    return RequestName(match["change"]) if match["change"] else RequestName(match["id"], match["environment"])


def name_of_path(path: str) -> RequestName | None:
    """The request whose ``request.json`` lies at ``path``; None for any other path."""
    folder, _, file = path.rpartition("/")
    if file != "request.json":
        return None
    for prefix, word in ((layout.PROMOTIONS, "promotion/"), (layout.CHANGES, "change/")):
        if folder.startswith(prefix):
            return name_of_branch(word + folder.removeprefix(prefix))
    return None


def open_branches(repo: Repository) -> list[tuple[str, str]]:
    """Branch and head of every request, as last seen here, sorted by name; asks no remote."""
    remote = repo.remote(BRANCH)
    prefix = f"refs/remotes/{remote}/" if remote is not None else "refs/heads/"
    heads = ((ref.removeprefix(prefix), head) for ref, head in sorted(repo.refs(prefix).items()))
    return [(branch, head) for branch, head in heads if name_of_branch(branch) is not None]


def governance_at(repo: Repository, commit: str) -> tuple[Policy, People]:
    """Policy and people at a commit; ConfigurationError when it has none, or they cannot be read."""
    found = {path: repo.read(commit, path) for path in (layout.POLICY, layout.PEOPLE)}
    if missing := [path for path, data in found.items() if data is None]:
        raise ConfigurationError(
            Problem(
                f"commit {commit[:12]} of the main line has no {' and no '.join(missing)}",
                why="without policy and people nobody can be asked",
                remedy="bring governance/ in first: mlassay init --into .",
                rule="root",
            )
        )
    policy, people = found[layout.POLICY] or b"", found[layout.PEOPLE] or b""
    return load_policy(layout.POLICY, policy), load_people(layout.PEOPLE, people)


def nobody_has_a_key(repo: Repository, commit: str) -> bool:
    """Whether the people.yaml of a commit names no key and no CI signer, as the template's: nothing signed can count.

    Such a one is nobody's root of trust. A file that is missing, or cannot be read, is not known to be such a one.
    """
    try:
        people = load_people(layout.PEOPLE, repo.read(commit, layout.PEOPLE) or b"")
    except (ConfigurationError, EvidenceError):
        return False
    return not people.signers and not any(person.keys for person in people.people.values())


def with_compromises(people: People, later: People | None) -> People:
    """``people`` with every compromise that a later people.yaml tells of: it counts back to the date it names."""
    if later is None:
        return people
    told = dict(_compromises(later))
    return replace(
        people,
        people={
            id_: replace(person, keys=tuple(_told(key, told) for key in person.keys))
            for id_, person in people.people.items()
        },
        signers={id_: replace(signer, key=_told(signer.key, told)) for id_, signer in people.signers.items()},
    )


def _compromises(people: People) -> Iterator[tuple[str, Key]]:
    keys = [key for person in people.people.values() for key in person.keys]
    keys += [signer.key for signer in people.signers.values()]
    for key in keys:
        if key.compromised_since is not None:
            yield key_id(key.public), key


def _told(key: Key, told: dict[str, Key]) -> Key:
    other = told.get(key_id(key.public)) if told else None
    if other is None or other.compromised_since is None:
        return key
    return replace(key, compromised_since=min(filter(None, (key.compromised_since, other.compromised_since))))
