"""``report``: a pull request's own run onto its page, read as what it is: somebody else's word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mlassay import ci
from mlassay.cli import told
from mlassay.cli.common import (
    chosen_forge,
    directory_option,
    forge_option,
    json_option,
    note,
    print_json,
    run_option,
)
from mlassay.cli.requests import progress, say

MARKER = "<!-- mlassay report -->"


@click.command(epilog="Example: mlassay report --run artifact --head 4f0c2d… --sarif mlassay.sarif")
@run_option
@click.option("--head", required=True, metavar="SHA", help="The pull request's commit that was tested.")
@click.option(
    "--head-repository", default="", metavar="OWNER/NAME", help="Where that commit lies, for a fork."
)
@click.option("--head-branch", default="", metavar="BRANCH", help="The branch that it is on there.")
@click.option(
    "--sarif", type=click.Path(dir_okay=False, path_type=Path), help="Write the findings there, too."
)
@click.option("--dry-run", is_flag=True, help="Print the page, and post nothing.")
@forge_option
@json_option
@directory_option
def report(
    run_folder: Path,
    head: str,
    head_repository: str,
    head_branch: str,
    sarif: Path | None,
    dry_run: bool,
    as_json: bool,
    directory: Path,
) -> None:
    """Put what a pull request's own job measured onto its page, as one comment that is written anew each time.

    Everything in the run folder counts as written by a stranger: names, sizes and schemas are held, nothing of it is
    run, and nothing of the pull request is checked out. A run without a verdict is reported, too.
    """
    from mlassay.git import Repository
    from mlassay.render.page import release_lines, release_page
    from mlassay.stages.report import report as stage
    from mlassay.wiring import page

    repository = Repository.open(directory)
    forge = None if dry_run else page(repository, chosen_forge(), progress)
    done = stage(
        repository,
        directory / run_folder,
        head,
        forge,
        marker=MARKER,
        page=release_page,
        head_repository=head_repository,
        head_branch=head_branch,
        dry_run=dry_run,
    )
    facts = done.facts
    if sarif is not None:
        from mlassay.files import write_atomic
        from mlassay.render.sarif import sarif as rendered

        if facts.verdict is not None:
            write_atomic(sarif, rendered(facts.verdict).encode())
    if not dry_run:
        ci.summary(release_page(facts))
        verdict = str(facts.verdict.outcome) if facts.verdict else "none"
        number = str(facts.pull.number) if facts.pull and facts.pull.number else ""
        told.outputs("report", verdict=verdict, number=number, url=facts.pull.url if facts.pull else "")
    if as_json:
        print_json(_facts(done.posted, facts))
        return
    for line in release_lines(facts):
        say(line)
    if not done.posted and not dry_run:
        note("There is no page here: this forge has none. Pass what stands above on by other means.")


def _facts(posted: bool, facts: Any) -> dict[str, Any]:
    return {
        "posted": posted,
        "head": facts.head,
        "number": facts.pull.number if facts.pull else None,
        "url": facts.pull.url if facts.pull else None,
        "verdict": str(facts.verdict.outcome) if facts.verdict else None,
        "agreed": facts.agreed,
        "problems": [{"what": problem.what, "path": problem.path} for problem in facts.problems],
        "weakenings": [weakening.id for weakening in facts.weakenings],
        "worse_off": [row.group for row in facts.groups if row.worse],
    }
