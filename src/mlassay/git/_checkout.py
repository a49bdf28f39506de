"""The two writes that people's work tree sees: an ordinary commit, and a fast-forward."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from mlassay.git import _command
from mlassay.git._values import Identity


def add_and_commit(
    folder: Path, paths: Sequence[str], message: str, who: Identity, when: datetime | None
) -> None:
    """Commit ``paths`` as they lie there, without hooks and unsigned; nothing when they have not changed."""
    extra: dict[str, str] = {}
    for role in ("AUTHOR", "COMMITTER"):
        extra |= {f"GIT_{role}_NAME": who.name, f"GIT_{role}_EMAIL": who.email}
        if when is not None:
            extra[f"GIT_{role}_DATE"] = f"{int(when.timestamp())} +0000"
    added = _command.run(["add", "--all", "--", *paths], folder)
    if added.code:
        raise _command.failure(added, "git cannot add these files", path=str(folder))
    options = ["--quiet", "--no-verify", "--cleanup=verbatim", "--file=-", "--only"]
    text = (message.rstrip("\n") + "\n").encode()
    done = _command.run(["commit", *options, "--", *paths], folder, data=text, extra=extra)
    if done.code and _command.run(["diff-index", "--cached", "--quiet", "HEAD", "--", *paths], folder).code:
        raise _command.failure(done, "git cannot commit", path=str(folder))


def move(
    folder: Path, worktree: Path | None, ref: str, old: str, new: str, alike: Sequence[str] = ()
) -> None:
    """Try to move a local branch from ``old`` on to its descendant ``new``; leaves all as it was where it cannot.

    ``alike`` are uncommitted files that are what ``new`` holds: git moves past them only when they are staged.
    """
    listed = _command.run(["for-each-ref", "--format=%(worktreepath)", ref], folder)
    where = os.fsdecode(listed.out).removesuffix("\n")
    if not where:
        _command.run(["update-ref", ref, new, old], folder)
    elif worktree is not None and worktree.resolve() == Path(where).resolve():
        if alike:
            _command.run(["update-index", "--add", "--remove", "--", *alike], worktree)
        # Ignored files are overwritten by default: here they are somebody's work as well.
        options = ["--ff-only", "--quiet", "--no-overwrite-ignore", "--no-stat", "--no-verify-signatures"]
        _command.run(["merge", *options, new], worktree)
