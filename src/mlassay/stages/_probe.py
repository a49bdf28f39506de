"""The environment as a Python command sees it, read by its own interpreter and held against lock files."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from mlassay.isolation import Kind, Limits, run

# -I: the team's own modules (a json.py among `uses`) must not be able to answer for the interpreter.
_PROGRAM = """
import importlib.metadata as m, json, platform
packages = {d.metadata["Name"]: d.version for d in m.distributions() if d.metadata["Name"]}
print(json.dumps({"python": platform.python_version(), "implementation": platform.python_implementation(),
"platform": platform.system(), "machine": platform.machine(), "packages": packages}))
"""
_PYTHON = re.compile(r"python(3(\.\d+)?)?")
_PIN = re.compile(
    r"^([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^\]]*\])?\s*==\s*([A-Za-z0-9.!+_-]+)\s*(;[^#\\\n]*)?", re.MULTILINE
)
_LOCK_NAME = re.compile(r".*\.lock|requirements.*\.txt|constraints.*\.txt")
SECONDS = 60
_TEXT = 200


def interpreter(command: str) -> str | None:
    """The Python that ``command`` starts; None when it starts something else."""
    words = shlex.split(command)
    return words[0] if words and _PYTHON.fullmatch(PurePosixPath(words[0]).name) else None


def read_environment(command: str, work: Path, isolation: Kind | None) -> dict[str, Any]:
    """What the interpreter of ``command`` says of itself in the folder ``work``, or why that was not read."""
    python = interpreter(command)
    if python is None:
        return {"read": False, "why": "the command is not Python; what it uses was not read"}
    limits = Limits(wall_seconds=SECONDS)
    outcome = run([python, "-I", "-c", _PROGRAM], work=work, limits=limits, isolation=isolation)
    try:
        said = json.loads(outcome.log) if outcome.passed else None
    except ValueError:
        said = None
    if not isinstance(said, dict) or not isinstance(said.get("packages"), dict):
        return {"read": False, "why": "its interpreter did not answer"}
    facts = {
        key: str(said.get(key, ""))[:_TEXT] for key in ("python", "implementation", "platform", "machine")
    }
    packages = {normal(str(name)): str(version)[:_TEXT] for name, version in said["packages"].items()}
    return {"read": True, **facts, "packages": packages}


def normal(name: str) -> str:
    """A package's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()[:_TEXT]


def is_lock(path: str) -> bool:
    """Whether a file's name says that it pins packages."""
    return _LOCK_NAME.fullmatch(PurePosixPath(path).name) is not None


def held_against(path: str, text: str, packages: Mapping[str, str]) -> dict[str, Any] | None:
    """How the lock file ``path`` and the installed ``packages`` differ; None when it pins nothing."""
    pins = list(
        _toml_pins(text)
        if text.lstrip().startswith(("#", "[", "version")) and "[[package]]" in text
        else _pins(text)
    )
    if not pins:
        return None
    # A lock for several interpreters pins a package once for each, with markers: any of its pins will do.
    locked: dict[str, list[str]] = {}
    for name, version, _ in pins:
        locked.setdefault(name, []).append(version)
    optional = {name for name, _, only_somewhere in pins if only_somewhere}
    mismatches = [
        {"package": name, "locked": " or ".join(versions), "installed": packages.get(name, "not installed")}
        for name, versions in locked.items()
        if packages.get(name) not in versions and not (name not in packages and name in optional)
    ]
    return {"path": path, "pinned": len(locked), "mismatches": mismatches}


def _pins(text: str) -> Iterable[tuple[str, str, bool]]:
    for match in _PIN.finditer(text):
        yield normal(match[1]), match[2], bool(match[3])


def _toml_pins(text: str) -> Iterable[tuple[str, str, bool]]:
    """Pins of uv.lock and poetry.lock, which list packages of every platform: one that is absent is no mismatch."""
    try:
        listed = tomllib.loads(text).get("package", [])
    except tomllib.TOMLDecodeError:
        return
    for package in listed:
        if isinstance(package, dict) and "name" in package and "version" in package:
            yield normal(str(package["name"])), str(package["version"]), True
