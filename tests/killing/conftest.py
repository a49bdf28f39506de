"""The states that verbs start from, each made once for all workers, and a server that runs verbs."""

import shutil

import pytest

from mlassay.files import lock
from tests.killing import harness, small


@pytest.fixture(scope="module")
def verbs():
    """Runs verbs fast."""
    made = harness.Verbs()
    yield made
    made.close()


@pytest.fixture(scope="session")
def _states(tmp_path_factory, worker_id):
    base = tmp_path_factory.getbasetemp()
    return (base if worker_id == "master" else base.parent) / "small-states"


@pytest.fixture(scope="module")
def state(_states, verbs):
    """Gives the folder of a state of `small.STORY` by name; it is to be copied, never to be written to."""

    def give(name):
        folder = _states / name
        with lock(_states / f"{name}.lock", wait_seconds=300):
            if not (folder / "whole").exists():
                shutil.rmtree(folder, ignore_errors=True)
                small.state(name, folder, verbs.run)
                (folder / "whole").touch()
        return folder

    return give
