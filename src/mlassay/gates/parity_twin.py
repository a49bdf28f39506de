"""A twin of the preprocessing in another language: given golden rows, it leaves the model's inputs, or predictions."""

from __future__ import annotations

import csv
import shlex
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlassay.config.ml import limits as declared_limits
from mlassay.digest import canonical
from mlassay.errors import MlassayError
from mlassay.files import inside, read_file
from mlassay.gates.parity_rows import MOST_BYTES, RefusedTableError, Table, prediction_columns, read_table
from mlassay.gates.ran import FOLDER, copy_one, first_lines, how_ended
from mlassay.isolation import Limits, available, remove_tree, run, why_not

if TYPE_CHECKING:
    from mlassay.ports import Subject

ROWS, TOLD = f"{FOLDER}/rows.csv", f"{FOLDER}/twin.json"
INPUTS, PREDICTIONS = f"{FOLDER}/inputs.csv", f"{FOLDER}/predictions.csv"


class TwinError(Exception):
    """Why the twin said nothing that can be used; its text begins a sentence."""


@dataclass(frozen=True, eq=False)
class Said:
    """What a twin left for the rows it was given, in their order: the model's ``inputs``, or ``predictions``, or both."""

    inputs: Table | None
    predictions: Table | None


def ask_twin(subject: Subject, twin: Mapping[str, Any], rows: Mapping[str, Sequence[str]]) -> Said:
    """Run the twin's command on ``rows`` (text of the model's columns) in a clean folder; TwinError when it says nothing."""
    try:
        command = shlex.split(str(twin.get("run", "")))
    except ValueError as error:
        raise TwinError(f"the command cannot be read: {error}") from error
    if not command:
        raise TwinError("no command is declared")
    if subject.apart and available() == "none":
        raise TwinError(
            f"this job is kept clear of the team's own code, and nothing isolates it here: {why_not()}"
        )
    usual = declared_limits(twin.get("limits", {}))
    limits = Limits(wall_seconds=usual.wall_seconds, memory_bytes=usual.memory_bytes)
    with tempfile.TemporaryDirectory(prefix="mlassay-twin-", ignore_cleanup_errors=True) as folder:
        work = Path(folder).resolve() / "work"
        _grant(subject, twin, rows, work)
        try:
            ran = run(command, work=work, environment=_ENVIRONMENT, limits=limits)
            if not ran.passed:
                raise TwinError(
                    f"the command did not end well: {how_ended(ran)}; {first_lines(ran, str(work))}"
                )
            return _left(subject, work, rows)
        finally:
            remove_tree(work)


_ENVIRONMENT = {
    "MLASSAY_TWIN": f"{{work}}/{TOLD}",
    "MLASSAY_ROWS": f"{{work}}/{ROWS}",
    "MLASSAY_INPUTS": f"{{work}}/{INPUTS}",
    "MLASSAY_PREDICTIONS": f"{{work}}/{PREDICTIONS}",
}


def _grant(subject: Subject, twin: Mapping[str, Any], rows: Mapping[str, Sequence[str]], work: Path) -> None:
    (work / FOLDER).mkdir(parents=True)
    for name in twin.get("uses", ()):
        relative = name.rstrip("/")
        copy_one(inside(subject.root, relative), work / relative)
    model = f"{FOLDER}/{Path(subject.plan.config.model.file).name}"
    shutil.copyfile(subject.model.path, work / model)
    with (work / ROWS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(rows)
        writer.writerows(zip(*rows.values(), strict=True))
    columns = {column.name: column for column in subject.plan.model_columns}
    told = {
        "version": 1,
        "model": model,
        "rows": ROWS,
        "inputs": INPUTS,
        "predictions": PREDICTIONS,
        "task": subject.task,
        "columns": [
            {"name": name, "type": columns[name].type, "values": list(columns[name].values)} for name in rows
        ],
        "prediction_columns": list(prediction_columns(subject.task, subject.plan.label.values)),
    }
    (work / TOLD).write_bytes(canonical(told))


def _left(subject: Subject, work: Path, rows: Mapping[str, Sequence[str]]) -> Said:
    names = prediction_columns(subject.task, subject.plan.label.values)
    count = len(next(iter(rows.values())))
    found = [_table(work, INPUTS, tuple(rows), count), _table(work, PREDICTIONS, names, count)]
    if found == [None, None]:
        raise TwinError(f"it left neither {INPUTS} nor {PREDICTIONS}")
    return Said(*found)


def _table(work: Path, name: str, needed: Sequence[str], count: int) -> Table | None:
    path = work / name
    if not path.exists() and not path.is_symlink():
        return None
    try:
        table = read_table(name, read_file(work, name, MOST_BYTES), needed)
    except RefusedTableError as error:
        raise TwinError(f"{name} cannot be read: {error}") from error
    except MlassayError as error:
        raise TwinError(f"{name} cannot be read: {error.problems[0].what}") from error
    except OSError as error:
        raise TwinError(f"{name} cannot be read: {error.strerror or 'unreadable'}") from error
    if table.count != count:
        raise TwinError(f"{name} has {table.count} rows, and {count} were given")
    return table
