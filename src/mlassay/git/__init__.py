"""The only room that talks to git: verified reads, commits from objects, compare-and-swap on remotes."""

from mlassay.git._values import Change, Commit, Corrupt, Entry, Identity, MovedOn
from mlassay.git.repository import Repository

__all__ = ["Change", "Commit", "Corrupt", "Entry", "Identity", "MovedOn", "Repository"]
