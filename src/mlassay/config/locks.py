"""Lock files, by the name that their tools give them: what they pin, and whether each pin names its bytes by hash."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Any

from mlassay.errors import MlassayError
from mlassay.files import read_yaml

MOST_PINS = 50_000
PYPI = "PyPI"
_REQUIREMENTS = re.compile(r"(.*[-_.])?requirements([-_.].*)?\.(lock|txt)|constraints.*\.(lock|txt)")
_PIN = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?\s*===?\s*(?P<version>[^\s;,\\]+)")
_HASH = re.compile(r"--hash[= ]([a-z0-9]+:[0-9a-fA-F]{16,})")
_SHA256 = re.compile(r"sha256:[0-9a-f]{64}")
_LOOSE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class NotALockError(ValueError):
    """The file has a lock's name and cannot be read as one; the message says why."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One locked package. ``local`` ones come from the repository itself and need no hash.

    ``digests`` are the SHA-256 of the files that it may be, in lower case and in order, where the lock tells them so.
    """

    name: str
    version: str
    hashed: bool
    line: int | None = None
    local: bool = False
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file: its tool, the ecosystem of its packages (as OSV names them), and what it pins."""

    path: str
    kind: str
    ecosystem: str
    pins: tuple[Pin, ...]

    @property
    def unhashed(self) -> tuple[Pin, ...]:
        """Pins whose bytes nobody promised."""
        return tuple(pin for pin in self.pins if not (pin.hashed or pin.local))

    @property
    def whole(self) -> bool:
        """Whether it pins something, and each pin by hash."""
        return bool(self.pins) and not self.unhashed


def lock_kind(path: str) -> str:
    """What kind of lock a file is by its name; "" when it is none."""
    name = PurePosixPath(path).name
    if name in _READERS:
        return name
    if _REQUIREMENTS.fullmatch(name):
        return "requirements"
    return "conda-lock" if re.fullmatch(r".*conda-lock\.ya?ml", name) else ""


def read_lock(path: str, text: str) -> Lock:
    """The pins of a file that `lock_kind` knows; NotALockError when it is not written as its tool writes it."""
    kind = lock_kind(path)
    reader, ecosystem = _READERS[kind]
    try:
        pins = tuple(islice(reader(text), MOST_PINS + 1))
    except NotALockError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, MlassayError) as error:
        raise NotALockError(f"it is not as {kind} is written ({type(error).__name__})") from error
    if len(pins) > MOST_PINS:
        raise NotALockError(f"it pins more than {MOST_PINS:,} packages")
    return Lock(path, kind, ecosystem, pins)


