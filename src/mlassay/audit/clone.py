"""What surrounds the history in one clone: objects left out, overlays, files on the disk."""

from __future__ import annotations

from collections.abc import Iterator

from mlassay.audit.attributes import NAME, altering
from mlassay.errors import ConfigurationError, Problem
from mlassay.evidence import layout
from mlassay.git import Repository


def refuse_incomplete(repo: Repository) -> None:
    """ConfigurationError, with the command that completes it, for a clone that is shallow or partial."""
    for cut, word, remedy in (
        (repo.is_shallow, "shallow", "git fetch --unshallow"),
        (repo.is_partial, "partial", "git fetch --refetch --no-filter, or clone again without --filter"),
    ):
        if cut:
            raise ConfigurationError(
                Problem(
                    f"this clone is {word}",
                    why="what is missing cannot be checked, and no answer is given over half of a history",
                    remedy=remedy,
                )
            )


def overlays(repo: Repository) -> Iterator[Problem]:
    """What makes other git commands show another history than the objects tell; nothing here believes it."""
    why = "git log and git show would show you something else than what was checked here"
    for id_ in repo.replaced():
        yield Problem(
            f"object {id_[:12]} is replaced by another one",
            why,
            f"git replace -d {id_}",
            "refs/replace",
            rule="replaced",
        )
    for id_ in repo.grafts():
        what = f"commit {id_[:12]} is given other parents"
        yield Problem(what, why, "remove the file", ".git/info/grafts", rule="graft")
    if said := repo.lying_graph():
        what = f"git's cache of parents (commit-graph) says otherwise than the commits: {said}"
        remedy = "remove .git/objects/info/commit-graph and commit-graphs; git makes them anew"
        yield Problem(what, why, remedy, ".git/objects/info/commit-graph", rule="graft")


def on_disk(repo: Repository, at: str, prefixes: list[str]) -> Iterator[Problem]:
    """Files at or below ``prefixes`` that are not, byte for byte, what the commit ``at`` holds."""
    changes = repo.worktree_differences(at, prefixes)
    gone = sum(change.new is None for change in changes)
    if gone and gone == len(changes) == sum(len(repo.tree(at, prefix)) for prefix in prefixes):
        return  # nothing was ever checked out here
    for change in changes:
        what = "this file on the disk is not what was committed"
        if change.new is None:
            what = "this file was committed and is missing on the disk"
        elif change.old is None:
            what = "this file lies on the disk and was never committed"
        yield Problem(
            what,
            why="whoever reads the file reads something that nobody signed",
            remedy=f"git checkout {at[:12]} -- {change.path}" if change.old else "remove it",
            path=change.path,
            rule="disk",
        )


def guarded(repo: Repository, at: str) -> list[str]:
    """Every guarded folder, and the manifests that the commit ``at`` holds."""
    manifests = [path for path in repo.tree(at, "data") if layout.is_guarded(path)]
    return [*(prefix.rstrip("/") for prefix in layout.GUARDED), *manifests]


def names(repo: Repository, at: str) -> Iterator[Problem]:
    """Names at the commit ``at`` that some machines take for guarded ones, and attributes that alter guarded files."""
    attributes = []
    for path in repo.paths(at):
        attributes += [path] if path.rpartition("/")[2] == NAME else []
        if layout.is_lookalike(path):
            yield Problem(
                "this name differs from a guarded one only in a way that not every machine sees",
                "on such a machine this takes the place of the guarded file, and nothing explains what it says",
                path=path,
                rule="lookalike",
            )
    tree = {path: entry for path in attributes if (entry := repo.entry(at, path)) is not None}
    yield from altering(repo, tree, filter(layout.is_guarded, repo.paths(at)) if tree else ())
