"""Parts: the report of a gate that ran in a job of its own, handed on through the run folder and believed no further than needed."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from mlassay.digest import canonical, parse_canonical, without_floats
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import GateReport, Outcome, Verdict
from mlassay.evidence.codec import plain, report_mapping, report_of
from mlassay.evidence.layout import CONFIG
from mlassay.files import find_file, write_atomic
from mlassay.git import Repository
from mlassay.plan import Plan
from mlassay.stages._source import Source

FOLDER = "parts"
BYTES = 1 << 20
VERSION = 1

_WHY = "a part stands for a gate that is not run again: it must be about this model, these inputs and these files"
_AGAIN = "let the job before run 'mlassay test GATE --part' on this commit and this model"


def source_of(repository: Repository, plan: Plan, run_folder: Path) -> dict[str, Any]:
    """Which files a part looked at: commit and tree, and what of them is not committed."""
    folder, worktree = run_folder.resolve(), repository.folder.resolve()
    ignored = [".mlassay"]
    if folder.is_relative_to(worktree) and folder != worktree:
        ignored.append(folder.relative_to(worktree).as_posix())
    uses = [*plan.config.train.uses, *(name for each in plan.gates.values() for name in each.get("uses", ()))]
    told = Source.of(repository, matters=[CONFIG, "governance", "data", *uses], ignored=ignored)
    return {"commit": told.commit, "tree": told.tree, "dirty": list(told.dirty)}


def leave_part(run_folder: Path, verdict: Verdict, source: Mapping[str, Any]) -> Path:
    """Write ``parts/<gate>.json`` for the one gate of a partial ``verdict``."""
    (report,) = verdict.gates
    folder = run_folder / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{report.gate}.json"
    write_atomic(
        path,
        canonical(
            {
                "version": VERSION,
                "kind": "part",
                "inputs": dict(verdict.inputs),
                "source": dict(source),
                "report": report_mapping(report),
            }
        ),
    )
    return path


def read_parts(
    run_folder: Path,
    gates: Collection[str],
    plan: Plan,
    inputs: Mapping[str, str],
    source: Mapping[str, Any],
) -> dict[str, GateReport]:
    """Gate -> report, for exactly the ``gates`` that may come as parts; ``inputs`` and ``source`` are this test's own.

    ConfigurationError when a part is missing, is no plain file, is too large or is of another gate; EvidenceError when
    it is not canonical, or is about anything else than this.
    """
    names = {f"{gate}.json": gate for gate in gates}
    for name in _listed(run_folder / FOLDER):
        if name not in names:
            raise ConfigurationError(
                Problem(
                    f"{name[:80]!r} may not come as a part",
                    why="what mlassay measures it measures itself; only gates that are self-reported anyway, and in force, may",
                    remedy=f"hand over {' and '.join(sorted(names)) or 'no parts'} and nothing else",
                    path=FOLDER,
                )
            )
    return {
        gate: _read(run_folder, f"{FOLDER}/{name}", gate, plan, inputs, source)
        for name, gate in names.items()
    }


def _listed(folder: Path) -> list[str]:
    if folder.is_symlink() or not folder.is_dir():
        raise ConfigurationError(
            Problem(
                "there are no parts in the run folder",
                why="their gates were to run elsewhere",
                remedy=_AGAIN,
                path=FOLDER,
            )
        )
    return sorted(path.name for path in folder.iterdir())


def _read(
    run_folder: Path, path: str, gate: str, plan: Plan, inputs: Mapping[str, str], source: Mapping[str, Any]
) -> GateReport:
    data = find_file(run_folder, path, BYTES)
    if data is None:
        raise ConfigurationError(
            Problem(
                f"there is no part of the gate '{gate}'",
                why="nothing tested is nothing passed",
                remedy=_AGAIN,
                path=path,
            )
        )
    value = parse_canonical(data, path)
    members = {"version", "kind", "inputs", "source", "report"}
    if (
        not isinstance(value, dict)
        or value.keys() != members
        or (value["version"], value["kind"]) != (VERSION, "part")
    ):
        raise _refused("this is no part as mlassay writes it: its members are others", path)
    try:
        report = report_of(value["report"])
    except (KeyError, TypeError, ValueError) as error:
        raise _refused(
            f"this is no part as mlassay writes it ({type(error).__name__}: {error})", path
        ) from error
    EvidenceError.raise_if_any(
        Problem(what, _WHY, _AGAIN, path)
        for what in (*_elsewhere(value, inputs, source), *_not_ours(value["report"], report, gate, plan))
    )
    return report


def _elsewhere(
    value: Mapping[str, Any], inputs: Mapping[str, str], source: Mapping[str, Any]
) -> Iterator[str]:
    told, files = value["inputs"], value["source"]
    if told != inputs:
        known = told if isinstance(told, dict) else {}
        differing = sorted(
            role for role in known.keys() | inputs.keys() if known.get(role) != inputs.get(role)
        )
        yield f"it is about another {', '.join(differing[:5]) or 'input'}"
    if files != source:
        yield "it looked at other files than those of this commit"
    elif files["dirty"]:
        yield f"it looked at uncommitted files: {', '.join(files['dirty'][:5])}"


def _not_ours(value: Any, report: GateReport, gate: str, plan: Plan) -> Iterator[str]:
    if canonical(report_mapping(report)) != canonical(value):
        yield "its report has members that a report does not have"
    if report.gate != gate or any(not finding.id.startswith(f"{gate}.") for finding in report.findings):
        yield f"it is not a report of the gate '{gate}'"
    if not report.self_reported:
        yield "it does not say that it is self-reported, and it is"
    if canonical(plain(report.criteria)) != canonical(plain(without_floats(plan.gates.get(gate, {})))):
        yield f"its criteria are not those in force for the gate '{gate}'"
    if report.outcome is not Outcome.worst([finding.outcome for finding in report.findings]):
        yield f"it says {report.outcome}, and its findings say otherwise"
    if any(finding.path not in ("", CONFIG) for finding in report.findings):
        yield f"it names another file than {CONFIG} as what decided"


def _refused(what: str, path: str) -> EvidenceError:
    return EvidenceError(Problem(what, _WHY, _AGAIN, path))
