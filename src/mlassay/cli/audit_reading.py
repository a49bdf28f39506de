"""What the audit's verbs that tell of the whole main line share: reading it, with a word on what takes long or does not hold."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlassay.cli.common import Command, note, printable
from mlassay.cli.progress import Progress
from mlassay.errors import ExitCode

if TYPE_CHECKING:
    from mlassay.audit.chronicle import Chronicle
    from mlassay.audit.verify import Known
    from mlassay.errors import Problem
    from mlassay.git import Repository

_FILE = click.Path(dir_okay=False, path_type=Path)


def at_option(command: Command) -> Command:
    """``--at REV``: the main line's commit that everything is read from; the command gets ``revision``."""
    return click.option(
        "--at", "revision", default="HEAD", metavar="REV", show_default=True, help="The main line's commit."
    )(command)


def anchor_options(command: Command) -> Command:
    """``--anchor FILE`` (again for more) and ``--tsa-cert FILE``: what was kept elsewhere; ``anchors`` and ``tsa_cert``."""
    certificates = click.option(
        "--tsa-cert",
        type=_FILE,
        metavar="FILE",
        help="The certificates (PEM) of the authority whose time stamps the anchors hold.",
    )
    anchors = click.option(
        "--anchor",
        "anchors",
        multiple=True,
        type=_FILE,
        metavar="FILE",
        help="Hold the history against an anchor that was kept elsewhere; again for more of them.",
    )
    return anchors(certificates(command))


def known_elsewhere(anchors: tuple[Path, ...], tsa_cert: Path | None, root: str = "") -> Known:
    """What the options say that the auditor knows from elsewhere; ConfigurationError for a file that is no anchor."""
    from mlassay import wiring
    from mlassay.audit.verify import Known
    from mlassay.evidence.anchors import load_anchor

    files = [load_anchor(path) for path in anchors]
    stamps = wiring.stamps(tsa_cert) if any(file.stamp is not None for file in files) else None
    return Known(tuple(files), stamps, root)


def no_check_option(command: Command) -> Command:
    """``--no-check``: read without judging; the command gets ``no_check: bool``."""
    return click.option(
        "--no-check",
        is_flag=True,
        help="Only read the records, quickly: nothing is held against policy, and nothing is said of what does not hold.",
    )(command)


def read(directory: Path, revision: str, *, no_check: bool) -> tuple[Repository, Chronicle]:
    """The repository at ``directory`` and the chronicle of its main line, with progress on a terminal."""
    from mlassay import wiring
    from mlassay.audit.chronicle import read_chronicle
    from mlassay.git import Repository

    repository = Repository.open(directory)
    progress = Progress()
    try:
        chronicle = read_chronicle(
            repository, revision, wiring.verifiers(), judge=not no_check, progress=progress.say
        )
    finally:
        progress.clear()
    return repository, chronicle


def say(line: str) -> None:
    """One line of the answer, folded on a terminal."""
    from mlassay.render.width import fold, terminal_width

    click.echo(fold(printable(line), terminal_width(sys.stdout)))


def end(chronicle: Chronicle) -> None:
    """Say on standard error when something on the main line does not hold, and end with 3; nothing otherwise."""
    if not chronicle.judged:
        note("Nothing was checked (--no-check): this is only what the records say.")
        return
    if chronicle.root is None:
        note(
            "nobody ever brought governance/ in here: is this the right repository? -C DIR names another one"
        )
        click.get_current_context().exit(ExitCode.EVIDENCE)
    if problems := all_problems(chronicle):
        things = "thing on this main line does" if len(problems) == 1 else "things on this main line do"
        note(
            f"{len(problems)} {things} not hold, and what is told above may rest on it: mlassay audit verify"
        )
        click.get_current_context().exit(ExitCode.EVIDENCE)


def all_problems(chronicle: Chronicle) -> list[Problem]:
    """Every problem of a chronicle, those of its entries included, each once."""
    entries: Sequence[Sequence[Problem]] = [
        each.problems
        for pile in (
            chronicle.releases,
            chronicle.promotions,
            chronicle.refused,
            chronicle.changes,
            chronicle.waivers,
        )
        for each in pile
    ]
    return list(dict.fromkeys([*chronicle.problems, *(problem for each in entries for problem in each)]))
