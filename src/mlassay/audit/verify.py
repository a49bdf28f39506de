"""Everything that mlassay recorded, checked from a clone alone: each digest, each signature, each decision again."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from mlassay.audit import clone
from mlassay.audit.anchor import Anchored, check_chain
from mlassay.audit.findings import Finding, finding_of, named
from mlassay.audit.requests import Confirmed
from mlassay.audit.unknown import not_checked, not_come_yet
from mlassay.audit.walk import Walk
from mlassay.case.release import find_record
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.evidence.anchors import AnchorFile
from mlassay.git import Repository
from mlassay.ports import StampReader, Verifiers

NOT_INTACT = "not intact"


@dataclass(frozen=True, slots=True)
class Report:
    """What was confirmed at ``head``, every problem found, and what cannot be known (``not_checked``).

    ``root`` is the commit that first brought policy and people in; None when only one release was looked at.
    ``anchored`` is what each anchor proves, newest first; ``times`` are the dates (UTC) of the commits named here.
    """

    head: str
    root: str | None
    confirmed: tuple[Confirmed, ...]
    problems: tuple[Problem, ...]
    not_checked: tuple[str, ...]
    anchored: tuple[Anchored, ...] = ()
    root_was_named: bool = False
    times: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """Each problem under the rule that it breaks."""
        return tuple(finding_of(problem) for problem in self.problems)

    @property
    def anchor(self) -> Anchored | None:
        """The newest anchor that holds."""
        return next((one for one in self.anchored if not one.problems and one.behind is not None), None)

    @property
    def verdict(self) -> str:
        """``not intact``, ``consistent since root R`` or ``intact since anchor A``; ids in twelve digits."""
        if self.problems:
            return NOT_INTACT
        if self.anchor is not None:
            return f"intact since anchor {self.anchor.commit[:12]}"
        return f"consistent since root {self.root[:12]}" if self.root else "nothing was recorded"


@dataclass(frozen=True, slots=True)
class Known:
    """What the auditor knows from elsewhere: anchors, and the root of trust (an id, whole or its beginning)."""

    anchors: Sequence[AnchorFile] = ()
    stamps: StampReader | None = None
    root: str = ""


def verify(
    repo: Repository,
    at: str,
    release: str | None,
    verifiers: Verifiers,
    *,
    known: Known | None = None,
    worktree: bool = True,
    fsck: bool = True,
    progress: Callable[[str], None] = lambda _: None,
    now: datetime | None = None,
    walked: Walk | None = None,
) -> Report:
    """Check one release, or everything on the main line up to ``at``, from git objects alone.

    ``worktree`` also holds the files on the disk against the commit; ``fsck`` has git look at every object, and not at
    those alone that an answer rests on; ``known``, for a whole audit, is what the auditor knows; ``now`` tells dates that
    have not come yet; ``walked`` is a walk over the whole line up to ``at`` that was made already (`read_judged`).
    ConfigurationError for a clone that is shallow or partial, because no answer is given over half of a history, and for
    a release that nobody recorded.
    """
    clone.refuse_incomplete(repo)
    walk = walked or Walk(repo, at, verifiers, progress, fsck=fsck)
    if walked is None:
        walk.problems += clone.overlays(repo)
    if release is not None:
        _refuse_unknown(repo, at, release)
    if worktree and repo.worktree is not None:
        progress("files on the disk")
        walk.problems += walk.kept(partial(_on_disk, repo, at, release)) or []
    if release is None and walked is None:
        walk.everything()
    elif release is not None and (one := walk.kept(partial(walk.release, release))) is not None:
        walk.confirmed.append(one)
    anchored = _anchored(repo, walk, known, progress) if known is not None and release is None else ()
    problems = [*walk.problems, *(problem for item in walk.confirmed for problem in item.problems)]
    report = Report(
        head=at,
        root=walk.root,
        confirmed=tuple(walk.confirmed),
        problems=tuple(dict.fromkeys(named(problem) for problem in problems)),
        not_checked=(
            *not_checked(repo, walk, release, anchored, worktree=worktree),
            *(not_come_yet(repo, walk, now) if now is not None else ()),
            *(() if fsck or release is not None else (_NO_FSCK,)),
        ),
        anchored=anchored,
        root_was_named=bool(known and known.root),
    )
    return replace(report, times=_times(repo, report))


_NO_FSCK = "objects that nothing recorded rests on: git fsck was left out"


def _anchored(
    repo: Repository, walk: Walk, known: Known, progress: Callable[[str], None]
) -> tuple[Anchored, ...]:
    """What the auditor's anchors say, the freshest first; what contradicts them goes to the walk's problems."""
    walk.problems += _root_faults(repo, walk, known.root)
    progress("anchors")
    found = check_chain(repo, walk.at, known.anchors, walk.verifiers, known.stamps) if known.anchors else ()
    walk.problems += [problem for one in found for problem in one.problems]
    return tuple(sorted(found, key=lambda one: (one.behind is None, one.behind)))


def _times(repo: Repository, report: Report) -> dict[str, datetime]:
    wanted = {report.head, report.root, *(problem.commit for problem in report.problems)}
    found = {}
    for commit in filter(None, wanted):
        with contextlib.suppress(EvidenceError, ConfigurationError):  # a finding of its own says so
            found[commit] = repo.commit(commit).time
    return found


def _root_faults(repo: Repository, walk: Walk, wanted: str) -> Iterator[Problem]:
    """Where the root of trust is not the one that the auditor knows, or there is none."""
    if walk.root is None:
        what = f"no commit of the main line brings {layout.POLICY} and {layout.PEOPLE} in"
        yield Problem(
            what, "without them nobody could ever decide here, and nothing can be judged", rule="root"
        )
    elif wanted and not walk.root.startswith(wanted):
        date = repo.commit(walk.root).time
        yield Problem(
            f"the root of trust is {walk.root[:12]} ({date:%Y-%m-%d}), and you know {wanted[:12]}",
            why="all that was judged here was judged by the people and keys of another beginning",
            commit=walk.root,
            rule="root",
        )


def _on_disk(repo: Repository, at: str, release: str | None) -> list[Problem]:
    prefixes = [layout.evidence_dir(release)] if release else clone.guarded(repo, at)
    return list(clone.on_disk(repo, at, prefixes))


def _refuse_unknown(repo: Repository, at: str, release: str) -> None:
    if not layout.is_release_id(release) or find_record(repo, at, release) is None:
        raise ConfigurationError(
            Problem(
                f"no release {release!r} was ever recorded up to {at[:12]}",
                remedy="'mlassay status' lists the releases; git fetch and --at origin/main may know more",
            )
        )
