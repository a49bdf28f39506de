"""What differs between two source commits, read from git objects: data, code, settings, policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.files import read_yaml
from mlassay.git import Change, Repository
from mlassay.manifest import Manifest, load_manifest

MOST = 500
NOT_THERE = "not there"


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of a YAML file (dotted), and what it says before and after."""

    key: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class DataChange:
    """A manifest that differs: how many of its files came, went or have other bytes; -1 where it cannot be read."""

    path: str
    added: int
    removed: int
    changed: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Everything that differs between two source commits. ``before`` is empty where nothing runs to compare with.

    ``commits`` changed code. ``code`` are changed paths that are neither records nor ``ml.yaml`` nor manifests;
    ``problems`` what could not be read, which is never the same as unchanged.
    """

    before: str
    after: str
    commits: int = 0
    data: tuple[DataChange, ...] = ()
    code: tuple[Change, ...] = ()
    settings: tuple[Setting, ...] = ()
    policy: tuple[Setting, ...] = ()
    problems: tuple[str, ...] = ()


def changed_between(repository: Repository, before: str | None, after: str | None) -> Changed | None:
    """What differs from the source commit ``before`` to ``after``; None when one of them is not in this clone."""
    if before is None:
        return Changed("", after or "")
    if after is None or not _known(repository, before) or not _known(repository, after):
        return None
    changes = repository.changes(before, after)
    problems: list[str] = []
    return Changed(
        before,
        after,
        commits=_commits(repository, before, after),
        data=tuple(_data(repository, each, problems) for each in changes if _is_manifest(each.path)),
        code=tuple(each for each in changes if _is_code(each.path)),
        settings=tuple(_settings(repository, before, after, layout.CONFIG, problems)),
        policy=tuple(_settings(repository, before, after, layout.POLICY, problems)),
        problems=tuple(problems),
    )


def _commits(repository: Repository, before: str, after: str) -> int:
    """Commits, at most `MOST`, that changed code themselves."""
    new = islice(repository.commits_between(before, after), MOST)
    return sum(
        any(_is_code(change.path) for change in repository.changes(commit.parents[0], commit.id))
        for commit in new
        if len(commit.parents) == 1
    )


def _known(repository: Repository, commit: str) -> bool:
    try:
        repository.commit(commit)
    except EvidenceError:
        return False
    return True


def _is_manifest(path: str) -> bool:
    return layout.is_guarded(path) and not path.startswith(layout.GUARDED)


def _is_code(path: str) -> bool:
    return not layout.is_guarded(path) and path != layout.CONFIG


def _data(repository: Repository, change: Change, problems: list[str]) -> DataChange:
    old, new = (
        {} if entry is None else _files(repository, entry.id, change.path, problems)
        for entry in (change.old, change.new)
    )
    if old is None or new is None:
        return DataChange(change.path, -1, -1, -1)
    return DataChange(
        change.path,
        added=len(new.keys() - old.keys()),
        removed=len(old.keys() - new.keys()),
        changed=sum(old[path] != new[path] for path in old.keys() & new.keys()),
    )


def _files(repository: Repository, blob: str, path: str, problems: list[str]) -> dict[str, str] | None:
    try:
        manifest: Manifest = load_manifest(path, repository.blob(blob, path))
    except (ConfigurationError, EvidenceError):
        problems.append(f"{path} cannot be read")
        return None
    return {file.path: file.digest for file in manifest.files}


def _settings(
    repository: Repository, before: str, after: str, path: str, problems: list[str]
) -> Iterator[Setting]:
    try:
        old, new = (dict(_flat(_yaml(repository, commit, path))) for commit in (before, after))
    except (ConfigurationError, EvidenceError):
        problems.append(f"{path} cannot be read")
        return
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield Setting(key, old.get(key, NOT_THERE), new.get(key, NOT_THERE))


def _yaml(repository: Repository, commit: str, path: str) -> Any:
    data = repository.read(commit, path)
    return {} if data is None else read_yaml(path, data).value


def _flat(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, item in value.items():
            yield from _flat(item, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple) and value and not any(isinstance(v, list | dict) for v in value):
        yield key, ", ".join(map(str, value))
    elif isinstance(value, list | tuple) and value:
        for number, item in enumerate(value):
            yield from _flat(item, f"{key}[{number}]")
    else:
        yield key, "" if value is None else str(value)
