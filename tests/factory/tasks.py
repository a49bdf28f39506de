"""Repositories for each task: generated rows whose truth is known, and a model really trained and exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mlassay.digest import sha256
from mlassay.manifest import DataFile, root_digest
from mlassay.plan import Plan
from mlassay.ports import Subject
from mlassay.stages.validate import validate
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION
from tests.factory.project import AUTHOR, CONFIG, POLICY, Project, make
from tests.factory.project import manifest_yaml as usual

ROWS = 1200
GRADES = ("bad", "good", "middling")  # in the order in which scikit-learn sorts them
LABEL = {
    BINARY: 'type: category, values: ["no", "yes"]',
    MULTICLASS: f"type: category, values: [{', '.join(GRADES)}]",
    REGRESSION: "type: number, min: -100, max: 100",
    RANKING: 'type: category, values: ["no", "yes"]',
}
MODEL = {
    BINARY: 'favourable: "yes", threshold: 0.5',
    MULTICLASS: "favourable: good",
    REGRESSION: "favourable: higher, threshold: 0",
    RANKING: "select: {share: 0.2}",
}
CRITERIA = {
    BINARY: "accuracy: {min: 0.6}",
    MULTICLASS: "macro_f1: {min: 0.5}, roc_auc: {min: 0.7}",
    REGRESSION: "r2: {min: 0.5}, mae: {max: 4}",
    RANKING: "precision_at_k: {min: 0.6}, ndcg: {min: 0.6}",
}


def table(task: str, *, rows: int = ROWS, seed: int = 0) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Text rows ``a,b,group,label``, the (n, 2) inputs and the labels as training wants them."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 2)).round(4)
    latent = 2 * x[:, 0] - x[:, 1] + rng.normal(scale=0.7, size=rows)
    if task == MULTICLASS:
        y: Any = np.array(["bad", "middling", "good"])[np.digitize(latent, [-1, 1])]
    elif task == REGRESSION:
        y = (5 * latent).round(3)
    else:
        y = np.where(latent > (1.5 if task == RANKING else 0), "yes", "no")
    group = rng.choice(["a", "b"], rows)
    lines = [f"{a},{b},{g},{label}" for (a, b), g, label in zip(x.tolist(), group, y.tolist(), strict=True)]
    return lines, x.astype(np.float32), y


def fitted(task: str, x: np.ndarray, y: np.ndarray, *, library: str = "sklearn") -> bytes:
    """A small model of ``library`` on these rows, as ONNX bytes."""
    proto = (
        _lightgbm(task, x, y) if library == "lightgbm" else _sklearn(task, x, y, network=library == "network")
    )
    return bytes(proto.SerializeToString())


def _sklearn(task: str, x: np.ndarray, y: np.ndarray, *, network: bool = False) -> Any:
    import skl2onnx
    from sklearn.ensemble import GradientBoostingRegressor
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    opset = {"": 17, "ai.onnx.ml": 3}
    if task == REGRESSION:
        model = GradientBoostingRegressor(n_estimators=40, max_depth=3, random_state=0).fit(x, y)
        return skl2onnx.to_onnx(model, x[:1], target_opset=opset)
    model = (MLPClassifier((8,), max_iter=400, random_state=0) if network else LogisticRegression()).fit(x, y)
    return skl2onnx.to_onnx(model, x[:1], options={"zipmap": False}, target_opset=opset)


def _lightgbm(task: str, x: np.ndarray, y: np.ndarray) -> Any:
    import lightgbm
    from onnxmltools.convert import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    settings = {"n_estimators": 30, "max_depth": 4, "verbose": -1, "random_state": 0, "n_jobs": 1}
    if task == REGRESSION:
        model = lightgbm.LGBMRegressor(**settings).fit(x, y)
    elif task == RANKING:
        model = lightgbm.LGBMRanker(**settings).fit(x, (y == "yes").astype(int), group=[len(y)])
    else:
        model = lightgbm.LGBMClassifier(**settings).fit(x, y)
    return convert_lightgbm(
        model, initial_types=[("X", FloatTensorType([None, 2]))], zipmap=False, target_opset=15
    )


def repository(
    path: Path,
    task: str,
    *,
    library: str = "sklearn",
    bias: str = "",
    model: bytes | None = None,
    lines: list[str] | None = None,
    train: list[str] | None = None,
    spec: str = "",
    criteria: str = "",
) -> Project:
    """A team's repository whose training copies a model of ``library`` that was fitted on the rows of the train file.

    ``bias`` adds criteria of that gate; ``model`` replaces the model, ``lines`` the evaluation rows, ``train`` those of training, ``spec`` the rest
    of ``model:`` in ml.yaml, ``criteria`` those of the performance gate.
    """
    usual_rows, x, y = table(task)
    train = usual_rows if train is None else train
    test = lines if lines is not None else table(task, seed=1)[0]
    gates = f"  performance: {{{criteria or CRITERIA[task]}}}\n" + (f"  bias: {{{bias}}}\n" if bias else "")
    config, _, rest = CONFIG.partition("model: {")
    end = rest.partition("gates:")[2].partition("store:")
    config += (
        f"model: {{file: model.onnx, task: {task}, {spec or MODEL[task]}}}\n"
        f"evaluate: {{data: applications/test, label: label}}\ngates:\n{gates}store:{end[2]}"
    )
    config = config.replace(
        "run: python train.py, uses: [train.py]", "run: sh train.sh, uses: [train.sh, made.onnx]"
    )
    policy = POLICY.replace("[performance, bias]", "[performance]")
    policy = (
        policy.partition("floors:")[0]
        + "floors: {}\nisolation_from: severe\nwaivers:"
        + policy.partition("waivers:")[2]
    )
    project = make(path, config=config, policy=policy)
    header = "a,b,group,label\n"
    data = {
        split: header + "".join(f"{line}\n" for line in part)
        for split, part in (("train", train), ("test", test))
    }
    (project.folder / "made.onnx").write_bytes(model or fitted(task, x, y, library=library))
    files = {f"data/{split}.csv": text for split, text in data.items()}
    project.commit(
        files
        | {
            "train.sh": 'cp made.onnx "$MLASSAY_OUT/model.onnx"\n',
            "data/applications.manifest.yaml": manifest_yaml(task, data),
        },
        "Bring the data",
    )
    project.repo.add_and_commit(["made.onnx"], "Bring a model", author=AUTHOR, when=project.now())
    return project


def plan_of(project: Project) -> Plan:
    """The plan of the team's work tree."""
    tracked = [
        each.relative_to(project.folder).as_posix() for each in project.folder.rglob("*") if each.is_file()
    ]

    def read(path: str) -> bytes | None:
        file = project.folder / path
        return file.read_bytes() if file.is_file() else None

    return validate(read, lambda: [path for path in tracked if not path.startswith((".git/", ".mlassay/"))])


