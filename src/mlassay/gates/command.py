"""A gate of the team's own: a command with a file contract, run as training is, and believed as far as a report goes."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlassay.config.ml import limits as declared_limits
from mlassay.errors import MlassayError
from mlassay.evidence.verdict import Finding, GateReport, Outcome
from mlassay.files import inside, read_file
from mlassay.gates.command_result import RESULT_BYTES, NotAResultError, Result, read_result
from mlassay.gates.common import CRITERIA_FILE, Criteria, headline, report
from mlassay.gates.ran import FOLDER, copy_one, first_lines, how_ended
from mlassay.isolation import Limits, remove_tree, run

if TYPE_CHECKING:
    from mlassay.isolation import Outcome as Ran
    from mlassay.ports import Subject

INPUT = f"{FOLDER}/input.json"
RESULT = f"{FOLDER}/result.json"
ROWS = f"{FOLDER}/rows.csv"
VERSION = 1
_WHY = "a gate that did not say what it found has not passed"
_NOT_LOOKED_AT = "how this gate measures: it is the team's own, and its own code says what it found"


class CommandGate:
    """Runs one gate of the team's own, isolated and without network, on a copy of what it may see.

    It gets the model, the evaluation rows without the columns that training never sees (unless ``sees`` grants them),
    its ``uses`` and its criteria, and leaves a result that is read strictly. Whatever else happens is inconclusive.
    """

    def __init__(self, gate: str) -> None:
        self.id = gate

    def test(self, subject: Subject) -> GateReport:
        """Run the command and hold its result against the contract and against the declared criteria."""
        criteria = Criteria.of(subject, self.id)
        command = shlex.split(str(criteria.values.get("run", "")))
        if not command:
            return self._reported(
                criteria, [self._unsaid(criteria, "no command is declared", "add 'run'")], {}
            )
        subject.progress(f"{self.id}: {' '.join(command)}")
        usual = declared_limits(criteria.values.get("limits", {}))
        limits = Limits(wall_seconds=usual.wall_seconds, memory_bytes=usual.memory_bytes)
        with tempfile.TemporaryDirectory(prefix="mlassay-gate-", ignore_cleanup_errors=True) as folder:
            work = Path(folder).resolve() / "work"
            _grant(subject, criteria, work)
            try:
                ran = run(command, work=work, environment=_ENVIRONMENT, limits=limits)
                result = _left(work, self.id)
            finally:
                remove_tree(work)
        return self._judged(criteria, ran, result, str(work))

    def _judged(self, criteria: Criteria, ran: Ran, result: Result | str, work: str) -> GateReport:
        findings: list[Finding] = []
        measured: dict[str, Any] = {
            "ended": ran.ended,
            "exit_code": "none" if ran.exit_code is None else ran.exit_code,
        }
        said: tuple[str, ...] = ()
        if not ran.passed:
            what = f"the command did not end well: {how_ended(ran)}"
            findings.append(self._unsaid(criteria, what, first_lines(ran, work)))
        if isinstance(result, str):
            what, remedy = (
                f"the result cannot be used: {result}",
                "leave what docs/gates/own.md says in MLASSAY_GATE_RESULT",
            )
            findings.append(self._unsaid(criteria, what, remedy, "result"))
        else:
            findings += [*result.placed(criteria), *result.unanswered(criteria)]
            measured["reported"] = dict(result.numbers)
            said = result.not_looked_at
        return self._reported(criteria, findings, measured, said)

    def _reported(
        self,
        criteria: Criteria,
        findings: list[Finding],
        measured: Mapping[str, Any],
        said: tuple[str, ...] = (),
    ) -> GateReport:
        outcome = Outcome.worst([finding.outcome for finding in findings])
        return report(
            criteria,
            measured=measured,
            findings=findings,
            not_looked_at=(_NOT_LOOKED_AT, *said),
            summary=f"the team's own gate: {headline(findings, outcome)}",
            self_reported=True,
        )

    def _unsaid(self, criteria: Criteria, what: str, remedy: str, rule: str = "command") -> Finding:
        line = criteria.line("run")
        return Finding(f"{self.id}.{rule}", Outcome.INCONCLUSIVE, what, _WHY, remedy, CRITERIA_FILE, line)


_ENVIRONMENT = {
    "MLASSAY_GATE_INPUT": f"{{work}}/{INPUT}",
    "MLASSAY_GATE_RESULT": f"{{work}}/{RESULT}",
}


def _grant(subject: Subject, criteria: Criteria, work: Path) -> None:
    """Put what the gate may see into ``work``: nothing of the checkout but its ``uses``."""
    (work / FOLDER).mkdir(parents=True)
    for name in criteria.values.get("uses", ()):
        relative = name.rstrip("/")
        copy_one(inside(subject.root, relative), work / relative)
    config = subject.plan.config
    model = f"{FOLDER}/{Path(config.model.file).name}"
    source = subject.outputs / config.model.file
    if source.is_file() and not source.is_symlink():
        shutil.copyfile(source, work / model)
    hidden = [name for name in config.train.withhold if name not in criteria.values.get("sees", ())]
    table = subject.table.without([name for name in hidden if name in subject.table.columns])
    (work / ROWS).write_bytes(table.to_csv())
    live = ""
    if subject.live is not None:
        live = f"{FOLDER}/live.onnx"
        shutil.copyfile(subject.live, work / live)
    (work / INPUT).write_text(
        json.dumps(_told(subject, criteria, model, live), sort_keys=True, indent=1) + "\n"
    )


def _told(subject: Subject, criteria: Criteria, model: str, live: str) -> dict[str, Any]:
    """The input of the contract; paths are relative to the folder that the command starts in."""
    config = subject.plan.config
    favourable = config.model.favourable
    return {
        "version": VERSION,
        "gate": criteria.gate,
        "criteria": dict(criteria.values.get("criteria", {})),
        "model": model,
        "live": live,
        "rows": ROWS,
        "plan": {
            "name": config.name,
            "objective": config.objective,
            "task": config.model.task,
            "favourable": list(favourable) if isinstance(favourable, tuple) else favourable,
            "threshold": config.model.threshold,
            "label": config.evaluate.label,
            "data": config.evaluate.data,
            "inputs": [column.name for column in subject.plan.model_columns],
            "risk_level": str(subject.plan.level),
        },
    }


def _left(work: Path, gate: str) -> Result | str:
    """What the command left as its result, or why that cannot be used."""
    path = work / RESULT
    if not path.exists() and not path.is_symlink():
        return "there is none"
    try:
        return read_result(read_file(work, RESULT, RESULT_BYTES), gate)
    except NotAResultError as error:
        return str(error)
    except MlassayError as error:
        return error.problems[0].what
    except OSError as error:
        return error.strerror or "it cannot be read"
