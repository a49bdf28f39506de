"""``audit site``: the record as static pages."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlassay.cli.common import directory_option, json_option, note, print_json
from mlassay.errors import ExitCode

if TYPE_CHECKING:
    from mlassay.git import Repository
    from mlassay.ports import Verifiers
    from mlassay.render.site import Facts, Intact
    from mlassay.stages.due import Due

_DAYS = 3660


@click.command(epilog="Example: mlassay audit site --out site && xdg-open site/index.html")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    metavar="DIR",
    help="Where the pages go: a new folder, or one that this verb made before.",
)
@click.option(
    "--at", "revision", default="HEAD", metavar="REV", show_default=True, help="Tell the record up to REV."
)
@click.option("--title", default="", metavar="TEXT", help="What the site is called, else the model's name.")
@click.option(
    "--as-of",
    "as_of",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Count what is overdue on DAY (UTC), else on the day of the last commit.",
)
@json_option
@directory_option
def audit_site(
    out: Path, revision: str, title: str, as_of: datetime | None, as_json: bool, directory: Path
) -> None:
    """Write the record as static pages that anybody can read, in any browser, from a disk or a server.

    The same commit gives the same bytes. Nothing is asked of a network, and the pages ask nothing of one. Exits with 3,
    the pages being written all the same, when the record is not intact.
    """
    from mlassay.git import Repository
    from mlassay.render.site import pages
    from mlassay.render.site.folder import refuse_foreign, write_site
    from mlassay.wiring import verifiers

    repository = Repository.open(directory)
    commit = repository.resolve(revision)
    target = directory / out
    refuse_foreign(target.resolve())
    facts = _facts(repository, commit, verifiers(), title, as_of.date() if as_of else None)
    count = write_site(target, pages(facts), commit)
    if as_json:
        print_json({"commit": commit, "pages": count, "out": str(target), "verdict": facts.intact.word})
    else:
        note(f"{count} pages tell the record up to {commit[:12]}: {facts.intact.word}")
        click.echo(str(target / "index.html"))
    if not facts.intact.whole:
        click.get_current_context().exit(ExitCode.EVIDENCE)


def _facts(
    repository: Repository, commit: str, verifiers: Verifiers, title: str, as_of: date | None
) -> Facts:
    from mlassay.audit.behind import behind
    from mlassay.audit.chronicle import read_chronicle
    from mlassay.render.site import Facts

    chronicle = read_chronicle(repository, commit, verifiers)
    found = behind(repository, chronicle)
    day = as_of or chronicle.head.time.astimezone(UTC).date()
    return Facts(
        chronicle=chronicle,
        intact=_intact(repository, commit, verifiers),
        due=_due(repository, commit, day, verifiers),
        as_of=day,
        manifests=found.manifests,
        owners=found.owners,
        pointers=found.pointers,
        title=title,
    )


def _intact(repository: Repository, commit: str, verifiers: Verifiers) -> Intact:
    from mlassay.audit.verify import verify
    from mlassay.render.site import Found, Intact

    report = verify(repository, commit, None, verifiers, worktree=False)
    root = f"consistent since root {report.root[:12]}" if report.root else "nothing is recorded"
    return Intact(
        word="not intact" if report.problems else root,
        whole=not report.problems,
        findings=tuple(Found(p.rule, p.what, p.why, "", p.remedy, p.path, "") for p in report.problems),
        unknown=report.not_checked,
    )


def _due(repository: Repository, commit: str, day: date, verifiers: Verifiers) -> tuple[Due, ...] | None:
    from mlassay.errors import ConfigurationError, EvidenceError
    from mlassay.stages.due import due

    try:
        return due(repository, commit, _DAYS, datetime.combine(day, time.min, UTC), verifiers)
    except (ConfigurationError, EvidenceError):
        return None  # the pages say that nobody can tell, and the audit names the file
