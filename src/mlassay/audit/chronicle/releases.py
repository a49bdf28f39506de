"""Releases as the main line holds them, failed ones too, with the data that each was made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from mlassay.audit.chronicle.types import DataUse, ManifestEntry, Moment, ReleaseEntry
from mlassay.audit.requests import Confirmed
from mlassay.case.reading import RECORD_BYTES
from mlassay.config import load_config
from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.codec import read_verdict
from mlassay.evidence.release import Release, read_release_json
from mlassay.evidence.verdict import Verdict
from mlassay.git import Repository
from mlassay.manifest import load_manifest

MANIFEST = "manifest/"


class Releases:
    """Reads releases of one history; each distinct ml.yaml and manifest once."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._paths: dict[str, Mapping[str, str]] = {}
        self._roots: dict[str, str] = {}

    def entry(self, release_id: str, moment: Moment, judged: Confirmed | None) -> ReleaseEntry:
        """One release; ``judged`` is what the walk said of it, None where nobody judged."""
        seen = judged.seen.evidence if judged is not None and judged.seen is not None else None
        problems = judged.problems if judged is not None else ()
        if seen is not None:
            release, verdict = seen.release, seen.verdict
            provenance, signers = seen.provenance, seen.signers
        else:
            release, verdict, problems = self._unjudged(release_id, moment.commit, problems)
            provenance, signers = None, ()
        data = tuple(self.data_of(release)) if release is not None else ()
        return ReleaseEntry(release_id, moment, release, verdict, provenance, data, signers, problems)

    def manifest(self, path: str, moment: Moment, change: str) -> ManifestEntry:
        """The manifest at ``path`` as a commit left it."""
        digest = ""
        try:
            data = self._small(moment.commit, path)
            digest = sha256(data) if data is not None else ""
            known = load_manifest(path, data) if data is not None else None
        except (EvidenceError, ConfigurationError):
            return ManifestEntry(path, moment, digest, "", "", change)
        name, root = (known.name, known.root) if known is not None else ("", "")
        return ManifestEntry(path, moment, digest, name, root, change)

    def data_of(self, release: Release) -> list[DataUse]:
        """Every manifest among the inputs of a release, sorted by name; path and root "" where its source hides them."""
        paths = self._manifest_paths(release.source.commit)
        found = []
        for role, digest in sorted(release.inputs.items()):
            if role.startswith(MANIFEST):
                name = role.removeprefix(MANIFEST)
                path = paths.get(name, "")
                found.append(DataUse(name, path, digest, self._root(release.source.commit, path, digest)))
        return found

    def _unjudged(
        self, release_id: str, commit: str, problems: tuple[Problem, ...]
    ) -> tuple[Release | None, Verdict | None, tuple[Problem, ...]]:
        folder = layout.evidence_dir(release_id)
        try:
            data = self._small(commit, f"{folder}/{layout.RELEASE}")
            release = read_release_json(data, layout.RELEASE) if data is not None else None
            told = self._small(commit, f"{folder}/{layout.VERDICT}")
            verdict = read_verdict(told, layout.VERDICT) if told is not None else None
        except EvidenceError as error:
            return None, None, problems or error.problems
        return release, verdict, problems

    def _small(self, commit: str, path: str) -> bytes | None:
        entry = self._repo.entry(commit, path)
        if entry is None or not entry.is_file or (entry.size or 0) > RECORD_BYTES:
            return None
        return self._repo.blob(entry.id, path)

    def _manifest_paths(self, source: str) -> Mapping[str, str]:
        try:
            entry = self._repo.entry(source, layout.CONFIG)
            if entry is None or not entry.is_file:
                return {}
            if entry.id not in self._paths:
                data = self._small(source, layout.CONFIG) or b""
                self._paths[entry.id] = dict(load_config(layout.CONFIG, data).data)
            return self._paths[entry.id]
        except (EvidenceError, ConfigurationError):
            return {}  # the walk says what of the source cannot be read

    def _root(self, source: str, path: str, digest: str) -> str:
        if digest not in self._roots:
            self._roots[digest] = self._read_root(source, path, digest)
        return self._roots[digest]

    def _read_root(self, source: str, path: str, digest: str) -> str:
        try:
            data = self._small(source, path) if path else None
            return load_manifest(path, data).root if data is not None and sha256(data) == digest else ""
        except (EvidenceError, ConfigurationError):
            return ""


def is_manifest(path: str) -> bool:
    """Whether a guarded path is a data manifest: the one kind that lies in no guarded folder."""
    return layout.is_guarded(path) and not f"{path}/".startswith(layout.GUARDED)


def with_sources(entries: list[ReleaseEntry], moments: Mapping[str, Moment]) -> tuple[ReleaseEntry, ...]:
    """The same, each with where its source commit stands on the main line."""
    place = partial(_with_source, moments=moments)
    return tuple(map(place, entries))


def _with_source(entry: ReleaseEntry, moments: Mapping[str, Moment]) -> ReleaseEntry:
    commit = entry.release.source.commit if entry.release is not None else ""
    return replace(entry, source=moments.get(commit))
