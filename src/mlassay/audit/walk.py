"""The whole main line: every record judged again, every guarded change explained; a problem never ends the walk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from mlassay.audit import clone
from mlassay.audit.history import Group, groups, root_of_trust, unexplained
from mlassay.audit.requests import Confirmed, Seen, judge_request, judge_waiver
from mlassay.audit.reviews import judge_reviews
from mlassay.case.release import read_release
from mlassay.config import People, load_people
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.git import Repository
from mlassay.ports import Verifiers

T = TypeVar("T")


@dataclass
class Walk:
    """What was found so far between the root and the commit ``at``."""

    repo: Repository
    at: str
    verifiers: Verifiers
    progress: Callable[[str], None]
    root: str | None = None
    history: list[Group] = field(default_factory=list)
    confirmed: list[Confirmed] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    recorded: set[str] = field(default_factory=set)

    def everything(self) -> None:
        """Walk the line from its root on, oldest first."""
        self.progress("every object of this clone (git fsck)")
        self.problems += self.repo.fsck()
        history = self.history = self.kept(partial(groups, self.repo, self.at)) or []
        self.root = self.kept(partial(root_of_trust, self.repo, history))
        later = self.kept(self._people)
        trusted = False
        for number, group in enumerate(history, 1):
            self.progress(f"commit {number} of {len(history)} that touch guarded paths")
            if trusted:
                self.problems += unexplained(group)
            trusted = trusted or group.last.id == self.root
            for judge in self._brought(group, later):
                if (item := self.kept(judge)) is not None:
                    self.heard(group, item)
                    self.confirmed.append(item.bare)
        self.problems += self.kept(lambda: list(clone.strays(self.repo, self.at, self.recorded))) or []

    def heard(self, group: Group, item: Confirmed) -> None:
        """Each thing as it was judged; a chronicle listens here, so that it never tells another story than this."""

    def release(self, release: str, record: str | None = None) -> Confirmed:
        """One release, judged by the keys before its record commit."""
        found = read_release(self.repo, self.at, release, self.verifiers, record=record)
        return Confirmed(
            kind="release",
            name=release,
            commit=found.record_commit,
            says=str(found.verdict.outcome) if found.verdict else "",
            by=found.signers,
            signatures=found.signatures,
            checks=found.digests,
            problems=found.problems,
            seen=Seen(evidence=found),
        )

    def kept(self, check: Callable[[], T]) -> T | None:
        """What ``check`` answers; None when it raised EvidenceError, whose problems are kept."""
        try:
            return check()
        except EvidenceError as error:
            self.problems += error.problems
            return None

    def _brought(self, group: Group, later: People | None) -> Iterator[Callable[[], Confirmed]]:
        """A judgement for each thing that one group of commits brought in."""
        for name in group.requests[:1]:
            yield partial(judge_request, self.repo, group, name, self.at, self.verifiers, later)
        for change in group.changes:
            path = change.path
            if change.old is not None:
                continue
            if path.startswith(layout.WAIVERS) and path.endswith(".json"):
                yield partial(judge_waiver, self.repo, group, path, self.verifiers, later)
            if layout.is_review_record(path):
                yield partial(judge_reviews, self.repo, group, path, self.at, self.verifiers, later)
            release = path.removeprefix(layout.EVIDENCE).partition("/")[0]
            new = layout.is_release_id(release) and release not in self.recorded
            if path.startswith(layout.EVIDENCE) and new:
                self.recorded.add(release)
                yield partial(self.release, release, group.last.id)

    def _people(self) -> People | None:
        data = self.repo.read(self.at, layout.PEOPLE)
        try:
            return load_people(layout.PEOPLE, data) if data is not None else None
        except ConfigurationError as error:
            raise EvidenceError(*error.problems) from error
