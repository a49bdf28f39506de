"""Three versions of one text made into one, by git's own merge of files; no repository is needed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from mlassay.git import _command

FAILED = 128  # git-merge-file(1): up to 127 is the number of conflicts


def merge_file(ours: bytes, base: bytes, theirs: bytes) -> tuple[bytes, bool]:
    """``(merged, clean)``: what ``base`` became on both sides; with markers, and False, where the two collide.

    Bytes that are no text cannot be merged: ``ours`` and False.
    """
    with TemporaryDirectory(prefix="mlassay-merge-") as folder:
        names = ("yours", "the template that you took", "the template now")
        for name, data in zip(names, (ours, base, theirs), strict=True):
            Path(folder, name).write_bytes(data)
        options = ["--stdout", "--quiet", "--diff3", *(f"-L{name}" for name in names)]
        done = _command.run(["merge-file", *options, *names], Path(folder))
    if done.code >= FAILED or done.code < 0:
        return ours, False
    return done.out, done.code == 0
