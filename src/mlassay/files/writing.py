"""Files and folders that are there whole or not at all, whatever kills us in between; and one lock.

What is being written lies beside its final place under a name with ``.partial-`` in it, locked by its writer. Whoever
writes there next removes what no living process holds.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from mlassay.errors import ConfigurationError, Problem

_PARTIAL = ".partial-"
_OLD = ".old-"


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Put ``data`` at ``path``: afterwards the old bytes stand there or the new ones, never a part. Keeps to the umask."""
    refuse_special(path)
    try:
        _remove_leftovers(path)
        aside, handle = _claim(path, lambda aside: _new_file(aside, mode))
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                aside.replace(path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
        _sync(path.parent)
    except OSError as error:
        _cannot_write(path, error)


def refuse_special(path: Path) -> None:
    """ConfigurationError when something stands at ``path`` that is no plain file: a file in its place would remove it."""
    if path.exists() and not path.is_file():
        raise ConfigurationError(
            Problem(
                "this is a folder" if path.is_dir() else "this is a device or a pipe, and no file",
                why="a file is put in the place of what stands there",
                remedy="name a new file",
                path=str(path),
            )
        )


@contextlib.contextmanager
def staged_folder(final: Path) -> Iterator[Path]:
    """A new empty folder to fill; when the block ends well it takes the place of ``final`` in one step.

    When the block raises, or the process dies, ``final`` is as it was.
    """
    try:
        final.parent.mkdir(parents=True, exist_ok=True)
        recover(final)
        aside, handle = _claim(final, _new_folder)
    except OSError as error:
        _cannot_write(final, error)
    try:
        try:
            yield aside
            _sync_tree(aside)
            _swap(aside, final)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            _cannot_write(final, error)
        raise
    finally:
        os.close(handle)


def recover(final: Path) -> None:
    """Put right what a killed `staged_folder` left: restore the old folder if none is there, remove the rest."""
    if not final.exists():
        for old in _beside(final, _OLD):
            old.rename(final)
            break
    for old in _beside(final, _OLD):
        shutil.rmtree(old, ignore_errors=True)
    _remove_leftovers(final)


@contextlib.contextmanager
def lock(path: Path, *, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold ``path`` as a lock for the block; ConfigurationError that says who holds it when it is not free in time.

    The lock goes with the process: a killed holder leaves none. The file itself stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    except OSError as error:
        _cannot_write(path, error)
    with os.fdopen(handle, "r+b") as file:
        until = time.monotonic() + wait_seconds
        while not _try_lock(file.fileno()):
            if time.monotonic() >= until:
                holder = file.read(200).decode("utf-8", "replace").strip() or "another process"
                raise ConfigurationError(
                    Problem(
                        f"{holder} is at work here",
                        why="two at once would mix what they write",
                        remedy="wait until it has ended, then run this again",
                        path=str(path),
                    )
                )
            time.sleep(0.02)
        file.truncate(0)
        file.write(f"mlassay, process {os.getpid()} on {socket.gethostname()}\n".encode())
        file.flush()
        yield


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _claim(path: Path, make: Callable[[Path], int]) -> tuple[Path, int]:
    """A new file or folder beside ``path`` and a handle that holds its lock: nobody takes it for a leftover."""
    while True:
        aside = path.with_name(f"{path.name}{_PARTIAL}{secrets.token_hex(4)}")
        handle = make(aside)
        fcntl.flock(handle, fcntl.LOCK_EX)
        if _is(aside, handle):
            return aside, handle
        # Between making and locking it, somebody who cleans up was faster.
        os.close(handle)


def _new_file(aside: Path, mode: int) -> int:
    return os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


def _new_folder(aside: Path) -> int:
    while True:
        aside.mkdir()
        with contextlib.suppress(FileNotFoundError):
            return os.open(aside, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def _is(path: Path, handle: int) -> bool:
    try:
        return path.lstat().st_ino == os.fstat(handle).st_ino
    except FileNotFoundError:
        return False


def _beside(path: Path, mark: str) -> list[Path]:
    prefix = path.name + mark
    try:
        return sorted(entry for entry in path.parent.iterdir() if entry.name.startswith(prefix))
    except FileNotFoundError:
        return []


def _remove_leftovers(path: Path) -> None:
    for leftover in _beside(path, _PARTIAL):
        try:
            handle = os.open(leftover, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue  # its writer was faster: it is in place, or gone
        try:
            if not _try_lock(handle):
                continue
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
        finally:
            os.close(handle)


def _swap(new: Path, final: Path) -> None:
    if _first(new, final):
        pass
    elif _exchange(new, final):
        shutil.rmtree(new, ignore_errors=True)  # it holds the old folder now, and anybody may clean that up
    else:
        # No exchange on this system: if we die between the two, `recover` brings the old one back.
        old = final.with_name(f"{final.name}{_OLD}{secrets.token_hex(4)}")
        final.rename(old)
        new.rename(final)
        shutil.rmtree(old)
    _sync(final.parent)


def _first(new: Path, final: Path) -> bool:
    """Put ``new`` in its place when nothing stands there; False when something does, or just came."""
    if final.exists():
        return False
    try:
        new.rename(final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def _exchange(one: Path, other: Path) -> bool:
    """Swap two paths in one step (renameat2 on Linux); False where the system cannot."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    at_fdcwd, exchange = -100, 2  # linux/fcntl.h, linux/fs.h
    done = bool(rename(at_fdcwd, os.fsencode(one), at_fdcwd, os.fsencode(other), exchange) == 0)
    if not done and ctypes.get_errno() not in (errno.ENOSYS, errno.EINVAL, errno.ENOTSUP):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
    return done


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_tree(root: Path) -> None:
    for folder, _, names in os.walk(root):
        for name in names:
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                _sync(path)
        _sync(Path(folder))


_REMEDIES = {
    errno.ENOSPC: "make room on the disk, then run this again",
    errno.EDQUOT: "your quota on this disk is used up: make room, then run this again",
    errno.EROFS: "the disk is read-only: work in a folder that can be written",
    errno.EACCES: "you may not write there: work in a folder of your own",
    errno.EPERM: "you may not write there: work in a folder of your own",
    errno.ENOENT: "make the folder first",
}


def _cannot_write(path: Path, error: OSError) -> NoReturn:
    raise ConfigurationError(
        Problem(
            f"this cannot be written: {(error.strerror or str(error)).lower()}",
            why="nothing was left half-written: what stood here before stands unchanged",
            remedy=_REMEDIES.get(error.errno or 0, "see to the disk, then run this again"),
            path=str(path),
        )
    ) from error
