"""What people type, into commit ids."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mlassay.errors import ConfigurationError, Problem
from mlassay.git import _command
from mlassay.git._objects import Objects
from mlassay.git._values import Corrupt, full_id

_FIXED = re.compile(r"[0-9a-f]{40}|HEAD")
_SHORT = re.compile(r"([0-9a-f]{7,39})(?:[~^].*)?")
_PLAIN = re.compile(r"(?!-|refs/)[^~^:@{}\\\s?*\[]+([~^].*)?")


def resolve(folder: Path, objects: Objects, revision: str) -> str:
    """The id of the commit that ``revision`` names; ConfigurationError when there is none, Corrupt when damaged."""
    names = [revision]
    # git would take refs/tags/main for "main", and anyone who may push tags could then move our main line.
    if not _FIXED.fullmatch(revision) and _PLAIN.fullmatch(revision):
        names = [f"refs/heads/{revision}", f"refs/remotes/{revision}", revision]
    names = [name for name in names if "\0" not in name and "\n" not in name]
    for name in names:
        if found := tip(folder, name + "^{commit}"):
            _refuse_two_meanings(folder, revision)
            return full_id(found)
    _refuse_damage(folder, objects, names, revision)
    if revision == "HEAD":
        raise ConfigurationError(
            Problem("there is no commit here yet", remedy="make the first one: git add -A && git commit")
        )
    raise ConfigurationError(
        Problem(
            f"{revision[:200]!a} names no commit here",
            remedy="git fetch, or look at git log and git branch -a",
        )
    )


def _refuse_two_meanings(folder: Path, revision: str) -> None:
    """ConfigurationError for the beginning of an object's id that is a branch or tag as well: anyone may push one."""
    match = _SHORT.fullmatch(revision)
    if match is None or not _command.run(["rev-parse", f"--disambiguate={match[1]}"], folder).out.strip():
        return
    refs = [f"refs/heads/{match[1]}", f"refs/tags/{match[1]}", f"refs/remotes/{match[1]}", f"refs/{match[1]}"]
    if named := next((ref for ref in refs if tip(folder, ref)), None):
        raise ConfigurationError(
            Problem(
                f"{match[1]} is the beginning of an object's id, and {named} is called so as well",
                why="whoever may push a branch or a tag could so choose what is looked at",
                remedy=f"write {named}, or the whole id",
            )
        )


def tip(folder: Path, name: str) -> str | None:
    """The id that ``name`` stands for, whether or not it can be read; None when it stands for nothing."""
    result = _command.run(["rev-parse", "--verify", "--quiet", "--end-of-options", name], folder)
    return result.text or None


def _refuse_damage(folder: Path, objects: Objects, names: Sequence[str], revision: str) -> None:
    """Raise Corrupt when one of ``names`` is known, but what it names cannot be read: no mere typing error."""
    for name in names:
        if found := tip(folder, name):
            try:
                objects.verify(full_id(found))
            except Corrupt as error:
                if not (error.missing and found == revision):
                    raise
