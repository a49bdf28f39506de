"""How much a command has written, and how its leavings are removed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path

ENTRY_BYTES = 1 << 10  # charged for each name, so that a million empty files is not free
UNMEASURABLE = 1 << 62


def used(roots: Iterable[Path]) -> int:
    """Bytes under ``roots``: per file the larger of size and blocks, hard links once, links not followed.

    A tree that cannot be measured (too deep for a path, or closed to us) counts as UNMEASURABLE, because
    anything may be in it.
    """
    total, pending = 0, [os.fspath(r) for r in roots]
    seen: set[tuple[int, int]] = set()
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    status = _status(entry)
                    if status is None:
                        continue
                    if stat.S_ISDIR(status.st_mode):
                        pending.append(entry.path)
                    elif (key := (status.st_dev, status.st_ino)) in seen:
                        continue
                    elif status.st_nlink > 1:
                        seen.add(key)
                    total += ENTRY_BYTES + max(status.st_size, status.st_blocks * 512)
        except (FileNotFoundError, NotADirectoryError):
            continue  # removed while we looked
        except OSError:
            return UNMEASURABLE
    return total


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    try:
        return entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None


def remove_tree(top: Path) -> None:
    """Remove a folder that a hostile command filled; nothing may still be writing to it.

    Each sub-folder is first moved up to ``top``, so that neither a path nor a call stack grows with the
    depth of the tree, and opened to its owner, because a command may have closed it. Symbolic links are
    removed, never followed. A missing ``top`` is no error.
    """
    if not top.is_dir() or top.is_symlink():
        return
    number, pending = 0, [os.fspath(top)]
    while pending:
        folder = pending.pop()
        os.chmod(folder, 0o700)  # noqa: PTH101 - plain strings: a tree may have a million entries
        with os.scandir(folder) as entries:
            inside = [(e.path, e.is_dir(follow_symlinks=False)) for e in entries]
        for path, is_folder in inside:
            if not is_folder:
                os.unlink(path)  # noqa: PTH108 - plain strings
                continue
            os.chmod(path, 0o700)  # noqa: PTH101 - a folder can only be moved by who may write in it
            while os.path.lexists(moved := os.path.join(top, f".removing-{number}")):  # noqa: PTH118 - plain strings
                number += 1
            os.rename(path, moved)  # noqa: PTH104 - plain strings
            pending.append(moved)
        if folder != os.fspath(top):
            os.rmdir(folder)  # noqa: PTH106 - plain strings
    top.rmdir()