def subject(project: Project, *, live: Path | None = None) -> Subject:
    """The repository's model and evaluation rows as gates look at them, without training."""
    outputs = project.folder.parent / "outputs"
    outputs.mkdir(exist_ok=True)
    (outputs / "model.onnx").write_bytes((project.folder / "made.onnx").read_bytes())
    return Subject(plan_of(project), project.folder, outputs, live)


def manifest_yaml(task: str, data: dict[str, str]) -> str:
    """The manifest of the two files."""
    made = [
        DataFile(f"data/{split}.csv", len(text.encode()), sha256(text.encode()))
        for split, text in data.items()
    ]
    head = usual().partition("columns:\n")[0]
    listed = "".join(f"  - {{path: {f.path}, size: {f.size}, digest: '{f.digest}'}}\n" for f in made)
    return (
        f"{head}columns:\n"
        "  - {name: a, type: number, min: -10, max: 10, role: feature, available_at: before}\n"
        "  - {name: b, type: number, min: -10, max: 10, role: feature, available_at: before}\n"
        "  - {name: group, type: category, values: [a, b], role: feature, available_at: before}\n"
        f"  - {{name: label, {LABEL[task]}, role: label, available_at: after}}\n"
        f"splits:\n  train: [data/train.csv]\n  test: [data/test.csv]\nfiles:\n{listed}root: '{root_digest(made)}'\n"
    )
