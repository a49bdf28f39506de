"""Verbs for machines and their owners: ``schema``, ``doctor``, ``completion``."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path

import click

from mlassay.cli.common import directory_option, json_option, print_json, printable
from mlassay.errors import ConfigurationError, ExitCode, MlassayError, Problem


@click.command(epilog="Example: mlassay schema ml > ml.schema.json")
@click.argument("name", required=False)
def schema(name: str | None) -> None:
    """Print the JSON Schema of a file that people write (for an editor, say), or without NAME the names."""
    from mlassay.files import schema as schema_of
    from mlassay.files import schema_names

    if name is None:
        click.echo("\n".join(schema_names()))
        return
    if name not in schema_names():
        raise click.BadParameter(f"there is no schema {name!r}; there are: {', '.join(schema_names())}")
    print_json(schema_of(name))


@dataclass(frozen=True, slots=True)
class Need:
    """One thing that this machine should have: ``needed`` things make ``doctor`` answer 1 when they lack."""

    name: str
    there: bool
    needed: bool
    says: str
    remedy: str


@click.command(epilog="Example: mlassay doctor --forge github")
@click.option(
    "--forge",
    is_flag=False,
    flag_value="auto",
    type=click.Choice(["auto", "github", "gitea"]),
    help="Look at the forge instead: protection, required check, environments, secrets, and whether people suffice.",
)
@directory_option
@json_option
@click.pass_context
def doctor(context: click.Context, forge: str | None, directory: Path, as_json: bool) -> None:
    """Say what is missing on this machine, or with --forge around the main line, and what to do about it."""
    needs = list(_needs(directory) if forge is None else _forge_needs(directory, forge.replace("auto", "")))
    if as_json:
        print_json([asdict(need) for need in needs])
    else:
        for need in needs:
            mark = "ok     " if need.there else "MISSING" if need.needed else "without"
            click.echo(printable(f"{mark}  {need.name}: {need.says}"))
            if not need.there:
                click.echo(printable(f"         do: {need.remedy}"))
    lacking = any(need.needed and not need.there for need in needs)
    context.exit(ExitCode.NO if lacking else ExitCode.PASSED)


@click.command(epilog='Example: eval "$(mlassay completion bash)"')
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the shell's completion script."""
    from click.shell_completion import get_completion_class

    from mlassay.cli import cli

    found = get_completion_class(shell)
    if found is None:
        raise click.BadParameter(f"click knows no completion for {shell}")
    click.echo(found(cli, {}, "mlassay", "_MLASSAY_COMPLETE").source())


def _needs(directory: Path) -> Iterator[Need]:
    yield _program("git", "install git")
    yield _program(
        "ssh-keygen", "install OpenSSH's client (Debian: openssh-client); approvals are signed with it"
    )
    yield _identity(directory)
    yield _isolation()
    missing = [
        name
        for name in ("numpy", "onnx", "onnxruntime", "sklearn", "scipy", "fairlearn", "art")
        if not find_spec(name)
    ]
    yield Need(
        "gates",
        not missing,
        False,
        f"not installed: {', '.join(missing)}; this machine can audit, verify, approve and promote, not test"
        if missing
        else "train, test and sign can run here",
        "pip install 'mlassay[gates]'",
    )


def _forge_needs(directory: Path, wanted: str) -> Iterator[Need]:
    from datetime import UTC, datetime

    from mlassay.case.main_line import main_line
    from mlassay.case.requests import governance_at
    from mlassay.cli.requests import progress
    from mlassay.git import Repository
    from mlassay.policy.enough import never_met
    from mlassay.stages.guarding import guards
    from mlassay.wiring import guarded

    repository = Repository.open(directory)
    forge = guarded(repository, wanted, progress)
    if forge is None:
        raise ConfigurationError(
            Problem(
                "this repository is on no forge that mlassay knows",
                why="a plain git remote enforces nothing that can be asked for",
                remedy="mlassay doctor --forge github (or gitea), with a token in GITHUB_TOKEN or GITEA_TOKEN",
            )
        )
    for guard in guards(forge.protection()):
        yield Need(guard.name, guard.met, True, guard.says, guard.remedy)
    policy, people = governance_at(repository, main_line(repository, fetch=True).tip)
    remedy = "add people or keys (mlassay keys add), or change policy.yaml; then: mlassay propose"
    lacks = list(never_met(policy, people, datetime.now(UTC)))
    for what, why in lacks:
        yield Need("people", False, True, f"{what} can never be approved: {why}", remedy)
    if not lacks:
        yield Need("people", True, True, "whatever policy demands, there are people who can meet it", "")


def _program(name: str, remedy: str) -> Need:
    at = shutil.which(name)
    return Need(name, at is not None, True, at or "not found", remedy)


def _identity(directory: Path) -> Need:
    """Asks in ``directory``: a repository can have an identity of its own."""
    from mlassay.git import Repository

    try:
        who = Repository.open(directory).identity()
    except MlassayError as error:
        problem = error.problems[0]
        return Need("git identity", False, True, problem.what, problem.remedy)
    return Need("git identity", True, True, f"{who.name} <{who.email}>", "")


def _isolation() -> Need:
    from mlassay.isolation import available, why_not

    there = available() == "bubblewrap"
    return Need(
        "isolation",
        there,
        False,
        "training runs in namespaces of its own (bubblewrap)"
        if there
        else f"training is not isolated: {why_not()}",
        "install bubblewrap, and allow user namespaces",
    )
