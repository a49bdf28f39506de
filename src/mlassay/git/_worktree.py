"""The work tree held against commits: what git would call uncommitted, and what really lies on the disk."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from mlassay.errors import ConfigurationError, Problem
from mlassay.git import _command
from mlassay.git._objects import Objects
from mlassay.git._values import (
    EXECUTABLE_MODE,
    FILE_MODE,
    LINK_MODE,
    TREE_MODE,
    Change,
    Entry,
    decoded,
    encoded,
    object_id,
    path_parts,
)

CHUNK = 1 << 20


def uncommitted(folder: Path, ignored_prefixes: Sequence[str]) -> list[str]:
    """Modified, staged, deleted, unmerged and untracked paths, sorted; what ``.gitignore`` names is left out."""
    arguments = [
        "status",
        "--porcelain=v1",
        "-z",
        "--untracked-files=all",
        "--no-renames",
        "--ignore-submodules=dirty",
    ]
    result = _command.run(arguments, folder, settings=_without_filters(folder))
    if result.code:
        raise _command.failure(result, "git cannot tell what is uncommitted", path=str(folder))
    paths = sorted({decoded(record[3:]) for record in result.out.split(b"\0") if record})
    below = [path_parts(prefix) for prefix in ignored_prefixes]
    return [p for p in paths if not any(tuple(p.split("/")[: len(b)]) == b for b in below)]


def _without_filters(folder: Path) -> list[str]:
    """Settings that disarm the content filters which the repository itself defines: each is a command.

    Those of the user and of the machine (Git LFS, usually) stay.
    """
    listed = _command.run(["config", "--null", "--show-scope", "--name-only", "--list"], folder).out
    fields = [field.decode("utf-8", "surrogateescape") for field in listed.split(b"\0")]
    names = {
        key.rpartition(".")[0]
        for scope, key in zip(fields[::2], fields[1::2], strict=False)
        if scope in {"local", "worktree"} and key.startswith("filter.")
    }
    if odd := sorted(name for name in names if "=" in name):
        raise ConfigurationError(
            Problem(
                f"this repository defines a content filter named {odd[0][:80]!a}, which cannot be switched off",
                why="a content filter is a command that the repository's configuration would run here",
                remedy="remove that section from .git/config",
            )
        )
    off = {"clean": "", "smudge": "", "process": "", "required": "false"}
    return [f"{name}.{key}={value}" for name in sorted(names) for key, value in off.items()]


def differences(objects: Objects, worktree: Path, tree: str, prefixes: Sequence[str]) -> list[Change]:
    """Files at or below ``prefixes`` that are not, byte for byte and mode for mode, what ``tree`` says.

    Neither the index nor its stat cache nor any filter or end-of-line conversion is believed; links are not
    followed; files that ``.gitignore`` hides count as added.
    """
    recorded: dict[str, tuple[str, str]] = {}
    found: dict[str, Entry] = {}
    root = os.fsencode(worktree)
    for prefix in prefixes:
        parts = path_parts(prefix)
        node = objects.lookup(tree, parts)
        if node is not None:
            inner = (
                objects.files(node[1], "/".join(parts)) if node[0] == TREE_MODE else {"/".join(parts): node}
            )
            recorded.update(inner)
        for path in _walk(root, [encoded(part) for part in parts]):
            found[decoded(path)] = _on_disk(root, path)
    differing = [
        path
        for path in sorted(recorded.keys() | found.keys())
        if path not in recorded or path not in found or recorded[path] != (found[path].mode, found[path].id)
    ]
    old = objects.entries({path: recorded[path] for path in differing if path in recorded})
    return [Change(path, old.get(path), found.get(path)) for path in differing]


def _walk(root: bytes, parts: list[bytes]) -> Iterator[bytes]:
    """Paths of all that is not a folder, at or below ``parts``; a link on the way there is itself the find."""
    for depth in range(1, len(parts) + 1):
        path = b"/".join(parts[:depth])
        mode = _mode(root, path)
        if mode is None:
            return
        if not stat.S_ISDIR(mode):
            if depth == len(parts) or stat.S_ISLNK(mode):
                yield path
            return
    waiting = [b"/".join(parts)]
    while waiting:
        folder = waiting.pop()
        with os.scandir(root + b"/" + folder) as listing:
            for item in listing:
                path = folder + b"/" + item.name if folder else item.name
                if path == b".git":
                    continue
                if item.is_dir(follow_symlinks=False):
                    waiting.append(path)
                else:
                    yield path


def _mode(root: bytes, path: bytes) -> int | None:
    try:
        return os.lstat(root + b"/" + path).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None


def _on_disk(root: bytes, path: bytes) -> Entry:
    full = root + b"/" + path
    try:
        mode = os.lstat(full).st_mode
        if stat.S_ISLNK(mode):
            target = os.readlink(full)  # noqa: PTH115  a Path is not made of bytes
            return Entry(LINK_MODE, "blob", object_id("blob", target), len(target))
        if stat.S_ISREG(mode):
            return _hash_file(full)
    except OSError as error:
        raise ConfigurationError(Problem(f"cannot be read: {error.strerror}", path=decoded(path))) from error
    return Entry(f"{mode:06o}", "special", "", None)


def _hash_file(full: bytes) -> Entry:
    with open(os.open(full, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123  a descriptor is no path
        status = os.fstat(file.fileno())
        hasher = hashlib.sha1(b"blob %d\0" % status.st_size, usedforsecurity=False)
        read = 0
        while piece := file.read(CHUNK):
            hasher.update(piece)
            read += len(piece)
    if read != status.st_size:
        raise OSError(errno.EBUSY, "the file changed while it was read")
    mode = EXECUTABLE_MODE if status.st_mode & stat.S_IXUSR else FILE_MODE
    return Entry(mode, "blob", hasher.hexdigest(), read)
