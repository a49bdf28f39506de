"""Anchors against a clone: what a file that was kept elsewhere proves of a history, and how far."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from mlassay.audit import clone
from mlassay.audit.anchor_pin import known_at, people_at, pin
from mlassay.audit.anchor_signature import signed_by
from mlassay.case.release import is_demo
from mlassay.case.signer import SKEW, Trust
from mlassay.config import People
from mlassay.errors import EvidenceError, Problem
from mlassay.evidence.anchors import Anchor, AnchorFile
from mlassay.git import Repository
from mlassay.ports import Stamped, StampReader, Verifiers

RULE = "anchor"
KEPT = "take the file as it was first kept, and compare; see docs/anchors.md for how to check one by hand"
PINNED = {
    "tree": "tree",
    "commits": "count of commits",
    "root": "root of trust",
    "evidence": "tree of evidence/",
    "guarded": "digest of the guarded files",
}
"""What an anchor says of its head beside the id, in the words of messages."""


@dataclass(frozen=True, slots=True)
class Anchored:
    """What one anchor proves of the history up to some commit; with ``problems`` it proves nothing of it.

    ``signer`` is the id in people.yaml of whose valid signature it carries, "" where there is none that counts.
    ``behind`` and ``days`` are how many first-parent commits, and days by the committers' dates, came after it; None
    where it does not lie on the line. ``notes`` are what to know beside it, such as an unknown key.
    """

    file: AnchorFile
    commit: str
    date: datetime
    signer: str
    stamp: Stamped | None
    behind: int | None
    days: int | None
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


def check_anchor(
    repo: Repository,
    at: str,
    file: AnchorFile,
    verifiers: Verifiers,
    stamps: StampReader | None = None,
) -> Anchored:
    """Hold ``file`` against the first-parent line of the commit ``at``, which must pass through its head.

    ``stamps`` reads its time stamp. ConfigurationError for a shallow or partial clone; all else that is wrong is among
    the problems.
    """
    clone.refuse_incomplete(repo)
    head, told = file.anchor.head, _Told(file)
    behind = repo.first_parents_to(head, at)
    people, demo, days = None, False, None
    if behind is not None or _has(repo, head):
        people, demo = people_at(repo, head), is_demo(repo, head)
    trust = Trust(people or People({}, {}, ""), file.anchor.date, demo, known_at(repo, at))
    if behind is None:
        told.problems.append(_off_the_line(repo, at, file))
    else:
        told.attempt(lambda: told.differences(pin(repo, head)))
    told.attempt(lambda: told.time(stamps))
    told.attempt(lambda: told.signature(trust, verifiers))
    if behind is not None:
        made = repo.commit(head).time
        days = max(0, (repo.commit(at).time - made).days)
        told.notes += told.dates(made)
    return Anchored(
        file=file,
        commit=head,
        date=file.anchor.date,
        signer=told.signer,
        stamp=told.stamp,
        behind=behind,
        days=days,
        problems=tuple(told.problems),
        notes=tuple(told.notes),
    )


def check_chain(
    repo: Repository,
    at: str,
    files: Sequence[AnchorFile],
    verifiers: Verifiers,
    stamps: StampReader | None = None,
) -> tuple[Anchored, ...]:
    """Each of ``files`` as `check_anchor` tells it, in the order given, and held against the one that it follows."""
    found = [check_anchor(repo, at, file, verifiers, stamps) for file in files]
    by_digest = {one.file.digest: one for one in found}
    return tuple(_linked(one, by_digest) for one in found)


def _has(repo: Repository, commit: str) -> bool:
    try:
        repo.commit(commit)
    except EvidenceError:
        return False
    return True


def _off_the_line(repo: Repository, at: str, file: AnchorFile) -> Problem:
    head = file.anchor.head
    remedy = (
        "ask for the clone that the anchor was made from, and compare: git log --first-parent; "
        "until it is explained, trust nothing after the root that you know"
    )
    if not _has(repo, head):
        what = f"this clone does not have the anchored commit {head}"
        why = "either it was fetched from elsewhere, or the history was rewritten"
        remedy = f"git fetch, and look whether the remote still has it: git fetch origin {head}; {remedy}"
    elif repo.on_first_parent_line(at, head):
        what = f"the anchor is newer than what is looked at: {head[:12]} comes after {at[:12]}"
        why = "either this clone is behind, or commits were taken off the end of the main line"
        remedy = f"git fetch, and look at the newest main line (--at origin/main); {remedy}"
    elif repo.is_ancestor(head, at):
        what = f"the anchored commit {head[:12]} was merged beside the main line, which now runs another way"
        why = "another history stands where the anchored one stood; plain ancestry hides that"
    else:
        what = f"the main line does not pass through the anchored commit {head[:12]}, which this clone has"
        why = "the history was rewritten, or this is another branch than the one that was anchored"
    return Problem(what, why, remedy, file.path, rule=RULE)


@dataclass
class _Told:
    """What was found out about one file so far."""

    file: AnchorFile
    signer: str = ""
    stamp: Stamped | None = None
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def attempt(self, check: Callable[[], None]) -> None:
        """Run ``check``; what it raises as EvidenceError becomes problems of this file."""
        try:
            check()
        except EvidenceError as error:
            self.problems += [
                replace(
                    p,
                    path=p.path or self.file.path,
                    why=p.why or "what does not hold was altered or forged, and proves nothing",
                    remedy=p.remedy or KEPT,
                    rule=RULE,
                )
                for p in error.problems
            ]

    def differences(self, here: Anchor) -> None:
        """What the file says of its head, against what the head is."""
        for name, words in PINNED.items():
            told, is_ = getattr(self.file.anchor, name), getattr(here, name)
            if told != is_:
                self.problems.append(
                    Problem(
                        f"the anchor gives another {words} than its own head has: {told}, and here it is {is_}",
                        why="the file was altered, or something else than mlassay made it",
                        remedy=KEPT,
                        path=self.file.path,
                        rule=RULE,
                    )
                )

    def signature(self, trust: Trust, verifiers: Verifiers) -> None:
        """Who signed it; before the time stamp's time, where that is proven."""
        proven = self.stamp is not None and self.stamp.proven
        if self.stamp is not None and proven:
            trust = replace(trust, when=self.stamp.time)
        self.signer, fault = signed_by(self.file, trust, verifiers, proven=proven)
        if fault:
            self.notes.append(fault)

    def time(self, stamps: StampReader | None) -> None:
        """What its time stamp says."""
        if self.file.stamp is None:
            return
        if stamps is None:
            self.notes.append("it holds a time stamp, which was not looked at")
            return
        self.stamp = stamps.read(self.file.stamp, self.file.stamped_bytes, self.file.path)
        if not self.stamp.proven:
            self.notes.append(
                f"its time stamp says {self.stamp.time:%Y-%m-%d %H:%M} UTC, unchecked: "
                "name the authority's certificate with --tsa-cert"
            )

    def dates(self, made: datetime) -> Iterator[str]:
        """What its dates say beside that of the commit."""
        if self.file.anchor.findings:
            yield f"it was made over a history with {self.file.anchor.findings} findings, and says so"
        if self.stamp is not None and self.stamp.proven and made > self.stamp.time + SKEW:
            yield (
                f"its commit is dated {made:%Y-%m-%d %H:%M} UTC, after the authority had already seen it: "
                "whoever committed had a clock that was fast, or wrote another date"
            )
        elif self.file.anchor.date < made - SKEW:
            yield "it says that it was made before the commit that it pins: one of two clocks was wrong"


def _linked(one: Anchored, by_digest: dict[str, Anchored]) -> Anchored:
    """``one`` with what its place in the chain adds."""
    previous = one.file.anchor.previous
    if previous is None:
        return one
    before = by_digest.get(previous)
    if before is None:
        note = f"it follows an anchor that is not among these files ({previous})"
        return replace(one, notes=(*one.notes, note))
    if one.behind is None or before.behind is None or one.behind <= before.behind:
        return one
    problem = Problem(
        f"it follows the anchor of {before.commit[:12]}, and pins an older commit than that",
        why="a chain of anchors only ever goes forward",
        remedy=KEPT,
        path=one.file.path,
        rule=RULE,
    )
    return replace(one, problems=(*one.problems, problem))
