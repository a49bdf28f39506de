"""A command without isolation: limits and a clean environment, but it may read all that its user may."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlassay.isolation import processes
from mlassay.isolation.started import Bounds, End, Started

LAUNCHER = Path(__file__).with_name("launcher.py")


class Bare(Started):
    """A command below `launcher`."""

    def __init__(
        self, command: Sequence[str], *, work: Path, environment: Mapping[str, str], bounds: Bounds
    ) -> None:
        control_read, self._control = os.pipe()
        self._report, report_write = os.pipe()
        arguments = [str(n) for n in (control_read, report_write, bounds.file_bytes, bounds.data_bytes)]
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-S", os.fspath(LAUNCHER), *arguments, *command],
                cwd=work,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(control_read, report_write),
                start_new_session=True,
            )
        except BaseException:
            os.close(self._control)
            os.close(self._report)
            raise
        finally:
            os.close(control_read)
            os.close(report_write)
        self.root = self.process.pid
        self._listed: list[processes.Process] = []
        processes.set_oom_first(self.root)

    def below(self) -> list[processes.Process]:
        """The command's processes; the launcher is none of them."""
        self._listed = processes.descendants(self.root)
        return self._listed

    def kill(self) -> None:
        """Have the launcher end everything; if the command has killed the launcher, do what can be done."""
        with contextlib.suppress(BrokenPipeError):
            os.write(self._control, b"k")
        if not self.ended_within(10):
            processes.kill(self.below())
            self.process.kill()
            self.ended_within(10)
        processes.kill(self._listed)

    def end(self) -> End:
        """What became of the command."""
        with open(self._report, "rb", closefd=False) as file:
            data = file.read(1 << 16)
        cpu = self.reap()
        if not data:  # only the command itself can have ended the launcher
            processes.kill(self._listed)
            return End(signalled=True, cpu_seconds=cpu)
        report = json.loads(data)
        cpu = float(report["cpu"])  # without the launcher's own
        if report["not_started"]:
            return End(not_started=report["not_started"], cpu_seconds=cpu)
        if report["status"] is None:
            return End(signalled=True, cpu_seconds=cpu)
        code = os.waitstatus_to_exitcode(report["status"])
        return End(exit_code=code if code >= 0 else None, signalled=code < 0, cpu_seconds=cpu)

    def close(self) -> None:
        """Let go of the pipes."""
        os.close(self._control)
        os.close(self._report)
