"""A real Gitea on this machine, for tests: see `Gitea` for what a test does with it."""

from tests.servers.gitea.client import Answer, Gitea
from tests.servers.gitea.server import serve

__all__ = ["Answer", "Gitea", "serve"]
