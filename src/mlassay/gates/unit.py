"""The unit gate: do the team's tests pass?"""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlassay.errors import MlassayError, Problem
from mlassay.evidence.layout import RECORDS
from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.files import inside, read_file
from mlassay.gates.common import CRITERIA_FILE, Criteria, report
from mlassay.gates.unit_junit import MAX_BYTES, Cases, NotJUnitError, read_junit
from mlassay.isolation import Limits, remove_tree, run

if TYPE_CHECKING:
    from mlassay.isolation import Outcome as Ran
    from mlassay.ports import Subject

FOLDER = ".mlassay"  # of the copy: the model and the report, away from the team's own files
REPORTS = (f"{FOLDER}/junit.xml", "junit.xml")
LIMITS = Limits(wall_seconds=600, memory_bytes=4 << 30)
NAMED = 20
_NOT_SEEN = {".git", FOLDER, *(prefix.rstrip("/") for prefix in RECORDS)}
LINES = 12
LINE = 160
_NOT_LOOKED_AT = (
    "whether the team's tests test anything: their own code says whether they passed",
    "how much of the code they reach",
)
_ENDED = {
    "signal": "it was ended by a signal",
    "wall": "it ran longer than it may",
    "memory": "it used more memory than it may",
    "disk": "it wrote more than it may",
    "processes": "it started more processes than it may",
    "not-started": "it could not be started",
}
# What differs between two runs of the same tests: times, addresses, temporary places.
_TIMES = re.compile(r"\b\d+(?:\.\d+)?\s?(?:s|ms|us|sec|secs|seconds?|minutes?)\b")
_PLACES = re.compile(r"0x[0-9a-fA-F]+|/tmp/\S+|\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\S*|\b\d\d:\d\d:\d\d\b")


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
            try:
                ran = run(command, work=work, environment=_environment(subject), limits=LIMITS)
                tests, unread = _read(work)
            finally:
                remove_tree(work)
        findings = [_verdict(criteria, ran, tests, str(work)), *_unread(unread)]
        return _reported(criteria, _measured(ran, tests), findings)


def _reported(criteria: Criteria, measured: dict[str, Any], findings: list[Finding]) -> GateReport:
    return report(
        criteria, measured=measured, findings=findings, not_looked_at=_NOT_LOOKED_AT, self_reported=True
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
        _copy_one(inside(subject.root, name.rstrip("/")), work / name.rstrip("/"))
    for source in () if uses else sorted(subject.root.iterdir()):
        if source.name not in _NOT_SEEN:
            _copy_one(source, work / source.name)
    model = work / FOLDER / Path(subject.plan.config.model.file).name
    model.parent.mkdir()
    source = subject.outputs / subject.plan.config.model.file
    if source.is_file() and not source.is_symlink():
        shutil.copyfile(source, model)


def _copy_one(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir() and not source.is_symlink():
        ignored = shutil.ignore_patterns(".git", FOLDER)
        shutil.copytree(
            source, target, symlinks=True, ignore=ignored, copy_function=shutil.copy, dirs_exist_ok=True
        )
    elif source.exists() or source.is_symlink():
        shutil.copy(source, target, follow_symlinks=False)


def _environment(subject: Subject) -> dict[str, str]:
    name = Path(subject.plan.config.model.file).name
    return {
        "MLASSAY_MODEL": f"{{work}}/{FOLDER}/{name}",
        "PYTEST_ADDOPTS": f"--junitxml={REPORTS[0]} -p no:cacheprovider",
    }


def _read(work: Path) -> tuple[Cases | None, str]:
    """``(tests, why a report that is there was not read)``."""
    for relative in REPORTS:
        path = work / relative
        if not path.exists() and not path.is_symlink():
            continue
        try:
            return read_junit(read_file(work, relative, MAX_BYTES)), ""
        except NotJUnitError as error:
            return None, f"{relative}: {error}"
        except (MlassayError, OSError) as error:
            what = (
                error.problems[0].what
                if isinstance(error, MlassayError)
                else (error.strerror or "unreadable")
            )
            return None, f"{relative}: {what}"
    return None, ""


def _verdict(criteria: Criteria, ran: Ran, tests: Cases | None, work: str) -> Finding:
    if not ran.passed:
        how = f"it ended with exit code {ran.exit_code}" if ran.ended == "exited" else _ENDED[ran.ended]
        what = f"the team's tests did not pass: {how}{_named(tests)}"
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
    text = ran.log.decode("utf-8", errors="replace").replace(work, "<work>")
    text = _TIMES.sub("…s", _PLACES.sub("<…>", text))
    lines = [" ".join(line.split())[:LINE] for line in text.splitlines() if line.strip()]
    said = " | ".join(lines[:LINES])
    return f"its output began: {said}" if said else "it said nothing; run it in a checkout"


def _unread(unread: str) -> list[Finding]:
    if not unread:
        return []
    problem = Problem(
        f"the tests left a report that is not read: {unread}",
        why="such a file can be made to exhaust or mislead whoever reads it",
        remedy="leave plain JUnit XML in UTF-8, without a document type",
    )
    return [Finding("unit.junit", Outcome.INCONCLUSIVE, problem.what, problem.why, problem.remedy)]


def _measured(ran: Ran, tests: Cases | None) -> dict[str, Any]:
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
    return counts


def _finding(criteria: Criteria, id_: str, outcome: Outcome, what: str, remedy: str) -> Finding:
    why = "" if outcome is Outcome.PASSED else "the team's tests hold what no gate of ours can know"
    return Finding(id_, outcome, what, why, remedy, path=CRITERIA_FILE, line=criteria.line("run"))
