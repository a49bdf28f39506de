"""The prepare stage: named steps before training, each in its own clean folder, each with digests in and out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlassay.config import Step
from mlassay.errors import Problem
from mlassay.stages._commands import Ran, Settings, run_granted
from mlassay.stages._grants import Granter
from mlassay.stages._outputs import Output


def prepare(granter: Granter, settings: Settings, folder: Path) -> tuple[list[dict[str, Any]], Ran | None]:
    """Run every declared step in order; ``(facts of each, the one that failed or None)``.

    What a step writes is kept below ``folder`` and granted, under its name, to the steps and the training
    after it. A name that is read brings all splits of that data but the one that gates measure on.
    """
    facts: list[dict[str, Any]] = []
    for number, step in enumerate(granter.plan.config.prepare):
        settings.progress(f"prepare {step.name}: {step.run}")
        keep = folder / f"prepared-{number}"
        ran = run_granted(
            granter,
            settings,
            key=f"prepare.{number}",
            command=step.run,
            uses=step.uses,
            data=step.reads,
            folder=folder,
            keep=keep,
        )
        outputs = [output.as_json() for output in ran.outputs]
        facts.append({"name": step.name, "command": step.run, **ran.facts, "outputs": outputs})
        if not ran.problems:
            ran.problems = _file_under_names(granter, step, keep, ran.outputs, number)
        if ran.problems:
            return facts, ran
    return facts, None


def _file_under_names(
    granter: Granter, step: Step, keep: Path, outputs: list[Output], number: int
) -> list[Problem]:
    """Make the outputs available under the names that the step declares; problems when names and files differ."""
    by_name: dict[str, list[Output]] = {name: [] for name in step.writes}
    unnamed = []
    for output in outputs:
        first, slash, _ = output.path.partition("/")
        name = first if slash else first.partition(".")[0]
        if name in by_name:
            by_name[name].append(output)
        else:
            unnamed.append(output.path)
    line = granter.plan.config.lines.get(f"prepare.{number}.writes")
    problems = [
        _problem(f"the step '{step.name}' left {path[:120]!r}, which its 'writes' does not name", line)
        for path in unnamed[:5]
    ]
    problems += [
        _problem(f"the step '{step.name}' did not write {name!r}, which its 'writes' names", line)
        for name, files in by_name.items()
        if not files
    ]
    granter.written |= {name: (keep, files) for name, files in by_name.items()}
    return problems


def _problem(what: str, line: int | None) -> Problem:
    return Problem(
        what,
        why="the next command is granted by name, and sees nothing else",
        remedy="write MLASSAY_OUT/<name>.<ending> or a folder MLASSAY_OUT/<name>/ for each name, and nothing else",
        path="ml.yaml",
        line=line,
    )
