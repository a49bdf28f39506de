"""The whole main line: every record judged again, every guarded change explained; a problem never ends the walk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import TypeVar

from mlassay.audit import clone
from mlassay.audit.deliberations import unsigned_texts
from mlassay.audit.findings import named
from mlassay.audit.history import Group, groups, request_folder, root_of_trust, watched_commits
from mlassay.audit.requests import Confirmed, Seen, Told, judge_request, judge_waiver
from mlassay.audit.reviews import judge_reviews
from mlassay.audit.unexplained import added_later, pointed_at_root, release_of, taken_back, unexplained
from mlassay.case.compromised import known_by
from mlassay.case.main_line import AHEAD
from mlassay.case.release import read_release
from mlassay.config import People
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.git import Repository
from mlassay.ports import Verifiers

T = TypeVar("T")
MOST_BEGINNINGS = 32
"""Of a request's commits that do not hold together, so many beginnings are tried: nobody pushes more upon one honestly."""


@dataclass
class Walk:
    """What was found so far between the root and the commit ``at``.

    ``dated`` are the landings and their times, oldest first; ``in_parts`` those of requests whose commits are of
    different days.
    """

    repo: Repository
    at: str
    verifiers: Verifiers
    progress: Callable[[str], None]
    fsck: bool = True
    root: str | None = None
    dated: list[tuple[str, datetime]] = field(default_factory=list)
    in_parts: list[Group] = field(default_factory=list)
    confirmed: list[Confirmed] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    recorded: dict[str, str] = field(default_factory=dict)
    altered: list[Problem] = field(default_factory=list)
    altered_paths: set[str] = field(default_factory=set)
    faulty: set[Problem] = field(default_factory=set)
    _held: tuple[Group, Confirmed] | None = None

    def everything(self) -> None:
        """Walk the line from its root on, oldest first."""
        self.progress("every object of this clone (git fsck), beside all that follows")
        objects = self.repo.fsck_aside() if self.fsck else list
        commits = self.kept(partial(watched_commits, self.repo, self.at)) or []
        self.root = self.kept(lambda: root_of_trust(self.repo, groups(self.repo, commits)))
        later = self.kept(self._people)
        if self.root is not None:
            self.problems += self.kept(lambda: list(pointed_at_root(self.repo, self.root or ""))) or []
        coming, number, trusted = groups(self.repo, commits), 0, False
        while (whole := self.kept(partial(next, coming, None))) is not None:
            number += len(whole.steps)
            self.progress(f"commit {number} of {len(commits)} that touch guarded paths")
            for group in self._landings(whole, later):
                self.passed(group)
                self._alters(added_later(self.repo, group, self.recorded))
                if trusted:
                    self._alters(unexplained(group))
                    texts = partial(unsigned_texts, self.repo, group, self.verifiers, later)
                    self.problems += self.kept(texts, group.last.id) or []
                for judge in self._brought(group, later):
                    if (item := self.kept(judge, group.last.id)) is not None:
                        item = item.at_its_commit
                        self.heard(group, item)
                        self.confirmed.append(item.bare)
            trusted = trusted or whole.last.id == self.root
        self._tell_what_came_after()
        self.progress("every object of this clone (git fsck)")
        self.problems = [*objects(), *self.problems, *self.altered]
        self.problems += self.kept(lambda: list(clone.names(self.repo, self.at))) or []

    def _alters(self, problems: Iterable[Problem]) -> None:
        for problem in problems:
            self.altered.append(problem)
            self.altered_paths.add(problem.path)

    def _landings(self, whole: Group, later: People | None) -> list[Group]:
        """A group as it landed: whole, or, where only its beginning holds, that and what was pushed upon it.

        Several commits that touch one request may be a rebase merge, or a landing that somebody went on to alter.
        """
        if len(whole.steps) == 1 or not whole.requests:
            return [whole]
        holds, taken = self._holds(whole, later), taken_back(whole)
        if holds and taken is None:
            return [whole]
        ends = [taken or 0] if holds else range(len(whole.steps) - 1, 0, -1)[:MOST_BEGINNINGS]
        for end in ends:
            begun, rest = Group(whole.steps[:end]), whole.steps[end:]
            if begun.steps and begun.requests and self._holds(begun, later):
                return [begun, *(Group((step,)) for step in rest)]
        return [whole]

    def _holds(self, group: Group, later: People | None) -> bool:
        told = Told(self.faulty, self.altered_paths)
        try:
            one = judge_request(self.repo, group, group.requests[0], self.at, self.verifiers, later, told)
        except EvidenceError:
            return False
        self._held = (group, one) if not one.problems else None
        return not one.problems

    def _tell_what_came_after(self) -> None:
        """What was altered, or added to, after it was recorded is not what it says."""
        after: dict[str, list[Problem]] = {}
        for problem in self.altered:
            after.setdefault(_place_of(problem.path), []).append(problem)
        self.confirmed = [
            replace(item, problems=(*item.problems, *after[place]))
            if (place := _place_of_item(item)) in after
            else item
            for item in self.confirmed
        ]

    def passed(self, group: Group) -> None:
        """Each landing, oldest first. Of most no more is kept than its date, so that memory stays flat."""
        self.dated.append((group.last.id, group.last.time))
        if group.requests and group.last.time - group.steps[0].commit.time > AHEAD:
            self.in_parts.append(group)

    def heard(self, group: Group, item: Confirmed) -> None:
        """Each thing as it was judged; a chronicle listens here, so that it never tells another story than this."""

    def release(self, release: str, record: str | None = None) -> Confirmed:
        """One release, judged by the keys before its record commit.

        With ``record`` as that commit left it: what came after is told by the commit that did it.
        """
        found = read_release(
            self.repo, record or self.at, release, self.verifiers, record=record, later_at=self.at
        )
        self.faulty.update(found.problems)
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

    def kept(self, check: Callable[[], T], commit: str = "") -> T | None:
        """What ``check`` answers; None when it raised EvidenceError, whose problems are kept as those of ``commit``."""
        try:
            return check()
        except EvidenceError as error:
            self.problems += [named(problem, commit) for problem in error.problems]
            return None

    def _brought(self, group: Group, later: People | None) -> Iterator[Callable[[], Confirmed]]:
        """A judgement for each thing that one group of commits brought in."""
        for name in group.requests[:1]:
            if self._held is not None and self._held[0] is group:
                yield partial(_as_it_is, self._held[1])  # judged a moment ago, to see where the landing ends
                continue
            told = Told(self.faulty, self.altered_paths)
            yield partial(judge_request, self.repo, group, name, self.at, self.verifiers, later, told)
        for change in group.changes:
            path = change.path
            if change.old is not None:
                continue
            if path.startswith(layout.WAIVERS) and path.endswith(".json"):
                yield partial(judge_waiver, self.repo, group, path, self.verifiers, later)
            if layout.is_review_record(path):
                yield partial(judge_reviews, self.repo, group, path, self.at, self.verifiers, later)
            release = release_of(path)
            if release and release not in self.recorded:
                self.recorded[release] = group.last.id
                yield partial(self.release, release, group.last.id)

    def _people(self) -> People | None:
        try:
            return known_by(self.repo, self.at)
        except ConfigurationError as error:
            raise EvidenceError(*error.problems) from error


def _as_it_is(item: Confirmed) -> Confirmed:
    return item


def _place_of(path: str) -> str:
    """The folder, or for a waiver the file, of the thing that a guarded path belongs to; "" for any other path."""
    if release := release_of(path):
        return layout.evidence_dir(release)
    if path.startswith(layout.WAIVERS):
        return path.removesuffix(".sig")
    return request_folder(path)


def _place_of_item(item: Confirmed) -> str:
    """Where the files of a confirmed thing lie."""
    if item.kind == "release":
        return layout.evidence_dir(item.name)
    if item.kind == "waiver":
        return f"{layout.WAIVERS}{item.name}.json"
    return f"{layout.PROMOTIONS if '/' in item.name else layout.CHANGES}{item.name}"
