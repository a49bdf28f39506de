"""What a command is allowed, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["bubblewrap", "none"]
Ended = Literal["exited", "signal", "wall", "memory", "disk", "processes", "not-started"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command and everything that it starts may use, together."""

    wall_seconds: float = 600
    memory_bytes: int = 4 << 30
    disk_bytes: int = 2 << 30
    """What may be added to the work folder, the temporary folders and files without a name."""
    log_bytes: int = 1 << 20
    """What of the output is kept (its head and its tail); the rest is counted and dropped."""
    processes: int = 256


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to a command, as seen from outside of it.

    ``exit_code`` is None unless it exited by itself. In bubblewrap an exit code of 128 + n is reported as
    signal n, because that is how its first process passes a signal on. ``peak_memory_bytes`` was sampled
    every 50 ms, so a shorter peak may be missing. ``network`` says whether the network could be reached.
    ``log`` is UTF-8 without control sequences or workflow commands.
    """

    exit_code: int | None
    ended: Ended
    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    isolation: Kind
    network: bool
    log: bytes
    log_dropped_bytes: int

    @property
    def passed(self) -> bool:
        """The command ran to its own end, within its limits, and answered 0."""
        return self.ended == "exited" and self.exit_code == 0
