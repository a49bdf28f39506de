"""One stage for every play, so that environments are installed once."""

import pytest

from tests.ci_extension.acting import Stage


@pytest.fixture(scope="session")
def stage(tmp_path_factory) -> Stage:
    return Stage(tmp_path_factory.mktemp("stage"))
