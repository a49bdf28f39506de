"""``demo``: one whole release, played with the public verbs as processes of their own."""

from __future__ import annotations

from pathlib import Path

import click

from mlassay.errors import ConfigurationError, Problem


@click.command(epilog="Example: mlassay demo --dir /tmp/loans")
@click.option(
    "--dir",
    "folder",
    type=click.Path(file_okay=False, path_type=Path),
    default="demo",
    show_default=True,
    help="New folder to play in; it stays, to go on from.",
)
@click.option("--quick", is_flag=True, help="Leave out the cross-checks by Fairlearn and ART.")
def demo(folder: Path, quick: bool) -> None:
    """Play one whole release on real mortgage data, from ml.yaml to production, and leave it to go on from.

    Every act calls verbs that you can call yourself; every number that is told is read from the evidence.
    """
    from mlassay.cli.story import play

    if folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(
            Problem(
                f"{folder} is there already, and not empty",
                why="the demonstration starts from nothing, and overwrites nobody's work",
                remedy="choose another folder (make demo DIR=elsewhere), or delete this one",
            )
        )
    play(folder.resolve(), cross_checks=not quick)
