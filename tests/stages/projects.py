"""A small project in a real repository: the mortgage data, a plan over it, and whatever trains."""

from __future__ import annotations

import subprocess
from datetime import date
from pathlib import Path

from mlassay.config import Config, Evaluate, Level, ModelSpec, Policy, Risk, RunLimits, Train, Weigh
from mlassay.digest import sha256
from mlassay.git import Repository
from mlassay.manifest import Column, DataFile, Manifest, SpecialCategories, SplitRule
from mlassay.plan import Plan

DATA = Path(__file__).parents[2] / "template/data/hmda.csv"
YES_NO = {"deny", "phist", "selfemp", "insurance", "condomin", "afam", "single", "hschool"}


def manifest(root: Path) -> Manifest:
    data = (root / "data/hmda.csv").read_bytes()
    names = data.split(b"\n", 1)[0].decode().strip().split(",")
    columns = tuple(
        Column(
            name,
            "category" if name in YES_NO else "number",
            "label" if name == "deny" else "feature",
            "before",
            values=("no", "yes") if name in YES_NO else (),
        )
        for name in names
    )
    return Manifest(
        **dict.fromkeys(
            ["description", "owner", "licence", "terms", "purpose", "jurisdiction", "origin", "public_why"],
            "x",
        ),
        name="applications",
        collected_from=date(1990, 1, 1),
        collected_to=date(1990, 12, 31),
        contains_model_outputs=False,
        public=True,
        personal_data=None,
        special_categories=SpecialCategories(("afam",), "research", ("weigh", "test"), date(2030, 1, 1)),
        label=None,
        missing="data/applications.missing.md",
        columns=columns,
        split=SplitRule("stratified", {"train": "0.5", "test": "0.5"}, 7, ("deny", "afam")),
        files=(DataFile("data/hmda.csv", len(data), sha256(data)),),
        root="sha256:" + "0" * 64,
        lines={},
        digest="sha256:" + "1" * 64,
        path="data/applications.manifest.yaml",
    )


def plan(root: Path, run: str, uses: tuple[str, ...] = (), **options) -> Plan:
    """A plan whose training is ``run``; ``options`` are those of `Train`, and ``prepare``, ``gates``, ``policy_gates``."""
    prepare, gates = options.pop("prepare", ()), options.pop("gates", {})
    demanded, isolation_from = options.pop("policy_gates", {}), options.pop("isolation_from", None)
    model = options.pop("model", ModelSpec("model.onnx", "binary-classification", "no", 0.5))
    options = {"data": ("applications/train",), "withhold": ("afam",), "weigh": Weigh(("afam",))} | options
    held = manifest(root)
    config = Config(
        name="mortgage-approval",
        objective="Rank mortgage applications.",
        owner="risk-lead",
        risk=Risk(
            {"unavailability": (2, 2), "bad_prediction": (3, 4), "decay": (3, 3), "lost_skills": (2, 3)},
            date(2027, 6, 1),
        ),
        data={"applications": held.path},
        prepare=prepare,
        train=Train(run=run, uses=uses, **options),
        model=model,
        evaluate=Evaluate("applications/test", "deny"),
        gates=gates,
        store="git",
        lines={
            "train.run": 19,
            "train.uses": 20,
            "train.limits.wall": 25,
            "model.file": 27,
            "prepare.0.writes": 17,
        },
        digest="sha256:" + "2" * 64,
    )
    policy = Policy(
        environments=("staging", "production"),
        approvals={},
        gates=demanded,
        exemptions={},
        minimum_risk=Level.MINOR,
        floors={},
        sensitive=("afam",),
        isolation_from=isolation_from,
        waivable={},
        waiver_days=30,
        weakening_roles=(),
        governance=None,
        manifest=None,
        demo=True,
        digest="sha256:" + "3" * 64,
    )
    inputs = {
        "ml.yaml": config.digest,
        "policy": policy.digest,
        "people": "sha256:" + "4" * 64,
        "manifest/applications": held.digest,
    }
    return Plan(config, {"applications": held}, policy, gates, inputs)


def limits(**values) -> RunLimits:
    return RunLimits(**{"wall_seconds": 60.0, "memory_bytes": 2 << 30} | values)


def project(folder: Path, files: dict[str, str | bytes]) -> Repository:
    """A repository at ``folder`` with the data and ``files``, all of it committed."""
    (folder / "data").mkdir(parents=True)
    (folder / "data/hmda.csv").write_bytes(DATA.read_bytes())
    (folder / ".gitignore").write_text(".mlassay/\n")
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
    repository = Repository.init(folder)
    commit(folder)
    return repository


def commit(folder: Path) -> None:
    identity = ["-c", "user.name=Dev", "-c", "user.email=dev@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, "add", "-A"], cwd=folder, check=True, capture_output=True)
    subprocess.run(
        ["git", *identity, "commit", "-q", "-m", "Begin"], cwd=folder, check=True, capture_output=True
    )
