"""The full, strict check of every object, with paths where they can be told."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.git import _command
from mlassay.git._objects import Objects
from mlassay.git._values import TREE_MODE

_ID = re.compile(r"\b[0-9a-f]{40}\b")
_NOISE = re.compile(r"^(notice:|dangling |Checking |unreachable |\s+to )")
# What git says of a tree, or of a file that git itself obeys, is about names and modes; all else is about objects.
_OF_TREE = re.compile(r"^(error|warning) in tree |: (gitmodules|gitattributes)[A-Z]\w*: ")
_NAMED = re.compile(r"\(([^()]*:[^()]+)\)")


def fsck(folder: Path, common_dir: Path, objects: Objects) -> list[Problem]:
    """Everything that ``git fsck --full --strict`` finds wrong.

    It runs against the object database alone: the repository's configuration could switch checks off
    (``fsck.skipList``, ``fsck.<id>=ignore``).
    """
    tips = _tips(folder)
    with tempfile.TemporaryDirectory(prefix="mlassay-fsck-") as scratch:
        bare = Path(scratch)
        started = _command.run(["init", "--quiet", "--bare", "--template=", scratch], bare)
        if started.code:
            raise _command.failure(started, "git cannot prepare its check")
        if objects.is_shallow:
            (bare / "shallow").write_bytes((common_dir / "shallow").read_bytes())
        result = _command.run(
            ["fsck", "--full", "--strict", "--no-dangling", "--no-progress", "--name-objects", *tips],
            bare,
            extra={"GIT_DIR": scratch, "GIT_OBJECT_DIRECTORY": str(common_dir / "objects")},
        )
    said = (result.out.decode("utf-8", "replace") + result.err).splitlines()
    lines = list(dict.fromkeys(line for line in said if line.strip() and not _NOISE.match(line)))
    if result.code and not lines:
        raise _command.failure(result, "git fsck failed", path=str(folder))
    unnamed = any(_ID.search(line) and not _NAMED.search(line) for line in lines)
    paths = _paths(objects, tips) if unnamed else {}
    return [_problem(line, paths) for line in lines]


def _tips(folder: Path) -> list[str]:
    """The objects that refs and HEAD name, and what annotated tags among them point at."""
    listed = _command.run(["for-each-ref", "--format=%(objectname) %(*objectname)"], folder)
    if listed.code:
        raise _command.failure(listed, "git cannot list its refs", path=str(folder))
    head = _command.run(["rev-parse", "--verify", "--quiet", "HEAD"], folder).text
    return sorted({*listed.text.split(), *head.split()})


def _problem(line: str, paths: dict[str, str]) -> Problem:
    named = _NAMED.search(line)
    ids = _ID.findall(line)
    path = (
        named[1].partition(":")[2].rstrip("/") if named else next((paths[i] for i in ids if i in paths), "")
    )
    return Problem(
        f"git fsck: {_command.words(line)}",
        why="an object of this repository is not what its id promises, or not what git itself would write",
        remedy="clone again from a copy that you trust, and compare",
        path=_command.words(path),
        rule="tree" if _OF_TREE.search(line) else "object",
    )


def _paths(objects: Objects, tips: Iterable[str]) -> dict[str, str]:
    """``object id -> path`` for all that is reachable, past whatever is damaged."""
    paths: dict[str, str] = {}
    seen: set[str] = set()
    waiting = list(tips)
    while waiting:
        id_ = waiting.pop()
        if id_ in seen:
            continue
        seen.add(id_)
        try:
            commit = objects.commit(id_)
        except (
            EvidenceError,
            ConfigurationError,
        ):  # that is what fsck has just said; the rest is still named
            continue
        waiting.extend(commit.parents)
        _name_tree(objects, commit.tree, paths)
    return paths


def _name_tree(objects: Objects, root: str, paths: dict[str, str]) -> None:
    waiting = [("", root)]
    while waiting:
        folder, tree = waiting.pop()
        if tree in paths:
            continue
        paths[tree] = folder
        try:
            nodes = objects.nodes(tree, folder)
        except (EvidenceError, ConfigurationError):
            continue
        for name, (mode, id_) in nodes.items():
            path = f"{folder}/{name}" if folder else name
            if mode == TREE_MODE:
                waiting.append((path, id_))
            else:
                paths.setdefault(id_, path)
