"""``audit verify``: the whole main line, its verdict first."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlassay.cli.audit_reading import anchor_options, known_elsewhere
from mlassay.cli.common import directory_option, json_option, print_json, printable
from mlassay.cli.progress import Progress
from mlassay.errors import ExitCode

if TYPE_CHECKING:
    from mlassay.audit.verify import Report

_FILE = click.Path(dir_okay=False, path_type=Path)
_ID = re.compile(r"[0-9a-f]{7,40}")


def _root(_: click.Context, __: click.Parameter, value: str) -> str:
    if value and not _ID.fullmatch(value.lower()):
        raise click.BadParameter("give the id of a commit, 7 to 40 hex digits, as you noted it elsewhere")
    return value.lower()


@click.command(epilog="Example: mlassay audit verify --anchor 2026-11-21.anchor --root 1a2b3c4d5e6f")
@anchor_options
@click.option(
    "--root",
    default="",
    callback=_root,
    metavar="COMMIT",
    help="The root of trust as you know it from elsewhere: it must be this one.",
)
@click.option(
    "--at", "revision", default="HEAD", show_default=True, metavar="REV", help="The main line's commit."
)
@click.option("--sarif", type=_FILE, metavar="FILE", help="Write the findings there as SARIF, too.")
@click.option(
    "--no-fsck",
    is_flag=True,
    help="Leave out git's look at every object, also those that no record rests on: quicker.",
)
@json_option
@directory_option
def audit_verify(
    anchors: tuple[Path, ...],
    tsa_cert: Path | None,
    root: str,
    revision: str,
    sarif: Path | None,
    no_fsck: bool,
    as_json: bool,
    directory: Path,
) -> None:
    """Ask of everything on the main line what explains it, under the policy, people and keys of its own time.

    Reads git objects by id, never the files on the disk, and asks no server. Exits with 3 when anything is found.
    """
    from mlassay import wiring
    from mlassay.audit.verify import verify
    from mlassay.git import Repository

    known = known_elsewhere(anchors, tsa_cert, root)
    repository = Repository.open(directory)
    at = repository.resolve(revision)
    progress = Progress()
    try:
        report = verify(
            repository,
            at,
            None,
            wiring.verifiers(),
            known=known,
            worktree=at == repository.head(),
            fsck=not no_fsck,
            progress=progress.say,
            now=datetime.now(UTC),
        )
    finally:
        progress.clear()
    if sarif is not None:
        from mlassay.files import write_atomic
        from mlassay.render.audit_sarif import audit_sarif

        write_atomic(sarif, audit_sarif(report).encode())
    if as_json:
        from mlassay.render.audit_verify import audit_json

        print_json(audit_json(report))
    else:
        _print(report)
    if report.problems:
        click.get_current_context().exit(ExitCode.EVIDENCE)


def _print(report: Report) -> None:
    from mlassay.render import audit_verify as render
    from mlassay.render.width import fold, terminal_width

    width = terminal_width(sys.stdout)

    def say(text: str = "", *, fg: str | None = None, bold: bool = False) -> None:
        text = fold(printable(text), width)
        click.echo(click.style(text, fg=fg, bold=bold or None) if fg or bold else text)

    head, *rest = render.verdict_lines(report)
    say(head, fg="red" if report.problems else "green", bold=True)
    for line in rest:
        say(line)
    for heading, lines in render.finding_blocks(report):
        say()
        say(heading, bold=True)
        for line in lines:
            say(line)
    say()
    say(render.checked_line(report))
    if report.anchored:
        say()
        say("Anchors:", bold=True)
        for line in render.anchor_lines(report):
            say(f"  {line}")
    say()
    say(
        "What cannot be known from here:"
        if not report.problems
        else "What was not looked at, or cannot be known:"
    )
    for text in report.not_checked:
        say(f"  - {text}")
