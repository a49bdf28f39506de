"""Whether a team's lock only names packages: installing runs before anything is isolated, and must run none of their code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from launcher import Refused

# Beside packages and hashes only where to look for them. `-r`, `-e`, `--no-binary`, and whatever pip takes for short of
# these, would have it read more files or build a package.
OPTIONS = frozenset(
    {"-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--no-index", "--trusted-host"}
    | {"--hash", "--require-hashes", "--prefer-binary", "--pre"}
)
# Pinned, by name: what is named by a path or a URL is built although only wheels are asked for.
PACKAGE = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._-]*\s*(\[[A-Za-z0-9._, -]*\])?\s*==\s*[A-Za-z0-9][^\s;@/]*(\s|;|$)"
)
_COMMENT = re.compile(r"(^|\s+)#.*$")
_CODING = re.compile(r"coding[:=]")


def refuse_code(lock: Path) -> None:
    """Refused when pip could find in ``lock`` anything but pinned packages, hashes and indexes."""
    try:
        text = lock.read_bytes().decode("ascii")
    except UnicodeDecodeError as error:  # pip guesses encodings, and would read another text than we do
        raise Refused(f"{lock.name} holds other characters than ASCII") from error
    if _CODING.search("\n".join(text.splitlines()[:2])):
        raise Refused(f"{lock.name} names an encoding; a lock is ASCII")
    for line in _logical(text):
        for word in _words(line, lock):
            if word.startswith("-") and word.partition("=")[0] not in OPTIONS:
                raise Refused(
                    f"{lock.name} holds the option {word[:40]!r}; it may name packages, hashes and indexes"
                )
        if not line.startswith("-") and not PACKAGE.match(line):
            raise Refused(
                f"{lock.name} holds {line[:60]!r}; it may name packages only as 'name==version', with hashes"
            )


def _logical(text: str) -> Iterator[str]:
    """Lines as pip joins them, without comments."""
    held = ""
    for line in text.splitlines():
        bare = _COMMENT.sub("", line)
        held += bare.rstrip("\\")
        if not bare.endswith("\\"):
            if held.strip():
                yield held.strip()
            held = ""
    if held.strip():
        yield held.strip()


def _words(line: str, lock: Path) -> list[str]:
    """The words of a line as a shell, and as somebody who knows no quotes, would part them: pip does some of both."""
    try:
        return [*shlex.split(line), *re.sub(r"[\"'\\]", " ", line).split()]
    except ValueError as error:
        raise Refused(f"{lock.name} holds an open quote") from error
