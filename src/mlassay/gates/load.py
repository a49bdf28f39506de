"""The load gate: is it quick and small enough?

Times differ from run to run and from machine to machine, and a verdict must not. So the report holds whether each budget
is kept, and no time: what was measured is told while the gate runs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.gates.common import CRITERIA_FILE, Criteria, report

if TYPE_CHECKING:
    from mlassay.ports import Subject

ROUNDS = 5
"""A budget is kept where every round keeps it, and broken where every round breaks it."""
CALLS = 200
LARGE = 64
SECONDS = 120
ROWS = 2048
SIZE = "model_bytes"
TIMED: Mapping[str, str] = {
    "latency_p50_ms": "the median time of one row",
    "latency_p95_ms": "the time of one row, 95 times in 100,",
    "latency_p99_ms": "the time of one row, 99 times in 100,",
    "batch_p95_ms": f"the time of {LARGE} rows, 95 times in 100,",
    "rows_per_second": f"the number of rows in a second, {LARGE} at a time,",
    "memory_mb": "the memory that loading and running it takes",
}
_NOT_LOOKED_AT = (
    "another machine than this one, several callers at once, several threads",
    "the way to the model: networks, queues, and what prepares the rows",
    "the times themselves: they are told while the gate runs, and never the same twice",
)


class LoadGate:
    """Holds budgets of time, memory and size; measured in a process of its own, one thread, one call after the other."""

    id = "load"

    def test(self, subject: Subject) -> GateReport:
        """One finding for each budget; only the model's size is a number of the report."""
        criteria = Criteria.of(subject, self.id)
        findings: list[Finding] = []
        size = subject.model.size
        if (most := (criteria.values.get(SIZE) or {}).get("max")) is not None:
            findings.append(_size(criteria, size, int(most)))
        held = {name: criteria.values[name] for name in TIMED if name in criteria.values}
        rows = min(len(subject.table), ROWS)
        if held:
            rounds = _measure(subject) if rows else "there are no evaluation rows"
            if not isinstance(rounds, str):
                subject.progress(_told(rounds))
            findings += [_finding(criteria, name, bounds, rounds) for name, bounds in held.items()]
        if not findings:
            findings.append(_nothing(criteria))
        measured = {SIZE: size, "rows": rows, "rounds": ROUNDS, "calls": CALLS, "large_batch": LARGE}
        return report(criteria, measured=measured, findings=findings, not_looked_at=_NOT_LOOKED_AT)


@dataclass(frozen=True, slots=True)
class Round:
    """What one round measured, by the name of its budget."""

    values: Mapping[str, float]

    @classmethod
    def of(cls, one: Sequence[float], many: Sequence[float], memory: float) -> Round:
        """From milliseconds of calls with one row and with `LARGE` rows, and megabytes."""
        p50, p95, p99 = (float(each) for each in np.quantile(one, [0.5, 0.95, 0.99]))
        return cls(
            {
                "latency_p50_ms": p50,
                "latency_p95_ms": p95,
                "latency_p99_ms": p99,
                "batch_p95_ms": float(np.quantile(many, 0.95)),
                "rows_per_second": LARGE * len(many) / (sum(many) / 1e3),
                "memory_mb": memory,
            }
        )


def outcome_of(rounds: Sequence[Round], name: str, bounds: Mapping[str, float]) -> Outcome:
    """Passed where every round keeps the bounds, failed where none does, inconclusive between."""
    kept = [bounds.get("min", -np.inf) <= each.values[name] <= bounds.get("max", np.inf) for each in rounds]
    return Outcome.PASSED if all(kept) else Outcome.INCONCLUSIVE if any(kept) else Outcome.FAILED


