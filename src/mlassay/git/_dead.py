"""What a killed run of ours left behind in git: lock files that nobody holds, and a work tree moved half-way.

While git writes for us, a note lies in the git directory, locked by us and by every process that git starts. A note
that nobody holds any more is that of a dead run: only then, and only where no git is at work, its leftovers go.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from mlassay.git import _command
from mlassay.git._values import full_id

_NOTE = "mlassay-writing-"
_SETTLE_SECONDS = 0.05  # a clock tick of file times: what was made before it is older than what is made after


@contextlib.contextmanager
def writing(git_dir: Path, says: str = "") -> Iterator[None]:
    """Hold a note for the block, in which git writes; ``says`` is ``<old> <new>`` while a work tree is moved."""
    path = git_dir / f"{_NOTE}{secrets.token_hex(4)}"
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError:
        yield  # whoever may not write here has nothing to leave behind; git itself says what is wrong
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        os.write(handle, says.encode())
        with _command.held(handle):
            yield
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def notes(git_dir: Path) -> list[Path]:
    """The notes of runs that write now, or died while they did."""
    return sorted(git_dir.glob(f"{_NOTE}*"))


def clear(worktree: Path | None, git_dir: Path, common_dir: Path, remote: Path | None) -> None:
    """Remove what dead runs of ours left here, and in ``remote`` where that is a folder of this machine.

    Nothing is touched while any git process is at work in one of these folders, or where that cannot be told.
    """
    for note in notes(git_dir):
        try:
            handle = os.open(note, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            if not _ours_alone(note, handle):
                continue
            began = os.fstat(handle).st_mtime
            folders = [folder for folder in (git_dir, common_dir, remote) if folder is not None]
            if _git_at_work([*folders, *([worktree] if worktree else [])]):
                continue
            time.sleep(_SETTLE_SECONDS)
            _remove_locks(folders, began, time.time())
            says = os.read(handle, 200).decode("ascii", "replace").split()
            if worktree is not None and len(says) == 2:
                _settle(worktree, *map(full_id, says))
            note.unlink(missing_ok=True)
        finally:
            os.close(handle)


def _ours_alone(note: Path, handle: int) -> bool:
    """Whether nobody living holds this note, nor cleared it just now."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return note.stat().st_ino == os.fstat(handle).st_ino
    except (BlockingIOError, FileNotFoundError):
        return False


def _git_at_work(folders: Iterable[Path]) -> bool:
    """Whether a git process works in one of these folders; True where /proc cannot tell."""
    tops = [folder.resolve() for folder in folders]
    try:
        numbers = [name for name in os.listdir("/proc") if name.isdigit()]  # noqa: PTH208 - names only
    except FileNotFoundError:
        return True
    for number in numbers:
        try:
            if not Path(f"/proc/{number}/comm").read_text().startswith("git"):
                continue
            where = Path(os.readlink(f"/proc/{number}/cwd"))  # noqa: PTH115 - it may be gone
        except OSError:
            continue  # it ended, or is another user's
        if any(where.is_relative_to(top) for top in tops) and not _is_reader(number):
            return True
    return False


def _is_reader(number: str) -> bool:
    """Whether it is a lasting ``cat-file`` or ``rev-list``, as open repositories of ours have them: they take no lock."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        return b"cat-file" in words or b"rev-list" in words
    return True


def _remove_locks(folders: Iterable[Path], since: float, until: float) -> None:
    for folder in folders:
        for path in [*folder.glob("*.lock"), *(folder / "refs").rglob("*.lock")]:
            with contextlib.suppress(FileNotFoundError):
                if since <= path.lstat().st_mtime < until:
                    path.unlink()


def _settle(worktree: Path, old: str, new: str) -> None:
    """Give files that a killed move from ``old`` to ``new`` wrote in part what the index says of them.

    A file is git's own half-done work when it is missing, or a beginning of what ``new`` holds there.
    """
    named = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new]
    paths = [os.fsdecode(path) for path in _command.run(named, worktree).out.split(b"\0") if path]
    listed = _command.run(["ls-files", "-z", "--", *paths], worktree).out.split(b"\0")
    indexed = {os.fsdecode(path) for path in listed if path}
    for name in paths:
        path = worktree / name
        if path.is_symlink() or any(parent.is_symlink() for parent in path.parents if parent != worktree):
            continue
        target = _command.run(["cat-file", "blob", f"{new}:{name}"], worktree)
        if path.is_file() and (target.code or not target.out.startswith(path.read_bytes())):
            continue
        if name in indexed:
            _command.run(["checkout-index", "--force", "--index", "--", name], worktree)
        else:
            path.unlink(missing_ok=True)
