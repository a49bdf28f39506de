"""One base class, one exit code for each kind; every problem says what, where, why and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What the process answers to a shell; scripts depend on these numbers."""

    PASSED = 0
    NO = 1  # a gate failed, or a decision was no: a value, never an exception
    USAGE = 2
    EVIDENCE = 3
    REMOTE = 4
    BUG = 70
    INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: ``what``, where (``path`` and 1-based ``line``), ``why`` it matters, ``remedy``.

    ``rule`` is the id of the audit's rule that it breaks (`mlassay.audit.rules`), "" where no audit asked; ``commit`` the
    commit of the main line that an audit found it at.
    """

    what: str
    why: str = ""
    remedy: str = ""
    path: str = ""
    line: int | None = None
    rule: str = ""
    commit: str = ""

    @property
    def where(self) -> str:
        """``file:line``, or what of it is known."""
        return self.path if self.line is None else f"{self.path}:{self.line}"

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.path else self.what


class MlassayError(Exception):
    """Base of every error that mlassay raises on purpose; carries one or more problems."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, *problems: Problem | str) -> None:
        self.problems: tuple[Problem, ...] = tuple(Problem(p) if isinstance(p, str) else p for p in problems)
        super().__init__("; ".join(str(p) for p in self.problems))

    @classmethod
    def raise_if_any(cls, problems: Iterable[Problem]) -> None:
        """Raise one error with all ``problems``, or nothing when there are none."""
        if found := tuple(problems):
            raise cls(*found)


class ConfigurationError(MlassayError):
    """The command line, a file that people wrote, or this machine is not as it must be."""

    exit_code = ExitCode.USAGE


class Unmeasurable(MlassayError):  # noqa: N818 - a word of the house
    """Rows or a task on which a gate's question has no answer: the gate says so, and has not passed."""

    exit_code = ExitCode.USAGE


class EvidenceError(MlassayError):
    """Evidence, a digest or a signature is not valid: never to be explained away."""

    exit_code = ExitCode.EVIDENCE


class RemoteError(MlassayError):
    """A forge, a store, a remote or the network refused or was not there."""

    exit_code = ExitCode.REMOTE
