"""The pages as a folder: whole or not at all, and never over files that are not ours."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from mlassay.digest import canonical
from mlassay.errors import ConfigurationError, Problem
from mlassay.files.writing import recover, staged_folder

MARKER = "mlassay-site.json"
"""Says that a folder is ours."""
SUMS = "SHA256SUMS"
"""Every page with its digest, as ``sha256sum -c`` reads it: what else lies there is somebody's own."""

_LINE = re.compile(r"[0-9a-f]{64}  ([a-z0-9./-]+)")


def write_site(out: Path, pages: Iterator[tuple[str, bytes]], commit: str) -> int:
    """Put the pages at ``out``, in the place of an earlier site; how many there are.

    ConfigurationError, with nothing touched, where ``out`` holds anything that we did not put there. Whatever ends us
    in between, the earlier site stands as it was.
    """
    final = out.resolve()
    if final.parent.is_dir():
        recover(final)
    refuse_foreign(final)
    sums = []
    with staged_folder(final) as folder:
        for path, data in pages:
            (folder / path).parent.mkdir(exist_ok=True)
            with (folder / path).open("xb") as file:
                file.write(data)
            sums.append(f"{hashlib.sha256(data).hexdigest()}  {path}")
        (folder / SUMS).write_text("".join(f"{line}\n" for line in sorted(sums, key=_path)), "ascii")
        (folder / MARKER).write_bytes(canonical({"version": 1, "kind": "site", "commit": commit}))
        refuse_foreign(final)  # pages take their time, and somebody may have put a file there meanwhile
    return len(sums)


def refuse_foreign(out: Path) -> None:
    """ConfigurationError when ``out`` holds a file that `write_site` did not put there."""
    if not out.exists() and not out.is_symlink():
        return
    if not out.is_dir():
        raise ConfigurationError(_foreign(out, "this is no folder"))
    there = set(_files(out))
    if not there:
        return
    if MARKER not in there or SUMS not in there:
        raise ConfigurationError(_foreign(out, "this folder holds files that no 'mlassay audit site' wrote"))
    known = {match[1] for match in map(_LINE.fullmatch, _lines(out / SUMS)) if match}
    if foreign := sorted(there - known - {MARKER, SUMS}):
        raise ConfigurationError(_foreign(out / foreign[0], "this file is not of the site that lies here"))


def _files(out: Path) -> Iterator[str]:
    """Every file, link and empty folder below ``out``."""
    for folder, folders, names in os.walk(out):
        here = Path(folder)
        links = [name for name in folders if (here / name).is_symlink()]
        if here != out and not folders and not names:
            yield here.relative_to(out).as_posix()
        for name in (*names, *links):
            yield (here / name).relative_to(out).as_posix()


def _lines(path: Path) -> list[str]:
    return path.read_text("ascii", "replace").splitlines() if path.is_file() and not path.is_symlink() else []


def _path(line: str) -> str:
    return line.partition("  ")[2]


def _foreign(path: Path, what: str) -> Problem:
    return Problem(
        what,
        why="the pages take the place of the whole folder, and what lay there would be lost",
        remedy="name a new folder with --out, or move what is yours out of this one",
        path=str(path),
    )
