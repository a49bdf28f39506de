"""``audit anchor``: a small file that pins the history, written, printed and checked."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlassay.cli.common import directory_option, json_option, note, print_json, printable, show_error
from mlassay.cli.progress import Progress
from mlassay.errors import ConfigurationError, EvidenceError, ExitCode, Problem

if TYPE_CHECKING:
    from mlassay.audit.anchor import Anchored
    from mlassay.evidence.anchors import AnchorFile
    from mlassay.git import Repository
    from mlassay.ports import Signer

_FILE = click.Path(path_type=Path)


@click.command(epilog="Example: mlassay audit anchor --out ~/anchors/2026-11-21.anchor")
@click.argument("files", nargs=-1, type=_FILE, metavar="[FILE]...")
@click.option(
    "--out", type=_FILE, metavar="FILE", help="Write the anchor to this new file; keep it elsewhere."
)
@click.option("--check", is_flag=True, help="Check the anchors in FILE... against this clone instead.")
@click.option("--key", type=_FILE, metavar="FILE", help="Your SSH key; else git's user.signingkey.")
@click.option("--ci-key", type=_FILE, metavar="FILE", help="Sign with a CI signer's key (PEM) that may.")
@click.option("--unsigned", is_flag=True, help="Sign with no key: it pins the history all the same.")
@click.option("--previous", type=_FILE, metavar="FILE", help="The anchor that this one follows in a chain.")
@click.option("--timestamp", metavar="URL", help="Let the RFC 3161 time-stamping authority at URL stamp it.")
@click.option(
    "--tsa-cert", type=_FILE, metavar="FILE", help="That authority's certificates (PEM), root included."
)
@click.option(
    "--even-so", is_flag=True, help="Write it although the history has findings; it will say how many."
)
@click.option("--print", "paper", is_flag=True, help="Print a page for paper too, ids in groups of four.")
@click.option(
    "--at", "revision", default="HEAD", metavar="REV", show_default=True, help="The main line's commit."
)
@json_option
@directory_option
def audit_anchor(
    files: tuple[Path, ...],
    out: Path | None,
    check: bool,
    key: Path | None,
    ci_key: Path | None,
    unsigned: bool,
    previous: Path | None,
    timestamp: str | None,
    tsa_cert: Path | None,
    even_so: bool,
    paper: bool,
    revision: str,
    as_json: bool,
    directory: Path,
) -> None:
    """Pin the whole history in one small file, to be kept where nobody who can push can reach it.

    From a clone alone nobody can see that all of it was replaced. With an anchor that was mailed, printed or committed
    elsewhere anybody can: 'mlassay audit verify --anchor FILE', or here with --check. Exits with 3, and writes nothing,
    over a history that does not verify.
    """
    from mlassay.evidence.anchors import load_anchor
    from mlassay.git import Repository

    _refuse_mixed(files, out, check=check, keys=(key, ci_key, unsigned or None), paper=paper, as_json=as_json)
    repository = Repository.open(directory)
    at = repository.resolve(revision)
    if check or out is None:
        found = _checked(repository, at, [load_anchor(path) for path in files], tsa_cert)
        _show(found, paper=paper, as_json=as_json)
        return
    _refuse_existing(out)
    before = load_anchor(previous) if previous is not None else None
    if before is not None:
        EvidenceError.raise_if_any(_checked(repository, at, [before], tsa_cert)[0].problems)
    file = _made(repository, at, _signer(repository, key, ci_key, unsigned=unsigned), before, even_so=even_so)
    file = replace(_stamped(file, timestamp, tsa_cert), path=str(out))
    found = _checked(repository, at, [*filter(None, [before]), file], tsa_cert)[-1:]
    EvidenceError.raise_if_any(found[0].problems)
    _write(repository, out, file)
    _show(found, paper=paper, as_json=as_json, written=True)


def _refuse_mixed(
    files: Sequence[Path],
    out: Path | None,
    *,
    check: bool,
    keys: Sequence[object],
    paper: bool,
    as_json: bool,
) -> None:
    if check and (out is not None or not files):
        raise click.UsageError("--check takes the anchors to check, and writes none (no --out)")
    if not check and files:
        raise click.UsageError("anchors are named with --check only; --out FILE writes one")
    if not check and out is None:
        raise click.UsageError("say where the anchor goes: --out FILE")
    if sum(key is not None for key in keys) > 1:
        raise click.UsageError("use one of --key, --ci-key and --unsigned")
    if paper and as_json:
        raise click.UsageError("--print is for people and --json for machines: use one")


def _refuse_existing(out: Path) -> None:
    if out.exists() or out.is_symlink():
        raise ConfigurationError(
            Problem(
                "something is there already",
                why="an anchor that is overwritten can no longer show what was rewritten since",
                remedy="name a new file, such as one with today's date in its name",
                path=str(out),
            )
        )


def _signer(
    repository: Repository, key: Path | None, ci_key: Path | None, *, unsigned: bool
) -> tuple[Signer, str] | None:
    from mlassay import wiring
    from mlassay.evidence.anchors import MACHINE, PERSON
    from mlassay.signers.p256 import find_signer, refuse_inside

    if unsigned:
        return None
    if ci_key is not None:
        refuse_inside(ci_key, repository.folder)
        return find_signer(ci_key), MACHINE
    return wiring.person_signer(key, repository), PERSON


def _made(
    repository: Repository,
    at: str,
    signer: tuple[Signer, str] | None,
    before: AnchorFile | None,
    *,
    even_so: bool,
) -> AnchorFile:
    from datetime import UTC, datetime

    from mlassay import wiring
    from mlassay.audit.anchor_pin import make_anchor, signer_for
    from mlassay.audit.verify import verify

    if signer is not None:
        signer_for(
            repository, at, signer[0].public, signer[1]
        )  # a key that may not is told before the long part
    progress = Progress()
    try:
        report = verify(repository, at, None, wiring.verifiers(), worktree=False, progress=progress.say)
    finally:
        progress.clear()
    if report.problems and not even_so:
        remedy = "see 'mlassay audit verify'; to pin it as it is, findings and all, add --even-so"
        raise EvidenceError(
            Problem(
                f"the history has {len(report.problems)} findings, and no anchor was written",
                why="whoever reads an anchor later takes what it pins for sound",
                remedy=remedy,
            ),
            *report.problems,
        )
    return make_anchor(
        repository,
        at,
        date=datetime.now(UTC).replace(microsecond=0),
        findings=len(report.problems),
        signer=signer,
        previous=before.digest if before is not None else None,
    )


def _stamped(file: AnchorFile, url: str | None, tsa_cert: Path | None) -> AnchorFile:
    from mlassay import wiring

    if url is None:
        return file
    return replace(file, stamp=wiring.stamps(tsa_cert).ask(url, file.stamped_bytes))


def _checked(
    repository: Repository, at: str, files: Sequence[AnchorFile], tsa_cert: Path | None
) -> tuple[Anchored, ...]:
    from mlassay import wiring
    from mlassay.audit.anchor import check_chain

    stamps = wiring.stamps(tsa_cert) if any(file.stamp is not None for file in files) else None
    shown = sys.stderr.isatty()
    click.echo("… reading the main line" if shown else "", nl=False, err=True)
    try:
        return check_chain(repository, at, files, wiring.verifiers(), stamps)
    finally:
        click.echo("\r\x1b[K" if shown else "", nl=False, err=True)


def _write(repository: Repository, out: Path, file: AnchorFile) -> None:
    from mlassay.files import write_atomic

    write_atomic(out, file.to_bytes())
    if out.resolve().is_relative_to(repository.folder.resolve()):
        note(
            f"{printable(str(out))} lies in the repository that it pins: whoever rewrites one can rewrite the other."
        )


def _show(found: Sequence[Anchored], *, paper: bool, as_json: bool, written: bool = False) -> None:
    from mlassay.render.audit_anchor import anchor_page, anchored_json, anchored_lines, written_lines

    if as_json:
        print_json([anchored_json(one) for one in found])
    for one in found if not as_json else ():
        for line in (written_lines if written else anchored_lines)(one):
            click.echo(printable(line))
        for line in ("", *anchor_page(one.file)) if paper else ():
            click.echo(printable(line))
    problems = [problem for one in found for problem in one.problems]
    if problems:
        if not as_json:
            show_error(EvidenceError(*problems))
        click.get_current_context().exit(ExitCode.EVIDENCE)
