"""One lasting ``cat-file --batch-command`` process; nothing unhashed leaves it, and nothing is read before its size is known."""

from __future__ import annotations

import io
import os
import re
import subprocess
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from mlassay.errors import ConfigurationError, Problem
from mlassay.git import _command
from mlassay.git._values import object_id

ROUND = 500
"""Ids of one request: their lines fit into a pipe, so that git never waits for us while we wait for git."""
ROUND_BYTES = 4 << 20  # of the objects of one request, but for one that is larger by itself
BUFFER = 1 << 18

_NEWLINE = ord("\n")
_KINDS = {kind.encode(): kind for kind in ("commit", "tree", "blob", "tag")}

_HEADERS = re.compile("^([0-9a-f]{40}) (commit|tree|blob|tag) ([0-9]+)\n", re.MULTILINE)

Header = tuple[str, int]


class TooLarge(Exception):  # noqa: N818  says what was found
    """An object of more bytes (``args[0]``) than may be read."""


class Reader:
    """Reads objects by id for any number of threads; starts the process when first needed, and again if it dies."""

    def __init__(self, folder: Path, git_dir: Path, common_dir: Path) -> None:
        self._folder, self._git_dir, self._common_dir = folder, git_dir, common_dir
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._end: Callable[[], object] = lambda: None

    def fetch(self, id_: str, most: int) -> tuple[str, bytes] | None:
        """``(kind, bytes)`` that hash to this full id; None when git has none such. TooLarge past ``most`` bytes."""
        with self._lock:
            # Twice: the process may have been killed, or left half-read, through no fault of the object.
            for _ in range(2):
                try:
                    found = self._running().content(id_, most)
                except (ValueError, OSError):  # an answer that is none, and a broken pipe
                    found = None
                if isinstance(found, int):
                    raise TooLarge(found)
                if found is not None and object_id(*found) == id_:
                    return found
                self._forget()
        return None

    def many(
        self, ids: Sequence[str], most: int, sizes: Mapping[str, int] | None = None
    ) -> Iterator[tuple[str, bytes] | None]:
        """What `fetch` would give for each id, a round of them at a time; None also for what `fetch` must explain.

        ``sizes`` is what git said of them before, where the caller has asked for every one.
        """
        for start in range(0, len(ids), ROUND):
            part = ids[start : start + ROUND]
            known = sizes if sizes is not None else {id_: told[1] for id_, told in self.headers(part).items()}
            fit = {id_: size for id_ in part if (size := known.get(id_, most + 1)) <= most}
            for few in _rounds(part, fit):
                with self._lock:
                    try:
                        found = self._running().read([id_ for id_ in few if id_ in fit])
                    except (ValueError, OSError):
                        self._forget()
                        found = {}
                for id_ in few:
                    one = found.get(id_)
                    yield one if one is not None and object_id(*one) == id_ else None

    def headers(self, ids: Sequence[str]) -> dict[str, Header]:
        """Kind and size in bytes, as git's headers tell them, of the objects that there are; not held against ids."""
        told: dict[str, Header] = {}
        rounds = [ids[start : start + ROUND] for start in range(0, len(ids), ROUND)]
        with self._lock:
            while rounds:
                part = rounds.pop()
                try:
                    told |= self._running().headers(part)
                except (ValueError, OSError):
                    # A damaged object ends the process: it stays unknown here, and reading it says why.
                    self._forget()
                    rounds += [[id_] for id_ in part] if len(part) > 1 else []
        return told

    def close(self) -> None:
        """End the process; the next read starts another."""
        with self._lock:
            self._forget()

    def _running(self) -> _Process:
        # A forked child must not share its parent's pipe: each would read the other's answers.
        if self._process is None or self._process.owner != os.getpid():
            self._process = _Process(self._folder, self._git_dir, self._common_dir)
            # Also when nobody closes: Popen would complain of a process that outlives its owner.
            self._end = weakref.finalize(self, self._process.end)
        return self._process

    def _forget(self) -> None:
        self._end()
        self._process = None


