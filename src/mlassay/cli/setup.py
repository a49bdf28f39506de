"""``init`` and ``keys``: a repository to start from, and who may sign in it."""

from __future__ import annotations

import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from mlassay.cli.common import Command, directory_option, json_option, note, print_json
from mlassay.cli.keyless import Pins, keyless_options
from mlassay.errors import ConfigurationError, Problem
from mlassay.git import Repository
from mlassay.stages import init as stage
from mlassay.stages import people


@click.command(epilog="Example: mlassay init loans --name loan-approval --owner kim")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path), metavar="[DIR]")
@click.option(
    "--into",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Adopt a repository that stands.",
)
@click.option("--name", help="The model's name.")
@click.option("--owner", help="Id of the person who answers for the model.")
@click.option(
    "--data",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A table to draft ml.yaml and a manifest from.",
)
@click.option("--label", help="With --data: the column to predict.")
@click.option("--sensitive", multiple=True, help="With --data: a column to look for different treatment by.")
@click.option("--dry-run", is_flag=True, help="Say what would be written.")
@json_option
def init(
    folder: Path | None,
    into: Path | None,
    name: str | None,
    owner: str | None,
    data: Path | None,
    label: str | None,
    sensitive: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make a repository from the template in DIR, or adopt the one at --into without moving its files.

    Files that stand are kept as they are, so running it again does no harm.
    """
    target = folder or into
    if target is None or (folder and into):
        raise click.UsageError(
            "say where: 'mlassay init DIR' for a new folder, '--into .' for one that stands."
        )
    name = name or _ask("The model's name", "mortgage-approval")
    owner = owner or _ask("Id of the person who answers for it", "lee")
    files = template = stage.personalise(stage.template_files(), name=name, owner=owner)
    if data is not None:
        from mlassay.stages.draft import draft

        if not label:
            raise click.UsageError("say which column is to be predicted: --label COLUMN.")
        table = data.read_bytes()
        files = draft(files, table, data=_data_name(data), label=label, sensitive=sensitive)
    if not dry_run:
        target.mkdir(parents=True, exist_ok=True)
    written = stage.adopt(target, template, files, dry_run=dry_run)
    if (
        not dry_run
        and not (target / ".git").exists()
        and (folder is not None or not _below_repository(target))
    ):
        Repository.init(target)
    if as_json:
        print_json(
            {
                "folder": str(target),
                "wrote": list(written.wrote),
                "kept": list(written.kept),
                "dry_run": dry_run,
            }
        )
        return
    from mlassay.cli.adopting import Adopted

    drafted = None if data is None else _data_name(data)
    for line in Adopted(target, files, written, owner, drafted).lines(dry_run=dry_run):
        click.echo(line)


@click.group()
def keys() -> None:
    """A person's SSH key or a CI's signing key: made outside the repository, registered in it."""


def _registration(command: Command) -> Command:
    for option in (
        click.option("--email", multiple=True, help="A git identity of theirs; it can only ever exclude."),
        click.option("--role", multiple=True, help="A role that policy.yaml asks for; may be repeated."),
        click.option(
            "--team", help="Their team: approvals from outside the developing team are counted by it."
        ),
        click.option("--name", help="Their name (for a new person)."),
        click.option("--id", "id_", required=True, help="Their id in governance/people.yaml."),
        directory_option,
    ):
        command = option(command)
    return command


@keys.command(
    "new", epilog="Example: mlassay keys new --id dana --name 'Dana Diaz' --team modelling --role developer"
)
@_registration
@click.option("--ci", is_flag=True, help="A CI's key for evidence instead of a person's.")
@click.option(
    "--desk", is_flag=True, help="With --ci: a key that asks for promotions and records reviews instead."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the private part  [default: ~/.ssh]",
)
@click.option("--no-passphrase", is_flag=True, help="Leave a person's key without a passphrase.")
@click.option("--demo", is_flag=True, help="A well-known key that everybody has: for demonstrations only.")
def new(
    directory: Path,
    id_: str,
    name: str | None,
    team: str | None,
    role: tuple[str, ...],
    email: tuple[str, ...],
    ci: bool,
    desk: bool,
    out: Path | None,
    no_passphrase: bool,
    demo: bool,
) -> None:
    """Make a key and register its public half; the private half never enters the repository."""
    from mlassay.signers import keys as maker

    if desk and not ci:
        raise click.UsageError("--desk is a CI's: say --ci --desk.")
    repository = Repository.open(directory)
    text = _people_text(directory)
    folder = out or Path.home() / ".ssh"
    _outside(repository, folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if ci:
        path = folder / f"mlassay-{id_}.pem"
        pem = maker.new_ci_key(path, phrase=id_ if demo else None)
        text = people.add_signer(
            text, id_, pem, maker.DESK if desk else maker.EVIDENCE, today=_today(), demo=demo
        )
    else:
        people.check_person(text, id_, name=name, team=team, roles=role)
        path = folder / f"mlassay-{id_}"
        public = maker.new_person_key(
            path, id_, ask_passphrase=not (no_passphrase or demo), phrase=id_ if demo else None
        )
        text = people.add_person_key(
            text, id_, public, today=_today(), person=_person(id_, name, team, role, email), demo=demo
        )
    _write_people(directory, text)
    click.echo(f"The private key is {path}: keep it to yourself. Its public half stands in {people.PATH}.")
    _say_how_to_bring_in(repository)


@keys.command(
    "add",
    epilog="Example: mlassay keys add --id robin --key ~/.ssh/id_ed25519.pub --team modelling --role reviewer",
)
@_registration
@click.option(
    "--key",
    "key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The public key file (.pub).",
)
@keyless_options
def add(
    directory: Path,
    id_: str,
    name: str | None,
    team: str | None,
    role: tuple[str, ...],
    email: tuple[str, ...],
    key: Path | None,
    ci: bool,
    **pins: Any,
) -> None:
    """Register an SSH key that somebody has already, or with --ci --keyless a CI that signs without one."""
    from mlassay.signers import keys as maker

    wanted = Pins(**pins)
    if ci != wanted.keyless or wanted.keyless == (key is not None):
        raise click.UsageError("say --key FILE.pub for a person, or --ci --keyless for a CI that has no key.")
    if key is None:
        text = people.add_keyless_signer(
            _people_text(directory), id_, wanted.as_mapping(), maker.EVIDENCE, today=_today()
        )
        _write_people(directory, text)
        click.echo(f"{id_} stands in {people.PATH}, pinned to one workflow, repository and ref.")
        _say_how_to_bring_in(Repository.open(directory))
        return
    public = maker.read_public(key)
    people.check_person(_people_text(directory), id_, name=name, team=team, roles=role)
    text = people.add_person_key(
        _people_text(directory), id_, public, today=_today(), person=_person(id_, name, team, role, email)
    )
    _write_people(directory, text)
    click.echo(f"{id_}'s key stands in {people.PATH}.")
    _say_how_to_bring_in(Repository.open(directory))


@keys.command("revoke", epilog="Example: mlassay keys revoke --id dana --because lost")
@directory_option
@click.option("--id", "id_", required=True, help="Whose key: a person's or a signer's id.")
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Which one, if they have several (.pub).",
)
@click.option("--because", required=True, type=click.Choice(["lost", "compromised", "left", "replaced"]))
@click.option(
    "--compromised-since", type=click.DateTime(["%Y-%m-%d"]), help="Refuse what it signed from that day on."
)
def revoke(
    directory: Path, id_: str, key: Path | None, because: str, compromised_since: datetime | None
) -> None:
    """Mark a key as revoked from today on; with --compromised-since, what it signed since then counts no more."""
    from mlassay.signers import keys as maker

    if because == "compromised" and compromised_since is None:
        raise click.UsageError(
            "say since when: --compromised-since YYYY-MM-DD (the day you last trusted it)."
        )
    text = people.revoke_key(
        _people_text(directory),
        id_,
        maker.read_public(key) if key else "",
        at=_today(),
        because=because,
        compromised_since=compromised_since.date() if compromised_since else None,
    )
    _write_people(directory, text)
    click.echo(f"The key of {id_} is marked as revoked in {people.PATH}.")
    _say_how_to_bring_in(Repository.open(directory))


def _data_name(path: Path) -> str:
    return re.sub(r"[^a-z0-9]+", "-", path.stem.lower()).strip("-") or "table"


def _person(
    id_: str, name: str | None, team: str | None, roles: tuple[str, ...], emails: tuple[str, ...]
) -> people.NewPerson | None:
    if team is None or not roles:
        return None
    return people.NewPerson(name or id_.title(), team, roles, emails)


def _ask(question: str, default: str) -> str:
    """The answer of whoever sits at the terminal, or the default where nobody does."""
    if not sys.stdin.isatty():
        return default
    return str(click.prompt(question, default=default))


def _people_text(directory: Path) -> str:
    root = Repository.open(directory).worktree or directory
    try:
        return (root / people.PATH).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigurationError(
            Problem(
                f"there is no {people.PATH} here",
                remedy="start with: mlassay init --into .",
                path=people.PATH,
            )
        ) from error


def _write_people(directory: Path, text: str) -> None:
    from mlassay.files import write_atomic

    root = Repository.open(directory).worktree or directory
    write_atomic(root / people.PATH, text.encode())


def _outside(repository: Repository, folder: Path) -> None:
    root = (repository.worktree or repository.git_dir).resolve()
    if folder.resolve().is_relative_to(root):
        raise ConfigurationError(
            Problem(
                f"{folder} lies inside the repository",
                why="a private key in a repository is one `git add` away from everybody",
                remedy="choose a folder outside it: --out ~/.ssh",
            )
        )


def _below_repository(folder: Path) -> bool:
    try:
        Repository.open(folder)
    except ConfigurationError:
        return False
    return True


def _say_how_to_bring_in(repository: Repository) -> None:
    from mlassay.case.requests import nobody_has_a_key

    head = repository.head()
    if head is None or repository.read(head, people.PATH) is None:
        note("It counts from the commit that brings governance/ in: git add -A && git commit")
    elif nobody_has_a_key(repository, head):
        note(
            "The commit that brings the first keys in is the root of trust: git add governance && git commit"
        )
    else:
        note("To bring it in, have it approved: mlassay propose --reason '…'")


def _today() -> date:
    return datetime.now(UTC).date()
