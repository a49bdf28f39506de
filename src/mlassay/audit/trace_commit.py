"""One commit: where it stands, what it brought, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from mlassay.audit.chronicle import (
    ChangeEntry,
    Chronicle,
    DataUse,
    GovernanceEntry,
    ManifestEntry,
    Moment,
    PromotionEntry,
    RefusedEntry,
    ReleaseEntry,
    Span,
    WaiverEntry,
    spans,
)
from mlassay.audit.chronicle.differences import governance_differences
from mlassay.audit.chronicle.line import Line
from mlassay.audit.trace import ReleaseTrace, release_trace
from mlassay.git import Repository


@dataclass(frozen=True, slots=True)
class Ruled:
    """A state of governance that the commit brought: what it changed, and every later decision that rested on it."""

    entry: GovernanceEntry
    differences: tuple[str, ...]
    until: Moment | None
    decisions: tuple[PromotionEntry | ChangeEntry | WaiverEntry | ReleaseEntry | RefusedEntry, ...]


@dataclass(frozen=True, slots=True)
class CommitTrace:
    """A commit: ``moment`` where it stands on the main line (None: it does not), ``landed`` the main-line commit that brought it.

    ``author`` and ``committer`` are only claimed. ``sources`` are releases that were made from it, ``contained`` the
    first release whose source holds it and ``later`` how many more do. ``pointers`` are the values that it set.
    """

    id: str
    author: str
    committer: str
    subject: str
    moment: Moment | None
    landed: Moment | None
    sources: tuple[ReleaseTrace, ...]
    contained: ReleaseTrace | None
    later: int
    releases: tuple[ReleaseTrace, ...]
    promotions: tuple[PromotionEntry, ...]
    changes: tuple[ChangeEntry, ...]
    refused: tuple[RefusedEntry, ...]
    waivers: tuple[WaiverEntry, ...]
    pointers: tuple[Span, ...]
    manifests: tuple[tuple[ManifestEntry, tuple[ReleaseEntry, ...]], ...]
    governance: tuple[Ruled, ...]


def trace_commit(chronicle: Chronicle, repo: Repository, commit: str) -> CommitTrace:
    """What a commit (a full id) brought and caused, as far as the chronicle's head knows."""
    line = Line(repo, chronicle.head.commit)
    found = repo.commit(commit)
    moment = line.moments([commit]).get(commit)
    landed = moment or _brought_by(repo, line, commit)
    # Of several commits that landed one request together, every one brought what is told of the last.
    judged = _last_of_group(chronicle, repo, moment) if moment is not None else ""
    sources = [entry for entry in chronicle.releases if _source(entry) == commit]
    holding = [
        entry
        for entry in chronicle.releases
        if landed is not None and entry.source is not None and entry.source.number >= landed.number
    ]
    holding = [entry for entry in holding if entry not in sources]
    return CommitTrace(
        id=commit,
        author=str(found.author),
        committer=str(found.committer),
        subject=found.subject,
        moment=moment,
        landed=landed,
        sources=tuple(release_trace(chronicle, entry) for entry in sources),
        contained=release_trace(chronicle, holding[0]) if holding else None,
        later=max(0, len(holding) - 1),
        releases=tuple(
            release_trace(chronicle, entry) for entry in chronicle.releases if entry.moment.commit == judged
        ),
        promotions=tuple(entry for entry in chronicle.promotions if entry.moment.commit == judged),
        changes=tuple(entry for entry in chronicle.changes if entry.moment.commit == judged),
        refused=tuple(entry for entry in chronicle.refused if entry.moment.commit == judged),
        waivers=tuple(entry for entry in chronicle.waivers if entry.moment.commit == judged),
        pointers=tuple(
            span
            for environment in chronicle.pointers
            for span in spans(chronicle, environment)
            if span.entry.moment.commit == judged
        ),
        manifests=tuple(
            (entry, _made_with(chronicle, entry))
            for entry in chronicle.manifests
            if entry.moment.commit == judged
        ),
        governance=tuple(_ruled(chronicle, judged)),
    )


def _source(entry: ReleaseEntry) -> str:
    return entry.release.source.commit if entry.release is not None else ""


def _made_with(chronicle: Chronicle, manifest: ManifestEntry) -> tuple[ReleaseEntry, ...]:
    def used(data: DataUse) -> bool:
        return (data.path, data.digest) == (manifest.path, manifest.digest)

    return tuple(entry for entry in chronicle.releases if any(map(used, entry.data)))


def _brought_by(repo: Repository, line: Line, commit: str) -> Moment | None:
    """The first main-line commit that reaches ``commit`` over any parents; None when the head does not."""
    if not repo.is_ancestor(commit, line.head.commit):
        return None
    low, high = 0, line.head.number
    while low < high:
        middle = (low + high) // 2
        if repo.is_ancestor(commit, line.at(middle).commit):
            high = middle
        else:
            low = middle + 1
    return line.at(low)


def _last_of_group(chronicle: Chronicle, repo: Repository, moment: Moment) -> str:
    entries: list[PromotionEntry | ChangeEntry] = [*chronicle.promotions, *chronicle.changes]
    later = [entry for entry in entries if entry.moment.number >= moment.number]
    nearest = min(later, key=lambda entry: entry.moment.number, default=None)
    if nearest is None or nearest.moment == moment:
        return moment.commit
    steps = repo.first_parents(nearest.moment.commit, until=nearest.parent)
    together = nearest.moment.number - moment.number < 1000 and any(s.id == moment.commit for s in steps)
    return nearest.moment.commit if together else moment.commit


def _ruled(chronicle: Chronicle, commit: str) -> list[Ruled]:
    found = []
    before: GovernanceEntry | None = None
    ends = [*(entry.moment for entry in chronicle.governance[1:]), None]
    for entry, until in zip(chronicle.governance, ends, strict=False):
        if entry.moment.commit == commit:
            differences = governance_differences(before, entry)
            found.append(Ruled(entry, differences, until, rested_on(chronicle, entry.moment, until)))
        before = entry
    return found


def rested_on(
    chronicle: Chronicle, since: Moment, until: Moment | None
) -> tuple[PromotionEntry | ChangeEntry | WaiverEntry | ReleaseEntry | RefusedEntry, ...]:
    """Everything that landed under the governance that stood from ``since`` on: after it, and up to its next change."""
    last = until.number if until is not None else chronicle.head.number
    entries: list[PromotionEntry | ChangeEntry | WaiverEntry | ReleaseEntry | RefusedEntry] = [
        *chronicle.promotions,
        *chronicle.changes,
        *chronicle.waivers,
        *chronicle.releases,
        *chronicle.refused,
    ]
    under = [entry for entry in entries if since.number < entry.moment.number <= last]
    return tuple(sorted(under, key=lambda entry: entry.moment.number))
