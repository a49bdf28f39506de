"""``sign``, ``record`` and ``verify``: from a tested run to evidence on the main line, and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlassay.cli import told
from mlassay.cli.common import (
    directory_option,
    json_option,
    note,
    one_line,
    print_json,
    printable,
    run_option,
    show_error,
)
from mlassay.cli.desk import ALL, ci_key_option, record_refused, record_reviews
from mlassay.cli.progress import Progress
from mlassay.errors import EvidenceError, ExitCode, Problem

if TYPE_CHECKING:
    from mlassay.audit.verify import Report
    from mlassay.stages.record import Recorded


@click.command(epilog="Example: mlassay sign --key ~/keys/ci.pem")
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The CI signer's private key (PEM). Otherwise its text is taken from MLASSAY_SIGNING_KEY.",
)
@run_option
@directory_option
@json_option
def sign(key: Path | None, run_folder: Path, directory: Path, as_json: bool) -> None:
    """Sign what train and test left; runs no code of the repository.

    Every input digest is computed again from git objects. Leaves sign/ in the run folder, for 'mlassay record'.
    """
    from mlassay import ci, wiring
    from mlassay.cli.develop import load_plan
    from mlassay.git import Repository
    from mlassay.render.card import card
    from mlassay.render.report import plan_report
    from mlassay.signers.p256 import refuse_inside
    from mlassay.stages.sign import sign as stage

    repository = Repository.open(directory)
    if key is not None:
        refuse_inside(key, repository.folder)
    _, plan = load_plan(directory)
    signed = stage(
        repository,
        directory / run_folder,
        wiring.ci_signer(key, repository, note),
        ci.context(),
        datetime.now(UTC),
        report=lambda verdict: plan_report(verdict, plan),
        card=card,
    )
    release, verdict = signed.release, signed.verdict
    told.outputs("sign", release=release.id, verdict=str(verdict.outcome))
    told.summary(
        f"Signed {release.id}: {verdict.outcome}", [("by", signed.signer), ("digest", release.digest)]
    )
    if as_json:
        print_json(
            {
                "release": release.id,
                "digest": release.digest,
                "verdict": str(verdict.outcome),
                "signer": signed.signer,
                "folder": str(signed.folder),
            }
        )
        return
    click.echo(f"signed {release.id}: {verdict.outcome} (by {signed.signer})")
    note("Next: mlassay record")


@click.command(epilog="Example: mlassay record --dry-run")
@click.option("--dry-run", is_flag=True, help="Say what would be committed, and commit nothing.")
@click.option(
    "--reviews",
    is_flag=False,
    flag_value=ALL,
    metavar="[ID]",
    help="Record the forge's reviews of a request that landed instead; without an ID, all that are missing.",
)
@click.option(
    "--refused",
    metavar="ID",
    help="Record instead that an open promotion or change was refused or withdrawn; nothing of it lands.",
)
@ci_key_option
@run_option
@directory_option
@json_option
def record(
    dry_run: bool,
    reviews: str | None,
    refused: str | None,
    ci_key: Path | None,
    run_folder: Path,
    directory: Path,
    as_json: bool,
) -> None:
    """Put a release's evidence on the main line, whatever its verdict.

    One commit, pushed only if the main line is where it was seen. Recording a release again changes nothing.
    """
    if refused is not None:
        if reviews is not None:
            raise click.UsageError("--refused and --reviews are two records; give one")
        record_refused(directory, refused, dry_run=dry_run, as_json=as_json)
        return
    if reviews is not None:
        record_reviews(directory, reviews, ci_key, dry_run=dry_run, as_json=as_json)
        return
    from mlassay import wiring
    from mlassay.git import Repository
    from mlassay.stages.record import record as stage

    repository = Repository.open(directory)
    wiring.sign_in(repository)
    done = stage(repository, directory / run_folder, wiring.verifiers(), dry_run=dry_run)
    if not dry_run:
        told.outputs("record", release=done.release.id, commit=done.commit)
        told.summary(f"Recorded {done.release.id}: {done.verdict.outcome}", [("commit", done.commit)])
    if as_json:
        print_json(_recorded_json(done, dry_run=dry_run))
    else:
        _print_recorded(done, dry_run=dry_run)


def _recorded_json(done: Recorded, *, dry_run: bool) -> dict[str, Any]:
    return {
        "release": done.release.id,
        "verdict": str(done.verdict.outcome),
        "commit": done.commit or None,
        "already": done.already,
        "dry_run": dry_run,
        "paths": list(done.paths),
    }


def _print_recorded(done: Recorded, *, dry_run: bool) -> None:
    if done.already:
        click.echo(f"{done.release.id} is on the main line already: nothing was changed")
    elif dry_run:
        click.echo(
            f"would commit to main of {done.remote or 'this repository'}:\n\n{printable(done.message)}"
        )
        click.echo("\n".join(f"  {path}" for path in done.paths))
    else:
        click.echo(f"recorded {done.release.id}: {done.verdict.outcome} (commit {done.commit[:12]})")
    if not dry_run and not done.local_is_current:
        note("Your branch 'main' was left as it is; git pull brings the record here.")


@click.command(epilog="Example: mlassay verify 20261120-1a2b3c4d")
@click.argument("release", required=False)
@click.option(
    "--at", "revision", default="HEAD", show_default=True, metavar="REV", help="The commit to read from."
)
@directory_option
@json_option
def verify(release: str | None, revision: str, directory: Path, as_json: bool) -> None:
    """Check every signature and digest of one RELEASE, or of everything on the main line.

    Reads git objects by id, under the policy and people of the commit before each thing. Needs a clone and no key.
    """
    from mlassay import wiring
    from mlassay.audit.verify import verify as audit
    from mlassay.git import Repository

    repository = Repository.open(directory)
    at = repository.resolve(revision)
    progress = Progress()
    report = audit(
        repository,
        at,
        release,
        wiring.verifiers(),
        worktree=at == repository.head(),
        progress=progress.say,
    )
    progress.clear()
    if as_json:
        from mlassay.render.audit_verify import verify_json

        print_json(verify_json(report))
    else:
        _print(report)
    if report.problems:
        if not as_json:
            show_error(EvidenceError(*map(_at_its_commit, report.problems)))
            note("'mlassay audit verify' tells of each which rule it breaks, and how that may be innocent.")
        click.get_current_context().exit(ExitCode.EVIDENCE)


def _at_its_commit(problem: Problem) -> Problem:
    told = f" (commit {problem.commit[:12]})" if problem.commit else ""
    return replace(problem, what=f"{problem.what}{told}")


def _print(report: Report) -> None:
    for item in report.confirmed:
        if item.problems:
            click.secho("INVALID ", fg="red", nl=False)
            click.echo(
                f"{item.kind} {one_line(item.name)}: {_count(len(item.problems), 'problem')}, told below"
            )
            continue
        by = ", ".join(item.by) or "nobody"
        checked = f"{_count(item.signatures, 'signature')} by {by}, {_count(item.checks, 'check')}"
        click.secho("ok      ", fg="green", nl=False)
        click.echo(one_line(f"{item.kind} {item.name}: {item.says} ({checked})"))
    if report.problems:
        click.echo(f"NOT VALID at {report.head[:12]}: {_count(len(report.problems), 'problem')}")
        return
    things = _count(len(report.confirmed), "thing")
    click.echo(f"valid at {report.head[:12]}: {things} confirmed, no problem found")
    click.echo("Not checked:")
    for text in report.not_checked:
        click.echo(f"  - {text}")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" + ("" if number == 1 else "s")
