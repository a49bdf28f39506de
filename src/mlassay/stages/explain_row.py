"""The model and the rows behind `mlassay explain --row`: what training left here, or what a recorded release holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import layout, read_verdict
from mlassay.git import Repository
from mlassay.plan import Plan
from mlassay.ports import Subject
from mlassay.stages._run_folder import read_training


def trained_subject(plan: Plan, root: Path, run_folder: Path) -> Subject:
    """What training left in ``run_folder``, every output held against its digest."""
    read_training(run_folder)
    return Subject(plan, root, run_folder / "train/outputs")


@contextmanager
def recorded_subject(repository: Repository, plan: Plan, release: str) -> Iterator[Subject]:
    """The model of a recorded release, from the objects of HEAD and held against its verdict, with the rows of ``plan``.

    ConfigurationError when there is no such release, or ml.yaml or the evaluation data's manifest are others than
    those that it was tested under: then these rows and this threshold are not its own.
    """
    head = repository.resolve("HEAD")
    folder = layout.evidence_dir(release) if layout.is_release_id(release) else ""
    data = repository.read(head, f"{folder}/{layout.VERDICT}") if folder else None
    if data is None:
        raise ConfigurationError(
            Problem(
                f"there is no release {release[:80]!a} in this commit",
                remedy="'mlassay status' and 'git log --first-parent' name releases; 'git pull' brings new ones",
            )
        )
    verdict = read_verdict(data, f"{folder}/{layout.VERDICT}")
    manifest = f"manifest/{plan.config.evaluate.data.partition('/')[0]}"
    ConfigurationError.raise_if_any(
        Problem(
            f"the {key} here is not the one that release {release} was tested under",
            why="rows, columns or the threshold may be others, and the explanation would be of another decision",
            remedy="run this in a checkout of the release's source commit ('mlassay show' names it)",
        )
        for key in ("ml.yaml", manifest)
        if verdict.inputs.get(key) != plan.inputs.get(key)
    )
    path = f"{folder}/{layout.MODEL}"
    model = repository.read(head, path)
    if model is None or sha256(model) != verdict.inputs.get("model"):
        raise EvidenceError(
            Problem(
                f"the model of release {release} is not the one that its verdict names",
                why="an explanation would be of another model",
                remedy="mlassay verify",
                path=path,
            )
        )
    with TemporaryDirectory(prefix="mlassay-") as made:
        file = Path(made) / plan.config.model.file
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(model)
        yield Subject(plan, repository.folder, Path(made))
