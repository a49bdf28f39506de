"""Known vulnerabilities of locked packages, from an export of OSV records: a folder or a zip of JSON, never the network."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlassay.config.locks import PYPI, Lock, normal

RECORD_BYTES = 4 << 20
RECORDS = 500_000
TOTAL_BYTES = 4 << 30


class NotADatabaseError(ValueError):
    """The path holds no OSV export that may be read; the message says why."""


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """One locked package that a record names. ``fixed`` lists the versions that mend it, as the record tells them."""

    package: str
    version: str
    id: str
    aliases: tuple[str, ...]
    fixed: tuple[str, ...]
    lock: str
    line: int | None


@dataclass(slots=True)
class Database:
    """What was read: how many records, how many of them are of PyPI, which could not be read, the newest change."""

    records: int = 0
    pypi: int = 0
    unread: int = 0
    newest: str = ""


def vulnerable(path: Path, locks: Sequence[Lock]) -> tuple[list[Hit], Database]:
    """``(every locked PyPI package that a record names, what the database is)``; NotADatabaseError."""
    pinned: dict[str, list[tuple[Lock, Any]]] = {}
    for lock in locks:
        for pin in lock.pins if lock.ecosystem == PYPI else ():
            if pin.version and not pin.local:
                pinned.setdefault(pin.name, []).append((lock, pin))
    seen, hits = Database(), set()
    for data in _records(path):
        seen.records += 1
        if seen.records > RECORDS:
            raise NotADatabaseError(f"it has more than {RECORDS:,} records")
        if (record := _parsed(data)) is None:
            seen.unread += 1
            continue
        seen.newest = max(seen.newest, str(record.get("modified", ""))[:10])
        for package, affected in _packages(record):
            seen.pypi += 1
            for lock, pin in pinned.get(package, ()):
                if _affects(affected, pin.version):
                    names = tuple(sorted(map(str, record.get("aliases") or ())))
                    fixed = tuple(sorted(set(_fixed(affected))))
                    hits.add(
                        Hit(
                            package,
                            pin.version,
                            str(record.get("id", ""))[:80],
                            names,
                            fixed,
                            lock.path,
                            pin.line,
                        )
                    )
    if not seen.pypi:
        raise NotADatabaseError("it holds no record of a PyPI package")
    return sorted(hits, key=lambda hit: (hit.package, hit.version, hit.id, hit.lock)), seen


def _records(path: Path) -> Iterator[bytes]:
    if path.is_dir():
        for file in sorted(path.rglob("*.json")):
            if file.is_file() and not file.is_symlink() and file.stat().st_size <= RECORD_BYTES:
                yield file.read_bytes()
        return
    total = 0
    try:
        with zipfile.ZipFile(path) as archive:
            for info in sorted(archive.infolist(), key=lambda each: each.filename):
                if not info.filename.endswith(".json"):
                    continue
                with archive.open(info) as member:
                    data = member.read(RECORD_BYTES + 1)
                total += len(data)
                if total > TOTAL_BYTES:
                    raise NotADatabaseError(f"it unpacks to more than {TOTAL_BYTES >> 30} GiB")
                yield data
    except (OSError, zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError, EOFError) as error:
        raise NotADatabaseError(
            f"it is neither a folder nor a zip that can be read ({type(error).__name__})"
        ) from error


def _parsed(data: bytes) -> Mapping[str, Any] | None:
    if len(data) > RECORD_BYTES:
        return None
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and isinstance(value.get("affected", []), list) else None


def _packages(record: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if record.get("withdrawn"):
        return
    for affected in record.get("affected", ()):
        package = affected.get("package") if isinstance(affected, dict) else None
        if (
            isinstance(package, dict)
            and package.get("ecosystem") == PYPI
            and isinstance(package.get("name"), str)
        ):
            yield normal(package["name"]), affected


def _affects(affected: Mapping[str, Any], version: str) -> bool:
    """As OSV evaluates it: named among the versions, or inside one of the ranges of the ecosystem's own order."""
    from packaging.version import InvalidVersion, Version

    named = [each for each in affected.get("versions") or () if isinstance(each, str)]
    if version in named:
        return True
    try:
        wanted = Version(version)
    except InvalidVersion:
        return False
    if any(_version(each) == wanted for each in named):
        return True
    ranges = [each for each in affected.get("ranges") or () if isinstance(each, dict)]
    return any(_inside(each.get("events") or (), wanted) for each in ranges if each.get("type") != "GIT")


def _inside(events: Sequence[Any], wanted: Any) -> bool:
    """Whether the events, in order of version, leave ``wanted`` affected."""
    marks = []
    for event in events:
        for kind, text in event.items() if isinstance(event, dict) else ():
            version = _version("0" if text == "0" else str(text))
            if version is not None and kind in ("introduced", "fixed", "last_affected"):
                marks.append((version, kind))
    inside = False
    for version, kind in sorted(marks, key=lambda mark: (mark[0], mark[1] != "fixed")):
        if kind == "introduced" and wanted >= version:
            inside = True
        elif (kind == "fixed" and wanted >= version) or (kind == "last_affected" and wanted > version):
            inside = False
    return inside


def _version(text: str) -> Any:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(text)
    except InvalidVersion:
        return None


def _fixed(affected: Mapping[str, Any]) -> Iterator[str]:
    for each in affected.get("ranges") or ():
        for event in each.get("events") or () if isinstance(each, dict) and each.get("type") != "GIT" else ():
            if isinstance(event, dict) and isinstance(event.get("fixed"), str):
                yield event["fixed"][:60]