def normal(name: str) -> str:
    """A package's name as PyPI compares names (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _requirements(text: str) -> Iterator[Pin]:
    """As pip reads it: a requirement with its options may run over several lines that end in a backslash."""
    start, whole = 1, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if not whole:
            start = number
        bare = re.sub(r"(^|\s)#.*$", "", line).rstrip()
        whole += " " + bare.removesuffix("\\")
        if bare.endswith("\\"):
            continue
        yield from _requirement(whole.strip(), start)
        whole = ""
    yield from _requirement(whole.strip(), start)


def _requirement(text: str, line: int) -> Iterator[Pin]:
    if not text or (text.startswith("-") and not text.startswith(("-e", "--editable"))):
        return
    hashes = _HASH.findall(text)
    hashed = bool(hashes)
    if found := _PIN.match(text):
        yield Pin(normal(found["name"]), found["version"], hashed, line, digests=_digests(hashes))
        return
    direct = re.match(r"([A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?\s*@", text)
    loose = _LOOSE.match(text)
    name = normal(direct[1]) if direct else normal(loose[0]) if loose else text[:80]
    yield Pin(name, "", hashed, line)


def _digests(hashes: Iterable[object]) -> tuple[str, ...]:
    """Those of ``hashes`` that are SHA-256, sorted, each once."""
    lowered = (each.lower() for each in hashes if isinstance(each, str))
    return tuple(sorted({each for each in lowered if _SHA256.fullmatch(each)}))


def _toml(text: str, key: str = "package") -> list[dict[str, Any]]:
    found = tomllib.loads(text).get(key, [])
    if not isinstance(found, list):
        raise NotALockError(f"it has no list of {key}")
    return found


def _uv(text: str) -> Iterator[Pin]:
    for each in _toml(text):
        source = each.get("source", {})
        local = bool({"editable", "virtual", "directory", "path"} & source.keys())
        files = [*each.get("wheels", []), *([each["sdist"]] if "sdist" in each else [])]
        hashes = [file.get("hash") for file in files]
        hashed = bool(hashes) and all(hashes)
        version = str(each.get("version", ""))
        yield Pin(normal(each["name"]), version, hashed, local=local, digests=_digests(hashes))


def _poetry(text: str) -> Iterator[Pin]:
    older = tomllib.loads(text).get("metadata", {}).get("files", {})
    for each in _toml(text):
        files = each.get("files") or older.get(each["name"], [])
        local = each.get("source", {}).get("type") == "directory"
        hashes = [file.get("hash") for file in files]
        hashed = bool(hashes) and all(hashes)
        version = str(each["version"])
        yield Pin(normal(each["name"]), version, hashed, local=local, digests=_digests(hashes))


def _pylock(text: str) -> Iterator[Pin]:
    for each in _toml(text, "packages"):
        single = [each[key] for key in ("sdist", "archive") if key in each]
        files = [*each.get("wheels", []), *single]
        hashed = bool(files) and all(file.get("hashes") for file in files)
        yield Pin(normal(each["name"]), str(each.get("version", "")), hashed, local="directory" in each)


def _pipfile(text: str) -> Iterator[Pin]:
    value = json.loads(text)
    for section in ("default", "develop"):
        for name, each in value.get(section, {}).items():
            yield Pin(normal(name), str(each.get("version", "")).lstrip("="), bool(each.get("hashes")))


def _cargo(text: str) -> Iterator[Pin]:
    for each in _toml(text):
        yield Pin(each["name"], each["version"], "checksum" in each, local="source" not in each)


def _npm(text: str) -> Iterator[Pin]:
    value = json.loads(text)
    packages = value.get("packages")
    if not isinstance(packages, Mapping):
        raise NotALockError("it is of a version before 2, which names no packages")
    for path, each in packages.items():
        if path:
            local = bool(each.get("link") or not path.startswith("node_modules"))
            name = path.rpartition("node_modules/")[2]
            yield Pin(name, str(each.get("version", "")), "integrity" in each, local=local)


def _go(text: str) -> Iterator[Pin]:
    for number, line in enumerate(text.splitlines(), start=1):
        if line.strip():
            module, version, told = line.split()
            if not version.endswith("/go.mod"):
                yield Pin(module, version, told.startswith("h1:"), number)


def _renv(text: str) -> Iterator[Pin]:
    for name, each in json.loads(text)["Packages"].items():
        yield Pin(name, str(each.get("Version", "")), bool(each.get("Hash")))


def _gradle(text: str) -> Iterator[Pin]:
    """Gradle keeps its checksums in another file (verification-metadata.xml), so none of these is hashed here."""
    for number, line in enumerate(text.splitlines(), start=1):
        if (bare := line.strip()) and not bare.startswith(("#", "empty=")):
            group, name, version = bare.partition("=")[0].split(":")
            yield Pin(f"{group}:{name}", version, hashed=False, line=number)


def _conda(text: str) -> Iterator[Pin]:
    value = read_yaml("conda-lock.yml", text.encode()).value
    for each in value["package"]:
        yield Pin(str(each["name"]), str(each["version"]), bool(each.get("hash")))


_READERS: Mapping[str, tuple[Callable[[str], Iterator[Pin]], str]] = {
    "requirements": (_requirements, PYPI),
    "uv.lock": (_uv, PYPI),
    "poetry.lock": (_poetry, PYPI),
    "pdm.lock": (_poetry, PYPI),
    "pylock.toml": (_pylock, PYPI),
    "Pipfile.lock": (_pipfile, PYPI),
    "conda-lock": (_conda, "conda"),
    "renv.lock": (_renv, "CRAN"),
    "Cargo.lock": (_cargo, "crates.io"),
    "go.sum": (_go, "Go"),
    "package-lock.json": (_npm, "npm"),
    "npm-shrinkwrap.json": (_npm, "npm"),
    "gradle.lockfile": (_gradle, "Maven"),
    "buildscript-gradle.lockfile": (_gradle, "Maven"),
}

PYTHON = frozenset(kind for kind, (_, ecosystem) in _READERS.items() if ecosystem in (PYPI, "conda"))
"""Kinds of lock that can pin a Python environment."""
