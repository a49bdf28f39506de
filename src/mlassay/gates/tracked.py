"""The files that a gate may read from the team's checkout: what git tracks, never what happens to lie about."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mlassay.errors import MlassayError
from mlassay.evidence.layout import RECORDS
from mlassay.files import find_file, path_fault

MOST_FILES = 20_000
TEXT_BYTES = 4 << 20
"""A text larger than this is data, not source; whoever needs it names it as left out."""
_NOT_SOURCE = (".git/", ".mlassay/", *RECORDS)


@dataclass(frozen=True, slots=True)
class Tracked:
    """The regular files of a checkout, by path, sorted; ``more`` when there were too many to list."""

    root: Path
    paths: tuple[str, ...]
    links: tuple[str, ...] = ()
    more: bool = False

    @classmethod
    def of(cls, root: Path) -> Tracked:
        """What HEAD tracks where ``root`` is a work tree, else every file below it; mlassay's own records never."""
        names = sorted(_names(root))
        kept, links = [], []
        for name in names[:MOST_FILES]:
            path = root / name
            if path_fault(name) or path.is_symlink():
                links.append(name)
            elif path.is_file():
                kept.append(name)
        return cls(root, tuple(kept), tuple(links), len(names) > MOST_FILES)

    def text(self, name: str, most: int = TEXT_BYTES) -> str | None:
        """The file as text; None when it is too large, no UTF-8, holds NUL, or cannot be read safely."""
        data = self.data(name, most)
        if data is None or b"\0" in data:
            return None
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError:
            return None

    def data(self, name: str, most: int = TEXT_BYTES) -> bytes | None:
        """The bytes of one file; None when it is too large or cannot be read safely."""
        try:
            return find_file(self.root, name, most)
        except MlassayError:
            return None

    def size(self, name: str) -> int:
        """Bytes of one file."""
        return (self.root / name).stat().st_size


def _names(root: Path) -> Iterator[str]:
    if (root / ".git").exists():
        yield from _in_git(root)
        return
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in (".git", "__pycache__"))
        for name in files:
            path = Path(folder, name)
            if stat.S_ISREG(mode := path.lstat().st_mode) or stat.S_ISLNK(mode):
                relative = path.relative_to(root).as_posix()
                if not relative.startswith(_NOT_SOURCE):
                    yield relative


def _in_git(root: Path) -> Iterator[str]:
    from mlassay.git import Repository

    repository = Repository.open(root)
    head = repository.head()
    entries = repository.tree(head) if head else {}
    yield from (path for path in entries if not path.startswith(_NOT_SOURCE))
