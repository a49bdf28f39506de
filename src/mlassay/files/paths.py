"""Paths that files name: inside their root, without links, the same on every machine."""

from __future__ import annotations

import errno
import os
import stat
import unicodedata
from pathlib import Path

from mlassay.errors import ConfigurationError, Problem

_WHY = (
    "a path that leaves its folder, or means another file on another machine, lets one file stand for another"
)


def path_fault(relative: str) -> str | None:
    """Why ``relative`` is not a path that mlassay follows, in words; None when it is one."""
    if not relative:
        return "the path is empty"
    if len(relative.encode("utf-8", "surrogatepass")) > 1024:
        return "the path is longer than 1024 bytes"
    if relative.startswith(("/", "~")) or (len(relative) > 1 and relative[1] == ":"):
        return "the path is absolute"
    if "\\" in relative:
        return "the path holds a backslash"
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in relative):
        return "the path holds a character that cannot be seen"
    for part in relative.split("/"):
        if part in ("", "."):
            return "the path holds an empty or '.' part"
        if part == "..":
            return "the path leaves its folder ('..')"
        if part.casefold().rstrip(". ") in (".git", "git~1"):
            return "the path leads into git's own folder"
        if part != part.strip() or part.endswith("."):
            return "a part of the path begins or ends with a space, or ends with a dot"
    return None


def inside(root: Path, relative: str, *, path: str = "", line: int | None = None) -> Path:
    """``root / relative`` when that lies in ``root`` and no symbolic link is on the way; it need not exist.

    ``path`` and ``line`` are where ``relative`` was written, for the error.
    """
    if fault := path_fault(relative):
        raise _refusal(relative, fault, path, line)
    at = root
    for part in relative.split("/"):
        at = at / part
        if at.is_symlink():
            raise _refusal(relative, f"{at.relative_to(root)} is a symbolic link", path, line)
    return at


def read_file(root: Path, relative: str, limit: int = 1 << 20) -> bytes:
    """The bytes of a regular file below ``root``, no link followed; ConfigurationError when missing or over ``limit``."""
    data = find_file(root, relative, limit)
    if data is None:
        raise ConfigurationError(
            Problem("the file is not there", remedy="write it, or take it back from git", path=relative)
        )
    return data


def find_file(root: Path, relative: str, limit: int = 1 << 20) -> bytes | None:
    """As `read_file`, but None when there is no such file."""
    if fault := path_fault(relative):
        raise _refusal(relative, fault, relative, None)
    try:
        handle = _open_below(root, relative.split("/"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.EMLINK):
            raise _refusal(relative, "a symbolic link is on the way", relative, None) from error
        raise _refusal(relative, (error.strerror or str(error)).lower(), relative, None) from error
    state = os.fstat(handle)
    if not stat.S_ISREG(state.st_mode):
        os.close(handle)
        raise _refusal(relative, "it is no regular file", relative, None)
    with os.fdopen(handle, "rb") as file:
        data = file.read(limit + 1) if state.st_size <= limit else None
    if data is None or len(data) > limit:
        raise _refusal(
            relative, f"the file has {state.st_size:,} bytes; at most {limit:,} are read here", relative, None
        )
    return data


def _open_below(root: Path, parts: list[str]) -> int:
    # Each part is opened relative to the folder before it: a link put in place meanwhile is not followed either.
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            if stat.S_ISLNK(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
                raise OSError(errno.ELOOP, "a symbolic link is on the way")
            deeper = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = deeper
        # O_NONBLOCK: a named pipe must not hold us up.
        return os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    finally:
        os.close(folder)


def _refusal(relative: str, fault: str, path: str, line: int | None) -> ConfigurationError:
    shown = relative if len(relative) <= 80 else relative[:77] + "..."
    return ConfigurationError(
        Problem(
            fault if path == relative else f"{shown!r}: {fault}",
            why=_WHY,
            remedy="name a regular file of the repository, with '/' between folders",
            path=path,
            line=line,
        )
    )