class _Process:
    def __init__(self, folder: Path, git_dir: Path, common_dir: Path) -> None:
        self.owner = os.getpid()
        places = {
            "GIT_DIR": str(git_dir),
            "GIT_COMMON_DIR": str(common_dir),
            "GIT_OBJECT_DIRECTORY": str(common_dir / "objects"),
        }
        try:
            self.process = subprocess.Popen(
                ["git", *_command.OPTIONS, "cat-file", "--batch-command", "--buffer"],
                cwd=folder,
                env=_command.environment(extra=places),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=BUFFER,
            )
        except FileNotFoundError as error:
            raise ConfigurationError(
                Problem("git is not installed, or not on PATH", path=str(folder))
            ) from error
        self._in, self._out = self.process.stdin or io.BytesIO(), self.process.stdout or io.BytesIO()

    def headers(self, ids: Sequence[str]) -> dict[str, Header]:
        """Kind and size of each object that there is."""
        self._ask("info", ids)
        readline = self._out.readline
        lines = [readline() for _ in ids]
        usual = _HEADERS.findall(b"".join(lines).decode("ascii", "replace"))
        if [id_ for id_, _, _ in usual] == list(ids):  # each has its line, and none says anything else
            return {id_: (kind, int(size)) for id_, kind, size in usual}
        told = zip(ids, map(_header, ids, lines), strict=True)
        return {id_: header for id_, header in told if header is not None}

    def content(self, id_: str, most: int) -> tuple[str, bytes] | int | None:
        """Kind and bytes of an object, unverified; its size where that is past ``most``, None where there is none.

        Sizes are asked first: git would hold a tree of any size whole. ValueError for any other answer.
        """
        told = self.headers([id_]).get(id_)
        if told is None or told[1] > most:
            return told and told[1]
        return self.read([id_]).get(id_)

    def read(self, ids: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        """Kind and bytes of each object, unverified, without asking for sizes; those that are missing are left out."""
        wanted = list(dict.fromkeys(ids))
        self._ask("contents", wanted)
        found = {}
        for id_ in wanted:
            header = _header(id_, self._out.readline())
            if header is None:
                continue
            kind, size = header
            data = self._out.read(size + 1)
            if len(data) != size + 1 or data[-1] != _NEWLINE:
                raise ValueError("git broke off")
            found[id_] = kind, data[:-1]
        return found

    def _ask(self, word: str, ids: Sequence[str]) -> None:
        self._in.write("".join([f"{word} {id_}\n" for id_ in ids]).encode() + b"flush\n")
        self._in.flush()

    def end(self) -> None:
        if self.owner != os.getpid():
            return
        # Whatever it is still about to say, nobody reads; a pipe that broke says so again when it is closed.
        self.process.kill()
        for pipe in (self._in, self._out):
            try:
                pipe.close()
            except OSError:
                continue
        self.process.wait()


def _header(id_: str, line: bytes) -> Header | None:
    """Kind and size in the first line of git's answer for an id; None where it has no such object."""
    id_told, _, rest = line.partition(b" ")
    kind, _, size = rest.rstrip(b"\n").partition(b" ")
    if id_told != id_.encode() or not (size.isdigit() or kind == b"missing"):
        raise ValueError("git answered something else")
    return (_KINDS.get(kind) or kind.decode("ascii", "replace"), int(size)) if size else None


def _rounds(ids: Sequence[str], sizes: Mapping[str, int]) -> Iterator[Sequence[str]]:
    """The ids in order, as many at a time as are held at once."""
    start = held = 0
    for at, id_ in enumerate(ids):
        size = sizes.get(id_, 0)
        if held and held + size > ROUND_BYTES:
            yield ids[start:at]
            start, held = at, 0
        held += size
    yield ids[start:]
