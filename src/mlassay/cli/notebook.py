"""``notebook``: a notebook into what a release can be made of."""

from __future__ import annotations

from pathlib import Path

import click

from mlassay.cli.common import directory_option, json_option, note, print_json, printable


@click.group(epilog="Example: mlassay notebook extract explore.ipynb --out .")
def notebook() -> None:
    """Take notebooks apart."""


@notebook.command(epilog="Example: mlassay notebook extract explore.ipynb --out .")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE.ipynb")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Where the script goes, else the repository's folder; the tests go to DIR/tests.",
)
@directory_option
@json_option
def extract(file: Path, out: Path | None, directory: Path, as_json: bool) -> None:
    """Make a script of a notebook's code cells, and a skeleton of tests; nothing is run or overwritten.

    Outputs are left out; lines that only IPython knows become comments.
    """
    from mlassay.stages.notebook import extract as stage

    done = stage(file, out or directory)
    if as_json:
        print_json(
            {
                "script": str(done.script),
                "tests": str(done.tests),
                "cells": done.cells,
                "magics": list(done.magics),
                "functions": list(done.functions),
                "unread": done.unread,
            }
        )
        return
    click.echo(printable(f"wrote {done.script} ({done.cells} code cells) and {done.tests}"))
    if done.magics:
        note(f"lines that only IPython knows became comments in cells {', '.join(map(str, done.magics))}")
    if done.unread:
        note(f"warning: {done.unread}")
    note("Now make functions of the cells and write the tests; each fails until you do.")