def _measure(subject: Subject) -> list[Round] | str:
    """The rounds, or why there are none."""
    plan = subject.plan
    columns = {each.name: subject.table.column(each.name)[:ROWS] for each in subject.model.inputs}
    asked = {
        "path": str(subject.model.path.resolve()),
        "inputs": [[column.name, list(column.values)] for column in plan.model_columns],
        "task": subject.task,
        "labels": list(plan.label.values),
        "favourable": list(plan.favourable_classes),
        "columns": columns,
        "rounds": ROUNDS,
        "calls": CALLS,
        "large": LARGE,
    }
    with tempfile.TemporaryDirectory(prefix="mlassay-load-") as folder:
        try:
            ran = subprocess.run(
                [sys.executable, "-P", "-X", "utf8", "-m", "mlassay.gates.load_worker"],
                input=json.dumps(asked).encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=folder,
                env=_environment(folder),
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"{2 * ROUNDS * CALLS} calls took longer than {SECONDS} seconds"
    if ran.returncode != 0:
        return "the process that measures it ended before it had measured"
    said: dict[str, Any] = json.loads(ran.stdout)
    return [Round.of(each["one"], each["many"], said["memory_mb"]) for each in said["rounds"]]


def _environment(folder: str) -> dict[str, str]:
    names = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
    return {name: os.environ[name] for name in names if name in os.environ} | {
        "HOME": folder,
        "TMPDIR": folder,
    }


def _told(rounds: Sequence[Round]) -> str:
    """A line for people who look on; medians of the rounds."""
    middle = {name: float(np.median([each.values[name] for each in rounds])) for name in TIMED}
    return "load: " + ", ".join(f"{name} {value:.4g}" for name, value in middle.items())


def _finding(
    criteria: Criteria, name: str, bounds: Mapping[str, float], rounds: Sequence[Round] | str
) -> Finding:
    asked = " and ".join(
        f"at {'least' if key == 'min' else 'most'} {bounds[key]:g}" for key in sorted(bounds)
    )
    key = next(iter(bounds))
    if isinstance(rounds, str):
        outcome, what = Outcome.INCONCLUSIVE, f"{name} could not be measured: {rounds}."
        why, remedy = (
            "what was not measured is not held",
            "Try the model alone; see what the contract gate says of it.",
        )
    else:
        outcome = outcome_of(rounds, name, bounds)
        keeps = {
            Outcome.PASSED: "keeps",
            Outcome.FAILED: "breaks",
            Outcome.INCONCLUSIVE: "does not always keep",
        }
        what = f"{TIMED[name]} {keeps[outcome]} its budget, {asked} ({name})."
        why = {
            Outcome.PASSED: f"each of {ROUNDS} rounds keeps it",
            Outcome.FAILED: f"none of {ROUNDS} rounds keeps it",
            Outcome.INCONCLUSIVE: f"some of {ROUNDS} rounds keep it, and some do not",
        }[outcome]
        remedy = "" if outcome is Outcome.PASSED else _MEND
    numbers: dict[str, str | int] = {
        f"asked_{bound}": f"{float(bounds[bound]):g}" for bound in sorted(bounds)
    }
    return Finding(
        f"load.{name}", outcome, what, why, remedy, CRITERIA_FILE, criteria.line(name, key), numbers
    )


_MEND = (
    "What was measured stands in the log of this run; a budget just beyond it is the nearest that would pass. Fewer or "
    "shallower trees, fewer inputs or a smaller network take less; measure on a machine like the one that serves."
)


def _size(criteria: Criteria, size: int, most: int) -> Finding:
    outcome = Outcome.PASSED if size <= most else Outcome.FAILED
    remedy = (
        ""
        if outcome is Outcome.PASSED
        else f"Fewer or shallower trees, fewer inputs or a smaller network. Nothing under {SIZE}: {{max: {size}}} would let it pass."
    )
    return Finding(
        f"load.{SIZE}",
        outcome,
        f"the model has {size:,} bytes, where at most {most:,} are asked.",
        "the size of a file is what it is",
        remedy,
        CRITERIA_FILE,
        criteria.line(SIZE, "max"),
        {"size": size, "threshold": most},
    )


def _nothing(criteria: Criteria) -> Finding:
    return Finding(
        "load.budgets",
        Outcome.INCONCLUSIVE,
        "no budget is declared",
        "how quick and how small it must be is for those who serve it to say",
        "declare, for example, latency_p95_ms: {max: 5} and model_bytes: {max: 10000000}",
        CRITERIA_FILE,
        criteria.line(),
    )
