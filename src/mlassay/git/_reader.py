"""One lasting ``cat-file --batch-command`` process; nothing unhashed leaves it, and nothing is read before its size is known."""

from __future__ import annotations

import io
import os
import subprocess
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mlassay.errors import ConfigurationError, Problem
from mlassay.git import _command
from mlassay.git._values import object_id

ROUND = 500
"""Ids of one request: their lines fit into a pipe, so that git never waits for us while we wait for git."""

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
                    found = self._running().contents([id_], most)[0]
                except (ValueError, OSError):  # an answer that is none, and a broken pipe
                    found = None
                if isinstance(found, int):
                    raise TooLarge(found)
                if found is not None and object_id(*found) == id_:
                    return found
                self._forget()
        return None

    def many(
        self, ids: Sequence[str], most: int, *, sized: bool = False
    ) -> Iterator[tuple[str, bytes] | None]:
        """What `fetch` would give for each id, a round of them at a time; None also for what `fetch` must explain.

        ``sized``: the caller has asked git for their sizes before, and none is past ``most``.
        """
        for start in range(0, len(ids), ROUND):
            part = ids[start : start + ROUND]
            with self._lock:
                try:
                    found = self._running().contents(part, most, sized=sized)
                except (ValueError, OSError):
                    self._forget()
                    found = [None] * len(part)
            for id_, one in zip(part, found, strict=True):
                yield one if isinstance(one, tuple) and object_id(*one) == id_ else None

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
            )
        except FileNotFoundError as error:
            raise ConfigurationError(
                Problem("git is not installed, or not on PATH", path=str(folder))
            ) from error
        self._in, self._out = self.process.stdin or io.BytesIO(), self.process.stdout or io.BytesIO()

    def headers(self, ids: Sequence[str]) -> dict[str, Header]:
        """Kind and size of each object that there is."""
        self._ask("info", ids)
        told = {id_: self._header(id_) for id_ in ids}
        return {id_: header for id_, header in told.items() if header is not None}

    def contents(
        self, ids: Sequence[str], most: int, *, sized: bool = False
    ) -> list[tuple[str, bytes] | int | None]:
        """Kind and bytes of each object, unverified; its size where that is past ``most``, None where there is none.

        Sizes are asked first: git would hold a tree of any size whole. ValueError for any other answer.
        """
        told = dict.fromkeys(ids, ("", 0)) if sized else self.headers(ids)
        fit = [id_ for id_ in ids if id_ in told and told[id_][1] <= most]
        self._ask("contents", list(dict.fromkeys(fit)))
        found = {id_: self._content(id_) for id_ in dict.fromkeys(fit)}
        return [found[id_] if id_ in found else told[id_][1] if id_ in told else None for id_ in ids]

    def _content(self, id_: str) -> tuple[str, bytes]:
        header = self._header(id_)
        if header is None:
            raise ValueError("it is gone")
        kind, size = header
        data = self._out.read(size)
        if len(data) != size or self._out.read(1) != b"\n":
            raise ValueError("git broke off")
        return kind, data

    def _header(self, id_: str) -> Header | None:
        words = self._out.readline().split()
        if words == [id_.encode(), b"missing"]:
            return None
        if len(words) != 3 or words[0] != id_.encode() or not words[2].isdigit():
            raise ValueError("git answered something else")
        return words[1].decode("ascii", "replace"), int(words[2])

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
