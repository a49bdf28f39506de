"""``audit at``: what was live at a time, on which data, with which results, by whose approval."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mlassay.cli.common import directory_option, json_option, print_json, printable
from mlassay.errors import ExitCode


@click.command(epilog="Example: mlassay audit at '2026-03-03 14:00 +0100' --env production")
@click.argument("when")
@click.option("--env", "environment", required=True, metavar="ENV", help="The environment to ask about.")
@click.option(
    "--at", "revision", default="HEAD", metavar="REV", show_default=True, help="The end of the main line."
)
@json_option
@directory_option
def audit_at(when: str, environment: str, revision: str, as_json: bool, directory: Path) -> None:
    """Say what was live in ENV at WHEN: release, model, data, results, who asked and who approved, and what changed since.

    WHEN is a time (2026-03-03, '2026-03-03 14:00 +0100', 'yesterday 14:00', '2 weeks ago', @1772546400) or a revision.
    Without a time zone it is UTC; a day alone means its end. Exits with 3 when what the answer rests on does not hold.
    """
    from mlassay.audit.ahead import Listing
    from mlassay.git import Repository

    repository = Repository.open(directory)
    head = repository.resolve(revision)
    listing = Listing(repository, head)

    from datetime import UTC, datetime

    from mlassay.audit.at import answer
    from mlassay.cli.progress import Progress
    from mlassay.render.width import fold, terminal_width
    from mlassay.wiring import verifiers

    progress = Progress()
    found = answer(repository, when, environment, head, datetime.now(UTC), verifiers(), progress.say, listing)
    progress.clear()
    if as_json:
        from mlassay.render.audit_at_json import at_json

        print_json(at_json(found))
    else:
        from mlassay.render.audit_at import at_lines

        width = terminal_width(sys.stdout)
        for line in at_lines(found):
            click.echo(fold(printable(line), width))
    if found.problems:
        click.get_current_context().exit(ExitCode.EVIDENCE)
