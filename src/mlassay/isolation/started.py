"""What the two kinds of isolation have in common once a command is on its way."""

from __future__ import annotations

import abc
import os
import select
import subprocess
from dataclasses import dataclass

from mlassay.isolation.outcome import Limits
from mlassay.isolation.processes import Process

# Above the limit, so that the sampler finds it passed and says so rather than the command's own error.
FILE_SLACK = 1 << 20
# A second bound for one process that is quicker than the sampler. Data, not address space: threads, Go and
# Java reserve far more addresses than they ever use.
DATA_FACTOR, DATA_SLACK = 4, 1 << 30


@dataclass(frozen=True, slots=True)
class Bounds:
    """Resource limits that the kernel holds for each single process."""

    file_bytes: int
    data_bytes: int

    @classmethod
    def of(cls, limits: Limits) -> Bounds:
        """The per-process bounds that go with ``limits``."""
        return cls(limits.disk_bytes + FILE_SLACK, limits.memory_bytes * DATA_FACTOR + DATA_SLACK)


@dataclass(frozen=True, slots=True)
class End:
    """How a command ended by itself."""

    exit_code: int | None = None
    signalled: bool = False
    not_started: str = ""
    cpu_seconds: float = 0.0


class Started(abc.ABC):
    """One running command. ``process`` is ours (bwrap or the launcher), ``root`` the parent of the command's."""

    process: subprocess.Popen[bytes]
    root: int

    @abc.abstractmethod
    def below(self) -> list[Process]:
        """The processes of the command."""

    @abc.abstractmethod
    def kill(self) -> None:
        """End all of them, and return when they are gone."""

    @abc.abstractmethod
    def end(self) -> End:
        """What became of the command; called once, when ``process`` has ended."""

    @abc.abstractmethod
    def close(self) -> None:
        """Let go of descriptors."""

    def ended_within(self, seconds: float) -> bool:
        """Whether ``process`` ends in time; it is not reaped, so its pid stays its own."""
        if self.process.returncode is not None:
            return True
        descriptor = os.pidfd_open(self.process.pid)
        try:
            return bool(select.select([descriptor], [], [], seconds)[0])
        finally:
            os.close(descriptor)

    def reap(self) -> float:
        """Wait for ``process``; CPU seconds of it and of all that was waited for below it."""
        if self.process.returncode is not None:
            return 0.0
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return used.ru_utime + used.ru_stime
