"""A team's repository from the template: files that are missing are written, files that stand are never touched."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mlassay import __version__
from mlassay.errors import ConfigurationError, Problem
from mlassay.files import inside, write_atomic
from mlassay.stages.template import RECORD, Record, record_of

EXAMPLE_DATA = (
    "data/README.md",
    "data/applications.manifest.yaml",
    "data/applications.missing.md",
    "data/hmda.csv",
    "tests/test_model.py",
)
"""What belongs to the template's example table and to no other."""


@dataclass(frozen=True, slots=True)
class Written:
    """What one run of init did: paths that it ``wrote``, and those that stood already and were ``kept``."""

    wrote: tuple[str, ...]
    kept: tuple[str, ...]


def template_folder() -> Path:
    """Where the template lies: inside the installed package, or beside it in a checkout of mlassay."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "_template", package.parent.parent / "template"):
        if (folder / "ml.yaml").is_file():
            return folder
    raise ConfigurationError(
        Problem(
            "this installation carries no template",
            remedy="install mlassay again: pip install --force-reinstall",
        )
    )


def template_files() -> dict[str, bytes]:
    """Every file of the template by its path."""
    folder = template_folder()
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not {"__pycache__", ".mlassay", ".pytest_cache"} & set(path.parts)
    }


def personalise(files: Mapping[str, bytes], *, name: str, owner: str) -> dict[str, bytes]:
    """The template with the model's ``name`` and the ``owner`` who answers for it put in."""
    for what, value in (("name", name), ("owner", owner)):
        if not re.fullmatch(r"[a-z][a-z0-9-]{0,62}", value):
            raise ConfigurationError(
                Problem(
                    f"'{value}' cannot be the model's {what}",
                    why="it names files and stands in records for ever",
                    remedy="use lower-case letters, digits and hyphens, starting with a letter",
                )
            )
    made = dict(files)
    swaps = {
        "ml.yaml": [
            (r"(?m)^name: .*$", f"name: {name}"),
            (r"(?m)^owner: \S+( *)(?=#)", _padded("owner", owner)),
        ],
        "README.md": [(r"\A# .*$", f"# {name}")],
        "governance/people.yaml": [
            (r"(?m)^  lee:\n    name: Lee$", f"  {owner}:\n    name: {owner.title()}")
        ],
        "data/applications.manifest.yaml": [(r"(?m)^owner: \S+$", f"owner: {owner}")],
    }
    for path, rules in swaps.items():
        if path not in made:
            continue
        text = made[path].decode()
        for pattern, new in rules:
            text = re.sub(pattern, new, text, count=1, flags=re.MULTILINE)
        made[path] = text.encode()
    return made


def write_missing(folder: Path, files: Mapping[str, bytes], *, dry_run: bool = False) -> Written:
    """Write the files that ``folder`` lacks; a second run, or one after a crash, only adds what is missing."""
    wrote, kept = [], []
    for path, data in files.items():
        target = inside(folder, path)
        if target.exists():
            kept.append(path)
            continue
        wrote.append(path)
        if not dry_run:
            target.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(target, data)
    return Written(tuple(wrote), tuple(kept))


def adopt(
    folder: Path, template: Mapping[str, bytes], files: Mapping[str, bytes], *, dry_run: bool = False
) -> Written:
    """`write_missing` of ``files``, which are the ``template``'s or were drafted from them, and a record of what was taken."""
    written = write_missing(folder, files, dry_run=dry_run)
    old = _read(folder, RECORD)
    new = set(written.wrote)
    present = {path: files[path] if path in new else _read(folder, path) for path in files}
    record = record_of(
        {path: data for path, data in present.items() if data is not None},
        template,
        __version__,
        Record.parse(old) if old is not None else None,
        frozenset(new),
    ).to_bytes()
    if record == old:
        return written
    if not dry_run:
        write_atomic(inside(folder, RECORD), record)
    return written if old is not None else Written((*written.wrote, RECORD), written.kept)


def _read(folder: Path, path: str) -> bytes | None:
    target = inside(folder, path)
    return target.read_bytes() if target.is_file() else None


def _padded(key: str, value: str) -> str:
    return f"{key}: {value}".ljust(44)
