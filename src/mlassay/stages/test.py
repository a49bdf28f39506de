"""The test stage: every gate looks at the model that training left; together they make the verdict.

Leaves ``test/`` in the run folder: ``verdict.json``, ``gates/<gate>.json``, ``report.md``, ``runtime.json``, and
``cross-checks.json`` where those were asked for. A test of named gates only leaves nothing.
"""

# ruff: noqa: PT028 - the stage is named test, and is none of pytest's

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mlassay.config import load_environment
from mlassay.digest import canonical, without_floats
from mlassay.errors import ConfigurationError, EvidenceError, MlassayError, Problem, Unmeasurable
from mlassay.evidence import (
    Finding,
    GateReport,
    Outcome,
    Verdict,
    read_verdict,
    report_json,
    verdict_json,
)
from mlassay.evidence.layout import MODEL, evidence_dir, pointer_path
from mlassay.files import find_file, inside, staged_folder
from mlassay.isolation import remove_tree
from mlassay.plan import Plan
from mlassay.plan.floors import gates_in_force
from mlassay.ports import Engine, Gate, Subject
from mlassay.stages._documents import runtime_json
from mlassay.stages._parts import read_parts
from mlassay.stages._run_folder import RUNTIME, read_training

OnGate = Callable[[GateReport], None]


@dataclass(frozen=True)
class Parts:
    """Which gates may come as parts, and which files this test looks at (`source_of`)."""

    gates: frozenset[str]
    source: Mapping[str, Any]


@dataclass(frozen=True)
class Tested:
    """A verdict with what it rests on. ``partial``: only some gates ran, nothing was left, nothing can be signed.

    ``cross_checks`` maps gates to what they said while their twins were asked; empty without cross-checks.
    """

    verdict: Verdict
    partial: bool
    warnings: tuple[str, ...]
    cross_checks: Mapping[str, Any]


def test(
    plan: Plan,
    gates: Sequence[Gate],
    root: Path,
    run_folder: Path,
    *,
    report: Callable[[Verdict], str],
    partial: bool = False,
    cross_checks: bool = False,
    parts: Parts | None = None,
    engine: Engine | None = None,
    progress: Callable[[str], None] = lambda _: None,
    on_gate: OnGate = lambda _: None,
) -> Tested:
    """Let every gate look at what training left in ``run_folder``; no gate's answer stops another.

    ``root`` holds the data files and the team's sources; ``report`` renders ``report.md``; ``parts`` names gates whose
    report another job left in the run folder. Raises when something could not be run at all, which is never a pass.
    """
    provenance, outputs = read_training(run_folder)
    live, live_digest = find_live(plan, root)
    outputs_folder = run_folder / "train/outputs"
    subject = Subject(
        plan, root, outputs_folder, live, cross_checks, progress, engine, apart=parts is not None
    )
    model = next((output.digest for output in outputs if output.path == plan.config.model.file), None)
    if model is None:
        raise EvidenceError(
            Problem(
                f"training left no {plan.config.model.file!r}",
                why="there is no model to test",
                remedy="mlassay train",
                path="train/provenance.json",
            )
        )
    inputs = {"model": model, **plan.inputs} | ({"live": live_digest} if live_digest else {})
    taken: Mapping[str, GateReport] = {}
    if parts is not None:
        elsewhere = [gate for gate in required(plan) if gate in parts.gates]
        taken = read_parts(run_folder, elsewhere, plan, inputs, parts.source)
    verdict, checks = judge(plan, gates, subject, inputs, taken=taken, partial=partial, on_gate=on_gate)
    if not partial:
        # The report follows from the bytes of the verdict, in their order: `sign` renders it again to hold it.
        written = read_verdict(verdict_json(verdict), "test/verdict.json")
        _leave(run_folder, verdict, report(written), checks if cross_checks else None)
    return Tested(verdict, partial, tuple(_changed_since(plan, provenance)), checks)


def judge(
    plan: Plan,
    gates: Sequence[Gate],
    subject: Subject,
    inputs: Mapping[str, str],
    *,
    taken: Mapping[str, GateReport] = MappingProxyType({}),
    partial: bool = False,
    on_gate: OnGate = lambda _: None,
) -> tuple[Verdict, dict[str, Any]]:
    """``(verdict, what each gate said during cross-checks)`` of running every gate on ``subject``.

    ``taken`` are reports of gates that ran elsewhere. A gate whose independent twin disagrees raises EvidenceError:
    then there is no verdict at all.
    A gate in force that was not run is inconclusive, unless ``partial``: nothing tested is nothing passed.
    """
    reports: list[GateReport] = []
    checks: dict[str, Any] = {}
    for gate in gates:
        subject.progress(f"gate {gate.id}")
        report, said = (taken[gate.id], []) if gate.id in taken else _ask(gate, subject)
        if subject.cross_checks and said:
            checks[gate.id] = said
        reports.append(report)
        on_gate(report)
    if not partial:
        ran = {report.gate for report in reports}
        reports += [_not_run(gate, plan) for gate in required(plan) if gate not in ran]
    verdict = Verdict(
        model_name=plan.config.name,
        outcome=Outcome.worst([report.outcome for report in reports]),
        inputs=dict(inputs),
        gates=tuple(reports),
        risk=_risk(plan),
        objective=plan.config.objective,
    )
    return verdict, checks


def required(plan: Plan) -> tuple[str, ...]:
    """The gates in force: those of ``ml.yaml`` and those that policy demands at this level, less its exemptions."""
    return gates_in_force(plan.gates, plan.level, plan.policy)


