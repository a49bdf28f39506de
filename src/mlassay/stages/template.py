"""What a repository took from the template: a record beside it, and the pins by which its workflows call ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files as package_files

from mlassay.digest import canonical, sha256
from mlassay.errors import ConfigurationError, Problem
from mlassay.evidence import layout
from mlassay.files import check, read_json

RECORD = ".mlassay-template.json"
WORKFLOWS = ".github/workflows/"
_CALLING = frozenset({"Jenkinsfile", "CODEOWNERS", ".gitignore"})
_PIN = re.compile(
    rb"(?P<uses>uses:[ \t]*[\"']?mlassay/mlassay/[^\s@\"']+)@(?P<commit>[0-9a-f]{40})(?P<quote>[\"']?)"
    rb"(?:[ \t]+#[ \t]*v(?P<version>[0-9][^\s]*))?"
)


@dataclass(frozen=True, slots=True)
class Record:
    """What was taken: the ``template``'s version, each file's digest as it was there, and ``bases``: those files
    whose own bytes this repository never held.
    """

    template: str
    files: Mapping[str, str]
    bases: Mapping[str, bytes] = field(default_factory=dict)

    @classmethod
    def parse(cls, data: bytes) -> Record:
        """Read `RECORD`; ConfigurationError with every problem of it."""
        document = read_json(RECORD, data)
        ConfigurationError.raise_if_any(check(document, "template"))
        value = document.value
        bases = {path: "\n".join(lines).encode() for path, lines in value.get("bases", {}).items()}
        if wrong := [path for path, base in bases.items() if sha256(base) != value["files"].get(path)]:
            raise ConfigurationError(
                Problem(
                    f"the lines of {wrong[0]} are not those that its digest names",
                    why="a merge over another file than the one that was taken would undo somebody's changes",
                    remedy=f"git log -p {RECORD} shows who edited it: bring the lines back, or delete the file",
                    path=RECORD,
                )
            )
        return cls(value["template"], dict(value["files"]), bases)

    def to_bytes(self) -> bytes:
        """The file, in its one spelling."""
        value = {"version": 1, "template": self.template, "files": dict(self.files)}
        if self.bases:
            value["bases"] = {path: base.decode().split("\n") for path, base in self.bases.items()}
        return canonical(value)


def is_calling(path: str) -> bool:
    """Whether ``path`` is one of the template's files by which a repository calls mlassay: those that upgrade updates."""
    return path.startswith(".github/") or path in _CALLING


def is_recorded(path: str) -> bool:
    """Whether a file of the template is one that a team can take anew: neither data nor anything guarded."""
    return not layout.is_guarded(path) and not path.startswith("data/")


def record_of(
    present: Mapping[str, bytes],
    template: Mapping[str, bytes],
    version: str,
    old: Record | None = None,
    drafted: frozenset[str] = frozenset(),
) -> Record:
    """The record after init: of the ``template``'s files those that now are ``present`` as they are there.

    What an ``old`` record says stays. ``drafted`` ones were written with additions: their own bytes are kept.
    """
    files = dict(old.files if old else {})
    bases = dict(old.bases if old else {})
    for path, data in template.items():
        if path in files or not is_recorded(path):
            continue
        if present.get(path) == data:
            files[path] = sha256(data)
        elif path in drafted and is_calling(path):
            files[path], bases[path] = sha256(data), data
    return Record(old.template if old else version, files, bases)


def known_digests() -> dict[str, frozenset[str]]:
    """By path, the digests that this file had in each template that was ever released."""
    versions = json.loads((package_files("mlassay") / "templates.json").read_text("utf-8"))
    paths = {path for files in versions.values() for path in files}
    return {path: frozenset(f[path] for f in versions.values() if path in f) for path in paths}


def pin_of(files: Mapping[str, bytes]) -> tuple[str, str] | None:
    """``(commit, version)`` that these workflows pin us at; None when none does."""
    found = next((pin for path in sorted(files) for pin in pins(path, files[path])), None)
    return found if found is None or found[1] else None


def pins(path: str, data: bytes) -> list[tuple[str, str]]:
    """Each ``(commit, version)`` of ours that a workflow pins; the version is empty where no comment tells it."""
    if not path.startswith(WORKFLOWS):
        return []
    return [(pin["commit"].decode(), (pin["version"] or b"").decode()) for pin in _PIN.finditer(data)]


def pinned(path: str, data: bytes, pin: tuple[str, str] | None) -> bytes:
    """A workflow with every pin of ours at ``pin``; any other file as it is."""
    if pin is None or not path.startswith(WORKFLOWS):
        return data
    commit, version = (word.encode() for word in pin)
    return _PIN.sub(lambda found: found["uses"] + b"@" + commit + found["quote"] + b" # v" + version, data)


def is_newer(one: str, other: str) -> bool:
    """Whether version ``one`` is newer than ``other``, by the numbers that they begin with."""
    return _numbers(one) > _numbers(other)


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"\d+(\.\d+)*", version)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
