"""``status`` and ``show``: what runs where, what waits for whom, and all about one release."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlassay import ci
from mlassay.cli import told
from mlassay.cli.common import Command, directory_option, json_option, print_json, printable
from mlassay.errors import ExitCode

if TYPE_CHECKING:
    from mlassay.evidence import Verdict
    from mlassay.git import Repository
    from mlassay.policy import Case


def _at(command: Command) -> Command:
    return click.option(
        "--at", "revision", default="HEAD", metavar="REV", show_default=True, help="Look at REV."
    )(command)


@click.command(epilog="Example: mlassay status --fetch")
@click.option("--fetch", is_flag=True, help="Ask the remote first, and look at its main line.")
@click.option(
    "--due",
    "days",
    type=click.IntRange(0, 3660),
    metavar="DAYS",
    help="Say instead what ends within DAYS: reviews of risks, waivers, keys. Exit code 1 when something is overdue.",
)
@_at
@json_option
@directory_option
def status(fetch: bool, days: int | None, revision: str, as_json: bool, directory: Path) -> None:
    """Say what runs where since when by which promotion, and what waits for whom.

    Without --fetch nothing but this clone is read: open requests are those that it saw last.
    """
    from mlassay.case.main_line import main_line
    from mlassay.case.requests import open_branches
    from mlassay.cli.requests import open_desk
    from mlassay.git import Repository
    from mlassay.render.status import status_json, status_lines
    from mlassay.stages.status import status as stage
    from mlassay.wiring import sign_in, verifiers

    repository = Repository.open(directory)
    if fetch:
        sign_in(repository)
    tip = main_line(repository, fetch=True).tip if fetch else repository.resolve(revision)
    if days is not None:
        _say_due(repository, tip, days, as_json=as_json)
        return

    def hear(case: Case, branch: str, head: str) -> Case:
        # Only where policy counts reviews is a forge, or a token for it, needed at all.
        return case if case.policy.reviews == "none" else open_desk(directory).hear(case, branch, head)

    found = stage(repository, tip, open_branches(repository), verifiers(), hear if fetch else None)
    if as_json:
        print_json(status_json(found))
        return
    for line in status_lines(found):
        click.echo(printable(line))


def _say_due(repository: Repository, tip: str, days: int, *, as_json: bool) -> None:
    from datetime import UTC, datetime

    from mlassay.render.due import due_json, due_lines
    from mlassay.stages.due import due as stage
    from mlassay.wiring import verifiers

    found = stage(repository, tip, days, datetime.now(UTC), verifiers())
    overdue = sum(one.overdue for one in found)
    told.outputs("status", overdue=str(overdue))
    rows = [(one.what, f"{one.until}. {one.remedy}") for one in found]
    told.summary(f"{overdue} overdue, {len(found) - overdue} due within {days} days", rows)
    for one in found:
        ci.annotate("error" if one.overdue else "warning", f"{one.what} | {one.remedy}")
    if as_json:
        print_json(due_json(found))
    else:
        for line in due_lines(found, days):
            click.echo(printable(line))
    if overdue:
        click.get_current_context().exit(ExitCode.NO)


@click.command(epilog="Example: mlassay show 20261120-1a2b3c4d")
@click.argument("release")
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write its verdict as a page for people, too.",
)
@_at
@json_option
@directory_option
def show(release: str, page: Path | None, revision: str, as_json: bool, directory: Path) -> None:
    """Show one RELEASE: its verdict and gates, how it was built, who agreed to what, where it ran, what was waived.

    Exits with 3 when its evidence does not hold.
    """
    from mlassay.git import Repository
    from mlassay.render.status import shown_json, shown_lines
    from mlassay.stages.status import show as stage
    from mlassay.wiring import verifiers

    repository = Repository.open(directory)
    found = stage(repository, repository.resolve(revision), release, verifiers())
    if as_json:
        print_json(shown_json(found))
    else:
        for line in shown_lines(found):
            click.echo(printable(line))
    if found.evidence.problems:
        click.get_current_context().exit(ExitCode.EVIDENCE)
    if page is not None and found.evidence.verdict is not None:
        _write_page(repository, revision, found.evidence.verdict, page)


def _write_page(repository: Repository, revision: str, verdict: Verdict, page: Path) -> None:
    from mlassay.files import write_atomic
    from mlassay.render.verdict import verdict_page
    from mlassay.stages.live_verdict import verdict_of_live

    live = verdict_of_live(repository, repository.resolve(revision), verdict)
    write_atomic(page, verdict_page(verdict, live))
