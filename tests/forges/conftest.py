"""The three worlds; those with a server are told apart by the marker of the tools that they need."""

import pytest

from tests.forges.worlds import Gitea, GitHub, Local
from tests.servers.github.fixture import github

__all__ = ["github"]
HOSTED = [pytest.param(kind, marks=pytest.mark.ci_extension) for kind in ("github", "gitea")]


@pytest.fixture(scope="session")
def gitea(tmp_path_factory):
    from tests.servers.gitea import serve

    with serve(tmp_path_factory.mktemp("gitea") / "log") as server:
        yield server


@pytest.fixture
def made(tmp_path, request):
    """A world of one kind, its server brought up only for that kind."""

    def make(kind: str):
        if kind == "github":
            return GitHub(tmp_path, request.getfixturevalue("github"))
        if kind == "gitea":
            return Gitea(tmp_path, request.getfixturevalue("gitea"))
        return Local(tmp_path, remote=kind == "local")

    return make


@pytest.fixture(params=["local", "alone", *HOSTED])
def world(made, request):
    """Every forge."""
    return made(request.param)


@pytest.fixture(params=HOSTED)
def hosted(made, request):
    """A forge with a server."""
    return made(request.param)
