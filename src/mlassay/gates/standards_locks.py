"""Which languages a repository uses, and whether each has a lock file that holds."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from mlassay.config.locks import PYTHON, NotALockError, lock_kind, read_lock
from mlassay.gates.tracked import Tracked


@dataclass(frozen=True, slots=True)
class Language:
    """How a language shows itself among files and commands, and which locks count for it."""

    kinds: frozenset[str]
    suffixes: tuple[str, ...]
    names: frozenset[str]
    starts: tuple[str, ...]
    remedy: str
    hash_file: str = ""

    def hashes_elsewhere(self, paths: Iterable[str]) -> bool:
        """Whether its tool keeps hashes in a file of their own, and that file is tracked."""
        return bool(self.hash_file) and any(path.endswith(self.hash_file) for path in paths)


@dataclass(frozen=True, slots=True)
class LockFile:
    """One lock file in short: how much it pins, and why it does not hold, if it does not."""

    path: str
    kind: str
    pins: int
    unhashed: int
    why: str

    @property
    def whole(self) -> bool:
        """Whether each of its pins has a hash."""
        return not self.why


LANGUAGES: Mapping[str, Language] = {
    "Python": Language(
        PYTHON,
        (".py", ".ipynb"),
        frozenset({"pyproject.toml", "setup.py", "requirements.txt", "requirements.in", "Pipfile"}),
        ("python", "pytest", "uv", "poetry", "pdm", "tox", "nox"),
        "uv pip compile --generate-hashes requirements.in -o requirements.lock (or uv.lock, poetry.lock, pdm.lock), and track it",
    ),
    "R": Language(frozenset({"renv.lock"}), (".r", ".rmd"), frozenset({"DESCRIPTION"}), ("rscript", "r"), "renv::snapshot() writes renv.lock; track it"),
    "Rust": Language(frozenset({"Cargo.lock"}), (".rs",), frozenset({"Cargo.toml"}), ("cargo",), "cargo generate-lockfile, and track Cargo.lock"),
    "Go": Language(frozenset({"go.sum"}), (".go",), frozenset({"go.mod"}), ("go",), "go mod tidy, and track go.sum"),
    "JavaScript": Language(
        frozenset({"package-lock.json", "npm-shrinkwrap.json"}),
        (".js", ".ts", ".mjs"),
        frozenset({"package.json"}),
        ("node", "npm", "npx"),
        "npm install --package-lock-only, and track package-lock.json",
    ),
    "Gradle": Language(
        frozenset({"gradle.lockfile", "buildscript-gradle.lockfile"}),
        (),
        frozenset({"build.gradle", "build.gradle.kts"}),
        ("gradle", "gradlew"),
        "gradle dependencies --write-locks --write-verification-metadata sha256, and track both files",
        "gradle/verification-metadata.xml",
    ),
}  # fmt: skip


def ecosystems(paths: Sequence[str], runs: Sequence[str]) -> dict[str, Language]:
    """The languages whose files are tracked or whose programs are run; governance and CI files are no sign."""
    files = [PurePosixPath(path) for path in paths if not path.startswith((".", "governance/", "docs/"))]
    programs = {_program(run) for run in runs}
    return {
        name: language
        for name, language in LANGUAGES.items()
        if any(file.suffix.lower() in language.suffixes or file.name in language.names for file in files)
        or any(_starts(program, language.starts) for program in programs)
    }


def locks_of(files: Tracked) -> list[LockFile]:
    """Every tracked lock file, shallow ones first, read."""
    names = sorted(
        (path for path in files.paths if lock_kind(path)), key=lambda path: (path.count("/"), path)
    )
    return [_read(files, path) for path in names]


def _read(files: Tracked, path: str) -> LockFile:
    kind = lock_kind(path)
    text = files.text(path, 32 << 20)
    if text is None:
        return LockFile(path, kind, 0, 0, "cannot be read as text")
    try:
        lock = read_lock(path, text)
    except NotALockError as error:
        return LockFile(path, kind, 0, 0, f"cannot be read: {error}")
    why = "" if lock.pins else "pins nothing"
    if lock.unhashed:
        first = lock.unhashed[0]
        why = f"does not give {first.name} a hash" + (
            f", nor {len(lock.unhashed) - 1} others" if len(lock.unhashed) > 1 else ""
        )
    return LockFile(path, kind, len(lock.pins), len(lock.unhashed), why)


def _program(run: str) -> str:
    try:
        words = shlex.split(run)
    except ValueError:
        return ""
    return PurePosixPath(words[0]).name.lower() if words else ""


def _starts(program: str, starts: Sequence[str]) -> bool:
    return program in starts or program.rstrip("0123456789.") in starts
