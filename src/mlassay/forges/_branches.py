"""The git side of a forge with a server: branches moved by compare-and-swap, heads read from git itself.

A forge's API lags behind its git for a moment after each push, so git is asked where a branch is, never the API.
"""

from __future__ import annotations

from mlassay.case.main_line import BRANCH, REF
from mlassay.errors import ConfigurationError, Problem, RemoteError
from mlassay.git import MovedOn, Repository


class Branches:
    """Branches of the remote that the main line follows."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self.remote = repository.remote(BRANCH) or ""

    def publish(self, branch: str, head: str) -> None:
        """Make ``branch`` at ``head``; MovedOn when it is there with something else."""
        self.repository.push(self._needed(), head, f"refs/heads/{branch}", None)

    def move(self, branch: str, old: str, new: str) -> None:
        """Move ``branch``; MovedOn when it is not at ``old``."""
        self.repository.push(self._needed(), new, f"refs/heads/{branch}", old)

    def land(self, commit: str, expected: str) -> None:
        """Move the main line; MovedOn when it has moved, Declined when it is protected."""
        self.repository.push(self._needed(), commit, REF, expected)

    def remove(self, branch: str, head: str) -> None:
        """Delete ``branch``; one that moved on, or may not be deleted, stays and is told as merged by its readers."""
        try:
            self.repository.push(self._needed(), None, f"refs/heads/{branch}", head)
        except RemoteError:
            return

    def heads(self) -> dict[str, str]:
        """Every branch as the remote has it now, all of it fetched."""
        remote = self._needed()
        self.repository.fetch(remote)
        prefix = f"refs/remotes/{remote}/"
        return {ref.removeprefix(prefix): head for ref, head in self.repository.refs(prefix).items()}

    def main(self) -> str:
        """The main line's tip as the remote has it now."""
        tip = self.heads().get(BRANCH)
        if tip is None:
            raise MovedOn(Problem(f"{BRANCH} is gone from the remote", remedy="look at git remote -v"))
        return tip

    def _needed(self) -> str:
        if not self.remote:
            raise ConfigurationError(
                Problem(
                    "this repository has no remote, so it is on no forge",
                    remedy="git remote add origin https://<host>/<owner>/<name>.git, or --forge local",
                )
            )
        return self.remote
