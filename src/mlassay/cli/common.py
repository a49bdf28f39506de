"""What every verb shares: options, output for people and for machines, errors printed once."""

from __future__ import annotations

import json
import platform
import re
import sys
import traceback
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any, TypeVar

import click

from mlassay import __version__
from mlassay.cli import told
from mlassay.errors import MlassayError, Problem
from mlassay.render.width import fold, terminal_width

_FORGE = "mlassay.forge"
Command = TypeVar("Command", bound=Callable[..., Any])


def directory_option(command: Command) -> Command:
    """``-C DIR``: where the repository is; the command gets it as ``directory: Path``.

    Files and folders that other options name (``--out``, ``--anchor``) are meant from the present folder, as a shell
    completes them; only the run folder lies below ``DIR``.
    """
    return click.option(
        "-C",
        "directory",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        default=".",
        metavar="DIR",
        help="Where the repository is, else here. Files that you name are meant from here all the same.",
    )(command)


def json_option(command: Command) -> Command:
    """``--json``: one JSON value on standard output and nothing else; the command gets ``as_json: bool``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")(command)


def forge_option(command: Command) -> Command:
    """``--forge NAME``: where pull requests live; the command gets nothing, `chosen_forge` tells."""
    return click.option(
        "--forge",
        type=click.Choice(["local", "github", "gitea"]),
        expose_value=False,
        callback=lambda context, _, value: context.meta.__setitem__(_FORGE, value or ""),
        help="Where pull requests live; else git config mlassay.forge, else GitHub where it is the remote, else local.",
    )(command)


def chosen_forge() -> str:
    """What ``--forge`` said to the verb that runs; "" when it said nothing, or no verb runs."""
    context = click.get_current_context(silent=True)
    return str(context.meta.get(_FORGE, "")) if context is not None else ""


def run_option(command: Command) -> Command:
    """``--run DIR``: the run folder; the command gets ``run_folder: Path`` (relative to ``directory``)."""
    return click.option(
        "--run",
        "run_folder",
        type=click.Path(path_type=Path),
        default=".mlassay/run",
        metavar="DIR",
        show_default=True,
        help="The run folder, where stages leave what the next one reads.",
    )(command)


def print_json(value: Any) -> None:
    """``value`` as JSON on standard output."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, indent=2).replace("##[", "#\\u0023[")
    click.echo("".join(c if c.isprintable() or c == "\n" else json.dumps(c)[1:-1] for c in text))


def note(text: str) -> None:
    """One line of progress or advice for people, on standard error."""
    click.echo(fold(text, terminal_width(sys.stderr)), err=True)


def show_error(error: MlassayError) -> None:
    """Each problem with its place, why it matters and what to do, on standard error.

    Neighbours with the same reason and remedy share them: they are said once, below the last.
    """
    width = terminal_width(sys.stderr)
    for (why, remedy), problems in groupby(error.problems, lambda each: (each.why, each.remedy)):
        for problem in problems:
            click.secho("error: ", fg="red", bold=True, nl=False, err=True)
            text = f"{one_line(problem.where)}: {problem.what}" if problem.path else problem.what
            click.echo(fold(f"error: {printable(text)}", width)[len("error: ") :], err=True)
        for label, text in (("why", printable(why)), ("do", one_line(remedy))):
            if text:
                click.echo(fold(f"  {label}: {text}", width), err=True)
    told.error(error)


def problem_json(problem: Problem) -> dict[str, Any]:
    """A problem as ``--json`` tells it."""
    return {
        "what": problem.what,
        "why": problem.why,
        "remedy": problem.remedy,
        "path": problem.path,
        "line": problem.line,
    }


def show_bug() -> None:
    """A report to paste for a surprise of ours."""
    click.secho(
        "This is a bug in mlassay, not in your repository. Please report what follows:", fg="red", err=True
    )
    click.echo(f"mlassay {__version__}, Python {platform.python_version()}, {platform.platform()}", err=True)
    click.echo(f"command: {' '.join(sys.argv[:2])}", err=True)
    click.echo(printable(traceback.format_exc()), err=True)


def printable(text: str) -> str:
    """``text`` with control characters (terminal escapes among them) made visible; newlines and tabs stay.

    What a CI runner would obey (GitHub's ``::command::`` at the start of a line, ``##[command]`` anywhere) is parted.
    """
    seen = "".join(c if c.isprintable() or c in "\n\t" else f"\\x{ord(c):02x}" for c in text)
    return re.sub(r"^(\s*):(?=:)", r"\1: ", seen, flags=re.MULTILINE).replace("##[", "# #[")


def one_line(text: str) -> str:
    """As `printable`, with newlines and tabs made visible too: for a name that somebody else gave a file."""
    return printable(text.replace("\n", "\\x0a").replace("\t", "\\x09"))
