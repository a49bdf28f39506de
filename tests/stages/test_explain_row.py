"""Which model and which rows are explained: what training left, or what a recorded release holds, and no other."""

from __future__ import annotations

import pytest

from mlassay.digest import sha256
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence.verdict import Outcome
from mlassay.stages.explain_row import recorded_subject, trained_subject
from mlassay.tasks import BINARY
from mlassay.wiring import explain_row
from tests import factory
from tests.factory import release as made_releases
from tests.factory import tasks


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """A team's repository with one recorded release, whose model is the one that the team made."""
    project = tasks.repository(tmp_path / "team", BINARY)
    model = (project.folder / "made.onnx").read_bytes()
    monkeypatch.setattr(made_releases, "tiny_model", lambda _: model)
    gates = dict.fromkeys(tasks.plan_of(project).gates, Outcome.PASSED)
    return project, factory.record(project, outcomes=gates).release.id, model


def test_a_recorded_release_is_explained_by_its_own_model(recorded) -> None:
    project, release, model = recorded
    plan = tasks.plan_of(project)
    with recorded_subject(project.repo, plan, release) as subject:
        told = explain_row(subject, 5)
        assert subject.model.digest == sha256(model)
    run = trained_subject(plan, project.folder, project.folder / ".mlassay/run")
    assert explain_row(run, 5) == told
    assert not subject.outputs.exists()


def test_rows_and_thresholds_of_another_plan_are_refused(recorded) -> None:
    project, release, _ = recorded
    config = project.folder / "ml.yaml"
    config.write_text(config.read_text().replace("threshold: 0.5", "threshold: 0.6"))
    with (
        pytest.raises(ConfigurationError, match=r"ml\.yaml here is not the one"),
        recorded_subject(project.repo, tasks.plan_of(project), release),
    ):
        pass


def test_a_model_that_its_verdict_does_not_name_is_refused(recorded) -> None:
    project, release, _ = recorded
    path = f"evidence/{release}/model.onnx"
    project.commit({path: "not the model"}, "Put another model in its place")
    with (
        pytest.raises(EvidenceError, match="not the one that its verdict names"),
        recorded_subject(project.repo, tasks.plan_of(project), release),
    ):
        pass


@pytest.mark.parametrize("release", ["20200101-00000000", "../../etc", ""])
def test_a_release_that_is_not_there_is_refused(recorded, release) -> None:
    project, _, _ = recorded
    with (
        pytest.raises(ConfigurationError, match="there is no release"),
        recorded_subject(project.repo, tasks.plan_of(project), release),
    ):
        pass


def test_without_training_it_says_what_to_do(recorded, tmp_path) -> None:
    project, _, _ = recorded
    with pytest.raises(ConfigurationError, match="there is no training"):
        trained_subject(tasks.plan_of(project), project.folder, tmp_path / "nowhere")
