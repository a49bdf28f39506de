"""``compare``: two releases side by side, and the first stage where they part."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from mlassay.cli.common import directory_option, json_option, print_json
from mlassay.errors import ExitCode


@click.command(epilog="Example: mlassay compare production 20261120-1a2b3c4d")
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@click.option("--at", "revision", default="HEAD", metavar="REV", show_default=True, help="Look at REV.")
@json_option
@directory_option
def compare(a: str, b: str, revision: str, as_json: bool, directory: Path) -> None:
    """Compare release A with release B: results, who is worse off, data, criteria, code, parameters, packages, approvals.

    Each is a release, an environment (what is live there) or a commit. Says the first stage where their digests part.
    Exits with 3 when the evidence of one of them does not hold.
    """
    from mlassay.audit.compare import compare as comparison
    from mlassay.cli.progress import Progress
    from mlassay.git import Repository
    from mlassay.wiring import verifiers

    repository, progress = Repository.open(directory), Progress()
    found = comparison(repository, repository.resolve(revision), a, b, verifiers(), progress.say)
    progress.clear()
    if as_json:
        from mlassay.render.comparing_json import comparison_json

        print_json(comparison_json(found))
    else:
        from mlassay.render.comparing import show_comparison

        show_comparison(found, file=sys.stdout)
    if found.a.evidence.problems or found.b.evidence.problems:
        click.get_current_context().exit(ExitCode.EVIDENCE)
