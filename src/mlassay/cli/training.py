"""``train``: the team's command in clean, isolated folders."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlassay import ci
from mlassay.cli import told
from mlassay.cli.common import (
    directory_option,
    json_option,
    note,
    print_json,
    printable,
    problem_json,
    run_option,
    show_error,
)
from mlassay.cli.develop import load_plan
from mlassay.errors import ExitCode, MlassayError

if TYPE_CHECKING:
    from mlassay.git import Repository
    from mlassay.plan import Plan
    from mlassay.stages.train import Trained


@click.command(epilog="Example: mlassay train")
@click.option(
    "--quiet", is_flag=True, help="Do not show the command's output while it runs; the log has it anyway."
)
@run_option
@directory_option
@json_option
def train(quiet: bool, run_folder: Path, directory: Path, as_json: bool) -> None:
    """Prepare and train in clean, isolated folders that hold only what ml.yaml grants.

    Leaves train/ in the run folder: the outputs, the log and where they come from. Exit code 1 when the command
    fails.
    """
    repository, plan = load_plan(directory)
    trained = train_here(repository, plan, directory / run_folder, quiet=quiet)
    if trained.passed:
        told.outputs("train", model=trained.digest(plan.config.model.file))
        told.summary(f"Trained {plan.config.name}", _training_facts(trained, plan))
    if as_json:
        print_json(trained_json(trained))
    sys.exit(ExitCode.PASSED if trained.passed else ExitCode.NO)


def train_here(repository: Repository, plan: Plan, run_folder: Path, *, quiet: bool) -> Trained:
    from mlassay.stages.train import train as stage

    on_line = None if quiet else lambda line: note(f"  | {printable(line)}")
    trained = stage(
        plan,
        repository,
        run_folder,
        context=ci.context(),
        progress=lambda text: note(printable(text)),
        on_line=on_line,
    )
    for warning in trained.warnings:
        click.secho(f"warning: {printable(warning)}", fg="yellow", err=True)
    if trained.passed:
        used = trained.provenance["resources"]
        note(
            f"trained in {used['wall_seconds']} s, at most {used['peak_memory_bytes'] >> 20} MiB, "
            f"isolation: {trained.provenance['isolation']}; outputs are in {run_folder / 'train/outputs'}"
        )
        return trained
    if quiet and trained.log_tail.strip():
        note("the last lines of its log:")
        note("\n".join(f"  | {line}" for line in printable(trained.log_tail).split("\n")))
    note(f"the full log is {trained.log}")
    show_error(_NoModelError(*trained.problems))
    return trained


class _NoModelError(MlassayError):
    """A training that did not leave a model: shown like an error, but an answer."""

    exit_code = ExitCode.NO


def trained_json(trained: Trained) -> dict[str, Any]:
    return {
        "passed": trained.passed,
        "problems": [problem_json(problem) for problem in trained.problems],
        "warnings": list(trained.warnings),
        "log": str(trained.log),
        "provenance": dict(trained.provenance),
    }


def _training_facts(trained: Trained, plan: Plan) -> list[tuple[str, str]]:
    used = trained.provenance["resources"]
    return [
        ("model", trained.digest(plan.config.model.file)),
        ("seconds", str(used["wall_seconds"])),
        ("memory at most", f"{used['peak_memory_bytes'] >> 20} MiB"),
        ("isolation", trained.provenance["isolation"]),
        *(("warning", warning) for warning in trained.warnings),
    ]
