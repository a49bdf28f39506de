"""What made some machines read guarded files otherwise for a while, and is gone: nothing tells who read them then."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from mlassay.audit.attributes import NAME, altering
from mlassay.errors import EvidenceError
from mlassay.evidence import layout
from mlassay.git import Commit, Repository

MOST = 20
"""So many commits are looked at for each name, newest first: who has more of them has not hidden anything."""


def passed(repo: Repository, root: str, at: str) -> Iterator[str]:
    """Lines for commits since the root of trust with names, or attributes, by which some machines read other bytes
    than those of guarded files, where the commit ``at`` has them no more.
    """
    try:
        for name in sorted(filter(_is_lookalike, repo.root_names(at))):
            if repo.entry(at, name) is None:
                yield from (_told(each, f"had {name!a} beside them") for each in _with(repo, root, at, name))
        now = _altering(repo, at)
        for commit in _with(repo, root, at, NAME):
            if gone := _altering(repo, commit.id) - now:
                yield _told(commit, f"had a {NAME} that says {min(gone)}")
    except EvidenceError:
        return  # the audit of the line names what cannot be read


def _is_lookalike(name: str) -> bool:
    return layout.is_lookalike(name) or layout.is_lookalike(f"{name}/x.manifest.yaml")


def _with(repo: Repository, root: str, at: str, name: str) -> Iterator[Commit]:
    steps = islice(repo.first_parents(at, paths=[name], until=root), MOST)
    return (step for step in steps if repo.entry(step.id, name) is not None)


def _altering(repo: Repository, commit: str) -> set[str]:
    if repo.entry(commit, NAME) is None:
        return set()
    tree = repo.tree(commit)
    return {problem.what for problem in altering(repo, tree, filter(layout.is_guarded, tree))}


def _told(commit: Commit, what: str) -> str:
    return (
        f"what people and agents read of guarded files after commit {commit.id[:12]} ({commit.time:%Y-%m-%d}): "
        f"it {what}, and that is gone by now"
    )
