"""``.gitattributes`` that let git write other bytes to the disk, or into an archive, than those that were committed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mlassay.audit.wildmatch import matches
from mlassay.errors import EvidenceError, Problem
from mlassay.git import Entry, Repository

NAME = ".gitattributes"
BYTES = 1 << 20
MOST_LINES = 500
"""Altering lines of one file that are held against every guarded path; more of them are nobody's honest work."""
MOST_PAIRS = 1_000_000
"""So many times a line is held against a path: some minutes at the worst."""
MOST_STARS = 12
"""The stars of a pattern that is read: each may take as long as the path is."""
_HARMLESS_FILTER = "lfs"  # what is no pointer of LFS passes through it unchanged
_MACRO = "[attr]"
_HIDES = "export-ignore"  # the one attribute that git asks of a folder, for all that lies in it


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    pattern: str
    words: tuple[str, ...]


def altering(repo: Repository, tree: Mapping[str, Entry], guarded: Iterable[str]) -> Iterator[Problem]:
    """A problem for each line of a ``.gitattributes`` in ``tree`` that alters one of the ``guarded`` files."""
    guarded = list(guarded)
    files: dict[str, list[_Line]] = {}
    for path, entry in tree.items():
        if path.rpartition("/")[2] != NAME or not entry.is_file:
            continue
        if (entry.size or 0) > BYTES:
            yield _problem(path, 0, f"this file has {entry.size:,} bytes; at most {BYTES:,} are read")
            continue
        try:
            files[path] = _lines(repo.blob(entry.id, path).decode("utf-8", "replace"))
        except EvidenceError as error:
            yield from error.problems
    macros = _macros(files.get(NAME, []))
    for path, lines in files.items():
        prefix = path.removesuffix(NAME)
        inside = [each.removeprefix(prefix) for each in guarded if each.startswith(prefix)]
        yield from _of_file(path, lines, macros, inside)


def _lines(text: str) -> list[_Line]:
    found = []
    for number, line in enumerate(text.split("\n"), 1):
        pattern, words = _parsed(line)
        if words:
            found.append(_Line(number, pattern, tuple(words)))
    return found


def _macros(lines: list[_Line]) -> set[str]:
    """Macros that alter, by themselves or by others that they name; only the file at the root may define any."""
    defined = {
        line.pattern.removeprefix(_MACRO): line.words for line in lines if line.pattern.startswith(_MACRO)
    }
    found: set[str] = set()
    for _ in defined:
        more = {name for name, words in defined.items() if any(_alters(w) or w in found for w in words)}
        if more == found:
            break
        found = more
    return found


def _of_file(path: str, lines: list[_Line], macros: set[str], inside: list[str]) -> Iterator[Problem]:
    # A macro may hide as well as alter: its lines are held against folders too.
    hiding = macros | {_HIDES}
    bad = [
        (line, words)
        for line in lines
        if not line.pattern.startswith(_MACRO)
        and (words := sorted(word for word in line.words if _alters(word) or word in macros))
    ]
    most = max(1, min(MOST_LINES, MOST_PAIRS // max(1, len(inside))))
    if len(bad) > most:
        yield _problem(
            path, 0, f"{len(bad):,} lines of this file let git alter files; at most {most} are read"
        )
    for line, _ in bad[:most]:
        if line.pattern.count("*") > MOST_STARS:
            yield _problem(
                path, line.number, f"this pattern has more than {MOST_STARS} stars, and is not read"
            )
    folders = {each[:at] for each in inside for at, sign in enumerate(each) if sign == "/"}
    for line, words in bad[:most]:
        if line.pattern.count("*") > MOST_STARS:
            continue
        hit = next((each for each in inside if _applies(line.pattern, each)), None)
        if hit is None and hiding & set(words):
            pattern = line.pattern.removesuffix("/")
            hit = next((each for each in sorted(folders) if _applies(pattern, each)), None)
        if hit is not None:
            what = f"{' '.join(words)} for {line.pattern} lets git write other bytes than were committed, of {hit} too"
            yield _problem(path, line.number, what)


def _problem(path: str, line: int, what: str) -> Problem:
    why = "whoever reads the file on a disk or in an archive reads something that nobody signed"
    return Problem(what, why, path=path, line=line, rule="tree")


def _parsed(line: str) -> tuple[str, list[str]]:
    line = line.strip()
    if not line or line.startswith("#"):
        return "", []
    quoted = re.fullmatch(r'"((?:[^"\\]|\\.)*)"\s*(.*)', line)
    if quoted:
        return re.sub(r"\\(.)", r"\1", quoted[1]), quoted[2].split()
    pattern, *words = line.split()
    return pattern, words


def _alters(word: str) -> bool:
    name, _, value = word.partition("=")
    if name == "filter":
        return value != _HARMLESS_FILTER
    if name in ("eol", "crlf"):
        return value.casefold() == "crlf" or word == "crlf"
    return name in ("ident", "working-tree-encoding", "export-subst", _HIDES)


def _applies(pattern: str, path: str) -> bool:
    """Whether a pattern of ``.gitattributes`` matches a path relative to its folder: gitattributes(5)."""
    if not pattern or pattern.endswith("/") or pattern.startswith("!"):
        return False
    if "/" not in pattern:
        return matches(pattern, path.rpartition("/")[2])
    return matches(pattern.removeprefix("/"), path)
