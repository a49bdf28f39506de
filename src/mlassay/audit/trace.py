"""Up and down the chain: from a model to its data and where it ran, and from data to every model that learned from it."""

from __future__ import annotations

from dataclasses import dataclass

from mlassay.audit.chronicle import (
    Chronicle,
    ManifestEntry,
    PromotionEntry,
    RefusedEntry,
    ReleaseEntry,
    Span,
    WaiverEntry,
    promotions_of,
    ran,
)
from mlassay.audit.finding_names import ambiguous, beginnings, unknown
from mlassay.evidence import layout
from mlassay.evidence.records import Request

MODEL, DATA = "model", "data set"


@dataclass(frozen=True, slots=True)
class ReleaseTrace:
    """One release: what it is, every request for it that landed or was recorded as refused, and where it ran when."""

    entry: ReleaseEntry
    promotions: tuple[PromotionEntry, ...]
    refused: tuple[RefusedEntry, ...]
    waivers: tuple[WaiverEntry, ...]
    ran: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class ModelTrace:
    """Every release of one model, oldest first; ``digest`` is the model's, "" where no release.json can be believed."""

    digest: str
    releases: tuple[ReleaseTrace, ...]


@dataclass(frozen=True, slots=True)
class DataVersion:
    """One manifest by its bytes: where and under which names it was used, when it stood on the main line, what came of it."""

    digest: str
    path: str
    names: tuple[str, ...]
    root: str
    entries: tuple[ManifestEntry, ...]
    releases: tuple[ReleaseTrace, ...]


@dataclass(frozen=True, slots=True)
class DataTrace:
    """Every version of what was asked for, oldest first; ``root`` is the commit that is the root of trust ("": there is none)."""

    versions: tuple[DataVersion, ...]
    root: str


def release_trace(chronicle: Chronicle, entry: ReleaseEntry) -> ReleaseTrace:
    """Everything that the main line holds about one release."""
    return ReleaseTrace(
        entry,
        promotions_of(chronicle, entry.id),
        tuple(
            refused
            for refused in chronicle.refused
            if isinstance(refused.request, Request) and refused.request.release == entry.id
        ),
        tuple(waiver for waiver in chronicle.waivers if waived(waiver) == entry.id),
        ran(chronicle, entry.id),
    )


def waived(entry: WaiverEntry) -> str:
    """The release that a waiver is for: as it says, or as its file is named where it cannot be read."""
    if entry.waiver is not None:
        return entry.waiver.release
    return entry.path.removeprefix(layout.WAIVERS).partition(".")[0]


def trace_model(chronicle: Chronicle, asked: str) -> ModelTrace:
    """The model that ``asked`` names: a release's id (or its last eight digits), a release's or a model's digest, or a beginning.

    ConfigurationError when there is none, or the beginning is that of several models.
    """
    ids = {entry.id: entry for entry in chronicle.releases}
    names: dict[str, list[ReleaseEntry]] = {}
    for entry in chronicle.releases:
        keys = {entry.id, entry.id.rpartition("-")[2]}
        keys |= {entry.release.digest, model_of(entry)} if entry.release is not None else set()
        for key in keys:
            names.setdefault(key, []).append(entry)
    if (one := ids.get(asked)) is not None:
        return ModelTrace(model_of(one), (release_trace(chronicle, one),))
    matching = beginnings(asked, names)
    found = {entry.id: entry for key in matching for entry in names[key]}
    if not found:
        raise unknown(MODEL, asked, ids)
    if len({model_of(entry) or entry.id for entry in found.values()}) > 1:
        raise ambiguous(MODEL, asked, [f"{id_} ({model_of(entry)[:19]})" for id_, entry in found.items()])
    releases = tuple(release_trace(chronicle, entry) for entry in chronicle.releases if entry.id in found)
    return ModelTrace(model_of(releases[0].entry), releases)


def model_of(entry: ReleaseEntry) -> str:
    """The digest of a release's model; "" where no release.json can be believed."""
    return entry.release.model.digest if entry.release is not None else ""


def trace_data(chronicle: Chronicle, asked: str) -> DataTrace:
    """Every version of the data that ``asked`` names: its name, its manifest's path, or a digest (or a beginning of one).

    Digests are those of a manifest's bytes, or the root over the files that it lists. ConfigurationError as for a model.
    """
    versions = data_versions(chronicle)
    root = chronicle.root.commit if chronicle.root is not None else ""
    named = [v for v in versions if asked in (*v.names, v.path)]
    if named:
        return DataTrace(tuple(named), root)
    digests: dict[str, list[DataVersion]] = {}
    for version in versions:
        for digest in {version.digest, version.root} - {""}:
            digests.setdefault(digest, []).append(version)
    matching = beginnings(asked, digests)
    if len(matching) > 1:
        raise ambiguous(DATA, asked, [f"{d} ({digests[d][0].path})" for d in matching])
    if not matching:
        raise unknown(DATA, asked, sorted({name for v in versions for name in (*v.names, v.path) if name}))
    return DataTrace(tuple(digests[matching[0]]), root)


def data_versions(chronicle: Chronicle) -> tuple[DataVersion, ...]:
    """Every manifest that stood on the main line or that a release was made with, in the order of their first appearance."""
    stood: dict[tuple[str, str], list[ManifestEntry]] = {}
    names: dict[tuple[str, str], set[str]] = {}
    roots: dict[tuple[str, str], str] = {}
    made: dict[tuple[str, str], list[ReleaseEntry]] = {}
    for entry in chronicle.manifests:
        if entry.digest:
            key = (entry.path, entry.digest)
            stood.setdefault(key, []).append(entry)
            names.setdefault(key, set()).add(entry.name)
            roots[key] = entry.root
    for release in chronicle.releases:
        for use in release.data:
            key = (use.path, use.digest)
            names.setdefault(key, set()).add(use.name)
            roots.setdefault(key, use.root)
            made.setdefault(key, []).append(release)
    return tuple(
        DataVersion(
            digest,
            path,
            tuple(sorted(names[path, digest] - {""})),
            roots[path, digest],
            tuple(stood.get((path, digest), ())),
            tuple(release_trace(chronicle, release) for release in made.get((path, digest), ())),
        )
        for path, digest in names
    )
