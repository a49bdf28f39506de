"""The stand-in as a fixture: ``from tests.servers.github.fixture import github`` in a test file or a conftest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import tool

from .server import GitHubServer

__all__ = ["github"]


@pytest.fixture
def github(tmp_path: Path) -> Iterator[GitHubServer]:
    """An empty GitHub; at the end, whatever went against its contract fails the test."""
    with GitHubServer(tmp_path / "github", tool("octokit-openapi")) as server:
        yield server
    for line in (*server.denials, *server.calls, *server.git_calls):
        print(line)  # pytest shows it where the test failed
    server.verify()
