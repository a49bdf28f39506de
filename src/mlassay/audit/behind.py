"""What files behind a chronicle say that the chronicle itself does not hold: manifests, owners, pointers' digests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from mlassay.audit.chronicle.types import Chronicle
from mlassay.config import load_config
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.git import Repository
from mlassay.manifest import Manifest, load_manifest

Value = TypeVar("Value")
Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Behind:
    """``manifests`` and ``owners`` (who answers for the model, by an ``ml.yaml``) by the digest of the file's bytes;
    ``pointers`` the digest of each pointer by commit and path. What cannot be read is missing: the audit names it.
    """

    manifests: Mapping[str, Manifest]
    owners: Mapping[str, str]
    pointers: Mapping[Place, str]


def behind(repo: Repository, chronicle: Chronicle) -> Behind:
    """Read each distinct file once, from the commits that the chronicle names."""
    return Behind(
        manifests=_each(repo, dict(_manifests(chronicle)), load_manifest),
        owners=_each(repo, dict(_configs(chronicle)), lambda path, data: load_config(path, data).owner),
        pointers=dict(_pointers(repo, chronicle)),
    )


def _manifests(chronicle: Chronicle) -> Iterator[tuple[str, Place]]:
    for entry in chronicle.releases:
        for use in entry.data if entry.release is not None else ():
            if entry.release is not None:
                yield use.digest, (entry.release.source.commit, use.path)


def _configs(chronicle: Chronicle) -> Iterator[tuple[str, Place]]:
    for entry in chronicle.releases:
        if entry.release is not None:
            yield entry.release.inputs[layout.CONFIG], (entry.release.source.commit, layout.CONFIG)


def _each(
    repo: Repository, wanted: Mapping[str, Place], load: Callable[[str, bytes], Value]
) -> dict[str, Value]:
    found = {}
    for digest, (commit, path) in wanted.items():
        try:
            data = repo.read(commit, path)
            if data is not None and sha256(data) == digest:
                found[digest] = load(path, data)
        except (EvidenceError, ConfigurationError):
            continue
    return found


def _pointers(repo: Repository, chronicle: Chronicle) -> Iterator[tuple[Place, str]]:
    for environment, entries in chronicle.pointers.items():
        path = layout.pointer_path(environment)
        for entry in entries:
            if entry.pointer is None:
                continue
            data = repo.read(entry.moment.commit, path)
            if data is not None:
                yield (entry.moment.commit, path), sha256(data)
