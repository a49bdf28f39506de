"""Our workflows and the template name commits of our own: ones that are there, each the same everywhere."""

import subprocess
import sys

import pytest

from tests.actions.reading import ACTIONS, ROOT, TEMPLATE, jobs

sys.path.insert(0, str(ACTIONS))
import pin


@pytest.mark.parametrize("folder", [folder for folder, _ in pin.STEPS])
def test_all_pins_are_one_commit_of_this_history_with_this_version(folder):
    named = pin.pins(folder)
    assert len(named) == 1
    ((commit, version),) = named
    assert version == pin._version()
    done = subprocess.run(["git", "-C", ROOT, "merge-base", "--is-ancestor", commit, "HEAD"], check=False)
    assert done.returncode == 0, f"{commit} is not in this history: make pin"


def test_the_commit_that_the_template_names_holds_every_workflow_that_it_calls():
    (_, _), (template, _) = pin.STEPS
    ((commit, _),) = pin.pins(template)
    listed = ["git", "-C", ROOT, "ls-tree", "--name-only", commit, f"{pin.WORKFLOWS}/"]
    held = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    called = {job["uses"].split("mlassay/mlassay/")[1].split("@")[0] for _, job in jobs(TEMPLATE)}
    assert called <= set(held)
