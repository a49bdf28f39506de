"""``validate``, ``train``, ``test``, ``run`` and ``explain``: what a developer does before anything is signed."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from mlassay.cli import told
from mlassay.cli.common import (
    Command,
    directory_option,
    json_option,
    note,
    print_json,
    printable,
    run_option,
    show_error,
)
from mlassay.errors import ConfigurationError, ExitCode, MlassayError, Problem

if TYPE_CHECKING:
    from mlassay.evidence import GateReport, Verdict
    from mlassay.git import Repository
    from mlassay.plan import Plan
    from mlassay.stages.test import Tested
    from mlassay.stages.train import Trained


def _machine_options(command: Command) -> Command:
    """``--junit FILE`` and ``--sarif FILE``, for `test` and `run`."""
    file = click.Path(dir_okay=False, path_type=Path)
    junit = click.option("--junit", type=file, metavar="FILE", help="Write the verdict as JUnit XML, too.")
    sarif = click.option("--sarif", type=file, metavar="FILE", help="Write the findings as SARIF 2.1.0, too.")
    return junit(sarif(command))


@click.command(epilog="Example: mlassay validate -C team")
@directory_option
@json_option
def validate(directory: Path, as_json: bool) -> None:
    """Read every file strictly and print all errors at once; exit code 2 when there are any."""
    try:
        repository, plan = load_plan(directory)
    except ConfigurationError as error:
        if not as_json:
            raise
        told.error(error)
        print_json({"valid": False, "problems": [_problem(problem) for problem in error.problems]})
        sys.exit(ExitCode.USAGE)
    facts = _plan_facts(plan) | _history_facts(repository)
    _tell_validated(facts)
    if as_json:
        print_json({"valid": True, **facts})
        return
    click.echo(f"{printable(plan.config.name)}: every file is as it must be")
    click.echo(f"  read:       {', '.join(facts['read'])}")
    click.echo(
        f"  risk level: {facts['risk_level']}"
        + (f" (declared {facts['declared']})" if facts["raised"] else "")
    )
    click.echo(f"  gates:      {', '.join(facts['gates'])}")
    if facts["reuse"]:
        click.echo(f"  reuse:      {facts['reuse']} has the same inputs, so its verdict is this commit's too")


@click.command(epilog="Example: mlassay train")
@click.option(
    "--quiet", is_flag=True, help="Do not show the command's output while it runs; the log has it anyway."
)
@run_option
@directory_option
@json_option
def train(quiet: bool, run_folder: Path, directory: Path, as_json: bool) -> None:
    """Prepare and train in clean, isolated folders that hold only what ml.yaml grants.

    Leaves train/ in the run folder: the outputs, the log and where they come from. Exit code 1 when the command
    fails.
    """
    repository, plan = load_plan(directory)
    trained = _train(repository, plan, directory / run_folder, quiet=quiet)
    if trained.passed:
        told.outputs("train", model=trained.digest(plan.config.model.file))
        told.summary(f"Trained {plan.config.name}", _training_facts(trained, plan))
    if as_json:
        print_json(_trained_facts(trained))
    sys.exit(ExitCode.PASSED if trained.passed else ExitCode.NO)


@click.command(epilog="Example: mlassay test bias performance")
@click.argument("gates", nargs=-1, metavar="[GATE]…")
@click.option(
    "--cross-checks", is_flag=True, help="Hold the gates against Fairlearn and ART, as releases do. Slow."
)
@_machine_options
@run_option
@directory_option
@json_option
def test(
    gates: tuple[str, ...],
    cross_checks: bool,
    junit: Path | None,
    sarif: Path | None,
    run_folder: Path,
    directory: Path,
    as_json: bool,
) -> None:
    """Run every gate on the ONNX model that training left; exit code 1 unless the verdict is passed.

    Leaves test/ in the run folder: the verdict, each gate's report, and report.md. With names of gates only those
    run, and nothing is left: a partial test cannot be signed.
    """
    repository, plan = load_plan(directory)
    tested = _test(repository, plan, directory / run_folder, gates, cross_checks=cross_checks)
    _tell("test", tested, directory / run_folder)
    _leave_for_machines(tested, junit, sarif)
    _show(tested, directory / run_folder, as_json=as_json)
    sys.exit(_code(tested.verdict))


@click.command(epilog="Example: mlassay run")
@click.option(
    "--cross-checks", is_flag=True, help="Hold the gates against Fairlearn and ART, as releases do. Slow."
)
@_machine_options
@click.option(
    "--reuse",
    is_flag=True,
    help="Take the recorded verdict of a release whose every input is the same, instead of training again.",
)
@run_option
@directory_option
@json_option
def run(
    cross_checks: bool,
    reuse: bool,
    junit: Path | None,
    sarif: Path | None,
    run_folder: Path,
    directory: Path,
    as_json: bool,
) -> None:
    """Validate, train and test in one go: the same verdict.json, byte for byte, as CI's for the same model."""
    if reuse and cross_checks:
        raise click.UsageError(
            "--reuse takes a recorded verdict, and --cross-checks measures anew: choose one"
        )
    with _timed("validate"):
        repository, plan = load_plan(directory)
    if reuse and (tested := _reused(repository, directory / run_folder)):
        _end_run(tested, directory / run_folder, junit, sarif, as_json=as_json)
    with _timed("train"):
        trained = _train(repository, plan, directory / run_folder, quiet=True)
    if not trained.passed:
        if as_json:
            print_json(_trained_facts(trained))
        sys.exit(ExitCode.NO)
    with _timed("test"):
        tested = _test(repository, plan, directory / run_folder, (), cross_checks=cross_checks)
    _end_run(tested, directory / run_folder, junit, sarif, as_json=as_json)


