"""Pull requests over any git remote, with no server: a branch each, and compare-and-swap on every ref."""

from __future__ import annotations

from collections.abc import Sequence

from mlassay.case.main_line import BRANCH, MainLine, land
from mlassay.case.requests import OWN, name_of_branch, open_branches
from mlassay.errors import Problem, RemoteError
from mlassay.git import MovedOn, Repository
from mlassay.ports import PullRequest

HERE = "."  # git's own name for this repository, where there is no remote


class LocalForge:
    """The git remote that the main line follows, or this repository itself where there is none."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._remote = repository.remote(BRANCH)

    def open(self, branch: str, head: str, *, title: str, body: str) -> PullRequest:  # noqa: ARG002  of the port
        """Publish ``head`` as a new branch; MovedOn when the branch is there already with something else.

        Title and body are those of the commit: there is no other place for them.
        """
        name = name_of_branch(branch)
        if name is None and not branch.startswith(OWN):
            raise ValueError(f"{branch} is no branch of a request")
        self._repository.push(self._remote or HERE, head, _ref(branch), None)
        return PullRequest(name.id if name else "", branch, head)

    def update(self, request: PullRequest, head: str) -> PullRequest:
        """Move the branch from where it was seen to ``head``; MovedOn when somebody was faster."""
        self._repository.push(self._remote or HERE, head, _ref(request.branch), request.head)
        return PullRequest(request.id, request.branch, head)

    def requests(self) -> Sequence[PullRequest]:
        """Every branch of a request, as the remote has it now, sorted by name."""
        if self._remote is not None:
            self._repository.fetch(self._remote)
        names = ((branch, head, name_of_branch(branch)) for branch, head in open_branches(self._repository))
        return [PullRequest(name.id, branch, head) for branch, head, name in names if name is not None]

    def merge(self, request: PullRequest, commit: str, expected_main: str) -> str:
        """Move the main line from ``expected_main`` to ``commit``, then delete the branch; MovedOn when it moved."""
        if not land(self._repository, MainLine(self._remote, expected_main), commit):
            raise MovedOn(Problem(f"{BRANCH} has moved on", remedy="run the command again"))
        self._close(request)
        return commit

    def _close(self, request: PullRequest) -> None:
        try:
            self._repository.push(self._remote or HERE, None, _ref(request.branch), request.head)
        except RemoteError:
            # What was to land has landed: a branch that stays behind is told as merged by everybody who reads it.
            return


def _ref(branch: str) -> str:
    return f"refs/heads/{branch}"
