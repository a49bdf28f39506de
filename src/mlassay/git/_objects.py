"""Objects by id, every one of them held against its id before anything is read out of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from mlassay.errors import ConfigurationError, EvidenceError, MlassayError, Problem
from mlassay.git import _command
from mlassay.git._parse import parse_commit, parse_tree
from mlassay.git._reader import Reader
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


class Objects:
    """The object database of one repository.

    Trees and commits are immutable, so the verified ones are kept, up to a bound.
    """

    def __init__(self, folder: Path, git_dir: Path, common_dir: Path) -> None:
        self._folder, self._common_dir = folder, common_dir
        self._reader = Reader(folder, git_dir, common_dir)
        self._sizes: dict[str, int] = {}
        self.commit = lru_cache(maxsize=8192)(self._commit)
        self._nodes = lru_cache(maxsize=8192)(self._read_nodes)

    def close(self) -> None:
        """End the lasting process; the next read starts another."""
        self._reader.close()

    def read(self, id: str, kind: str, path: str = "") -> bytes:  # noqa: A002  the word of git's own manuals
        """Bytes of an object of ``kind``, hashed again on the way in.

        Corrupt, naming ``path``, when they do not fit the id; ConfigurationError when a shallow or partial
        clone never had them.
        """
        found = self._reader.fetch(full_id(id))
        if found is None:
            raise self._absent(id, path)
        if found[0] != kind:
            raise Corrupt(id, path, f"it is a {found[0]} where a {kind} must be")
        return found[1]

    def verify(self, id_: str) -> None:
        """Raise as `read` does when the object, whatever its kind, is not what its id promises."""
        if self._reader.fetch(full_id(id_)) is None:
            raise self._absent(id_, "")

    def nodes(self, tree: str, path: str) -> Mapping[str, tuple[str, str]]:
        """The entries of one tree object as ``name -> (mode, id)``; ``path`` is for errors only."""
        try:
            return self._nodes(tree)
        except Corrupt as error:
            raise Corrupt(error.object_id, path, "a folder's list of files is missing or altered") from error
        except EvidenceError as error:
            raise EvidenceError(
                *(replace(p, path=path or "the root folder", line=None) for p in error.problems)
            ) from error

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
        found: dict[str, tuple[str, str]] = {}
        waiting = [(prefix, tree)]
        while waiting:
            folder, id_ = waiting.pop()
            for name, node in self.nodes(id_, folder).items():
                path = f"{folder}/{name}" if folder else name
                if node[0] == TREE_MODE:
                    waiting.append((path, node[1]))
                else:
                    found[path] = node
            if len(found) + len(waiting) > MOST_FILES:
                what = f"more than {MOST_FILES} files below one folder"
                raise EvidenceError(Problem(what, path=prefix, rule="tree"))
        return dict(sorted(found.items()))

    def entries(self, nodes: Mapping[str, tuple[str, str]]) -> dict[str, Entry]:
        """The same names as `Entry` values, with the sizes that git's headers tell."""
        sizes = self._known_sizes(id_ for mode, id_ in nodes.values() if kind_of(mode) == "blob")
        return {
            path: Entry(mode, kind_of(mode), id_, sizes.get(id_) if kind_of(mode) == "blob" else None)
            for path, (mode, id_) in nodes.items()
        }

    def _known_sizes(self, ids: Iterable[str]) -> Mapping[str, int]:
        wanted = [id_ for id_ in dict.fromkeys(ids) if id_ not in self._sizes]
        if wanted:
            if len(self._sizes) > MOST_FILES:
                self._sizes.clear()
            # A damaged object ends this process early or has no line of its own: its size stays unknown here,
            # and reading it says why.
            asked = ["cat-file", "--batch-check=%(objectname) %(objecttype) %(objectsize)", "--buffer"]
            result = _command.run(asked, self._folder, data="".join(f"{id_}\n" for id_ in wanted).encode())
            for line in result.out.decode("ascii", "replace").splitlines():
                match line.split():
                    case [id_, "blob", size] if size.isdigit():
                        self._sizes[id_] = int(size)
        return self._sizes

    def _read_nodes(self, tree: str) -> Mapping[str, tuple[str, str]]:
        return parse_tree(self.read(tree, "tree"), tree)

    def _commit(self, id_: str) -> Commit:
        return parse_commit(id_, self.read(id_, "commit"))

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
    return {TREE_MODE: "tree", SUBMODULE_MODE: "commit"}.get(mode, "blob")
