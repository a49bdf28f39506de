"""``upgrade``: the template's files of this mlassay, by a pull request that keeps a team's changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlassay import __version__
from mlassay.cli.common import chosen_forge, directory_option, forge_option, json_option, note, print_json
from mlassay.cli.requests import exit_no, progress, say

if TYPE_CHECKING:
    from mlassay.stages.upgrade import Upgrade

SHOWN_LINES = 60
_WORDS = {
    "added": "+",
    "taken": "+",
    "merged": "+",
    "pins": "+",
    "removed": "-",
    "same": "=",
    "kept": "=",
    "conflict": "x",
}


@click.command(epilog="Example: mlassay upgrade --dry-run")
@click.argument("named", nargs=-1, metavar="[FILE]...")
@click.option(
    "--ours", multiple=True, metavar="FILE", help="Keep your version of it (its pins move); may be repeated."
)
@click.option(
    "--theirs", multiple=True, metavar="FILE", help="Take the template's version of it; may be repeated."
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and write nothing.")
@forge_option
@json_option
@directory_option
def upgrade(
    named: tuple[str, ...],
    ours: tuple[str, ...],
    theirs: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
    directory: Path,
) -> None:
    """Open a pull request with the files by which a repository calls mlassay, as they are in this mlassay's template.

    Your changes of them are kept: each file is merged from what you took, what the template is now, and what you
    made of it. ml.yaml, train.py, tests and the README are yours, and change only when you name them as FILE.
    """
    from mlassay.git import Repository
    from mlassay.stages import upgrade as stage
    from mlassay.stages.init import template_files
    from mlassay.stages.requests import utc_now
    from mlassay.stages.template import known_digests
    from mlassay.stages.upgrade_fork import Template, Wanted
    from mlassay.wiring import forge

    repository = Repository.open(directory)
    done = stage.upgrade(
        repository,
        forge(repository, chosen_forge(), progress),
        Template(__version__, template_files(), known_digests()),
        utc_now(),
        Wanted(named, ours, theirs),
        dry_run=dry_run,
    )
    if as_json:
        print_json(_json(done, dry_run=dry_run))
    else:
        _show(done, dry_run=dry_run)
    exit_no(allowed=not done.conflicts)


def _json(done: Upgrade, *, dry_run: bool) -> dict[str, Any]:
    return {
        "template": done.template,
        "before": done.before or None,
        "files": [
            {"path": file.path, "did": file.did, "why": file.why}
            | ({"collision": file.collision.decode("utf-8", "replace")} if file.collision else {})
            for file in done.files
        ],
        "changed": done.written,
        "branch": done.branch if done.commit else None,
        "commit": done.commit or None,
        "url": (done.pull.url or None) if done.pull else None,
        "already": done.already,
        "dry_run": dry_run,
    }


def _show(done: Upgrade, *, dry_run: bool) -> None:
    since = f"From the template of {done.before} to" if done.before else "To"
    say(f"{since} the template of mlassay {done.template}:")
    for file in done.files:
        if file.did != "same":
            say(f"  {_WORDS[file.did]} {file.path}: {file.did}, {file.why}")
    if done.conflicts:
        _show_conflicts(done)
    elif done.already:
        where = done.pull.url if done.pull is not None and done.pull.url else f"on the branch {done.branch}"
        say(f"This upgrade is open already: {where}")
    elif not done.written:
        say("Everything is as the template has it, or yours: there is nothing to upgrade.")
    elif dry_run:
        say(f"Would write one commit to {done.branch} and open a pull request.")
    elif done.pull is not None and done.pull.url:
        say(f"The pull request is open: {done.pull.url}")
    else:
        say(f"The upgrade is on the branch {done.branch}. Look at it, then merge it as you merge any other:")
        say(f"  git merge --no-ff {done.seen}")


def _show_conflicts(done: Upgrade) -> None:
    for file in done.conflicts:
        if file.collision:
            lines = file.collision.decode("utf-8", "replace").splitlines()
            say(f"\n{file.path}, as a merge would leave it:\n")
            for line in _around(lines):
                say(f"    {line}")
    say("")
    note(
        "no: nothing was written, because these need your decision: "
        + ", ".join(f.path for f in done.conflicts)
    )
    for file in done.conflicts:
        note(
            f"  mlassay upgrade --ours {file.path}     keeps your version; --theirs {file.path} takes the template's"
        )


def _around(lines: list[str]) -> list[str]:
    """The lines that collide, with a few before and after; the rest is left out."""
    marked = [
        n for n, line in enumerate(lines) if line.startswith(("<<<<<<< ", "||||||| ", "=======", ">>>>>>> "))
    ]
    if not marked:
        return lines[:SHOWN_LINES]
    shown = lines[max(marked[0] - 3, 0) : marked[-1] + 4]
    return shown if len(shown) <= SHOWN_LINES else [*shown[:SHOWN_LINES], "…"]
