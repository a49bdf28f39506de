"""Subjects for the gates of this room: real files in a folder, a plan over them, and a model."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from mlassay.config import Config, Evaluate, Level, ModelSpec, Policy, Risk, Train
from mlassay.config.types import Approvals
from mlassay.digest import sha256_file
from mlassay.manifest import Column, DataFile, Manifest, SplitRule, Table, root_digest
from mlassay.plan import Plan
from mlassay.ports import Subject

NUMBERS = (
    Column("a", "number", "feature", "before", -4.0, 4.0),
    Column("b", "number", "feature", "before", -4.0, 4.0),
    Column("n", "integer", "feature", "before", 0.0, 10.0),
)
REST = (
    Column("group", "category", "ignored", "before", values=("x", "y")),
    Column("label", "category", "label", "before", values=("no", "yes")),
)


def manifest(folder: Path, columns, rows, *, name="data", special=None, files=None) -> Manifest:
    """Write ``rows`` (train, test) as CSV files and say in a manifest what they are."""
    made = []
    for split, part in rows.items():
        path = folder / "data" / f"{name}-{split}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(Table(tuple(c.name for c in columns), [tuple(r) for r in part]).to_csv())
        digest, size = sha256_file(path)
        made.append(DataFile(f"data/{path.name}", size, digest))
    return Manifest(
        name=name,
        description="made by a test",
        owner="dana",
        licence="CC0-1.0",
        terms="",
        purpose="tests",
        collected_from=date(2020, 1, 1),
        collected_to=date(2020, 12, 31),
        jurisdiction="NL",
        origin="a random generator",
        contains_model_outputs=False,
        public=True,
        public_why="nobody is in it",
        personal_data=None,
        special_categories=special,
        label=None,
        missing=f"data/{name}.missing.md",
        columns=tuple(columns),
        split=SplitRule("files", files=dict(zip(rows, [(f.path,) for f in made], strict=True))),
        files=tuple(made),
        root=root_digest(made),
        lines={},
        digest="sha256:" + "0" * 64,
        path=f"data/{name}.manifest.yaml",
    )


def rows(count=200, seed=0, *, columns=NUMBERS):
    """Random rows of text for ``columns``, a group and a label that mostly follows the first column."""
    rng = np.random.default_rng(seed)
    parts = [
        rng.integers(c.minimum, c.maximum + 1, count)
        if c.type == "integer"
        else rng.normal(size=count).clip(-4, 4).round(4)
        for c in columns
    ]
    labels = np.where(parts[0] + rng.normal(scale=0.5, size=count) > 0, "yes", "no")
    groups = rng.choice(["x", "y"], count)
    return [
        (*(str(v) for v in each), str(g), str(y)) for *each, g, y in zip(*parts, groups, labels, strict=True)
    ]


def config(gates, **changes) -> Config:
    made = Config(
        name="made",
        objective="to be tested",
        owner="dana",
        risk=Risk({"unavailability": (1, 1)}, date(2027, 1, 1)),
        data={"data": "data/data.manifest.yaml"},
        prepare=(),
        train=Train("true", (), ("data/train",)),
        model=ModelSpec("model.onnx", "binary-classification", 1, 0.5),
        evaluate=Evaluate("data/test", "label"),
        gates=gates,
        store="git",
        lines={"gates.adversarial.robust_rate.min": 7, "gates.unit.run": 3},
        digest="sha256:" + "1" * 64,
    )
    return replace(made, **changes)


def policy(sensitive=("group",)) -> Policy:
    one = Approvals()
    return Policy(
        environments=("staging",),
        approvals={},
        gates={},
        exemptions={},
        minimum_risk=Level.MINOR,
        floors={},
        sensitive=sensitive,
        isolation_from=None,
        waivable={},
        waiver_days=30,
        weakening_roles=(),
        governance=one,
        manifest=one,
        demo=False,
        digest="sha256:" + "2" * 64,
    )


def subject(
    tmp_path: Path, proto=None, gates=None, *, data=None, columns=NUMBERS, manifests=None, **changes
) -> Subject:
    """A subject over random rows (or ``data``, a mapping of split to rows) and the model ``proto``."""
    root, outputs = tmp_path / "root", tmp_path / "outputs"
    root.mkdir(exist_ok=True)
    outputs.mkdir(exist_ok=True)
    made = data or {"train": rows(seed=1, columns=columns), "test": rows(seed=2, columns=columns)}
    known = manifests or {"data": manifest(root, (*columns, *REST), made)}
    if proto is not None:
        (outputs / "model.onnx").write_bytes(proto if isinstance(proto, bytes) else proto.SerializeToString())
    wanted = gates or {}
    plan = Plan(config(wanted, **changes), known, policy(), wanted, {})
    return Subject(plan, root, outputs)


def finding(report, id_):
    """The one finding of ``report`` with this id."""
    (found,) = [f for f in report.findings if f.id == id_]
    return found
