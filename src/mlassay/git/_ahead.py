"""What the next commits of a line will be asked about, read many objects at a time instead of each for itself.

Nothing is judged here. What cannot be read, or is not what its id promises, is passed over: whoever asks for it is told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.git._objects import Objects
from mlassay.git._trees import Differing
from mlassay.git._values import TREE_MODE, Commit

MOST = 20_000  # names that differ; what brings more is read as it is asked for
MOST_SIDES = 500  # commits
BYTES = 4 << 20  # of blobs: they must still be there when they are asked for

Pair = tuple[str, str | None, str | None]


def read_ahead(
    objects: Objects, commits: Sequence[str], within: frozenset[str], on_line: Callable[[str], bool]
) -> None:
    """Read commits, their first parents, and what differs between the two below these names of the root folder.

    Also the commits that they merged (``on_line``: those that are not), with the root folders of both.
    """
    known = _read(objects, commits)
    before = _first_parents(objects, known)
    sides = list(_sides(objects, known, on_line))
    roots = [commit.tree for commit in (*sides, *_first_parents(objects, sides).values())]
    objects.preload(dict.fromkeys(roots, ""))
    pairs: list[Pair] = []
    for commit in known:
        if not commit.parents:
            pairs.append(("", None, commit.tree))
        elif (parent := before.get(commit.parents[0])) is not None:
            pairs.append(("", parent.tree, commit.tree))
    objects.prefetch(list(_differing(objects, pairs, within)), BYTES)


def _read(objects: Objects, ids: Iterable[str]) -> list[Commit]:
    wanted, known = list(dict.fromkeys(ids)), []
    objects.preload_commits(wanted)
    for id_ in wanted:
        with contextlib.suppress(EvidenceError, ConfigurationError):
            known.append(objects.commit(id_))
    return known


def _first_parents(objects: Objects, commits: Iterable[Commit]) -> dict[str, Commit]:
    found = _read(objects, (commit.parents[0] for commit in commits if commit.parents))
    return {commit.id: commit for commit in found}


def _sides(objects: Objects, merges: Iterable[Commit], on_line: Callable[[str], bool]) -> Iterator[Commit]:
    """What was merged, for as long as it is little: branches of a few commits are the usual."""
    seen: set[str] = set()
    wave = [parent for commit in merges for parent in commit.parents[1:]]
    while wave and len(seen) < MOST_SIDES:
        new = [id_ for id_ in dict.fromkeys(wave) if id_ not in seen and not on_line(id_)]
        seen.update(new)
        found = _read(objects, new)
        yield from found
        wave = [parent for commit in found for parent in commit.parents]


def _differing(objects: Objects, pairs: list[Pair], within: frozenset[str]) -> Iterator[str]:
    """Ids of the new blobs, folder by folder from the root down; every folder of one depth is read at once."""
    count = 0
    while pairs and count < MOST:
        objects.preload({tree: folder for folder, *trees in pairs for tree in trees if tree})
        below: list[Pair] = []
        for folder, old, new in pairs:
            names: Differing = ()
            with contextlib.suppress(EvidenceError, ConfigurationError):
                names = objects.differing(old, new, folder)
            for name, was, now in names:
                if not folder and name not in within:
                    continue
                count += 1
                trees = [node[1] if node and node[0] == TREE_MODE else None for node in (was, now)]
                if any(trees):
                    below.append((f"{folder}/{name}" if folder else name, trees[0], trees[1]))
                if now is not None and trees[1] is None:
                    yield now[1]
        pairs = below
