"""The main line into one `Chronicle`: one pass over the commits that touch guarded paths, judged by the walk of verify."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from mlassay.audit import clone
from mlassay.audit.chronicle.line import Line
from mlassay.audit.chronicle.pointers import environment_of, pointer_entry
from mlassay.audit.chronicle.releases import Releases, is_manifest, with_sources
from mlassay.audit.chronicle.requests import Readings, request_entry
from mlassay.audit.chronicle.spoken import fingerprint
from mlassay.audit.chronicle.types import (
    ChangeEntry,
    Chronicle,
    GovernanceEntry,
    ManifestEntry,
    Moment,
    PointerEntry,
    PromotionEntry,
    RefusedEntry,
    ReleaseEntry,
    WaiverEntry,
)
from mlassay.audit.findings import named
from mlassay.audit.history import Group, groups, root_of_trust, watched_commits
from mlassay.audit.requests import Confirmed
from mlassay.audit.walk import Walk
from mlassay.case.compromised import known_by
from mlassay.case.release import is_demo
from mlassay.config import People, Policy, load_people, load_policy
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import layout
from mlassay.evidence.records import Waiver
from mlassay.git import Repository
from mlassay.ports import Verifiers

Progress = Callable[[str], None]
Key = tuple[str, str, str]


def read_chronicle(
    repo: Repository,
    at: str,
    verifiers: Verifiers,
    *,
    judge: bool = True,
    progress: Progress = lambda _: None,
) -> Chronicle:
    """All that the main line up to the revision ``at`` tells. Nothing that is wrong ends it: problems are entries' own.

    With ``judge`` the walk of `mlassay audit verify` judges everything, and its problems are the chronicle's; without,
    records are only read (signatures are still tried), which is for callers that need their order. ConfigurationError
    for a clone that is shallow or partial.
    """
    return read_judged(repo, at, verifiers, judge=judge, progress=progress)[0]


def read_judged(
    repo: Repository,
    at: str,
    verifiers: Verifiers,
    *,
    judge: bool = True,
    progress: Progress = lambda _: None,
) -> tuple[Chronicle, Walk]:
    """As `read_chronicle`, with the walk that it was heard from, for `audit.verify.verify` to report on."""
    clone.refuse_incomplete(repo)
    head = repo.resolve(at)
    walk = _Hearing(repo, head, verifiers, progress)
    walk.problems += clone.overlays(repo)
    if judge:
        walk.everything()
    else:
        walk.history += groups(repo, watched_commits(repo, head))
        walk.root = root_of_trust(repo, walk.history)
    progress("the order of the main line")
    chronicle = _Telling(walk, Line(repo, head), judge).told()
    walk.heard_of.clear()  # all that was told of is in the chronicle now
    return chronicle, walk


@dataclass
class _Hearing(Walk):
    """The walk, each landing that it passed, and each judgement that it made, by kind, name and commit."""

    history: list[Group] = field(default_factory=list)
    heard_of: dict[Key, Confirmed] = field(default_factory=dict)

    def passed(self, group: Group) -> None:
        super().passed(group)
        self.history.append(group)

    def heard(self, group: Group, item: Confirmed) -> None:
        self.heard_of[_key(item, group.last.id)] = item

    def everything(self) -> None:
        super().everything()
        for item in self.confirmed:  # with what was done to it later, which nobody knew when it was heard
            key = _key(item, item.commit)
            self.heard_of[key] = replace(self.heard_of.get(key, item), problems=item.problems)
        self.problems = [named(problem) for problem in self.problems]


def _key(item: Confirmed, commit: str) -> Key:
    kind = item.kind if item.kind in ("release", "waiver", "reviews") else "request"
    return kind, item.name, commit


class _Telling:
    """Entries in the order of the main line."""

    def __init__(self, walk: _Hearing, line: Line, judged: bool) -> None:
        self.walk, self.line, self.judged = walk, line, judged
        self.repo, self.history = walk.repo, walk.history
        self.moments = line.moments({group.last.id for group in self.history} | {walk.root or walk.at})
        self.readings = Readings(self.repo, walk.verifiers, _known(self.repo, walk.at))
        self.reader = Releases(self.repo)
        self.known: set[str] = set()
        self.releases: list[ReleaseEntry] = []
        self.requests: list[PromotionEntry | ChangeEntry | RefusedEntry] = []
        self.waivers: list[WaiverEntry] = []
        self.pointers: dict[str, list[PointerEntry]] = {}
        self.governance: list[GovernanceEntry] = []
        self.manifests: list[ManifestEntry] = []

    def told(self) -> Chronicle:
        """The whole of it."""
        for number, group in enumerate(self.history, 1):
            if not self.judged:
                self.walk.progress(f"commit {number} of {len(self.history)} that touch guarded paths")
            self._group(group)
        sources = {entry.release.source.commit for entry in self.releases if entry.release is not None}
        return Chronicle(
            head=self.line.head,
            first=self.line.first,
            root=self.moments[self.walk.root] if self.walk.root else None,
            releases=with_sources(self.releases, self.line.moments(sources)),
            promotions=tuple(entry for entry in self.requests if isinstance(entry, PromotionEntry)),
            refused=tuple(entry for entry in self.requests if isinstance(entry, RefusedEntry)),
            changes=tuple(entry for entry in self.requests if isinstance(entry, ChangeEntry)),
            waivers=tuple(self.waivers),
            pointers={name: tuple(values) for name, values in sorted(self.pointers.items())},
            governance=tuple(self.governance),
            manifests=tuple(self.manifests),
            problems=tuple(dict.fromkeys(self.walk.problems)),
            demo=_says_demo(self.repo, self.walk.at),
            judged=self.judged,
        )

    def _group(self, group: Group) -> None:
        moment, commit = self.moments[group.last.id], group.last.id
        brought = list(self._requests(group, moment))
        added = [change.path for change in group.changes if change.old is None]
        for path in added:
            if path.startswith(layout.WAIVERS) and path.endswith(".json"):
                self.waivers.append(self._waiver(group, moment, path))
        for release in dict.fromkeys(map(_release_of, added)):
            judged = self.walk.heard_of.get(("release", release, commit))
            if release and release not in self.known:
                self.known.add(release)
                self.releases.append(self.reader.entry(release, moment, judged))
        touched = {change.path for change in group.changes}
        for environment in sorted(filter(None, map(environment_of, touched))):
            pointer = pointer_entry(self.repo, moment, environment, brought)
            self.pointers.setdefault(environment, []).append(pointer)
        change = next((entry.id for entry in brought if isinstance(entry, ChangeEntry)), "")
        for path in sorted(touched):
            if is_manifest(path):
                self.manifests.append(self.reader.manifest(path, moment, change))
        if touched & {layout.POLICY, layout.PEOPLE}:
            people, policy = _people(self.repo, commit), _policy(self.repo, commit)
            self.governance.append(GovernanceEntry(moment, people, policy, change))
        self.requests += brought

    def _requests(
        self, group: Group, moment: Moment
    ) -> Iterator[PromotionEntry | ChangeEntry | RefusedEntry]:
        first: Confirmed | None = None
        for name in group.requests:
            shown = f"{name.environment}/{name.id}" if name.environment else name.id
            found = self.walk.heard_of.get(("request", shown, group.last.id))
            first = first or found
            previous = self._live(name.environment)
            # A second request in one commit is judged with the first, whose judgement says that there are two.
            if found is None and first is not None:
                found = first.bare
            yield request_entry(self.readings, group, name, moment, found, previous)

    def _live(self, environment: str) -> str | None:
        values = self.pointers.get(environment, [])
        pointer = values[-1].pointer if values else None
        return pointer.live.release if pointer is not None else None

    def _waiver(self, group: Group, moment: Moment, path: str) -> WaiverEntry:
        shown = path.removeprefix(layout.WAIVERS).removesuffix(".json")
        judged = self.walk.heard_of.get(("waiver", shown, group.last.id))
        found = judged.seen.waiver if judged is not None and judged.seen is not None else None
        problems = judged.problems if judged is not None else ()
        if found is None:
            try:
                found = self.readings.at(group.last.id, group.parent).read(path, Waiver)
            except EvidenceError as error:
                return WaiverEntry(path, moment, None, "", problems or error.problems)
        key = fingerprint(found.key.public) if found.key is not None else ""
        return WaiverEntry(path, moment, found.record, key, problems)


def _release_of(path: str) -> str:
    release = path.removeprefix(layout.EVIDENCE).partition("/")[0]
    return release if path.startswith(layout.EVIDENCE) and layout.is_release_id(release) else ""


def _known(repo: Repository, head: str) -> People | None:
    try:
        return known_by(repo, head)
    except (EvidenceError, ConfigurationError):
        return None


def _people(repo: Repository, commit: str) -> People | None:
    try:
        data = repo.read(commit, layout.PEOPLE)
        return load_people(layout.PEOPLE, data) if data is not None else None
    except (EvidenceError, ConfigurationError):
        return None


def _policy(repo: Repository, commit: str) -> Policy | None:
    try:
        data = repo.read(commit, layout.POLICY)
        return load_policy(layout.POLICY, data) if data is not None else None
    except (EvidenceError, ConfigurationError):
        return None


def _says_demo(repo: Repository, commit: str) -> bool:
    try:
        return is_demo(repo, commit)
    except EvidenceError:
        return False  # the walk names the file
