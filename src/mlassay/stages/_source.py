"""The files that a run starts from: git's objects of the source commit, or the work tree while it is being edited."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mlassay.errors import ConfigurationError, Problem
from mlassay.files import path_fault, read_file
from mlassay.git import Repository

FILE_BYTES = 256 << 20  # of one file that a command uses; data comes by manifests

Found = tuple[
    str, int, Callable[[], bytes] | None
]  # path, mode, how to read it (None: there is no such file)


@dataclass(frozen=True)
class Source:
    """Where a run starts: ``commit`` and ``tree`` are empty before the first commit.

    ``dirty`` names uncommitted changes; while there are any, files come from the work tree, and no release
    can be made of what is trained.
    """

    repository: Repository
    commit: str
    tree: str
    ref: str
    dirty: tuple[str, ...]

    @classmethod
    def of(cls, repository: Repository, *, matters: Sequence[str], ignored: Sequence[str] = ()) -> Source:
        """The state of ``repository`` now. An untracked file counts only below ``matters`` (files or folders)."""
        commit = repository.head()
        branch = repository.current_branch()
        changed = repository.uncommitted(ignored_prefixes=ignored)
        dirty = [
            path for path in changed if _below(path, matters) or (commit and repository.entry(commit, path))
        ]
        tree = repository.commit(commit).tree if commit else ""
        return cls(repository, commit or "", tree, f"refs/heads/{branch}" if branch else "", tuple(dirty))

    def files(self, uses: Iterable[str]) -> list[Found]:
        """Each file that ``uses`` names, those of named folders included, sorted and once."""
        found: dict[str, Found] = {}
        for name in uses:
            for each in self._find(name.removesuffix("/")):
                found[each[0]] = each
        return [found[path] for path in sorted(found)]

    def as_json(self) -> dict[str, str | list[str]]:
        """As provenance holds it."""
        return {"commit": self.commit, "tree": self.tree, "ref": self.ref, "dirty": list(self.dirty)}

    def _find(self, name: str) -> list[Found]:
        if fault := path_fault(name):
            raise ConfigurationError(Problem(f"{name[:120]!r} cannot be used: {fault}", path="ml.yaml"))
        if self.dirty or not self.commit:
            return self._in_work_tree(name)
        entries = self.repository.tree(self.commit, name)
        if odd := [path for path, entry in entries.items() if not entry.is_file]:
            raise ConfigurationError(
                Problem(
                    "this is a link or a submodule and cannot be used",
                    why="it could show other bytes to each reader",
                    path=odd[0],
                )
            )
        return [
            (path, _mode(entry.mode == "100755"), partial(self.repository.blob, entry.id, path))
            for path, entry in entries.items()
        ] or [(name, 0, None)]

    def _in_work_tree(self, name: str) -> list[Found]:
        folder = self.repository.folder
        top = folder / name
        paths = (
            sorted(p for p in top.rglob("*") if p.is_file())
            if top.is_dir() and not top.is_symlink()
            else [top]
        )
        tracked = [path for path in paths if path.is_file() and not _is_cache(path)]
        return [self._on_disk(folder, path) for path in tracked] or [(name, 0, None)]

    def _on_disk(self, folder: Path, path: Path) -> Found:
        name = path.relative_to(folder).as_posix()
        executable = bool(path.stat().st_mode & 0o100)
        return name, _mode(executable), partial(read_file, folder, name, FILE_BYTES)


def _mode(executable: bool) -> int:
    return 0o755 if executable else 0o644


def _is_cache(path: Path) -> bool:
    return "__pycache__" in path.parts or ".git" in path.parts


def _below(path: str, prefixes: Sequence[str]) -> bool:
    return any(path == prefix or path.startswith(prefix.removesuffix("/") + "/") for prefix in prefixes)
