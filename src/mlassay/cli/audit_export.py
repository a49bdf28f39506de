"""``audit export``: one file that another machine checks without mlassay."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlassay.cli.common import directory_option, json_option, note, print_json, printable
from mlassay.cli.progress import Progress

if TYPE_CHECKING:
    from mlassay.audit.export import Export


@click.command("export", epilog="Example: mlassay audit export --profile redacted --out record.tar.gz")
@click.option(
    "--profile",
    type=click.Choice(["full", "redacted", "ai-act", "model-risk"]),
    default="full",
    show_default=True,
    help="What goes in: everything; nothing personal; that, sorted by a framework's headings.",
)
@click.option(
    "--out",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    required=True,
    metavar="FILE",
    help="The file to write, a .tar.gz.",
)
@click.option("--env", "environment", default="", metavar="ENV", help="Tell of what runs in ENV only.")
@click.option(
    "--at", "revision", default="HEAD", show_default=True, metavar="REV", help="The commit to export."
)
@click.option(
    "--keep-names",
    is_flag=True,
    help="Export though a commit's message or a file's name holds a personal value; the pages name the commits.",
)
@json_option
@directory_option
def audit_export(
    profile: str,
    target: Path,
    environment: str,
    revision: str,
    keep_names: bool,
    as_json: bool,
    directory: Path,
) -> None:
    """Write one file with the history, the evidence, the keys, and the commands that check them.

    Whoever gets it needs git, ssh-keygen, openssl and sha256sum, and neither mlassay nor trust in us.
    """
    from mlassay.audit.export import gather, write
    from mlassay.git import Repository
    from mlassay.render.export import pages

    repository = Repository.open(directory)
    progress = Progress()
    export = gather(
        repository,
        repository.resolve(revision),
        profile,
        environment=environment,
        keep_names=keep_names,
        say=progress.say,
    )
    members = write(repository, export, pages(export), target, progress.say)
    progress.clear()
    if as_json:
        print_json(_as_json(export, target, len(members)))
        return
    click.echo(printable(f"{target}: {len(members)} files up to commit {export.commit}"))
    if export.left_out:
        click.echo(f"left out: {len(export.left_out)} files, told in LEFT-OUT.md")
    if gaps := sum(len(heading.gaps) for heading in export.mapping.headings) if export.mapping else 0:
        click.echo(f"missing: {gaps} things that {profile} asks for, told in MAPPING.md")
    for path in _records_left_out(export):
        note(
            f"warning: {printable(path)} is a record and was left out: what it says cannot be checked in this export"
        )
    note("send the commit's id in another way than the file: README.md says why")


def _records_left_out(export: Export) -> list[str]:
    here = {file.path for file in export.here}
    return [file.path for file in export.files if file.path not in here]


def _as_json(export: Export, target: Path, files: int) -> dict[str, object]:
    return {
        "out": str(target),
        "profile": export.profile,
        "commit": export.commit,
        "files": files,
        "left_out": [{"blob": one.blob, "paths": list(one.paths), "why": one.why} for one in export.left_out],
        "records_left_out": _records_left_out(export),
        "gaps": [
            {"heading": heading.number, "missing": list(heading.gaps)}
            for heading in (export.mapping.headings if export.mapping else ())
        ],
    }
