"""The unit gate: do the team's tests pass?"""

from __future__ import annotations

import shlex
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlassay.errors import MlassayError, Problem
from mlassay.evidence.layout import RECORDS
from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.files import inside, read_file
from mlassay.gates.common import CRITERIA_FILE, Criteria, report
from mlassay.gates.ran import FOLDER, copy_one, first_lines, how_ended
from mlassay.gates.unit_coverage import Lines, NotCoverageError, coverage_finding, read_coverage
from mlassay.gates.unit_junit import MAX_BYTES, Cases, NotJUnitError, read_junit
from mlassay.isolation import Limits, remove_tree, run

if TYPE_CHECKING:
    from mlassay.isolation import Outcome as Ran
    from mlassay.ports import Subject

REPORTS = (f"{FOLDER}/junit.xml", "junit.xml")
LIMITS = Limits(wall_seconds=600, memory_bytes=4 << 30)
COVERAGE = (f"{FOLDER}/coverage.xml", "coverage.xml", "cobertura.xml", "lcov.info", "coverage.lcov")
COVERAGE_BYTES = 32 << 20
NAMED = 20
_NOT_SEEN = {".git", FOLDER, *(prefix.rstrip("/") for prefix in RECORDS)}
_NOT_LOOKED_AT = ("whether the team's tests test anything: their own code says whether they passed",)


class UnitGate:
    """Do the team's own tests pass, on this commit's files and this model?

    Their command runs without a shell, isolated, in a clean copy of the tracked files; ``MLASSAY_MODEL`` names the
    model. Its exit code and the JUnit XML that it leaves are all that is believed, and it is marked self-reported.
    """

    id = "unit"

    def test(self, subject: Subject) -> GateReport:
        """Run the team's command and read what it says of itself."""
        criteria = Criteria.of(subject, self.id)
        command, problem = _command(criteria)
        if problem:
            return _reported(criteria, {}, [problem])
        subject.progress(f"unit: {' '.join(command)}")
        with tempfile.TemporaryDirectory(prefix="mlassay-unit-", ignore_cleanup_errors=True) as folder:
            work = Path(folder).resolve() / "work"
            _copy(subject, work, criteria.values.get("uses", ()))
            _forget(work, criteria)
            try:
                ran = run(command, work=work, environment=_environment(subject), limits=LIMITS)
                tests, unread = _read(work, criteria.values.get("junit", REPORTS))
                covered = _covered(work, criteria)
            finally:
                remove_tree(work)
        findings = [
            _verdict(criteria, ran, tests, str(work)),
            *_unread(unread),
            *coverage_finding(criteria, covered),
        ]
        return _reported(criteria, _measured(ran, tests, covered), findings)


def _forget(work: Path, criteria: Criteria) -> None:
    """Take away reports that came with the files: what is read afterwards is of this run."""
    named = criteria.values.get("coverage", {}).get("report")
    for relative in (*criteria.values.get("junit", REPORTS), *([named] if named else COVERAGE)):
        with suppress(MlassayError, OSError):
            inside(work, relative).unlink(missing_ok=True)


def _reported(criteria: Criteria, measured: dict[str, Any], findings: list[Finding]) -> GateReport:
    unasked = () if "coverage" in criteria.values else ("how much of the code they reach",)
    not_looked_at = (*_NOT_LOOKED_AT, *unasked)
    return report(
        criteria, measured=measured, findings=findings, not_looked_at=not_looked_at, self_reported=True
    )


def _command(criteria: Criteria) -> tuple[list[str], Finding | None]:
    text = criteria.values.get("run", "")
    try:
        command = shlex.split(text)
    except ValueError as error:
        what = f"the test command cannot be read: {error}"
        return [], _finding(
            criteria, "unit.command", Outcome.FAILED, what, "write it as in a shell, quotes closed"
        )
    if not command:
        what = "no test command is declared"
        remedy = "write gates.unit.run in ml.yaml, for example: pytest -q tests"
        return [], _finding(criteria, "unit.command", Outcome.INCONCLUSIVE, what, remedy)
    return command, None


def _copy(subject: Subject, work: Path, uses: Sequence[str]) -> None:
    """The files that the tests may see, and the model, so that tests can spoil neither.

    Without ``uses`` that is everything but the records: a test that read those would say something else after each.
    """
    work.mkdir()
    for name in uses:
        copy_one(inside(subject.root, name.rstrip("/")), work / name.rstrip("/"))
    for source in () if uses else sorted(subject.root.iterdir()):
        if source.name not in _NOT_SEEN:
            copy_one(source, work / source.name)
    model = work / FOLDER / Path(subject.plan.config.model.file).name
    model.parent.mkdir()
    source = subject.outputs / subject.plan.config.model.file
    if source.is_file() and not source.is_symlink():
        shutil.copyfile(source, model)


