"""What the next commits of a line will be asked about, read many objects at a time instead of each for itself.

Nothing is judged here. What cannot be read, or is not what its id promises, is passed over: whoever asks for it is told.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.git._objects import Objects
from mlassay.git._trees import Differing
from mlassay.git._values import TREE_MODE

MOST = 20_000  # names that differ; what brings more is read as it is asked for
BYTES = 4 << 20  # of blobs: they must still be there when they are asked for

Pair = tuple[str, str | None, str | None]


def read_ahead(objects: Objects, commits: Sequence[str], within: frozenset[str]) -> None:
    """Read commits, their first parents, and what differs between the two below these names of the root folder."""
    objects.preload_commits(commits)
    known = []
    for id_ in commits:
        with contextlib.suppress(EvidenceError, ConfigurationError):
            known.append(objects.commit(id_))
    objects.preload_commits(commit.parents[0] for commit in known if commit.parents)
    pairs: list[Pair] = []
    for commit in known:
        with contextlib.suppress(EvidenceError, ConfigurationError):
            before = objects.commit(commit.parents[0]).tree if commit.parents else None
            pairs.append(("", before, commit.tree))
    objects.prefetch(list(_differing(objects, pairs, within)), BYTES)


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
