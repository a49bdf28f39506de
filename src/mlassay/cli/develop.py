"""``validate`` and ``explain``: what is written down, and what a finding means."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlassay.cli import told
from mlassay.cli.common import directory_option, json_option, print_json, printable, problem_json, run_option
from mlassay.errors import ConfigurationError, ExitCode, Problem

if TYPE_CHECKING:
    from mlassay.evidence import Verdict
    from mlassay.git import Repository
    from mlassay.plan import Plan


@click.command(epilog="Example: mlassay validate -C team")
@directory_option
@json_option
def validate(directory: Path, as_json: bool) -> None:
    """Read every file strictly and print all errors at once; exit code 2 when there are any."""
    try:
        repository, plan = load_plan(directory)
    except ConfigurationError as error:
        if not as_json:
            raise
        told.error(error)
        print_json({"valid": False, "problems": [problem_json(problem) for problem in error.problems]})
        sys.exit(ExitCode.USAGE)
    facts = _plan_facts(plan) | _history_facts(repository)
    _tell_validated(facts)
    if as_json:
        print_json({"valid": True, **facts})
        return
    click.echo(f"{printable(plan.config.name)}: every file is as it must be")
    click.echo(f"  read:       {', '.join(facts['read'])}")
    click.echo(
        f"  risk level: {facts['risk_level']}"
        + (f" (declared {facts['declared']})" if facts["raised"] else "")
    )
    click.echo(f"  gates:      {', '.join(facts['gates'])}")
    if facts["reuse"]:
        click.echo(f"  reuse:      {facts['reuse']} has the same inputs, so its verdict is this commit's too")


@click.command(epilog="Example: mlassay explain bias.selection_rate_ratio")
@click.argument("finding", metavar="[FINDING]", default="")
@click.option(
    "--release", metavar="RELEASE", help="A recorded release, instead of what was tested here last."
)
@click.option(
    "--row",
    type=click.IntRange(1),
    metavar="N",
    help="Explain the decision about evaluation row N instead, from 1.",
)
@run_option
@directory_option
@json_option
def explain(
    finding: str, release: str | None, row: int | None, run_folder: Path, directory: Path, as_json: bool
) -> None:
    """Say in plain words what a finding is, why it matters, what to do, and where it is decided.

    FINDING is the id of a finding, or the beginning of one; without it, each that is not passed is told. With --row: what
    was decided about one row, what the model's answer leans on, and what would have changed it.
    """
    if row is not None:
        if finding:
            raise click.UsageError("--row explains a row, and takes no FINDING")
        _explain_row(row, release or "", run_folder, directory, as_json=as_json)
        return
    from mlassay.render import finding as words
    from mlassay.stages._run_folder import read_test

    verdict = _recorded(directory, release) if release else read_test(directory / run_folder)
    found = words.find(verdict, finding) if finding else words.not_passed(verdict)
    if as_json:
        print_json({"findings": words.as_json(found)})
        return
    if not found:
        click.echo("every finding is passed")
        return
    click.echo("\n\n".join("\n".join(words.lines(gate, each)) for gate, each in found))


def _explain_row(row: int, release: str, run_folder: Path, directory: Path, *, as_json: bool) -> None:
    from contextlib import nullcontext

    from mlassay.render.row import row_json, row_lines
    from mlassay.stages.explain_row import recorded_subject, trained_subject
    from mlassay.wiring import explain_row

    repository, plan = load_plan(directory)
    with (
        recorded_subject(repository, plan, release)
        if release
        else nullcontext(trained_subject(plan, repository.folder, directory / run_folder))
    ) as subject:
        told = explain_row(subject, row)
    if as_json:
        print_json(row_json(told, release))
        return
    for line in row_lines(told, release):
        click.echo(printable(line))


def load_plan(directory: Path) -> tuple[Repository, Plan]:
    """The repository around ``directory`` and the plan of its work tree; ConfigurationError with all problems."""
    from mlassay import wiring
    from mlassay.files import find_file
    from mlassay.git import Repository
    from mlassay.stages.validate import validate as stage

    repository = Repository.open(directory)
    if repository.worktree is None:
        raise ConfigurationError(
            Problem(
                "this is a bare repository",
                why="there are no files to read here",
                remedy="clone it, and work in the clone",
            )
        )

    def tracked() -> list[tuple[str, str]]:
        head = repository.head()
        return [(path, entry.mode) for path, entry in repository.tree(head).items()] if head else []

    return repository, stage(
        lambda path: find_file(repository.folder, path), tracked, known_gates=wiring.GATES
    )


def _recorded(directory: Path, release: str) -> Verdict:
    """The verdict of a recorded release, from the objects of HEAD."""
    from mlassay.evidence import layout, read_verdict
    from mlassay.git import Repository

    repository = Repository.open(directory)
    path = f"{layout.evidence_dir(release)}/{layout.VERDICT}"
    data = repository.read(repository.resolve("HEAD"), path) if layout.is_release_id(release) else None
    if data is None:
        raise ConfigurationError(
            Problem(
                f"there is no release {printable(release)[:80]!r} in this commit",
                remedy="'mlassay status' and 'git log --first-parent' name releases; 'git pull' brings new ones",
            )
        )
    return read_verdict(data, path)


def _plan_facts(plan: Plan) -> dict[str, Any]:
    from mlassay.stages.test import required

    declared = plan.config.risk.level
    manifests = [manifest.path for manifest in plan.manifests.values()]
    return {
        "model": plan.config.name,
        "read": ["ml.yaml", plan.policy.path, "governance/people.yaml", *manifests],
        "risk_level": str(plan.level),
        "declared": str(declared),
        "raised": plan.level != declared,
        "gates": list(required(plan)),
        "inputs": dict(plan.inputs),
    }


def _history_facts(repository: Repository) -> dict[str, Any]:
    """What the history says of this commit: a release whose verdict is its verdict, and whether to make one of it."""
    from mlassay import wiring
    from mlassay.stages.reuse import find_reusable, wants_release

    found = find_reusable(repository, wiring.verifiers())
    return {"reuse": found.release if found else "", "release": wants_release(repository)}


def _tell_validated(facts: Mapping[str, Any]) -> None:
    release = "true" if facts["release"] else "false"
    told.outputs("validate", level=facts["risk_level"], reuse=facts["reuse"], release=release)
    rows = [("read", ", ".join(facts["read"])), ("risk level", facts["risk_level"])]
    rows += [
        ("gates", ", ".join(facts["gates"])),
        ("same inputs as", facts["reuse"] or "no recorded release"),
    ]
    told.summary(f"{facts['model']}: every file is as it must be", rows)
