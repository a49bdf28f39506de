"""``audit site``: the record as static pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlassay.cli.audit_reading import anchor_options, at_option, known_elsewhere
from mlassay.cli.common import directory_option, json_option, note, print_json
from mlassay.cli.progress import Progress
from mlassay.errors import ExitCode

if TYPE_CHECKING:
    from mlassay.audit.verify import Known
    from mlassay.audit.walk import Walk
    from mlassay.git import Repository
    from mlassay.ports import Verifiers
    from mlassay.render.site import Facts, Intact
    from mlassay.stages.due import Due

Say = Callable[[str], None]

_DAYS = 3660


def _day(_: click.Context, __: click.Parameter, value: str | None) -> date | None:
    if value == "today":
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(value) if value else None
    except ValueError:
        raise click.BadParameter("give a day as 2026-11-21, or 'today'") from None


@click.command(epilog="Example: mlassay audit site --out site --title 'Mortgage approval'")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Where the pages go: a new folder, or one that this verb made before.",
)
@click.option("--title", default="", metavar="TEXT", help="What the site is called, else the model's name.")
@click.option(
    "--as-of",
    "as_of",
    callback=_day,
    metavar="DAY",
    help="Count what is overdue on DAY (UTC, as 2026-11-21, or today), else on the day of the last commit.",
)
@anchor_options
@at_option
@json_option
@directory_option
def audit_site(
    out: Path,
    title: str,
    as_of: date | None,
    anchors: tuple[Path, ...],
    tsa_cert: Path | None,
    revision: str,
    as_json: bool,
    directory: Path,
) -> None:
    """Write the record as static pages that anybody can read, in any browser, from a disk or a server.

    The same commit gives the same bytes. Nothing is asked of a network, and the pages ask nothing of one. Exits with 3,
    the pages being written all the same, when the record is not intact.
    """
    from mlassay.git import Repository
    from mlassay.render.site import pages
    from mlassay.render.site.folder import refuse_foreign, write_site

    refuse_foreign(out.resolve())
    known = known_elsewhere(anchors, tsa_cert)
    repository = Repository.open(directory)
    commit = repository.resolve(revision)
    progress = Progress()
    try:
        facts = _facts(repository, commit, known, title, as_of, progress.say)
        count = write_site(out, _counted(pages(facts), progress.say), commit)
    finally:
        progress.clear()
    if as_json:
        print_json({"commit": commit, "pages": count, "out": str(out), "verdict": facts.intact.word})
    else:
        note(f"{count} pages tell the record up to {commit[:12]}: {facts.intact.word}")
        click.echo(str(out / "index.html"))
    if not facts.intact.whole:
        click.get_current_context().exit(ExitCode.EVIDENCE)


def _facts(
    repository: Repository, commit: str, known: Known, title: str, as_of: date | None, say: Say
) -> Facts:
    from mlassay import wiring
    from mlassay.audit.behind import behind
    from mlassay.audit.chronicle import read_judged
    from mlassay.render.site import Facts

    verifiers = wiring.verifiers()
    chronicle, walk = read_judged(repository, commit, verifiers, progress=say)
    found = behind(repository, chronicle)
    day = as_of or chronicle.head.time.astimezone(UTC).date()
    return Facts(
        chronicle=chronicle,
        intact=_intact(walk, known, say),
        due=_due(repository, commit, day, verifiers),
        as_of=day,
        manifests=found.manifests,
        owners=found.owners,
        pointers=found.pointers,
        title=title,
    )


def _intact(walk: Walk, known: Known, say: Say) -> Intact:
    """The verdict over the walk that the chronicle was heard from: one reading serves both."""
    from mlassay.audit.verify import verify
    from mlassay.render.audit_verify import verdict_lines
    from mlassay.render.site import Intact

    report = verify(
        walk.repo, walk.at, None, walk.verifiers, known=known, worktree=False, progress=say, walked=walk
    )
    word = report.verdict if report.problems else next(verdict_lines(report))
    return Intact(word, not report.problems, report.findings, report.not_checked)


def _due(repository: Repository, commit: str, day: date, verifiers: Verifiers) -> tuple[Due, ...] | None:
    from mlassay.errors import ConfigurationError, EvidenceError
    from mlassay.stages.due import due

    try:
        return due(repository, commit, _DAYS, datetime.combine(day, time.min, UTC), verifiers)
    except (ConfigurationError, EvidenceError):
        return None  # the pages say that nobody can tell, and the audit names the file


def _counted(pages: Iterator[tuple[str, bytes]], say: Say) -> Iterator[tuple[str, bytes]]:
    for number, page in enumerate(pages, start=1):
        say(f"page {number}: {page[0]}")
        yield page
