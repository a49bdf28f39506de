"""``test`` and ``run``: the gates on the model that training left, here or in jobs of their own."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from mlassay.cli import told
from mlassay.cli.common import Command, directory_option, json_option, note, print_json, printable, run_option
from mlassay.cli.develop import load_plan
from mlassay.cli.training import train_here, trained_json
from mlassay.errors import ExitCode

if TYPE_CHECKING:
    from mlassay.evidence import GateReport, Verdict
    from mlassay.git import Repository
    from mlassay.plan import Plan
    from mlassay.stages.test import Tested


def _machine_options(command: Command) -> Command:
    """``--junit FILE`` and ``--sarif FILE``, for `test` and `run`."""
    file = click.Path(dir_okay=False, path_type=Path)
    junit = click.option("--junit", type=file, metavar="FILE", help="Write the verdict as JUnit XML, too.")
    sarif = click.option("--sarif", type=file, metavar="FILE", help="Write the findings as SARIF 2.1.0, too.")
    return junit(sarif(command))


@click.command(epilog="Example: mlassay test bias performance")
@click.argument("gates", nargs=-1, metavar="[GATE]…")
@click.option(
    "--cross-checks", is_flag=True, help="Hold the gates against Fairlearn and ART, as releases do. Slow."
)
@_machine_options
@click.option("--part", is_flag=True, help="Leave the report of one named gate in parts/, for another job.")
@click.option(
    "--with-parts", is_flag=True, help="Take the parts that another job left instead of running those gates."
)
@run_option
@directory_option
@json_option
def test(
    gates: tuple[str, ...],
    cross_checks: bool,
    part: bool,
    with_parts: bool,
    junit: Path | None,
    sarif: Path | None,
    run_folder: Path,
    directory: Path,
    as_json: bool,
) -> None:
    """Run every gate on the ONNX model that training left; exit code 1 unless the verdict is passed.

    Leaves test/ in the run folder: the verdict, each gate's report, and report.md, which report.html shows with
    pictures. With names of gates only those run, and nothing is left: a partial test cannot be signed.
    """
    _refuse_odd_parts(gates, part=part, with_parts=with_parts, cross_checks=cross_checks)
    repository, plan = load_plan(directory)
    folder = directory / run_folder
    tested = _test(
        repository, plan, folder, gates, cross_checks=cross_checks, part=part, with_parts=with_parts
    )
    if part:
        _leave_part(repository, plan, directory / run_folder, tested)
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
        trained = train_here(repository, plan, directory / run_folder, quiet=True)
    if not trained.passed:
        if as_json:
            print_json(trained_json(trained))
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
        _leave_page(repository, found.verdict, found.tip, run_folder)
    note(
        f"nothing was trained: release {found.release} has the same inputs, and this is its recorded verdict"
    )
    return Tested(found.verdict, partial=False, warnings=(), cross_checks={})


def _refuse_odd_parts(gates: Sequence[str], *, part: bool, with_parts: bool, cross_checks: bool) -> None:
    from mlassay.wiring import GATES, PARTS

    if part and (len(gates) != 1 or (gates[0] in GATES and gates[0] not in PARTS) or cross_checks):
        raise click.UsageError(
            "--part takes the name of one gate whose report is self-reported anyway: "
            f"{', '.join(sorted(PARTS))}, or one of your own"
        )
    if with_parts and gates:
        raise click.UsageError(
            "--with-parts is for a whole test, and names of gates for a partial one: choose one"
        )


def _leave_part(repository: Repository, plan: Plan, run_folder: Path, tested: Tested) -> None:
    from mlassay.stages._parts import leave_part, source_of

    source = source_of(repository, plan, run_folder)
    if source["dirty"]:
        note("warning: there are uncommitted files, so 'mlassay test --with-parts' will not take this part")
    for report in tested.verdict.gates:
        one = replace(tested.verdict, outcome=report.outcome, gates=(report,))
        note(f"left {leave_part(run_folder, one, source)}")


def _test(
    repository: Repository,
    plan: Plan,
    run_folder: Path,
    gates: Sequence[str],
    *,
    cross_checks: bool,
    part: bool = False,
    with_parts: bool = False,
) -> Tested:
    from mlassay import wiring
    from mlassay.plan.own import own_gates
    from mlassay.render.report import plan_report
    from mlassay.render.terminal import progress_line
    from mlassay.stages._parts import source_of
    from mlassay.stages._run_folder import read_test
    from mlassay.stages.test import Parts, find_live, required
    from mlassay.stages.test import test as stage

    own = own_gates(plan.gates, wiring.GATES)
    named = [*gates, *own] if part and "unit" in gates else gates
    chosen = wiring.gates(named or [gate for gate in required(plan) if gate in {*wiring.GATES, *own}], own)
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
        parts=Parts(wiring.PARTS | set(own), source_of(repository, plan, run_folder)) if with_parts else None,
        engine=wiring.engine(),
        progress=lambda text: _say_what_takes_time(text, cross_checks=cross_checks),
        on_gate=on_gate,
    )
    if not tested.partial:
        _leave_page(repository, read_test(run_folder), find_live(plan, repository.folder)[0], run_folder)
    for warning in tested.warnings:
        click.secho(f"warning: {printable(warning)}", fg="yellow", err=True)
    return tested


def _leave_page(repository: Repository, verdict: Verdict, live: Path | str | None, run_folder: Path) -> None:
    """The verdict as a page for people beside report.md; ``live`` is the live model's file, or a commit that has it.

    It follows from verdicts alone, and is neither signed nor recorded.
    """
    from mlassay.files import write_atomic
    from mlassay.render.verdict import verdict_page
    from mlassay.stages._run_folder import PAGE
    from mlassay.stages.live_verdict import live_verdict, verdict_of_live

    beside = verdict_of_live(repository, live, verdict) if isinstance(live, str) else live_verdict(live)
    write_atomic(run_folder / "test" / PAGE, verdict_page(verdict, beside))


def _say_what_takes_time(text: str, *, cross_checks: bool) -> None:
    """What a gate is at, where that can take more than a second."""
    if cross_checks or not text.startswith("gate "):
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

    notes = (
        []
        if tested.partial
        else [f"The whole report: {run_folder / 'test/report.md'}, with pictures: report.html there"]
    )
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
