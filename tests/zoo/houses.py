"""Subjects of the zoo: real files in a folder, a plan over them, and the report of every gate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlassay.config import ModelSpec, Select
from mlassay.evidence.verdict import GateReport
from mlassay.ports import Subject
from mlassay.stages.test import judge
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION
from mlassay.wiring import gates
from tests.gates.subjects import manifest
from tests.gates.subjects import subject as made
from tests.zoo.models import Kind
from tests.zoo.rows import GROUP, MIXED, NUMBERS, TEXT, label_of, mixed, numbers, words

FEATURES = {numbers: NUMBERS, mixed: MIXED, words: TEXT}
PERFORMANCE: Mapping[str, Mapping[str, Any]] = {
    BINARY: {"accuracy": {"min": 0.6}, "roc_auc": {"min": 0.7}},
    MULTICLASS: {"macro_f1": {"min": 0.5}},
    REGRESSION: {"r2": {"min": 0.5}},
    RANKING: {"precision_at_k": {"min": 0.5}},
}
BIAS: Mapping[str, Mapping[str, Any]] = {
    REGRESSION: {"selection_rate_difference": {"max": 0.15}},
    RANKING: {"selection_rate_difference": {"max": 0.15}},
}
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    BINARY: {"favourable": "yes"},
    MULTICLASS: {"favourable": "good"},
    REGRESSION: {"favourable": "higher"},
    RANKING: {"favourable": "selected", "select": Select(share=0.2)},
}


def criteria(kind: Kind) -> dict[str, dict[str, Any]]:
    """The same for every model of a task, so that rows of the table can be compared."""
    moved = {words: ["text"], mixed: ["a"]}.get(kind.draw, ["a", "b"])
    fair = BIAS.get(kind.task, {"selection_rate_ratio": {"min": 0.7}})
    return {
        "data": {},
        "contract": {},
        "performance": dict(PERFORMANCE[kind.task]),
        "bias": {"sensitive": ["group"], **fair},
        "adversarial": {"perturb": {"columns": moved, "radius": 0.01}, "robust_rate": {"min": 0.7}},
        "stability": {"flip_rate": {"max": 0.1}},
        "privacy": {"membership_auc": {"max": 0.6}},
        "champion": {"disagreement": {"max": 0.2}},
        "behaviour": _promises(kind),
        "explain": {"required": "per-decision"},
    }


def _promises(kind: Kind) -> dict[str, Any]:
    """What holds of the truth: more of the first column is never worse. A text cannot be promised anything."""
    if kind.draw is words:
        return {"invariant": {"columns": ["text"]}}
    return {"monotone": {"a": "up"}, "violations": {"max": 50}}


def subject(folder: Path, kind: Kind, model: bytes, live: bytes | None = None) -> Subject:
    """``model`` before its evaluation rows, drawn with another seed than those of training; ``live`` runs now."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "root").mkdir()
    known = (*FEATURES[kind.draw], GROUP, label_of(kind.task))
    splits = {"train": kind.draw(kind.task, 0).texts, "test": kind.draw(kind.task, 1).texts}
    spec = ModelSpec("model.onnx", kind.task, threshold=kind.threshold, **SETTINGS[kind.task])
    found = made(
        folder,
        model,
        criteria(kind),
        data=splits,
        manifests={"data": manifest(folder / "root", known, splits)},
        model=spec,
    )
    if live is None:
        return found
    (folder / "live.onnx").write_bytes(live)
    return Subject(found.plan, found.root, found.outputs, folder / "live.onnx")


def reports(subject: Subject) -> dict[str, GateReport]:
    """What each gate with criteria says, as the test stage asks it."""
    verdict, _ = judge(subject.plan, gates(subject.plan.gates), subject, {"model": "sha256:0"}, partial=True)
    return {report.gate: report for report in verdict.gates}
