"""The small team in any state, and what an error must look like whatever went wrong."""

import pytest

from tests.killing.conftest import _states, state, verbs
from tests.killing.harness import copy

__all__ = ["_states", "state", "verbs"]


@pytest.fixture
def team(state, tmp_path):
    """Gives a copy of the small team in one of its states: its clone; remote.git and keys lie beside it."""
    return lambda name, folder="copy": copy(state(name), tmp_path / folder) / "team"
