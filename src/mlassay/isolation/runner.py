"""`run`: start a command, sample it, stop it at its limits, and say what became of it."""

from __future__ import annotations

import contextlib
import os
import select
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from mlassay.errors import ConfigurationError, Problem
from mlassay.isolation import folders, processes
from mlassay.isolation.bare import Bare
from mlassay.isolation.bubblewrap import Bubblewrap, Folders, available, why_not
from mlassay.isolation.environment import filled
from mlassay.isolation.log import Log
from mlassay.isolation.outcome import Ended, Kind, Limits, Outcome
from mlassay.isolation.started import Bounds, End, Started

SAMPLE_SECONDS = 0.05
FIRST_SAMPLE_SECONDS = 0.005
DRAIN_SECONDS = 1.0
READ_BYTES = 1 << 16

_REASONS: dict[Ended, str] = {
    "wall": "it ran longer than {0.wall_seconds:g} seconds",
    "memory": "it used more than {0.memory_bytes} bytes of memory",
    "disk": "it wrote more than {0.disk_bytes} bytes, or what could not be measured",
    "processes": "it started more than {0.processes} processes",
}


def run(
    command: Sequence[str],
    *,
    work: Path,
    environment: Mapping[str, str] | None = None,
    limits: Limits | None = None,
    isolation: Kind | None = None,
    hidden: Sequence[Path] = (),
    read_only: Sequence[str] = (),
    on_line: Callable[[str], None] | None = None,
) -> Outcome:
    """Run ``command`` in the folder ``work``, which holds all that it is granted, and return what happened.

    ``environment`` is laid over `clean_environment`; in its values ``{work}``, ``{home}`` and ``{tmp}``
    become the folders as the command sees them. ``read_only`` names paths below ``work`` and ``hidden``
    paths of this machine: both hold in bubblewrap only, so without it grant copies, not hard links.
    ``on_line`` gets cleaned lines of output as they come. ``isolation`` defaults to `available`; asking for
    bubblewrap where there is none raises ConfigurationError. A limit that was passed is an outcome, never
    an error. Whatever happens, no process of the command is left.
    """
    limits = limits or Limits()
    kind = isolation or available()
    if kind == "bubblewrap" and available() == "none":
        raise ConfigurationError(
            Problem(
                "bubblewrap was asked for and cannot be used",
                why="the command would not be isolated",
                remedy=why_not(),
            )
        )
    work = work.resolve(strict=True)
    _refuse_odd(command, environment or {}, work, read_only)
    log = Log(limits.log_bytes, on_line)
    with _private(work) as given:
        before = folders.used(given.watched)
        begun = time.monotonic()
        started = _start(kind, command, given, environment or {}, limits, read_only, hidden)
        try:
            sampler = _Sampler(started, limits, given.watched, before)
            ended = _watch(started, sampler, log, begun + limits.wall_seconds)
            end = started.end()
        finally:
            _leave(started)
        wall = time.monotonic() - begun
        ended = ended or _own_end(end, sampler)
    text, dropped = log.finish(*_notes(command, ended, end, limits))
    return Outcome(
        exit_code=end.exit_code if ended == "exited" else None,
        ended=ended,
        wall_seconds=wall,
        cpu_seconds=max(end.cpu_seconds, sampler.cpu_seconds),
        peak_memory_bytes=sampler.peak,
        isolation=kind,
        network=kind == "none",
        log=text,
        log_dropped_bytes=dropped,
    )


@contextlib.contextmanager
def _private(work: Path) -> Iterator[Folders]:
    """Folders for one command, which are gone afterwards."""
    top = Path(tempfile.mkdtemp(prefix="mlassay-private-"))
    try:
        given = Folders(work, *(top / part for part in ("home", "tmp", "shm")))
        for folder in (given.home, given.tmp, given.shared_memory):
            folder.mkdir()
        yield given
    finally:
        folders.remove_tree(top)


def _start(
    kind: Kind,
    command: Sequence[str],
    given: Folders,
    environment: Mapping[str, str],
    limits: Limits,
    read_only: Sequence[str],
    hidden: Sequence[Path],
) -> Started:
    bounds = Bounds.of(limits)
    if kind == "none":
        places = {"work": str(given.work), "home": str(given.home), "tmp": str(given.tmp)}
        return Bare(command, work=given.work, environment=filled(environment, **places), bounds=bounds)
    return Bubblewrap(
        command, folders=given, environment=environment, bounds=bounds, read_only=read_only, hidden=hidden
    )


