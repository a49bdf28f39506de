"""A command in namespaces of its own: it sees the system's programs, this interpreter and its work folder."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import resource
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlassay.isolation import processes, view
from mlassay.isolation.environment import filled
from mlassay.isolation.outcome import Kind
from mlassay.isolation.started import Bounds, End, Started

SETUP_SECONDS = 30

NAMESPACES = (
    *("--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts"),
    *("--unshare-cgroup-try", "--die-with-parent", "--new-session", "--cap-drop", "ALL"),
)
# Without it a command could make a namespace in which it may mount memory that nobody counts.
# bubblewrap before 0.8 does not know the option.
NO_MORE_NAMESPACES = "--disable-userns"


@dataclass(frozen=True, slots=True)
class Folders:
    """What `run` gives to one command, on this machine's side: its work folder and three private ones."""

    work: Path
    home: Path
    tmp: Path
    shared_memory: Path

    @property
    def watched(self) -> tuple[Path, ...]:
        """All that the command can write to."""
        return (self.work, self.home, self.tmp, self.shared_memory)


@dataclass(frozen=True, slots=True)
class _Tried:
    options: tuple[str, ...] | None
    reason: str = ""


def available() -> Kind:
    """``bubblewrap`` where a trial run with the very options succeeds (tried once), else ``none``."""
    return "none" if _tried().options is None else "bubblewrap"


def why_not() -> str:
    """One line for people on why bubblewrap cannot be used here and what to do; empty when it can."""
    return _tried().reason


