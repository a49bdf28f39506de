"""A run folder may come from a machine that ran the team's code: every lie in it is refused in one sentence."""

import json
import os
import shutil

import pytest

from mlassay.digest import canonical
from mlassay.errors import EvidenceError
from mlassay.stages._run_folder import read_training
from tests import factory
from tests.factory.release import run_folder, sign_run


@pytest.fixture
def project(tmp_path):
    return factory.make(tmp_path / "p", remote=True)


def _edit(run, change):
    path = run / "train/provenance.json"
    value = json.loads(path.read_bytes())
    change(value)
    path.write_bytes(canonical(value))


def _refused(run):
    with pytest.raises(EvidenceError) as caught:
        read_training(run)
    return str(caught.value.problems[0])


def test_what_training_left_is_read_and_signed(project):
    run = run_folder(project)
    assert read_training(run)[1]
    assert sign_run(project, run).signer == "ci"


@pytest.mark.parametrize("value", [None, 5, "x", [1], {"a": 1}, {"commit": ["x"], "dirty": []}])
@pytest.mark.parametrize("name", ["source", "inputs", "outputs"])
def test_a_member_of_another_shape_is_refused_and_not_tripped_over(project, name, value):
    if (name, value) == ("outputs", None):
        return  # that is a training that failed
    run = run_folder(project)
    _edit(run, lambda written: written.update({name: value}))
    assert name in _refused(run)


def test_a_member_more_or_a_path_twice_is_refused(project):
    run = run_folder(project)
    _edit(run, lambda written: written["outputs"].append(dict(written["outputs"][0])))
    assert "outputs" in _refused(run)
    run = run_folder(project)
    _edit(run, lambda written: written["outputs"][0].update(mode=0o777))
    assert "outputs" in _refused(run)


def test_a_forged_size_is_refused(project):
    run = run_folder(project)
    _edit(run, lambda written: written["outputs"][0].update(size=1))
    assert "its bytes are not" in _refused(run)


def _linked_folder(outputs):
    shutil.move(outputs, outputs.parent.parent / "elsewhere")
    outputs.symlink_to(outputs.parent.parent / "elsewhere")


def _linked_file(outputs):
    model = next(outputs.iterdir())
    shutil.move(model, outputs.parent / "elsewhere")
    model.symlink_to(outputs.parent / "elsewhere")


def _pipe(outputs):
    model = next(outputs.iterdir())
    model.unlink()
    os.mkfifo(model)


def _more(outputs):
    (outputs / "more.txt").write_text("x")


@pytest.mark.parametrize("attack", [_linked_folder, _linked_file, _pipe, _more, shutil.rmtree])
def test_anything_but_the_files_that_training_left_is_refused(project, attack):
    run = run_folder(project)
    attack(run / "train/outputs")
    assert "train/outputs/" in _refused(run)
