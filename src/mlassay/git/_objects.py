"""Objects by id, every one of them held against its id before anything is read out of it."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from mlassay.errors import ConfigurationError, EvidenceError, MlassayError, Problem
from mlassay.git import _command
from mlassay.git._parse import parse_commit
from mlassay.git._reader import Reader, TooLarge
from mlassay.git._trees import Differing, Trees
from mlassay.git._values import (
    MISSING,
    SUBMODULE_MODE,
    TREE_MODE,
    Commit,
    Corrupt,
    Entry,
    full_id,
)

MOST_FILES = 1_000_000  # a few nested trees can claim more files than any machine can list
AT_ONCE, DEEP = 200, 4
MOST_SIZES = 20_000
MOST_COMMITS = 2048
SMALL, KEPT = 1 << 20, 8 << 20  # bytes of a blob that is kept once it was verified, and of all of them
MOST_BYTES = {"commit": 16 << 20, "tree": 128 << 20, "blob": 3 << 30}
"""What is read at all; a caller that expects a small file says so itself."""


class _Blobs:
    """Small blobs that were verified, the last used of them, up to a bound."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._bytes, self._lock = 0, threading.Lock()

    def get(self, id_: str) -> bytes | None:
        with self._lock:
            if (found := self._kept.get(id_)) is not None:
                self._kept.move_to_end(id_)
            return found

    def add(self, id_: str, data: bytes) -> None:
        with self._lock:
            if len(data) > SMALL or id_ in self._kept:
                return
            self._kept[id_] = data
            self._bytes += len(data)
            while self._bytes > KEPT:
                self._bytes -= len(self._kept.popitem(last=False)[1])


