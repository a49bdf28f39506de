"""What commits changed in the root folder: one after the other, or many of them in a few rounds with git."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mlassay.git._objects import Objects
from mlassay.git._parse import usual_nodes
from mlassay.git._reader import ROUND
from mlassay.git._trees import LARGE, Differing
from mlassay.git._values import TREE_MODE, Commit, Landing, decoded

FEW = 16
"""So few commits were likely read before, with their root folders."""

Nodes = frozenset[tuple[bytes, bytes, bytes]]
Trees = tuple[str | None, str | None]


def landings(objects: Objects, ids: Sequence[str]) -> Iterator[Landing]:
    """Each of these commits, in this order, a round of them at a time; EvidenceError for one that cannot be read."""
    if len(ids) <= FEW:
        yield from (_landing(objects, objects.commit(id_)) for id_ in ids)
        return
    for start in range(0, len(ids), ROUND):
        commits = _commits(objects, ids[start : start + ROUND])
        before = _commits(objects, [commit.parents[0] for commit in commits if commit.parents])
        trees = {commit.id: commit.tree for commit in before}
        pairs = [(trees[commit.parents[0]] if commit.parents else None, commit.tree) for commit in commits]
        for commit, tops in zip(commits, root_changes(objects, pairs), strict=True):
            yield Landing(commit.id, commit.author, commit.committer, commit.parents, tops)


def _landing(objects: Objects, commit: Commit) -> Landing:
    old = objects.commit(commit.parents[0]).tree if commit.parents else None
    tops = top_names(objects.differing(old, commit.tree, ""))
    return Landing(commit.id, commit.author, commit.committer, commit.parents, tops)


def makers(landed: Iterator[Landing]) -> list[Landing]:
    """Of commits that are no merges, by the same people with the same `top_names`, only one; and every merge."""
    alike: dict[object, Landing] = {}
    for one in landed:
        merge = one.id if len(one.parents) > 1 else ""
        alike.setdefault((one.author, one.committer, one.top_names, merge), one)
    return list(alike.values())


def _commits(objects: Objects, ids: Sequence[str]) -> list[Commit]:
    objects.preload_commits(ids)
    return [objects.commit(id_) for id_ in ids]


def root_changes(objects: Objects, pairs: Sequence[Trees]) -> Iterator[tuple[str, ...]]:
    """`top_names` of what differs between each pair of root trees, the older one first; None is the empty tree."""
    ids = list(dict.fromkeys(tree for pair in pairs for tree in pair if tree is not None))
    raw = dict(zip(ids, objects.raw_trees(ids), strict=True))
    told: dict[str | None, Nodes | None] = {None: frozenset()}
    for old, new in pairs:
        if new == old:
            yield ()
            continue
        for tree in (new, old):
            if tree is not None and tree not in told:
                data = raw.pop(tree)
                small = data is not None and len(data) < LARGE * 30
                told[tree] = usual_nodes(data or b"", tree) if small else None
        left, right = told[old], told[new]
        if left is None or right is None:
            yield top_names(objects.differing(old, new, ""))
        else:
            yield _top_names(left ^ right)


def top_names(names: Differing) -> tuple[str, ...]:
    """The names that differ in a root folder, sorted, with a slash at the end of those that are folders alone."""
    return tuple(
        sorted(
            f"{name}/" if all(node is None or node[0] == TREE_MODE for node in nodes) else name
            for name, *nodes in names
        )
    )


def _top_names(nodes: Nodes) -> tuple[str, ...]:
    """The same of the entries that only one of two root trees has."""
    folders: dict[bytes, bool] = {}
    for mode, name, _ in nodes:
        folders[name] = folders.get(name, True) and mode == b"40000"
    return tuple(sorted(f"{decoded(name)}/" if folder else decoded(name) for name, folder in folders.items()))
