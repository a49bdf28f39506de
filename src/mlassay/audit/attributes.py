"""``.gitattributes`` that let git write other bytes to the disk, or into an archive, than those that were committed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from mlassay.errors import EvidenceError, Problem
from mlassay.git import Entry, Repository

NAME = ".gitattributes"
BYTES = 1 << 20
_HARMLESS_FILTER = "lfs"  # what is no pointer of LFS passes through it unchanged


def altering(repo: Repository, tree: Mapping[str, Entry], guarded: Iterable[str]) -> Iterator[Problem]:
    """A problem for each line of a ``.gitattributes`` in ``tree`` that alters one of the ``guarded`` files."""
    guarded = list(guarded)
    for path, entry in tree.items():
        folder, _, name = path.rpartition("/")
        if name != NAME or not entry.is_file or (entry.size or 0) > BYTES:
            continue
        prefix = f"{folder}/" if folder else ""
        inside = [each.removeprefix(prefix) for each in guarded if each.startswith(prefix)]
        yield from _of_file(repo, path, entry, inside)


def _of_file(repo: Repository, path: str, entry: Entry, inside: list[str]) -> Iterator[Problem]:
    try:
        lines = repo.blob(entry.id, path).decode("utf-8", "replace").splitlines()
    except EvidenceError as error:
        yield from error.problems
        return
    macros: set[str] = set()
    for number, line in enumerate(lines, 1):
        pattern, words = _parsed(line)
        bad = sorted(word for word in words if _alters(word) or word in macros)
        if not bad:
            continue
        if pattern.startswith("[attr]"):
            macros.add(pattern.removeprefix("[attr]"))
            continue
        hit = next((each for each in inside if _matches(pattern, each)), None)
        if hit is not None:
            what = (
                f"{' '.join(bad)} for {pattern} lets git write other bytes than were committed, of {hit} too"
            )
            why = "whoever reads the file on a disk or in an archive reads something that nobody signed"
            yield Problem(what, why, path=path, line=number, rule="tree")


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
    return name in ("ident", "working-tree-encoding", "export-subst", "export-ignore")


def _matches(pattern: str, path: str) -> bool:
    """Whether a pattern of ``.gitattributes`` matches a path relative to its folder: gitattributes(5)."""
    if not pattern or pattern.endswith("/") or pattern.startswith("!"):
        return False
    if "/" not in pattern:
        return re.fullmatch(_regex(pattern), path.rpartition("/")[2]) is not None
    return re.fullmatch(_regex(pattern.removeprefix("/")), path) is not None


def _regex(pattern: str) -> str:
    found, at = "", 0
    while at < len(pattern):
        rest = pattern[at:]
        if rest.startswith("**/"):
            found, at = found + "(?:[^/]+/)*", at + 3
        elif rest.startswith("**"):
            found, at = found + ".*", at + 2
        elif rest[0] == "*":
            found, at = found + "[^/]*", at + 1
        elif rest[0] == "?":
            found, at = found + "[^/]", at + 1
        elif rest[0] == "[" and (end := rest.find("]", 2)) > 0:
            inner = rest[1:end].replace("\\", "\\\\").replace("[", "\\[")
            inner = "^" + inner[1:] if inner[:1] in "!^" else inner
            found, at = found + f"[{inner}]", at + end + 1
        elif rest[0] == "\\" and len(rest) > 1:
            found, at = found + re.escape(rest[1]), at + 2
        else:
            found, at = found + re.escape(rest[0]), at + 1
    return found
