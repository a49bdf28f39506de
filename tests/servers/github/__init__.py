"""A stateful stand-in of GitHub over bare repositories, held to GitHub's published contract; see README.md."""

from .server import GitHubServer
from .serving import Call
from .state import Repository, Token

__all__ = ["Call", "GitHubServer", "Repository", "Token"]
