"""Rows that a team's own command proposes: measured by us, and able only to break decisions, never to prove one.

The command knows the domain (which figures an applicant can move together, what a forger would write) and may be in any
language: it gets a CSV of rows and leaves a CSV of proposals. Both are described in docs/gates/adversarial-command.md.
"""

from __future__ import annotations

import csv
import shlex
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mlassay.digest import bare, canonical
from mlassay.errors import MlassayError
from mlassay.evidence.layout import RECORDS
from mlassay.files import inside, read_file
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_judged import judge
from mlassay.gates.adversarial_proposals import Proposals, RefusedFileError, read_proposals
from mlassay.gates.adversarial_set import Found, Index, Mask
from mlassay.gates.ran import FOLDER, copy_one, how_ended
from mlassay.isolation import Limits, available, remove_tree, run, why_not

if TYPE_CHECKING:
    from mlassay.ports import Subject

ROWS, ALLOWED, OUT = f"{FOLDER}/rows.csv", f"{FOLDER}/allowed.json", f"{FOLDER}/proposals.csv"
LIMITS = Limits(wall_seconds=300, memory_bytes=2 << 30, disk_bytes=1 << 29)
MAX_BYTES = 64 << 20
MOST = 200_000  # proposals that are looked at


@dataclass(frozen=True, eq=False)
class Proposed:
    """What the command's proposals did. ``inside`` flips stay within the allowed changes, ``beyond`` ones do not.

    All of shape (n,) over the probe's rows; ``found`` is what was found before with the inside ones added. ``problem``
    says why there are no proposals, where there are none to be had.
    """

    found: Found
    inside: Mask
    beyond: Mask
    problem: str
    measured: dict[str, Any]


def proposed(
    subject: Subject, probe: Probe, numbers: Index, command: Mapping[str, Any], found: Found
) -> Proposed:
    """Run ``command``, read what it proposes for the rows ``numbers`` of the split, and ask the model.

    EvidenceError when a proposal within the allowed changes flips a row that was proven robust.
    """
    none = np.zeros(len(probe.scores), dtype=bool)
    words, problem = _words(str(command.get("run", "")))
    subject.progress(f"adversarial: {' '.join(words)}")
    proposals: Proposals | None = None
    problem = problem or _unisolated(subject) or _ungranted(subject, command)
    if not problem:
        proposals, problem = _run(subject, probe, numbers, words, command)
    told: dict[str, Any] = {
        "run": str(command.get("run", "")),
        "by": "the team's own command; flips are measured here",
    }
    if proposals is None:
        return Proposed(found, none, none.copy(), problem, {**told, "problem": problem})
    judged = judge(probe, proposals, _named(command))
    merged = judged.merged(found)
    return Proposed(
        merged,
        judged.inside,
        judged.beyond,
        "",
        {
            **told,
            "proposals": len(proposals.rows) + sum(proposals.refused.values()),
            "refused": dict(sorted((Counter(proposals.refused) + Counter(judged.refused)).items())),
            "rows_flipped": int((judged.inside | judged.beyond).sum()),
            "rows_flipped_within_the_allowed_changes": int(judged.inside.sum()),
            "rows_that_only_they_flipped": int((judged.inside & ~found.broken).sum()),
            "examples": judged.examples(numbers, proposals),
        },
    )


def _words(text: str) -> tuple[list[str], str]:
    try:
        words = shlex.split(text)
    except ValueError as error:
        return [], f"the command cannot be read: {error}"
    return words, "" if words else "there is no command to run"


def _unisolated(subject: Subject) -> str:
    """Why it may not run here: beside the gates, in a job that was kept clear of the team's code, nothing runs bare."""
    if not subject.apart or available() != "none":
        return ""
    return f"this job is kept clear of the team's own code, and nothing isolates it here: {why_not()}"


def _ungranted(subject: Subject, command: Mapping[str, Any]) -> str:
    """Why what the command uses is not granted: it would show labels, withheld columns, or records."""
    held = {f.path for manifest in subject.plan.manifests.values() for f in manifest.files if f.path}
    kept = {".git", FOLDER, *(prefix.rstrip("/").partition("/")[0] for prefix in RECORDS)}
    for name in map(str, command.get("uses", ())):
        bare_name = name.rstrip("/")
        if bare_name.partition("/")[0].casefold() in kept:
            return f"'{name}' is not for a command to see"
        if any(path == bare_name or path.startswith(f"{bare_name}/") for path in held):
            return f"'{name}' holds data, of which the command gets only the rows that it is given"
    return ""


def _named(command: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(command.get("columns", ()))


def _run(
    subject: Subject, probe: Probe, numbers: Index, words: Sequence[str], command: Mapping[str, Any]
) -> tuple[Proposals | None, str]:
    """``(proposals, why there are none)`` from a run in a clean folder with nothing but what was granted."""
    with tempfile.TemporaryDirectory(prefix="mlassay-perturb-", ignore_cleanup_errors=True) as folder:
        work = Path(folder).resolve() / "work"
        (work / FOLDER).mkdir(parents=True)
        for name in command.get("uses", ()):
            copy_one(inside(subject.root, str(name).rstrip("/")), work / str(name).rstrip("/"))
        model = Path(subject.plan.config.model.file).name
        shutil.copyfile(probe.model.path, work / FOLDER / model)
        _write(subject, probe, numbers, work, command)
        environment = {
            "MLASSAY_MODEL": f"{{work}}/{FOLDER}/{model}",
            "MLASSAY_ROWS": f"{{work}}/{ROWS}",
            "MLASSAY_ALLOWED": f"{{work}}/{ALLOWED}",
            "MLASSAY_PROPOSALS": f"{{work}}/{OUT}",
            "MLASSAY_SEED": str(int(bare(probe.model.digest)[:8], 16)),
        }
        try:
            ran = run(words, work=work, environment=environment, limits=LIMITS)
            if not ran.passed:
                return None, how_ended(ran)
            return _read(subject, work, numbers), ""
        except RefusedFileError as error:
            return None, f"its proposals cannot be read: {error}"
        finally:
            remove_tree(work)


def _write(subject: Subject, probe: Probe, numbers: Index, work: Path, command: Mapping[str, Any]) -> None:
    names = [column.name for column in subject.plan.model_columns]
    columns = [subject.table.column(name) for name in names]
    with (work / ROWS).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["row", *names])
        writer.writerows([int(n) + 1, *(column[int(n)] for column in columns)] for n in numbers)
    threshold = repr(float(probe.threshold))
    perturb = {
        k: v
        for k, v in (subject.plan.gates.get("adversarial") or {}).get("perturb", {}).items()
        if k != "command"
    }
    said = {"columns": [*probe.box.columns], "also": [*_named(command)], "threshold": threshold, "most": MOST}
    (work / ALLOWED).write_bytes(canonical({**said, "perturb": _texts(perturb)}))


def _texts(value: Any) -> Any:
    """Numbers as decimal strings: canonical JSON has no floats."""
    if isinstance(value, Mapping):
        return {str(k): _texts(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(v) for v in value]
    return repr(value) if isinstance(value, float) else value


def _read(subject: Subject, work: Path, numbers: Index) -> Proposals:
    path = work / OUT
    if not path.exists() and not path.is_symlink():
        raise RefusedFileError(f"it left no {OUT}")
    try:
        data = read_file(work, OUT, MAX_BYTES)
    except (MlassayError, OSError) as error:
        what = error.problems[0].what if isinstance(error, MlassayError) else (error.strerror or "unreadable")
        raise RefusedFileError(what) from error
    return read_proposals(data, subject.plan.model_columns, subject.table, numbers, MOST)