def _end_run(
    tested: Tested, run_folder: Path, junit: Path | None, sarif: Path | None, *, as_json: bool
) -> NoReturn:
    _tell("run", tested, run_folder)
    _leave_for_machines(tested, junit, sarif)
    _show(tested, run_folder, as_json=as_json)
    sys.exit(_code(tested.verdict))


def _reused(repository: Repository, run_folder: Path) -> Tested | None:
    """The verdict of a recorded release with the same inputs, put into the run folder; None where there is none."""
    from mlassay import wiring
    from mlassay.stages.reuse import find_reusable, take
    from mlassay.stages.test import Tested

    with _timed("reuse"):
        found = find_reusable(repository, wiring.verifiers())
        if found is None:
            note("no recorded release has the same inputs, or uncommitted files make it doubtful: training")
            return None
        take(repository, found, run_folder)
    note(
        f"nothing was trained: release {found.release} has the same inputs, and this is its recorded verdict"
    )
    return Tested(found.verdict, partial=False, warnings=(), cross_checks={})


@click.command(epilog="Example: mlassay explain bias.selection_rate_ratio")
@click.argument("finding", metavar="FINDING")
@click.option(
    "--release", metavar="RELEASE", help="A recorded release, instead of what was tested here last."
)
@run_option
@directory_option
@json_option
def explain(finding: str, release: str | None, run_folder: Path, directory: Path, as_json: bool) -> None:
    """Say in plain words what a finding is, why it matters, what to do, and where it is decided.

    FINDING is the id of a finding, or the beginning of one.
    """
    from mlassay.render import finding as words
    from mlassay.stages._run_folder import read_test

    verdict = _recorded(directory, release) if release else read_test(directory / run_folder)
    found = words.find(verdict, finding)
    if as_json:
        print_json({"findings": words.as_json(found)})
        return
    click.echo("\n\n".join("\n".join(words.lines(gate, each)) for gate, each in found))


