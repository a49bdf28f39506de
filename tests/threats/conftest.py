"""The world that every attack starts from, made once in a session and copied for each."""

import pytest

from tests.threats.liar import Liar
from tests.threats.world import make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"))


@pytest.fixture
def liar(world, tmp_path):
    return Liar.with_copy(world, tmp_path)
