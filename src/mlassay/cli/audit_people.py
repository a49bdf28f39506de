"""``audit people``: who could sign what, when."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from mlassay.cli.audit_reading import end, no_check_option, read, say
from mlassay.cli.common import directory_option, json_option, print_json


@click.command(epilog="Example: mlassay audit people --at 2026-11-20")
@click.option(
    "--at",
    "when",
    metavar="WHEN",
    help="Who could then: a time, or a commit of the main line; the newest commit otherwise.",
)
@no_check_option
@json_option
@directory_option
def audit_people(when: str | None, no_check: bool, as_json: bool, directory: Path) -> None:
    """Show who could sign what: people with their roles and keys, CI signers with what they may sign.

    Below that stands how it came about: every commit that changed people or policy, what it changed, and the request
    that explains it. Exits with 3 when something on the main line does not hold.
    """
    from mlassay.audit.people_log import people_log
    from mlassay.audit.when import read_when
    from mlassay.git import Repository
    from mlassay.render.audit_people import people_json, people_lines

    found = read_when(Repository.open(directory), when, datetime.now(UTC)) if when is not None else None
    revision = found.commit if found is not None and found.commit else "HEAD"
    _, chronicle = read(directory, revision, no_check=no_check)
    log = people_log(chronicle, found.time if found is not None else None)
    if as_json:
        print_json(people_json(chronicle, log))
    else:
        if found is not None:
            say(f"{found.text} is read as {found.reading}.")
        for line in people_lines(log):
            say(line)
    end(chronicle)
