"""``audit list``: the record as a table, for a spreadsheet or a sample."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mlassay.cli.audit_reading import at_option, end, no_check_option, read
from mlassay.cli.common import directory_option, json_option, print_json, printable

KINDS = ("releases", "promotions", "waivers", "refusals", "changes")


@click.command(epilog="Example: mlassay audit list promotions --csv --sample 25 --seed 2026-Q4")
@click.argument("kind", type=click.Choice(KINDS))
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV in which a spreadsheet finds no formulas.")
@click.option(
    "--sample",
    type=click.IntRange(1),
    metavar="N",
    help="Only N rows, drawn by the seed; all where there are fewer.",
)
@click.option(
    "--seed", metavar="TEXT", help="What decides which rows are drawn: the same text, the same rows."
)
@no_check_option
@at_option
@json_option
@directory_option
def audit_list(
    kind: str,
    as_csv: bool,
    sample: int | None,
    seed: str | None,
    no_check: bool,
    revision: str,
    as_json: bool,
    directory: Path,
) -> None:
    """List all releases (failed ones too), promotions, waivers, refusals or changes on the main line.

    Refusals on branches that this clone has seen are listed as well, apart. Exits with 3 when something on the main
    line does not hold.
    """
    from mlassay import wiring
    from mlassay.audit.listing import Sample, listing, sampled
    from mlassay.render.audit_list import listing_csv, listing_json, listing_lines
    from mlassay.render.width import fold, terminal_width

    if as_csv and as_json:
        raise click.UsageError("--csv is for spreadsheets and --json for programs: use one")
    if (sample is None) != (seed is None):
        raise click.UsageError(
            "a sample takes both, --sample N and --seed TEXT, so that it can be drawn again"
        )
    repository, chronicle = read(directory, revision, no_check=no_check)
    found = listing(chronicle, kind, repository, wiring.verifiers())
    if sample is not None and seed is not None:
        found = sampled(found, Sample(sample, seed))
    if as_json:
        print_json(listing_json(chronicle, found))
    elif as_csv:
        click.echo(printable(listing_csv(found)), nl=False)
    else:
        width = terminal_width(sys.stdout)
        for line in listing_lines(found):
            click.echo(fold(printable(line), width))
    end(chronicle)
