"""Objects for another machine: a bundle or a pack of the first-parent line, and blobs copied without being held whole."""

from __future__ import annotations

import hashlib
import io
import re
import subprocess
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import IO

from mlassay.errors import EvidenceError, Problem
from mlassay.git import _command
from mlassay.git._values import Corrupt, decoded

CHUNK = 1 << 20
# A pack that depends on nothing but its objects and their order: no delta of this clone's own packs is taken over.
_ALONE = (
    *("--no-reuse-delta", "--no-reuse-object", "--threads=1", "--window=10", "--depth=50"),
    *("--window-memory=0", "--compression=6"),
)
_SETTINGS = ("pack.packSizeLimit=0", "core.bigFileThreshold=64m", "pack.usePathWalk=false")
_RAW = re.compile(rb":\d{6} (\d{6}) [0-9a-f]{40} ([0-9a-f]{40}) [A-Z]\d*")


def list_objects(folder: Path, head: str, target: Path, *, line: bool) -> None:
    """Write ``id name`` for every object that ``head`` reaches into ``target``; ``line``: over first parents only."""
    only = ["--first-parent"] if line else []
    arguments = ["rev-list", "--objects", *only, "--end-of-options", head]
    with target.open("wb") as out:
        _stream(folder, arguments, out=out)


def write_pack(folder: Path, listing: Path, out: IO[bytes]) -> None:
    """Append a pack of the objects in ``listing`` (as `list_objects` writes them) to ``out``."""
    out.flush()
    with listing.open("rb") as source:
        _stream(
            folder, ["pack-objects", "--stdout", "-q", *_ALONE], out=out, source=source, settings=_SETTINGS
        )


def write_bundle(folder: Path, head: str, ref: str, listing: Path, target: Path) -> None:
    """A git bundle (version 2, needing nothing) of the objects in ``listing``, with one ref at ``head``."""
    with target.open("wb") as out:
        out.write(f"# v2 git bundle\n{head} {ref}\n\n".encode())
        write_pack(folder, listing, out)


def without(listing: Path, left_out: Collection[str], target: Path) -> None:
    """Copy a listing without the objects whose ids are in ``left_out``."""
    with listing.open("rb") as source, target.open("wb") as out:
        out.writelines(row for row in source if row[:40].decode("ascii") not in left_out)


def line_files(folder: Path, head: str) -> Iterator[tuple[str, str, str, str]]:
    """``(commit, path, mode, id)`` of each file as it came in on the first-parent line, newest commit first.

    Streamed: nothing of the history is held. Files that go away are not told.
    """
    arguments = ["log", "--first-parent", "-m", "--root", "--raw", "--no-renames", "--no-abbrev", "-z"]
    command = ["git", *_command.OPTIONS, *arguments, "--format=%H", "--end-of-options", head]
    with subprocess.Popen(
        command, cwd=folder, env=_command.environment(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        yield from _files(_fields(process.stdout or io.BytesIO()))
    _refuse(process.returncode, "git log cannot walk it")


def copy_blob(folder: Path, id_: str, out: IO[bytes], path: str) -> None:
    """Append the bytes of a blob to ``out`` in pieces; Corrupt, naming ``path``, when they do not fit the id."""
    out.flush()
    start = out.tell()
    _stream(folder, ["cat-file", "blob", id_], out=out)
    end = out.seek(0, 2)
    out.seek(start)
    hasher = hashlib.sha1(b"blob %d\0" % (end - start), usedforsecurity=False)
    while piece := out.read(CHUNK):
        hasher.update(piece)
    if hasher.hexdigest() != id_:
        raise Corrupt(id_, path)


def _stream(
    folder: Path,
    arguments: Sequence[str],
    *,
    out: IO[bytes],
    source: IO[bytes] | None = None,
    settings: Sequence[str] = (),
) -> None:
    own = [part for setting in settings for part in ("-c", setting)]
    done = subprocess.run(
        ["git", *_command.OPTIONS, *own, *arguments],
        cwd=folder,
        env=_command.environment(),
        stdin=source or subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.PIPE,
        check=False,
    )
    _refuse(done.returncode, done.stderr.decode("utf-8", "replace"))


def _refuse(code: int, said: str) -> None:
    if code:
        raise EvidenceError(
            Problem(
                f"the objects of this history cannot be read: {_command.words(said)}",
                why="an export that lacks an object proves nothing",
                remedy="git fsck; clone again from a copy that you trust",
            )
        )


def _fields(stream: IO[bytes]) -> Iterator[bytes]:
    rest = b""
    while piece := stream.read(CHUNK):
        *whole, rest = (rest + piece).split(b"\0")
        yield from whole
    if rest:
        yield rest


def _files(fields: Iterator[bytes]) -> Iterator[tuple[str, str, str, str]]:
    commit = ""
    for field in fields:
        word = field.lstrip(b"\n")
        if (match := _RAW.fullmatch(word)) is None:
            commit = word.decode("ascii", "replace") or commit
            continue
        path = decoded(next(fields, b""))
        if match[1] != b"000000":
            yield commit, path, match[1].decode(), match[2].decode()
