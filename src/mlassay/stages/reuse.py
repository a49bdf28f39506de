"""Whether a verdict that stands on the main line is the verdict of this commit too, because every input is the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mlassay.case.inputs import inputs_digest
from mlassay.case.main_line import BRANCH
from mlassay.case.release import inputs_at, read_release
from mlassay.errors import EvidenceError, MlassayError, Problem
from mlassay.evidence import layout
from mlassay.evidence.release import Release, read_release_json
from mlassay.evidence.verdict import Verdict
from mlassay.files import staged_folder
from mlassay.git import Repository
from mlassay.isolation import remove_tree
from mlassay.ports import Verifiers
from mlassay.stages._newest import recorded

NEWEST = 50
"""So many releases are looked at: older ones were made of other inputs, or by another mlassay."""


@dataclass(frozen=True, slots=True)
class Reusable:
    """A recorded release whose verdict holds for this commit, and the commit of the main line that it was read from."""

    release: str
    verdict: Verdict
    tip: str


def find_reusable(repository: Repository, verifiers: Verifiers) -> Reusable | None:
    """The newest release on the main line, as last seen here, whose every input is this commit's; None if in doubt.

    Asks no remote. Uncommitted files, a history that was cut off and evidence that does not hold are all doubt.
    """
    head, tip = repository.head(), _main_line(repository)
    if head is None or tip is None or repository.uncommitted(ignored_prefixes=[".mlassay"]):
        return None
    try:
        inputs = inputs_at(repository, head)
        candidates = [name for name, release in _releases(repository, tip) if dict(release.inputs) == inputs]
        return next(
            (one for name in candidates if (one := _same(repository, head, tip, name, verifiers))), None
        )
    except MlassayError:
        return None  # whatever cannot be read is no reason to stop: this commit is trained and tested like any other


def take(repository: Repository, found: Reusable, run_folder: Path) -> None:
    """Leave the recorded verdict, its reports and report.md in ``run_folder``/test, byte for byte.

    What a training left there is removed: it is not what this verdict is about, and nothing of it may be signed.
    """
    folder = layout.evidence_dir(found.release)
    names = [
        layout.VERDICT,
        layout.REPORT,
        *(layout.gate_report(report.gate) for report in found.verdict.gates),
    ]
    files = {name: _needed(repository, found.tip, f"{folder}/{name}") for name in names}
    for other in ("train", "parts", "sign"):
        remove_tree(run_folder / other)
    with staged_folder(run_folder / "test") as staged:
        (staged / "gates").mkdir()
        for name, data in files.items():
            (staged / name).write_bytes(data)


def wants_release(repository: Repository) -> bool:
    """Whether a release is to be made of HEAD: against its first parent it touches something that is not only a record."""
    head = repository.head()
    if head is None:
        return False
    parents = repository.commit(head).parents
    changed = repository.changes(parents[0] if parents else None, head)
    return any(not change.path.startswith(layout.GUARDED) for change in changed)


def _main_line(repository: Repository) -> str | None:
    remote = repository.remote(BRANCH)
    if remote is None:
        return repository.branch(BRANCH)
    ref = f"refs/remotes/{remote}/{BRANCH}"
    return repository.refs(ref).get(ref)


def _releases(repository: Repository, tip: str) -> Iterator[tuple[str, Release]]:
    for name in islice(recorded(repository, tip), NEWEST):
        path = f"{layout.evidence_dir(name)}/{layout.RELEASE}"
        try:
            yield name, read_release_json(_needed(repository, tip, path), path)
        except EvidenceError:
            continue


def _same(repository: Repository, head: str, tip: str, name: str, verifiers: Verifiers) -> Reusable | None:
    found = read_release(repository, tip, name, verifiers)
    if found.problems or found.release is None or found.verdict is None or found.provenance is None:
        return None
    version = found.provenance["runDetails"]["builder"]["version"]["mlassay"]
    source = found.release.source.commit
    # A mlassay of another version may measure otherwise: its digest is never that of this one.
    if inputs_digest(repository, source, version) != inputs_digest(repository, head):
        return None
    return Reusable(name, found.verdict, tip)


def _needed(repository: Repository, commit: str, path: str) -> bytes:
    data = repository.read(commit, path)
    if data is None:
        raise EvidenceError(Problem("this file is missing", path=path))
    return data
