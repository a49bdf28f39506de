"""Which release is meant where nobody names one: the newest recorded that could go there and has not been."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.case.history import held_digests
from mlassay.config import Policy
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.codec import read_verdict
from mlassay.evidence.release import read_release_json
from mlassay.evidence.verdict import Outcome
from mlassay.git import Repository


def newest_release(repository: Repository, tip: str, policy: Policy, environment: str) -> str:
    """The newest recorded release that did not fail, that the environment before held, and that was never here."""
    at = policy.environments.index(environment)
    before = held_digests(repository, tip, policy.environments[at - 1]) if at else None
    been = held_digests(repository, tip, environment)
    for release in recorded(repository, tip):
        folder = layout.evidence_dir(release)
        try:
            digest = read_release_json(_read(repository, tip, f"{folder}/{layout.RELEASE}"), folder).digest
            verdict = read_verdict(_read(repository, tip, f"{folder}/{layout.VERDICT}"), folder)
        except EvidenceError:
            continue  # evidence that cannot be read is nothing to choose; naming it says what is wrong
        if (
            verdict.outcome is not Outcome.FAILED
            and digest not in been
            and (before is None or digest in before)
        ):
            return release
    after = f" that {policy.environments[at - 1]} holds or held" if at else ""
    raise ConfigurationError(
        Problem(
            f"there is no release{after} that could go to {environment} and has not been there",
            why="by default the newest recorded release that did not fail is meant",
            remedy=f"name one: mlassay promote {environment} RELEASE",
        )
    )


def recorded(repository: Repository, tip: str) -> Iterator[str]:
    """Ids of all recorded releases, the newest record first."""
    seen: set[str] = set()
    for commit in repository.first_parents(tip, paths=[layout.EVIDENCE.rstrip("/")]):
        before = commit.parents[0] if commit.parents else None
        for change in repository.changes(before, commit.id):
            if not change.path.startswith(layout.EVIDENCE) or not change.path.endswith(f"/{layout.RELEASE}"):
                continue
            release = change.path.split("/")[1]
            if release not in seen and layout.is_release_id(release):
                seen.add(release)
                yield release


def _read(repository: Repository, tip: str, path: str) -> bytes:
    data = repository.read(tip, path)
    if data is None:
        raise EvidenceError(Problem("this file is missing", path=path))
    return data
