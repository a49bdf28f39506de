"""Everything that mlassay recorded, checked from a clone alone: each digest, each signature, each decision again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from mlassay.audit import clone
from mlassay.audit.requests import Confirmed
from mlassay.audit.walk import Walk
from mlassay.case.release import find_record, is_demo
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout
from mlassay.git import Repository
from mlassay.ports import Verifiers


@dataclass(frozen=True, slots=True)
class Report:
    """What was confirmed at ``head``, every problem found, and what nobody looked at.

    ``root`` is the commit that first brought policy and people in; None when only one release was looked at.
    """

    head: str
    root: str | None
    confirmed: tuple[Confirmed, ...]
    problems: tuple[Problem, ...]
    not_checked: tuple[str, ...]


def verify(
    repo: Repository,
    at: str,
    release: str | None,
    verifiers: Verifiers,
    *,
    worktree: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Check one release, or everything on the main line up to ``at``, from git objects alone.

    ``worktree`` also holds the files on the disk against the commit. ConfigurationError for a clone that is shallow or
    partial, because no answer is given over half of a history, and for a release that nobody recorded.
    """
    clone.refuse_incomplete(repo)
    walk = Walk(repo, at, verifiers, progress)
    walk.problems += clone.overlays(repo)
    if release is not None:
        _refuse_unknown(repo, at, release)
    if worktree and repo.worktree is not None:
        progress("files on the disk")
        walk.problems += walk.kept(partial(_on_disk, repo, at, release)) or []
    if release is None:
        walk.everything()
    elif (one := walk.kept(partial(walk.release, release))) is not None:
        walk.confirmed.append(one)
    problems = [*walk.problems, *(problem for item in walk.confirmed for problem in item.problems)]
    left_out = _not_checked(repo, walk, release, worktree=worktree)
    return Report(at, walk.root, tuple(walk.confirmed), tuple(dict.fromkeys(problems)), tuple(left_out))


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


def _not_checked(repo: Repository, walk: Walk, release: str | None, *, worktree: bool) -> Iterator[str]:
    if release is not None:
        yield "anything but this release: run 'mlassay verify' without its id"
    elif walk.root is None:
        yield "who may decide: no commit brings governance/policy.yaml and governance/people.yaml in"
    else:
        since = repo.commit(walk.root)
        yield (
            f"whether the history was replaced whole: it is consistent since root commit {walk.root[:12]} "
            f"({since.time:%Y-%m-%d}), and nobody can tell more from a clone alone; compare with an id kept elsewhere"
        )
    if _says_demo(repo, walk.at):
        yield "who really signed: this is a demonstration, and everybody has its keys"
    if release is None:
        yield "when things really happened: dates are those that committers wrote"
        yield "texts under governance/deliberations/, and commits that touch no guarded path"
    if repo.worktree is None or not worktree:
        yield "the files of a work tree: only git objects were read"


def _says_demo(repo: Repository, at: str) -> bool:
    try:
        return is_demo(repo, at)
    except EvidenceError:
        return False  # already among the problems
