"""One lasting ``cat-file --batch`` process, reached through GitPython's object database; nothing unhashed leaves it."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

from mlassay.git import _command
from mlassay.git._values import object_id


class Reader:
    """Reads objects by id for any number of threads; starts the process when first needed, and again if it dies."""

    def __init__(self, folder: Path, git_dir: Path, common_dir: Path) -> None:
        self._folder, self._git_dir, self._common_dir = folder, git_dir, common_dir
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._end: Callable[[], object] = lambda: None

    def fetch(self, id_: str) -> tuple[str, bytes] | None:
        """``(kind, bytes)`` that hash to this full id; None when git has none such."""
        with self._lock:
            # Twice: the process may have been killed, or left half-read, through no fault of the object.
            for _ in range(2):
                try:
                    found = self._running().read(id_)
                except (ValueError, OSError):  # GitPython's word for "missing", and a broken pipe
                    found = None
                if found is not None and object_id(*found) == id_:
                    return found
                self._forget()
        return None

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
        from git.cmd import Git
        from git.db import GitCmdObjectDB

        self.owner = os.getpid()
        objects = str(common_dir / "objects")
        self._git = Git(str(folder))
        self._git.update_environment(
            **_command.PINNED,
            **_command.NO_TRANSPORT,
            # GitPython can only add to the environment, so what a hook left there is overruled one by one.
            GIT_DIR=str(git_dir),
            GIT_COMMON_DIR=str(common_dir),
            GIT_OBJECT_DIRECTORY=objects,
            GIT_ALTERNATE_OBJECT_DIRECTORIES="",
            GIT_CONFIG_PARAMETERS="",
        )
        self._database = GitCmdObjectDB(objects, self._git)

    def read(self, id_: str) -> tuple[str, bytes]:
        stream = self._database.stream(bytes.fromhex(id_))
        kind, data = stream.type, stream.read()
        return kind.decode("ascii", "replace") if isinstance(kind, bytes) else str(kind), data

    def end(self) -> None:
        if self.owner == os.getpid():
            self._git.clear_cache()