class Objects:
    """The object database of one repository.

    Trees and commits are immutable, so the verified ones are kept, up to a bound.
    """

    def __init__(self, folder: Path, git_dir: Path, common_dir: Path) -> None:
        self._folder, self._common_dir = folder, common_dir
        self._reader = Reader(folder, git_dir, common_dir)
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}
        self._blobs = _Blobs()
        self._commits: OrderedDict[str, Commit] = OrderedDict()
        self._trees = Trees(lambda tree: self.read(tree, "tree"))

    def close(self) -> None:
        """End the lasting process; the next read starts another."""
        self._reader.close()

    def read(self, id: str, kind: str, path: str = "", most: int = 0) -> bytes:  # noqa: A002  the word of git's own manuals
        """Bytes of an object of ``kind``, hashed again on the way in; no more than ``most`` where that is given.

        Corrupt, naming ``path``, when they do not fit the id; ConfigurationError when a shallow or partial
        clone never had them; EvidenceError, and nothing read, when there are too many of them.
        """
        limit = most or MOST_BYTES[kind]
        if kind == "blob" and (kept := self._blobs.get(id)) is not None and len(kept) <= limit:
            return kept
        try:
            found = self._reader.fetch(full_id(id), limit)
        except TooLarge as error:
            raise EvidenceError(_too_large(id, error.args[0], limit, path)) from error
        if found is None:
            raise self._absent(id, path)
        if found[0] != kind:
            raise Corrupt(id, path, f"it is a {found[0]} where a {kind} must be")
        if kind == "blob":
            self._blobs.add(id, found[1])
        return found[1]

    def prefetch(self, ids: Sequence[str], most: int = KEPT) -> None:
        """Read small blobs that will be asked for, many at a time; what is wrong with one is told when it is asked for.

        Those that go past ``most`` bytes together are left to whoever asks.
        """
        unread = [id_ for id_ in dict.fromkeys(ids) if self._blobs.get(id_) is None]
        sizes, wanted = self._known_sizes(unread), []
        for id_ in unread:
            size = sizes.get(id_, KEPT)
            if size <= SMALL:
                most -= size
                wanted.append(id_)
            if most < 0:
                break
        for id_, found in zip(wanted, self._reader.many(wanted, SMALL, sizes), strict=True):
            if found is not None and found[0] == "blob":
                self._blobs.add(id_, found[1])

    def verify(self, id_: str) -> None:
        """Raise as `read` does when the object, whatever its kind, is not what its id promises."""
        if self._reader.fetch(full_id(id_), MOST_BYTES["blob"]) is None:
            raise self._absent(id_, "")

    def bulk(self, ids: Sequence[str], kind: str) -> Iterator[bytes]:
        """As `read` for each id, many at a time."""
        for id_, found in zip(ids, self._reader.many(ids, MOST_BYTES[kind]), strict=True):
            yield found[1] if found is not None and found[0] == kind else self.read(id_, kind)

    def preload(self, trees: Mapping[str, str]) -> None:
        """Read trees (id to folder) that will be asked for, many at a time; what is wrong with one is told when it is asked for."""
        wanted = [tree for tree in trees if not self._trees.has(tree)]
        for tree, found in zip(wanted, self._reader.many(wanted, MOST_BYTES["tree"]), strict=True):
            if found is not None and found[0] == "tree":
                with contextlib.suppress(EvidenceError):
                    self._trees.add(tree, found[1], trees[tree])

    def raw_trees(self, trees: Sequence[str]) -> Iterator[bytes | None]:
        """The verified bytes of each; None for one that `nodes` must explain."""
        for found in self._reader.many(trees, MOST_BYTES["tree"]):
            yield found[1] if found is not None and found[0] == "tree" else None

    def preload_folder(self, roots: Iterable[str], parts: tuple[str, ...]) -> None:
        """As `preload`, for the folder at ``parts`` in each of these root trees, and those above it."""
        trees = list(dict.fromkeys(roots))
        for depth in range(len(parts) + 1):
            folder, below = "/".join(parts[:depth]), []
            self.preload(dict.fromkeys(trees, folder))
            for tree in trees if depth < len(parts) else ():
                with contextlib.suppress(EvidenceError, ConfigurationError):
                    node = self.nodes(tree, folder).get(parts[depth])
                    below += [node[1]] if node is not None and node[0] == TREE_MODE else []
            trees = list(dict.fromkeys(below))

    def preload_commits(self, ids: Iterable[str]) -> None:
        """As `preload`, for commits."""
        wanted = [id_ for id_ in dict.fromkeys(ids) if id_ not in self._commits]
        for id_, found in zip(wanted, self._reader.many(wanted, MOST_BYTES["commit"]), strict=True):
            if found is not None and found[0] == "commit":
                with contextlib.suppress(EvidenceError):
                    self._keep(id_, parse_commit(id_, found[1]))

    def nodes(self, tree: str, path: str) -> Mapping[str, tuple[str, str]]:
        """The entries of one tree object as ``name -> (mode, id)``; ``path`` is for errors only."""
        try:
            return self._trees.nodes(tree, path)
        except EvidenceError as error:
            raise _about(error, path) from error

    def differing(self, old: str | None, new: str | None, path: str) -> Differing:
        """Names with another node in one tree than in the other, and both nodes; None is the empty tree."""
        try:
            return self._trees.differing(old, new, path)
        except EvidenceError as error:
            raise _about(error, path) from error

    def lookup(self, tree: str, parts: tuple[str, ...]) -> tuple[str, str] | None:
        """``(mode, id)`` of what lies at ``parts`` below a root tree; None when nothing does."""
        mode, found = TREE_MODE, tree
        for depth, part in enumerate(parts):
            if mode != TREE_MODE:
                return None
            node = self.nodes(found, "/".join(parts[:depth])).get(part)
            if node is None:
                return None
            mode, found = node
        return mode, found

    def files(self, tree: str, prefix: str = "") -> dict[str, tuple[str, str]]:
        """Everything below a tree that is not itself a tree, as ``path -> (mode, id)``, sorted by path."""
        return dict(self.below(tree, prefix))

    def below(self, tree: str, prefix: str = "") -> Iterator[tuple[str, tuple[str, str]]]:
        """As `files`, one after the other, so that none of them need be held."""
        count = 0
        waiting: list[tuple[str, str, str]] = [(prefix, TREE_MODE, tree)]
        while waiting:
            path, mode, id_ = waiting.pop()
            if mode != TREE_MODE:
                yield path, (mode, id_)
                continue
            if waiting and not self._trees.has(id_):
                near = islice(reversed(waiting), AT_ONCE)
                self._preload_below({id_: path} | {each: at for at, kind, each in near if kind == TREE_MODE})
            nodes = self.nodes(id_, path)
            count += len(nodes)
            if count > MOST_FILES:
                what = f"more than {MOST_FILES} files below one folder"
                raise EvidenceError(Problem(what, path=prefix, rule="tree"))
            start = f"{path}/" if path else ""
            # In this order the whole paths are sorted: a folder's own has a slash behind it.
            ordered = sorted((name + "/" * (node[0] == TREE_MODE), name) for name, node in nodes.items())
            waiting += [(start + name, *nodes[name]) for _, name in reversed(ordered)]

    def _preload_below(self, trees: dict[str, str]) -> None:
        """As `preload`, and the folders below them for as long as they are few."""
        for _ in range(DEEP):
            self.preload(trees)
            inside: dict[str, str] = {}
            for tree, path in trees.items():
                with contextlib.suppress(EvidenceError, ConfigurationError):
                    nodes = self.nodes(tree, path).items()
                    inside |= {node[1]: f"{path}/{name}" for name, node in nodes if node[0] == TREE_MODE}
            if not 0 < len(inside) <= 4 * AT_ONCE:
                return
            trees = inside

    def entries(self, nodes: Mapping[str, tuple[str, str]]) -> dict[str, Entry]:
        """The same names as `Entry` values, with the sizes that git's headers tell."""
        kinds = {mode: kind_of(mode) for mode, _ in nodes.values()}
        sizes = self._known_sizes([id_ for mode, id_ in nodes.values() if kinds[mode] == "blob"])
        return {
            path: Entry(mode, kinds[mode], id_, sizes.get(id_) if kinds[mode] == "blob" else None)
            for path, (mode, id_) in nodes.items()
        }

    def _known_sizes(self, ids: Iterable[str]) -> Mapping[str, int]:
        wanted = list(dict.fromkeys(ids))
        missing = [id_ for id_ in wanted if id_ not in self._sizes]
        if missing:
            if len(self._sizes) > MOST_SIZES:
                self._sizes = {id_: self._sizes[id_] for id_ in wanted if id_ in self._sizes}
            told = self._reader.headers(missing)
            self._sizes |= {id_: size for id_, (kind, size) in told.items() if kind == "blob"}
        return self._sizes

    def commit(self, id_: str) -> Commit:
        """The commit with this id, verified."""
        found = self._commits.get(id_)
        return found if found is not None else self._keep(id_, parse_commit(id_, self.read(id_, "commit")))

    def _keep(self, id_: str, commit: Commit) -> Commit:
        with self._lock:
            self._commits[id_] = commit
            while len(self._commits) > MOST_COMMITS:
                self._commits.popitem(last=False)
        return commit

    def _absent(self, id_: str, path: str) -> MlassayError:
        """The error for an object that could not be read: cut off, missing, or damaged."""
        result = _command.run(["cat-file", "--batch-check"], self._folder, data=f"{id_}\n".encode())
        missing = result.out.strip().endswith(b"missing") and not result.err.strip()
        missing = missing or "promisor remote" in result.err
        if not missing:
            return Corrupt(id_, path, _command.words(result.err) or "its bytes hash to something else")
        if self.is_shallow:
            return ConfigurationError(shallow(f"object {id_} was never fetched", path))
        if self.is_partial:
            return ConfigurationError(
                Problem(
                    f"this clone is partial: object {id_} was never fetched",
                    why="what was left out cannot be checked",
                    remedy="git fetch --refetch --no-filter, or clone again without --filter",
                    path=path,
                )
            )
        return Corrupt(id_, path, MISSING)

    @property
    def is_shallow(self) -> bool:
        """Whether the history was cut off when it was cloned or fetched."""
        return bool(self.boundary)

    @property
    def boundary(self) -> frozenset[str]:
        """The commits whose parents a shallow clone never fetched."""
        file = self._common_dir / "shallow"
        return frozenset(file.read_text().split()) if file.is_file() else frozenset()

    @property
    def is_partial(self) -> bool:
        """Whether objects were left out on purpose when it was cloned (``--filter``)."""
        pattern = r"^(extensions\.partialclone|remote\..*\.promisor)$"
        return bool(_command.run(["config", "--get-regexp", pattern], self._folder).out)


def _about(error: EvidenceError, path: str) -> EvidenceError:
    """What is wrong with a tree, as an error that names its folder."""
    if isinstance(error, Corrupt):
        return Corrupt(error.object_id, path, "a folder's list of files is missing or altered")
    return EvidenceError(*(replace(p, path=path or "the root folder", line=None) for p in error.problems))


def _too_large(id_: str, size: int, most: int, path: str) -> Problem:
    return Problem(
        f"git object {id_} has {size:,} bytes; at most {most:,} are read",
        why="nothing that mlassay records is so large, and reading it would fill this machine's memory",
        remedy="find the commit that brought it in: git log --first-parent -- <path>",
        path=path,
        rule="object",
    )


def shallow(what: str, path: str = "") -> Problem:
    """The one wording for a history that was cut off."""
    return Problem(
        f"this clone is shallow: {what}",
        why="what was cut off cannot be checked, and no answer is given over half of a history",
        remedy="git fetch --unshallow",
        path=path,
    )


def kind_of(mode: str) -> str:
    """``tree``, ``commit`` (a submodule) or ``blob``."""
    return _KINDS.get(mode, "blob")


_KINDS = {TREE_MODE: "tree", SUBMODULE_MODE: "commit"}
