"""One command of a team, run in a clean folder that holds only what it is granted, and what became of it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlassay.digest import decimal_string
from mlassay.errors import Problem
from mlassay.evidence import time_string
from mlassay.isolation import Kind, Limits, Outcome, remove_tree, run
from mlassay.stages._failure import explain
from mlassay.stages._grants import ENVIRONMENT, OUT, Granter
from mlassay.stages._outputs import Output, take


@dataclass(frozen=True)
class Settings:
    """How the commands of one run are run, and who hears of it."""

    limits: Limits
    isolation: Kind | None = None
    total_bytes: int = 1 << 30  # of what a command may leave
    progress: Callable[[str], None] = lambda _: None
    on_line: Callable[[str], None] | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass
class Ran:
    """One command that was run: ``facts`` for provenance, what it left, and why that is not good enough, if so."""

    facts: dict[str, Any]
    outcome: Outcome
    outputs: list[Output] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def run_granted(
    granter: Granter,
    settings: Settings,
    *,
    key: str,
    command: str,
    uses: Iterable[str],
    data: Iterable[str],
    folder: Path,
    keep: Path,
) -> Ran:
    """Run ``command`` (declared at ``key`` of ``ml.yaml``) in a new folder below ``folder``; its outputs go to ``keep``."""
    words = shlex.split(command)
    with clean_folder(folder / "work") as work:
        granted = granter.fill(work, uses, data, key=key)
        started = settings.clock()
        outcome = run(
            words,
            work=work,
            environment=ENVIRONMENT,
            limits=settings.limits,
            isolation=settings.isolation,
            on_line=settings.on_line,
        )
        finished = settings.clock()
        ran = Ran(_facts(granted, outcome, started, finished), outcome)
        keep.mkdir(parents=True)
        if outcome.passed:
            ran.outputs, ran.problems = take(work / OUT, keep, total_bytes=settings.total_bytes)
        else:
            ran.problems = [explain(granter.plan.config, key, words, settings.limits, outcome)]
    return ran


@contextmanager
def clean_folder(path: Path) -> Iterator[Path]:
    """A new folder that is gone afterwards, whatever a hostile command put into it."""
    path.mkdir()
    try:
        yield path
    finally:
        remove_tree(path)


def _facts(
    granted: list[dict[str, Any]], outcome: Outcome, started: datetime, finished: datetime
) -> dict[str, Any]:
    return {
        "granted": granted,
        "started": time_string(started),
        "finished": time_string(finished),
        "resources": {
            "wall_seconds": decimal_string(outcome.wall_seconds, 3),
            "cpu_seconds": decimal_string(outcome.cpu_seconds, 3),
            "peak_memory_bytes": outcome.peak_memory_bytes,
        },
        "isolation": outcome.isolation,
        "network": outcome.network,
        "ended": outcome.ended,
        "exit_code": outcome.exit_code,
    }