def _environment(subject: Subject) -> dict[str, str]:
    name = Path(subject.plan.config.model.file).name
    return {
        "MLASSAY_MODEL": f"{{work}}/{FOLDER}/{name}",
        "PYTEST_ADDOPTS": f"--junitxml={REPORTS[0]} -p no:cacheprovider",
    }


def _read(work: Path, paths: Sequence[str]) -> tuple[Cases | None, str]:
    """``(tests of every report that is there, together; why one that is there was not read)``."""
    cases: list[Cases] = []
    for relative in paths:
        data, unread = _bytes(work, relative, MAX_BYTES)
        if unread:
            return None, unread
        try:
            cases += [read_junit(data)] if data is not None else []
        except NotJUnitError as error:
            return None, f"{relative}: {error}"
        if cases and paths is REPORTS:
            break  # the second place is for runners that know nothing of the first
    return Cases.together(cases) if cases else None, ""


def _covered(work: Path, criteria: Criteria) -> Lines | str:
    """What the coverage report counts, or why it was not read; "" where none was asked for or left."""
    if "coverage" not in criteria.values:
        return ""
    named = criteria.values["coverage"].get("report")
    for relative in [named] if named else COVERAGE:
        data, unread = _bytes(work, relative, COVERAGE_BYTES)
        if unread:
            return unread
        if data is not None:
            try:
                return read_coverage(data)
            except NotCoverageError as error:
                return f"{relative}: {error}"
    return ""


def _bytes(work: Path, relative: str, most: int) -> tuple[bytes | None, str]:
    """``(a file that the command left, why one that is there was not read)``."""
    path = work / relative
    if not path.exists() and not path.is_symlink():
        return None, ""
    try:
        return read_file(work, relative, most), ""
    except MlassayError as error:
        return None, f"{relative}: {error.problems[0].what}"
    except OSError as error:
        return None, f"{relative}: {error.strerror or 'unreadable'}"


def _verdict(criteria: Criteria, ran: Ran, tests: Cases | None, work: str) -> Finding:
    if not ran.passed:
        what = f"the team's tests did not pass: {how_ended(ran)}{_named(tests)}"
        return _finding(criteria, "unit.tests", Outcome.FAILED, what, _remedy(tests, ran, work))
    if tests is None:
        what = "the test command passed, but left no JUnit XML, so how many tests ran is not known"
        remedy = "let it write junit.xml (pytest does so by itself here)"
        return _finding(criteria, "unit.tests", Outcome.INCONCLUSIVE, what, remedy)
    if tests.failed:
        what = f"the test command passed, but its report names failures{_named(tests)}"
        return _finding(
            criteria, "unit.tests", Outcome.FAILED, what, "let the command fail when a test fails"
        )
    if tests.passed <= 0:
        what = f"no test ran ({tests.skipped} were skipped)"
        return _finding(
            criteria, "unit.tests", Outcome.INCONCLUSIVE, what, "write tests, or name the folder they are in"
        )
    what = f"{tests.passed} of the team's tests passed, {tests.skipped} were skipped (self-reported)"
    return _finding(criteria, "unit.tests", Outcome.PASSED, what, "")


def _named(tests: Cases | None) -> str:
    if tests is None or not tests.failed:
        return ""
    names = ", ".join(tests.failed[:NAMED])
    more = f" and {len(tests.failed) - NAMED} more" if len(tests.failed) > NAMED else ""
    return f"; failed: {names}{more}"


def _remedy(tests: Cases | None, ran: Ran, work: str) -> str:
    """Names are enough where there are any; else the first lines of the log, without what differs in each run."""
    if tests is not None and tests.failed:
        return "run the command in a checkout, with MLASSAY_MODEL set to the model file, and mend what fails"
    return first_lines(ran, work)


def _unread(unread: str) -> list[Finding]:
    if not unread:
        return []
    problem = Problem(
        f"the tests left a report that is not read: {unread}",
        why="such a file can be made to exhaust or mislead whoever reads it",
        remedy="leave plain JUnit XML in UTF-8, without a document type",
    )
    return [Finding("unit.junit", Outcome.INCONCLUSIVE, problem.what, problem.why, problem.remedy)]


def _measured(ran: Ran, tests: Cases | None, covered: Lines | str) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "exit_code": "none" if ran.exit_code is None else ran.exit_code,
        "ended": ran.ended,
    }
    if tests is not None:
        counts |= {
            "tests": tests.total,
            "passed": tests.passed,
            "failed": len(tests.failed),
            "skipped": tests.skipped,
            "failed_tests": list(tests.failed[:NAMED]),
        }
    if isinstance(covered, Lines):
        counts["coverage"] = {"lines": covered.total, "reached": covered.reached}
    return counts


def _finding(criteria: Criteria, id_: str, outcome: Outcome, what: str, remedy: str) -> Finding:
    why = "" if outcome is Outcome.PASSED else "the team's tests hold what no gate of ours can know"
    return Finding(id_, outcome, what, why, remedy, path=CRITERIA_FILE, line=criteria.line("run"))