def find_live(plan: Plan, root: Path) -> tuple[Path | None, str]:
    """``(model file, digest)`` of the release that now runs where this one would go first; ``(None, "")`` if none.

    ConfigurationError when the pointer names a model that is not there with that digest.
    """
    path = pointer_path(plan.policy.environments[0])
    data = find_file(root, path)
    if data is None:
        return None, ""
    pointer = load_environment(path, data)
    if pointer.state != "live":
        return None, ""
    from mlassay.digest import sha256_file

    model = inside(root, f"{evidence_dir(pointer.live.release)}/{MODEL}")
    digest = f"sha256:{pointer.live.model_sha256}"
    if not model.is_file() or sha256_file(model)[0] != digest:
        raise ConfigurationError(
            Problem(
                f"{path} names release {pointer.live.release}, whose model is not at {model.relative_to(root)}",
                why="this release is compared with the one that runs now",
                remedy="git pull, so that the evidence of the live release is here",
                path=path,
            )
        )
    return model, digest


def _ask(gate: Gate, subject: Subject) -> tuple[GateReport, list[str]]:
    """``(report, what the gate said while at work)``; a model that cannot be used fails the gate."""
    said: list[str] = []

    def heard(text: str) -> None:
        said.append(text)
        subject.progress(text)

    try:
        # Model, rows and scores are computed once and shared: the copy takes what is there, and hands on the rest.
        asked = replace(subject, progress=heard)
        vars(asked).update(_computed(subject))
        try:
            report = gate.test(asked)
        finally:
            vars(subject).update(_computed(asked))
    except MlassayError as error:
        from mlassay.model import Unusable

        if isinstance(error, Unmeasurable):
            return _unmeasurable(gate.id, subject.plan, error.problems[0]), said
        if not isinstance(error, Unusable):
            raise
        return _unusable(gate.id, subject.plan, error.problems[0]), said
    return report, said


def _computed(subject: Subject) -> dict[str, Any]:
    names = {each.name for each in fields(subject)}
    return {name: value for name, value in vars(subject).items() if name not in names}


def _unusable(gate: str, plan: Plan, problem: Problem) -> GateReport:
    finding = Finding(
        id=f"{gate}.unusable",
        outcome=Outcome.FAILED,
        what=f"the model cannot be used: {problem.what}",
        why=problem.why or "what cannot be run cannot be measured",
        remedy=problem.remedy or "export the model again, and read what the contract gate says of it",
        path="ml.yaml",
        line=plan.config.lines.get("model.file"),
    )
    criteria = without_floats(plan.gates.get(gate, {}))
    return GateReport(
        gate,
        Outcome.FAILED,
        "the model cannot be used",
        criteria,
        {},
        (finding,),
        ("everything: the model cannot be used",),
    )


def _unmeasurable(gate: str, plan: Plan, problem: Problem) -> GateReport:
    """Rows that a gate cannot be asked about: the data gate says what is wrong with them, the others what they lack."""
    finding = Finding(
        id=f"{gate}.unmeasurable",
        outcome=Outcome.INCONCLUSIVE,
        what=problem.what,
        why=problem.why,
        remedy=problem.remedy,
        path=problem.path,
        line=problem.line,
    )
    return GateReport(
        gate,
        Outcome.INCONCLUSIVE,
        problem.what,
        without_floats(plan.gates.get(gate, {})),
        {},
        (finding,),
        ("everything: the evaluation rows cannot be measured",),
    )


def _not_run(gate: str, plan: Plan) -> GateReport:
    by_policy = gate not in plan.gates or gate not in plan.config.gates
    finding = Finding(
        id=f"{gate}.not_run",
        outcome=Outcome.INCONCLUSIVE,
        what=f"the gate '{gate}' is demanded and did not run",
        why="nothing tested is nothing passed",
        remedy=f"declare 'gates.{gate}' in ml.yaml, or let policy name the exemption and its reason",
        path=plan.policy.path if by_policy else "ml.yaml",
        line=plan.policy.lines.get(f"gates.{plan.level}")
        if by_policy
        else plan.config.lines.get(f"gates.{gate}"),
    )
    return GateReport(
        gate,
        Outcome.INCONCLUSIVE,
        "did not run",
        without_floats(plan.gates.get(gate, {})),
        {},
        (finding,),
        ("everything: it did not run",),
    )


def _risk(plan: Plan) -> dict[str, Any]:
    risk = plan.config.risk
    named = {name: {"probability": p, "impact": i} for name, (p, i) in risk.probability_impact.items()}
    return {
        "level": str(plan.level),
        "declared": str(risk.level),
        "review_by": risk.review_by.isoformat(),
        "risks": named,
    }


def _changed_since(plan: Plan, provenance: Mapping[str, Any]) -> list[str]:
    trained = provenance.get("inputs", {})
    changed = sorted(name for name, digest in plan.inputs.items() if trained.get(name) != digest)
    if not changed:
        return []
    return [
        f"changed since training: {', '.join(changed)}; good for trying out, but train again before you sign"
    ]


def _leave(run_folder: Path, verdict: Verdict, report: str, checks: Mapping[str, Any] | None) -> None:
    remove_tree(run_folder / "sign")  # it belongs to another verdict
    with staged_folder(run_folder / "test") as folder:
        (folder / "gates").mkdir()
        for gate in verdict.gates:
            (folder / "gates" / f"{gate.gate}.json").write_bytes(report_json(gate))
        (folder / "verdict.json").write_bytes(verdict_json(verdict))
        (folder / "report.md").write_bytes(report.encode())
        (folder / RUNTIME).write_bytes(runtime_json())
        if checks is not None:
            (folder / "cross-checks.json").write_bytes(
                canonical({"version": 1, "agreed": True, "gates": dict(checks)})
            )
