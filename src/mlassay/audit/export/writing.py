"""Lay an export out as one file: the history, the plain files, the keys, lists for the page's commands, the sums."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from mlassay.audit.export.archive import FILE, PROGRAM, Archive, Member
from mlassay.audit.export.names import quoted
from mlassay.audit.export.types import Export, PlainFile
from mlassay.digest import canonical
from mlassay.errors import ConfigurationError, Problem
from mlassay.evidence.times import time_string
from mlassay.files.writing import refuse_special
from mlassay.git import Repository

VERSION = 1
INDEX, SUMS = "INDEX.json", "SHA256SUMS"
BUNDLE, PACK = "history.bundle", "history.pack"
REF = "refs/heads/main"
HELD = 8 << 20  # bytes; a larger file goes through the disk


def write(
    repo: Repository,
    export: Export,
    texts: Mapping[str, str],
    target: Path,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[Member, ...]:
    """Write ``target`` whole or not at all; ``texts`` are the pages by name (``.sh`` may be run). What it holds.

    ConfigurationError where nothing can be written there.
    """
    refuse_special(target)
    try:
        with tempfile.TemporaryDirectory(prefix=".mlassay-export-", dir=target.absolute().parent) as place:
            aside = Path(place)
            with Archive(aside / "archive", folder_name(export), _seconds(export.date)) as archive:
                _fill(repo, export, texts, archive, aside, say)
            (aside / "archive").replace(target)
    except OSError as error:
        raise ConfigurationError(
            Problem(
                f"the export cannot be written: {error.strerror}",
                remedy="name a file in a folder of yours",
                path=str(target),
            )
        ) from error
    return tuple(archive.members)


def folder_name(export: Export) -> str:
    """The one folder of the archive."""
    return f"mlassay-{export.profile}-{export.commit[:12]}"


def _fill(
    repo: Repository,
    export: Export,
    texts: Mapping[str, str],
    archive: Archive,
    aside: Path,
    say: Callable[[str], None],
) -> None:
    for name, text in texts.items():
        archive.add(name, text.encode("utf-8", "backslashreplace"), PROGRAM if name.endswith(".sh") else FILE)
    say("the history")
    history = aside / "history"
    if export.redacted:
        repo.write_pack(export.commit, history, {one.blob for one in export.left_out})
    else:
        repo.write_bundle(export.commit, REF, history)
    archive.add_file(PACK if export.redacted else BUNDLE, history)
    sums = {}
    for number, file in enumerate(export.here, 1):
        say(f"file {number:,} of {len(export.here):,}")
        _add_blob(repo, file, archive, aside / "blob")
        sums[file.path] = archive.members[-1].sha256
    for version in export.keys:
        for name, data in sorted(version.files.items()):
            archive.add(f"keys/{version.blob}/{name}", data)
    for name, rows in _lists(export).items():
        archive.add(f"lists/{name}", "".join(f"{row}\n" for row in rows).encode())
    archive.add(INDEX, canonical(index(export, sums, archive.members)))
    rows = sorted(f"{member.sha256}  {member.name}\n" for member in archive.members)
    archive.add(SUMS, "".join(rows).encode())


def _add_blob(repo: Repository, file: PlainFile, archive: Archive, aside: Path) -> None:
    if file.size <= HELD:
        archive.add(file.stored, repo.blob(file.blob, file.path))
        return
    with aside.open("w+b") as out:
        repo.copy_blob(file.blob, out, file.path)
    archive.add_file(file.stored, aside)


def _lists(export: Export) -> dict[str, list[str]]:
    here = {file.path for file in export.here}
    return {
        "files.tsv": [
            f"{file.mode} blob {file.blob}\t{file.stored if file.path in here else '-'}\t{quoted(file.path)}"
            for file in export.files
        ],
        "keys.tsv": [
            f"{version.blob}\t{version.commit}\t{time_string(version.since)}" for version in export.keys
        ],
        "left-out.tsv": [
            f"{one.blob}\t{one.size}\t{one.digest or '-'}\t{quoted(path)}\t{one.why}"
            for one in export.left_out
            for path in one.paths
        ],
        "missing.txt": list(export.missing),
    }


def index(export: Export, sums: Mapping[str, str], members: list[Member]) -> dict[str, Any]:
    """``INDEX.json``: what is in the export, for machines. Odd paths are spelled as git prints them."""
    return {
        "version": VERSION,
        "kind": "export",
        "profile": export.profile,
        "commit": export.commit,
        "tree": export.tree,
        "date": time_string(export.date),
        "model": export.name,
        "demo": export.demo,
        "running": [
            {
                "environment": one.environment,
                "release": one.release,
                "state": one.state,
                "since": time_string(one.since),
                "promotion": one.promotion,
            }
            for one in export.running
        ],
        "files": [
            {
                "path": quoted(file.path),
                "stored": file.stored,
                "mode": file.mode,
                "blob": file.blob,
                "size": file.size,
                "digest": f"sha256:{sums[file.path]}",
            }
            for file in export.here
        ],
        "keys": [
            {"people": one.blob, "commit": one.commit, "since": time_string(one.since)} for one in export.keys
        ],
        "left_out": [
            {
                "blob": one.blob,
                "paths": [quoted(path) for path in one.paths],
                "size": one.size,
                "digest": one.digest,
                "why": one.why,
            }
            for one in export.left_out
        ],
        "missing": list(export.missing),
        "named": list(export.told),
        "contents": [{"name": m.name, "size": m.size, "digest": f"sha256:{m.sha256}"} for m in members],
    }


def _seconds(date: datetime) -> int:
    """Archives know no time before 1970, and old ones none after 2242."""
    return min(max(int(date.timestamp()), 0), (1 << 33) - 1)