class _Sampler:
    """Looks at a running command now and then; never for more than about a fifth of the time."""

    def __init__(self, started: Started, limits: Limits, watched: Sequence[Path], before: int) -> None:
        self._started, self._limits, self._watched, self._before = started, limits, watched, before
        self._interval = FIRST_SAMPLE_SECONDS
        self._next_disk = 0.0
        self.peak = 0
        self._cpu: dict[tuple[int, int], float] = {}

    @property
    def cpu_seconds(self) -> float:
        """CPU seconds seen so far; less than the kernel's own count, which is taken where there is one."""
        return sum(self._cpu.values())

    def sample(self) -> tuple[Ended | None, float]:
        """``(the limit that was passed, seconds until the next look)``."""
        begun = time.monotonic()
        below = self._started.below()
        self.peak = max(self.peak, processes.memory(below, at_least=self.peak))
        for process in below:
            self._cpu[process.pid, process.started] = process.cpu_seconds
        ended: Ended | None = None
        if self.peak > self._limits.memory_bytes:
            ended = "memory"
        elif len(below) > self._limits.processes:
            ended = "processes"
        elif begun >= self._next_disk:
            ended = "disk" if self.disk_passed(processes.nameless_files(below)) else None
            done = time.monotonic()
            self._next_disk = done + 4 * (done - begun)
        self._interval = min(2 * self._interval, SAMPLE_SECONDS)
        return ended, max(self._interval, 4 * (time.monotonic() - begun)) if ended is None else 0.0

    def disk_passed(self, elsewhere: int = 0) -> bool:
        """Whether more was written than may be; ``elsewhere`` are bytes outside of the watched folders."""
        return folders.used(self._watched) + elsewhere - self._before > self._limits.disk_bytes


def _watch(started: Started, sampler: _Sampler, log: Log, deadline: float) -> Ended | None:
    """Read and sample until the command ends or passes a limit; None when it ended by itself."""
    output = started.process.stdout
    assert output is not None  # noqa: S101 - both kinds ask for a pipe
    os.set_blocking(output.fileno(), False)
    ended: Ended | None = None
    finished = os.pidfd_open(started.process.pid)
    poller = select.poll()
    poller.register(finished, select.POLLIN)
    poller.register(output, select.POLLIN)
    try:
        look = 0.0
        while ended is None:
            now = time.monotonic()
            if now >= deadline:
                ended = "wall"
            elif now >= look:
                ended, pause = sampler.sample()
                look = time.monotonic() + pause
            ready = dict(
                poller.poll(max(0.0, min(look, deadline) - time.monotonic()) * 1000 if not ended else 0)
            )
            if output.fileno() in ready and not _read(output.fileno(), log):
                poller.unregister(output)
            if finished in ready:
                break
    finally:
        os.close(finished)
    if ended is not None:
        started.kill()
    _drain(output.fileno(), log)
    return ended


def _read(descriptor: int, log: Log) -> bool:
    """Take what is there; False at the end of the output."""
    try:
        data = os.read(descriptor, READ_BYTES)
    except BlockingIOError:
        return True
    log.feed(data)
    return bool(data)


def _drain(descriptor: int, log: Log) -> None:
    """What is left in the pipe. All writers should be dead; one that got away does not keep us."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([descriptor], [], [], left)[0] or not _read(descriptor, log):
            return


def _leave(started: Started) -> None:
    """End what still runs (an interrupt, an error of ours) and let go of everything."""
    if started.process.returncode is None:
        started.kill()
        started.reap()
    if started.process.stdout:
        started.process.stdout.close()
    started.close()


def _own_end(end: End, sampler: _Sampler) -> Ended:
    if end.not_started:
        return "not-started"
    if sampler.disk_passed():  # the kernel's bound on one file may have been quicker than the sampler
        return "disk"
    return "signal" if end.signalled else "exited"


def _notes(command: Sequence[str], ended: Ended, end: End, limits: Limits) -> list[str]:
    """What mlassay adds to the log, so that its reader knows why it stops there."""
    if ended == "not-started":
        return [f"{command[0]} could not be started: {end.not_started}"]
    return [f"stopped: {_REASONS[ended].format(limits)}"] if ended in _REASONS else []


def _refuse_odd(
    command: Sequence[str], environment: Mapping[str, str], work: Path, read_only: Sequence[str]
) -> None:
    """What no command line, environment or grant may hold; all of it at once."""
    problems = []
    if not command or not command[0]:
        problems.append(Problem("there is no command to run", remedy="write one in `run`"))
    if any("\0" in text for text in (*command, *environment.keys(), *environment.values())):
        problems.append(Problem("a command or its environment holds a NUL character", remedy="remove it"))
    problems += [
        Problem(
            f"`{name}` is no name for an environment variable", remedy="use letters, digits and underscores"
        )
        for name in environment
        if not name or "=" in name
    ]
    for name in read_only:
        path = PurePosixPath(name)
        inside = not path.is_absolute() and ".." not in path.parts
        with contextlib.suppress(OSError):
            inside = inside and (work / path).resolve(strict=True) == work / path
        if not inside:
            problems.append(
                Problem(f"`{name}` is not below the work folder", why="only what lies there is granted")
            )
    ConfigurationError.raise_if_any(problems)
