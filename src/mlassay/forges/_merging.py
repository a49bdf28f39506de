"""The forge's own merge, where the main line takes no push: with the head that was judged, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from mlassay.case.main_line import BRANCH
from mlassay.errors import EvidenceError, Problem, RemoteError
from mlassay.forges._branches import Branches
from mlassay.forges._calls import Calls
from mlassay.forges._refused import Refused
from mlassay.git import MovedOn
from mlassay.ports import PullRequest

Pull = Mapping[str, Any]


@dataclass(frozen=True)
class Merging:
    """How one forge merges: ``send`` asks it to, by one of ``methods``, and answers with the commit or "".

    ``not_that_way`` tells a refusal of the method from one of the merge; ``not_yet`` one that passes by itself.
    """

    calls: Calls
    git: Branches
    at: str
    methods: Sequence[str]
    send: Callable[[PullRequest, str, str], str]
    not_that_way: Callable[[Refused], bool]
    not_yet: Callable[[Refused], bool]

    def merge(self, request: PullRequest, commit: str) -> str:
        """The main-line commit by which the forge merged ``request``; its message is that of ``commit``.

        MovedOn when the head is no longer the one that was judged; RemoteError, with what the forge misses, else.
        """
        message = self.git.repository.commit(commit).message
        for method in self.methods:
            try:
                made = self.calls.patience.until(partial(self._tried, request, method, message))
            except Refused as no:
                if method == self.methods[-1] or not self.not_that_way(no):
                    self._explain(request, no)
                continue
            if made is None:
                break
            return self._arrived(request, made)
        raise RemoteError(
            Problem(
                f"{self.calls.host} does not merge pull request {request.number} yet",
                why="it is still working out whether it can be merged",
                remedy=f"wait a moment, then: mlassay merge {request.id}",
            )
        )

    def _tried(self, request: PullRequest, method: str, message: str) -> str | None:
        """The commit; None when it is worth asking again in a moment. Refused when it is not."""
        try:
            return self.calls.patience.written(
                lambda: self.send(request, method, message), lambda: self._merged(request)[0]
            )
        except Refused as no:
            if no.status not in (405, 409, 422):
                raise
            made, pull = self._merged(request)
            if made is not None:
                return made
            if pull["state"] == "open" and (self._lags(request, pull) or self.not_yet(no)):
                return None
            raise

    def _merged(self, request: PullRequest) -> tuple[str | None, Pull]:
        pull: Pull = self.calls.get(f"{self.at}/pulls/{request.number}")
        return (str(pull["merge_commit_sha"]) if pull.get("merged") else None), pull

    def _lags(self, request: PullRequest, pull: Pull) -> bool:
        """Whether the API has not seen the push of this head yet; MovedOn when git has another head too."""
        if pull["head"]["sha"] == request.head:
            return False
        if self.git.heads().get(request.branch) == request.head:
            return True
        raise MovedOn(Problem(f"{request.branch} has moved on", remedy="run the command again"))

    def _arrived(self, request: PullRequest, made: str) -> str:
        """``made`` (or, where the forge did not say, its merge commit), once git shows it on the main line."""
        made = made or self._merged(request)[0] or ""

        def there() -> str | None:
            tip = self.git.heads().get(BRANCH)
            try:
                return made if tip and self.git.repository.on_first_parent_line(made, tip) else None
            except EvidenceError:
                return None  # not fetched yet

        if self.calls.patience.until(there) is None:
            problem = Problem(
                f"{self.calls.host} says that it merged pull request {request.number} as {made[:12] or 'something'}, "
                f"and {BRANCH} does not hold it",
                remedy="git fetch, then: mlassay status",
            )
            raise RemoteError(problem)
        return made

    def _explain(self, request: PullRequest, no: Refused) -> NoReturn:
        pull = (
            self.calls.get_or_none(f"{self.at}/pulls/{request.number}")
            if no.status in (404, 405, 409, 422)
            else None
        )
        page = request.url or f"pull request {request.number}"
        if pull is not None and pull["state"] != "open":
            what, remedy = f"{page} was closed", f"open it again there, then: mlassay merge {request.id}"
        elif no.status == 405:
            what = f"the main line is protected, and {self.calls.host} does not merge {page}: {no.said}"
            remedy = f"see there what it waits for (a check, a review), then: mlassay merge {request.id}"
        elif no.status == 409:
            what = f"{page} cannot be merged as it stands: {no.said}"
            remedy = (
                "it touches what the main line has changed since: ask anew with mlassay promote or propose"
            )
        elif no.status == 422:
            what = f"{self.calls.host} does not take this merge of {page}: {no.said}"
            remedy = "look at the repository's settings for pull requests: a merge commit or a squash must be allowed"
        else:
            raise no
        raise RemoteError(Problem(what, why="nothing was merged", remedy=remedy)) from no