class Bubblewrap(Started):
    """A command below ``bwrap``."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        folders: Folders,
        environment: Mapping[str, str],
        bounds: Bounds,
        read_only: Sequence[str] = (),
        hidden: Sequence[Path] = (),
        options: Sequence[str] | None = None,
    ) -> None:
        arguments = [*(options or _tried().options or ()), *_sight(folders, environment, read_only, hidden)]
        self.root, self._first = 0, -1
        self._status_text = b""
        self._status, status_write = os.pipe()
        block_read, block = os.pipe()
        listed = os.memfd_create("arguments")  # no line of ours is too long, none shows in a process list
        try:
            os.write(listed, b"".join(os.fsencode(a) + b"\0" for a in arguments))
            os.lseek(listed, 0, os.SEEK_SET)
            self.process = _spawn(command, status=status_write, block=block_read, arguments=listed)
        except BaseException:
            os.close(self._status)
            os.close(block)
            raise
        finally:
            for descriptor in (status_write, block_read, listed):
                os.close(descriptor)
        try:
            self._bound(bounds)
            with contextlib.suppress(BrokenPipeError):
                os.write(block, b"g")
        except BaseException:
            self.process.kill()
            self.process.wait()
            self.close()
            raise
        finally:
            os.close(block)

    def _bound(self, bounds: Bounds) -> None:
        """Set limits on the first process inside while it still waits for us."""
        while b"\n" not in self._status_text:  # bwrap writes the line in pieces
            if not select.select([self._status], [], [], SETUP_SECONDS)[0]:
                return
            if not (piece := os.read(self._status, 4096)):
                return  # bwrap failed; its own words are in the output
            self._status_text += piece
        root = int(json.loads(self._status_text.splitlines()[0])["child-pid"])
        with contextlib.suppress(ProcessLookupError):
            self._first = os.pidfd_open(root)
            wanted = {
                resource.RLIMIT_FSIZE: bounds.file_bytes,
                resource.RLIMIT_DATA: bounds.data_bytes,
                resource.RLIMIT_CORE: 0,
            }
            for which, value in wanted.items():
                hard = resource.prlimit(root, which)[1]
                lower = value if hard == resource.RLIM_INFINITY else min(value, hard)
                resource.prlimit(root, which, (lower, lower))
            processes.set_oom_first(root)
            self.root = root

    def below(self) -> list[processes.Process]:
        """The command's processes; bwrap's own two are none of them."""
        return processes.descendants(self.root) if self.root else []

    def kill(self) -> None:
        """Kill the first process of the namespace: the kernel ends all others with it."""
        if self._first >= 0:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            if self.ended_within(10):
                return
        self.process.kill()
        self.ended_within(10)

    def end(self) -> End:
        """What became of the command; bwrap reports an exit code only if the command was started at all."""
        cpu = self.reap()
        while piece := os.read(self._status, 4096):
            self._status_text += piece
        reports = [json.loads(line) for line in self._status_text.splitlines()]
        codes = [int(r["exit-code"]) for r in reports if "exit-code" in r]
        if not codes:
            killed = (self.process.returncode or 0) < 0 or (self.process.returncode or 0) > 128
            return End(signalled=killed, not_started="" if killed else "see above", cpu_seconds=cpu)
        signalled = codes[0] > 128 and codes[0] - 128 in signal.valid_signals()
        return End(exit_code=None if signalled else codes[0], signalled=signalled, cpu_seconds=cpu)

    def close(self) -> None:
        """Let go of the pipes."""
        os.close(self._status)
        if self._first >= 0:
            os.close(self._first)
            self._first = -1


def _spawn(command: Sequence[str], *, status: int, block: int, arguments: int) -> subprocess.Popen[bytes]:
    numbers = {"--json-status-fd": status, "--block-fd": block, "--args": arguments}
    flags = [text for flag, number in numbers.items() for text in (flag, str(number))]
    return subprocess.Popen(
        [shutil.which("bwrap") or "bwrap", *flags, "--", *command],
        cwd="/",
        env={},  # what the command is given comes by --setenv: a loader variable must not act on bwrap
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=tuple(numbers.values()),
        start_new_session=True,
    )


def _sight(
    folders: Folders, environment: Mapping[str, str], read_only: Sequence[str], hidden: Sequence[Path]
) -> list[str]:
    """Options for all that a command can see. Order matters: later mounts lie over earlier ones."""
    shown = view.shown()
    inside = view.places(shown)
    # First, because an interpreter may lie below it.
    options = ["--bind", os.fspath(folders.tmp), inside.tmp]
    options += [*view.mounts(shown, hidden), "--proc", "/proc", "--remount-ro", "/proc"]
    # Read-only /proc: root keeps its user id inside, so /proc/sys would be the host's to change.
    memory = "/dev/shm"  # noqa: S108 - a folder of our own lies there
    options += ["--dev", "/dev", "--bind", os.fspath(folders.shared_memory), memory, "--remount-ro", "/dev"]
    options += [
        "--bind",
        os.fspath(folders.home),
        inside.home,
        "--bind",
        os.fspath(folders.work),
        inside.work,
    ]
    for path in read_only:
        options += ["--ro-bind", os.fspath(folders.work / path), f"{inside.work}/{path}"]
    options += ["--remount-ro", "/", "--chdir", inside.work]
    for name, value in filled(environment, work=inside.work, home=inside.home, tmp=inside.tmp).items():
        options += ["--setenv", name, value]
    return options


@functools.cache
def _tried() -> _Tried:
    """Run this interpreter once, isolated as any command would be."""
    if shutil.which("bwrap") is None:
        return _Tried(None, "bubblewrap (bwrap) is not installed: install the package `bubblewrap`")
    said = ""
    for options in ((*NAMESPACES, NO_MORE_NAMESPACES), NAMESPACES):
        said = _trial(options)
        if not said:
            return _Tried(options)
    return _Tried(None, f"bubblewrap does not work here ({said}): {_remedy(said)}")


def _trial(options: Sequence[str]) -> str:
    """Empty when a trial run succeeds, else the last line that bwrap wrote."""
    with tempfile.TemporaryDirectory(prefix="mlassay-trial-") as name:
        folders = Folders(*(Path(name, part) for part in ("work", "home", "tmp", "shm")))
        for folder in (folders.work, folders.home, folders.tmp, folders.shared_memory):
            folder.mkdir()
        started = Bubblewrap(
            [sys.executable, "-I", "-S", "-c", "print('it works')"],
            folders=folders,
            environment={},
            bounds=Bounds(1 << 30, 1 << 40),
            options=options,
        )
        try:
            said = started.process.communicate(timeout=SETUP_SECONDS)[0].decode("utf-8", "replace").strip()
        except subprocess.TimeoutExpired:
            started.kill()
            said = f"no answer within {SETUP_SECONDS} seconds"
        finally:
            started.close()
    if started.process.returncode == 0 and said == "it works":
        return ""
    return said.splitlines()[-1] if said else f"exit code {started.process.returncode}"


def _remedy(said: str) -> str:
    switches = {
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1",
        "/proc/sys/kernel/unprivileged_userns_clone": "0",
        "/proc/sys/user/max_user_namespaces": "0",
    }
    for path, closed in switches.items():
        with contextlib.suppress(OSError):
            if Path(path).read_text(encoding="ascii").strip() == closed:
                name = path.removeprefix("/proc/sys/").replace("/", ".")
                opened = {"1": "0", "0": "1"}[closed] if "max" not in name else "10000"
                return f"user namespaces are closed here: `sudo sysctl -w {name}={opened}`"
    if "/proc" in said:
        return "this container forbids a new /proc: run it with `--security-opt systempaths=unconfined`"
    return "allow user namespaces (in a container: `--security-opt seccomp=unconfined`, or another runner)"
