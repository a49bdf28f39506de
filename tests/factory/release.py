"""Releases for tests: a tiny ONNX model, a handmade verdict, really signed and recorded by the real stages."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlassay.case.judged import criteria_at
from mlassay.case.release import inputs_at, live_at
from mlassay.ci import Context
from mlassay.digest import canonical, sha256
from mlassay.evidence.codec import report_json, verdict_json
from mlassay.evidence.verdict import Finding, GateReport, Outcome, Verdict
from mlassay.signers.p256 import P256Signer
from mlassay.stages.record import Recorded
from mlassay.stages.record import record as record_stage
from mlassay.stages.sign import Signed
from mlassay.stages.sign import sign as sign_stage
from mlassay.wiring import verifiers
from tests.factory.project import Project


def record(project: Project, *, card: bool = False, **options: Any) -> Recorded:
    """Make a run folder, sign and record it: evidence on the main line. Options as for `run_folder`.

    With ``card`` there are a model card and a bill of materials, as the command line makes them.
    """
    run = run_folder(project, **options)
    sign_run(project, run, card=card)
    return record_stage(project.repo, run, verifiers(), clock=project.now)


def sign_run(
    project: Project, run: Path, *, key: str = "ci", context: Context | None = None, card: bool = False
) -> Signed:
    """Sign what `run_folder` left with the key ``key``.pem."""
    signer = P256Signer.from_pem((project.keys / f"{key}.pem").read_bytes(), key)
    from mlassay.render.card import card as render

    told = context or Context("local")
    return sign_stage(project.repo, run, signer, told, project.now(), card=render if card else None)


def run_folder(
    project: Project,
    *,
    outcome: Outcome = Outcome.PASSED,
    outcomes: dict[str, Outcome] | None = None,
    seed: int = 1,
    isolation: str = "bubblewrap",
    cross_checks: bool = False,
) -> Path:
    """A run folder as train and test leave it, for HEAD; ``outcome`` is the bias gate's, every other gate in force passes.

    ``seed`` makes another model. ``outcomes`` (gate to outcome) replaces the gates altogether.
    """
    commit = project.repo.head()
    assert commit is not None
    run = project.folder / ".mlassay" / "run"
    shutil.rmtree(run, ignore_errors=True)
    (run / "train/outputs").mkdir(parents=True)
    (run / "test/gates").mkdir(parents=True)
    model = tiny_model(seed)
    inputs = inputs_at(project.repo, commit)
    (run / "train/outputs/model.onnx").write_bytes(model)
    (run / "train/log.txt").write_text("nothing was trained\n")
    provenance = {
        "version": 1,
        "kind": "training",
        "model": "toy",
        "source": {
            "commit": commit,
            "tree": project.repo.commit(commit).tree,
            "ref": "refs/heads/main",
            "dirty": [],
        },
        "inputs": inputs,
        "isolation": isolation,
        "outputs": [{"path": "model.onnx", "size": len(model), "digest": sha256(model)}],
        "self_reported": {},
    }
    (run / "train/provenance.json").write_bytes(canonical(provenance))
    live = live_at(project.repo, commit)
    criteria = criteria_at(project.repo, commit)
    gates = outcomes or dict.fromkeys(criteria, Outcome.PASSED) | {"bias": outcome}
    verdict = make_verdict(sha256(model), inputs | ({"live": live} if live else {}), gates, criteria)
    (run / "test/verdict.json").write_bytes(verdict_json(verdict))
    (run / "test/report.md").write_text(f"# toy: {verdict.outcome}\n")
    for report in verdict.gates:
        (run / f"test/gates/{report.gate}.json").write_bytes(report_json(report))
    if cross_checks:
        (run / "test/cross-checks.json").write_bytes(canonical({"bias": {"ran": True}}))
    return run


def make_verdict(
    model_digest: str,
    inputs: dict[str, str],
    gates: dict[str, Outcome],
    criteria: Mapping[str, Mapping[str, Any]] | None = None,
) -> Verdict:
    """A verdict by hand: each gate with one finding of its outcome, and the criteria that are given for it."""
    told = criteria or {}
    return Verdict(
        model_name="toy",
        outcome=Outcome.worst(list(gates.values())),
        inputs={"model": model_digest, **inputs},
        gates=tuple(make_report(gate, outcome, told.get(gate, {})) for gate, outcome in gates.items()),
        risk={"level": "major", "declared": "major", "review_by": "2030-01-01", "risks": {}},
        objective="Say which applications deserve a second look.",
    )


def make_report(gate: str, outcome: Outcome, criteria: Mapping[str, Any] | None = None) -> GateReport:
    """One gate's report by hand."""
    finding = Finding(
        id=f"{gate}.measured",
        outcome=outcome,
        what=f"the {gate} of this model was measured",
        why="a test needs it",
        remedy="none",
        path="ml.yaml",
        line=15,
        numbers={"value": "0.9000", "rows": 20},
    )
    told = {"min": "0.8"} if criteria is None else criteria
    return GateReport(gate, outcome, f"{gate} {outcome}", told, {"value": "0.9000"}, (finding,), ("time",))


def tiny_model(seed: int = 1) -> bytes:
    """A real ONNX model of some hundred bytes: probabilities from income alone; another one for another ``seed``."""
    from onnx import TensorProto, helper

    weight = helper.make_tensor("weight", TensorProto.FLOAT, [1, 1], [seed / 10])
    nodes = [
        helper.make_node("MatMul", ["income", "weight"], ["raw"]),
        helper.make_node("Sigmoid", ["raw"], ["probability"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("income", TensorProto.FLOAT, [None, 1])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 1])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    return bytes(model.SerializeToString())