def load_plan(directory: Path) -> tuple[Repository, Plan]:
    """The repository around ``directory`` and the plan of its work tree; ConfigurationError with all problems."""
    from mlassay import wiring
    from mlassay.files import find_file
    from mlassay.git import Repository
    from mlassay.stages.validate import validate as stage

    repository = Repository.open(directory)
    if repository.worktree is None:
        raise ConfigurationError(
            Problem(
                "this is a bare repository",
                why="there are no files to read here",
                remedy="clone it, and work in the clone",
            )
        )

    def tracked() -> list[tuple[str, str]]:
        head = repository.head()
        return [(path, entry.mode) for path, entry in repository.tree(head).items()] if head else []

    return repository, stage(
        lambda path: find_file(repository.folder, path), tracked, known_gates=wiring.GATES
    )


def _train(repository: Repository, plan: Plan, run_folder: Path, *, quiet: bool) -> Trained:
    from mlassay.stages.train import train as stage

    on_line = None if quiet else lambda line: note(f"  | {printable(line)}")
    trained = stage(
        plan, repository, run_folder, progress=lambda text: note(printable(text)), on_line=on_line
    )
    for warning in trained.warnings:
        click.secho(f"warning: {printable(warning)}", fg="yellow", err=True)
    if trained.passed:
        used = trained.provenance["resources"]
        note(
            f"trained in {used['wall_seconds']} s, at most {used['peak_memory_bytes'] >> 20} MiB, "
            f"isolation: {trained.provenance['isolation']}; outputs are in {run_folder / 'train/outputs'}"
        )
        return trained
    if quiet and trained.log_tail.strip():
        note("the last lines of its log:")
        note("\n".join(f"  | {line}" for line in printable(trained.log_tail).split("\n")))
    note(f"the full log is {trained.log}")
    show_error(_NoModelError(*trained.problems))
    return trained


class _NoModelError(MlassayError):
    """A training that did not leave a model: shown like an error, but an answer."""

    exit_code = ExitCode.NO


def _test(
    repository: Repository, plan: Plan, run_folder: Path, gates: Sequence[str], *, cross_checks: bool
) -> Tested:
    from mlassay import wiring
    from mlassay.render.report import plan_report
    from mlassay.render.terminal import progress_line
    from mlassay.stages.test import required
    from mlassay.stages.test import test as stage

    chosen = wiring.gates(gates or [gate for gate in required(plan) if gate in wiring.GATES])
    started = time.monotonic()

    def on_gate(report: GateReport) -> None:
        nonlocal started
        note(progress_line(report, time.monotonic() - started))
        started = time.monotonic()

    tested = stage(
        plan,
        chosen,
        repository.folder,
        run_folder,
        report=lambda verdict: plan_report(verdict, plan),
        partial=bool(gates),
        cross_checks=cross_checks,
        progress=lambda text: _say_what_takes_time(text, cross_checks=cross_checks),
        on_gate=on_gate,
    )
    for warning in tested.warnings:
        click.secho(f"warning: {printable(warning)}", fg="yellow", err=True)
    return tested


def _say_what_takes_time(text: str, *, cross_checks: bool) -> None:
    """What a gate is at, where that can take more than a second."""
    if cross_checks or text.startswith(("unit:", "adversarial:")):
        note(f"  {printable(text)}")


def _show(tested: Tested, run_folder: Path, *, as_json: bool) -> None:
    from mlassay.evidence import Outcome
    from mlassay.evidence.codec import report_mapping

    verdict = tested.verdict
    if as_json:
        gates = [report_mapping(report) for report in verdict.gates]
        print_json(
            {
                "model": verdict.model_name,
                "outcome": str(verdict.outcome),
                "partial": tested.partial,
                "inputs": dict(verdict.inputs),
                "gates": gates,
                "cross_checks": dict(tested.cross_checks),
                "folder": None if tested.partial else str(run_folder / "test"),
            }
        )
        return
    from mlassay.render.terminal import show_verdict

    notes = [] if tested.partial else [f"The whole report: {run_folder / 'test/report.md'}"]
    if verdict.outcome is not Outcome.PASSED and not tested.partial:
        notes.append("More on one finding: mlassay explain FINDING")
    show_verdict(verdict, partial=tested.partial, notes=notes, file=sys.stdout)


def _tell(verb: str, tested: Tested, run_folder: Path) -> None:
    """Tell the CI of a test; a partial one leaves no report, and only marks what it found."""
    from mlassay.stages._run_folder import read_report

    if tested.partial:
        told.marks(tested.verdict)
        return
    told.verdict(verb, tested.verdict, read_report(run_folder), str(run_folder / "test/report.md"))


def _leave_for_machines(tested: Tested, junit: Path | None, sarif: Path | None) -> None:
    from mlassay.files import write_atomic
    from mlassay.render import junit as xml
    from mlassay.render import sarif as results

    if junit is not None:
        write_atomic(junit, xml.junit(tested.verdict).encode())
    if sarif is not None:
        write_atomic(sarif, results.sarif(tested.verdict).encode())


def _recorded(directory: Path, release: str) -> Verdict:
    """The verdict of a recorded release, from the objects of HEAD."""
    from mlassay.evidence import layout, read_verdict
    from mlassay.git import Repository

    repository = Repository.open(directory)
    path = f"{layout.evidence_dir(release)}/{layout.VERDICT}"
    data = repository.read(repository.resolve("HEAD"), path) if layout.is_release_id(release) else None
    if data is None:
        raise ConfigurationError(
            Problem(
                f"there is no release {printable(release)[:80]!r} in this commit",
                remedy="'mlassay status' and 'git log --first-parent' name releases; 'git pull' brings new ones",
            )
        )
    return read_verdict(data, path)


def _code(verdict: Verdict) -> ExitCode:
    from mlassay.evidence import Outcome

    return ExitCode.PASSED if verdict.outcome is Outcome.PASSED else ExitCode.NO


@contextmanager
def _timed(stage: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        note(f"{stage}: {time.monotonic() - started:.2f} s")


def _plan_facts(plan: Plan) -> dict[str, Any]:
    from mlassay.stages.test import required

    declared = plan.config.risk.level
    manifests = [manifest.path for manifest in plan.manifests.values()]
    return {
        "model": plan.config.name,
        "read": ["ml.yaml", plan.policy.path, "governance/people.yaml", *manifests],
        "risk_level": str(plan.level),
        "declared": str(declared),
        "raised": plan.level != declared,
        "gates": list(required(plan)),
        "inputs": dict(plan.inputs),
    }


def _history_facts(repository: Repository) -> dict[str, Any]:
    """What the history says of this commit: a release whose verdict is its verdict, and whether to make one of it."""
    from mlassay import wiring
    from mlassay.stages.reuse import find_reusable, wants_release

    found = find_reusable(repository, wiring.verifiers())
    return {"reuse": found.release if found else "", "release": wants_release(repository)}


def _tell_validated(facts: Mapping[str, Any]) -> None:
    release = "true" if facts["release"] else "false"
    told.outputs("validate", level=facts["risk_level"], reuse=facts["reuse"], release=release)
    rows = [("read", ", ".join(facts["read"])), ("risk level", facts["risk_level"])]
    rows += [
        ("gates", ", ".join(facts["gates"])),
        ("same inputs as", facts["reuse"] or "no recorded release"),
    ]
    told.summary(f"{facts['model']}: every file is as it must be", rows)


def _trained_facts(trained: Trained) -> dict[str, Any]:
    return {
        "passed": trained.passed,
        "problems": [_problem(problem) for problem in trained.problems],
        "warnings": list(trained.warnings),
        "log": str(trained.log),
        "provenance": dict(trained.provenance),
    }


def _training_facts(trained: Trained, plan: Plan) -> list[tuple[str, str]]:
    used = trained.provenance["resources"]
    return [
        ("model", trained.digest(plan.config.model.file)),
        ("seconds", str(used["wall_seconds"])),
        ("memory at most", f"{used['peak_memory_bytes'] >> 20} MiB"),
        ("isolation", trained.provenance["isolation"]),
        *(("warning", warning) for warning in trained.warnings),
    ]


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "what": problem.what,
        "why": problem.why,
        "remedy": problem.remedy,
        "path": problem.path,
        "line": problem.line,
    }
