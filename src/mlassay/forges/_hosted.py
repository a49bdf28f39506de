"""What GitHub and Gitea have in common: pull requests over REST, their branches over git; one subclass each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from mlassay.case.main_line import BRANCH
from mlassay.case.requests import OWN, name_of_branch
from mlassay.errors import EvidenceError, Problem, RemoteError
from mlassay.forges import _comments
from mlassay.forges._branches import Branches
from mlassay.forges._calls import Calls
from mlassay.forges._merging import Merging
from mlassay.forges._refused import Refused
from mlassay.git import Declined, MovedOn, Repository
from mlassay.ports import PullRequest, Review

TITLE_CHARACTERS = 250
MOST_ASKED = 4  # a crowd that is asked answers less than a few

Pull = Mapping[str, Any]
State = Literal["approved", "refused", "dismissed", "commented"]


class HostedForge:
    """Pull requests of one repository, ``name`` (owner/name), through ``calls``."""

    def __init__(self, repository: Repository, name: str, calls: Calls) -> None:
        self.calls = calls
        self._git = Branches(repository)
        self._name = name
        self._at = f"/repos/{name}"

    # Forge

    def open(self, branch: str, head: str, *, title: str, body: str) -> PullRequest:
        """Publish ``head`` and open its pull request, or find the one that stands; never two.

        MovedOn when the branch is there with something else: if a killed run left it without a pull request,
        that one is opened first, so that it is found the next time round. RemoteError when people closed it.
        """
        if name_of_branch(branch) is None and not branch.startswith(OWN):
            raise ValueError(f"{branch} is no branch of a request")
        text = {"title": title[:TITLE_CHARACTERS], "body": body[: _comments.CHARACTERS]}
        try:
            self._git.publish(branch, head)
        except MovedOn:
            if not any(self._open_pulls(branch)):
                self._not_closed(branch)
                self._opened(branch, text)
            raise
        pull = self._opened(branch, text)
        self._greet(pull)
        return self._request(pull, head)

    def update(self, request: PullRequest, head: str) -> PullRequest:
        """Move the branch from where it was seen to ``head``; MovedOn when somebody was faster."""
        self._git.move(request.branch, request.head, head)
        return PullRequest(request.id, request.branch, head, request.number, request.url)

    def requests(self) -> Sequence[PullRequest]:
        """Every open pull request of mlassay's own branches here, where git has them now, sorted by branch."""
        pulls = list(self._open_pulls())
        heads = self._git.heads()
        found = [self._request(pull, heads[_branch(pull)]) for pull in pulls if _branch(pull) in heads]
        return sorted((request for request in found if request.id), key=lambda request: request.branch)

    def merge(self, request: PullRequest, commit: str, expected_main: str) -> str:
        """Land ``commit`` by a push where that is allowed, else have the forge merge the request's head."""
        landed = commit
        if commit != expected_main:
            try:
                self._git.land(commit, expected_main)
                self._show_as_merged(request, commit)
            except Declined:
                if self._git.main() != expected_main:
                    raise MovedOn(Problem(f"{BRANCH} has moved on", remedy="run the command again")) from None
                landed = self._merging().merge(self._numbered(request), commit)
        self._git.remove(request.branch, request.head)
        return landed

    # Reviewing

    def reviews(self, request: PullRequest) -> Sequence[Review]:
        """Every submitted review, in the order in which they were given."""
        number = self._numbered(request).number
        told = self.calls.pages(f"{self._at}/pulls/{number}/reviews")
        found = [review for item in told if (review := self._review(item)) is not None]
        found = self._own_words(number, found) if found else []
        return sorted(found, key=lambda review: (review.at, review.id))

    def ask(self, request: PullRequest, accounts: Sequence[int]) -> None:
        """Ask these accounts for a review; one who cannot be asked (gone, or the author) is passed over."""
        logins = self._logins(list(dict.fromkeys(accounts))[:MOST_ASKED])
        path = f"{self._at}/pulls/{self._numbered(request).number}/requested_reviewers"
        try:
            if logins:
                self.calls.send("POST", path, {"reviewers": logins}, again=True)
        except Refused as no:
            if no.status not in (404, 422):
                raise
            for login in logins if len(logins) > 1 else []:
                self._ask_one(path, login)

    def _ask_one(self, path: str, login: str) -> None:
        try:
            self.calls.send("POST", path, {"reviewers": [login]}, again=True)
        except Refused as no:
            if no.status not in (404, 422):
                raise

    def landed(self, branch: str) -> PullRequest | None:
        """The newest pull request of this branch of ours, with the head that it has or had when it ended.

        Of several only those count that the forge calls merged, or whose head the main line holds: anybody who may push
        can open another from a branch of that name. A forge may notice some moments after the push that one ended.
        """
        ours = [pull for pull in self._of_branch(branch) if _home(pull["head"]) == _home(pull["base"])]
        if len(ours) > 1:
            ours = [pull for pull in ours if _was_merged(pull) or self._on_main(pull)] or ours
        pull = max(ours, key=lambda each: int(each["number"]), default=None)
        name = name_of_branch(branch)
        if pull is None or name is None:
            return None
        head, url = str(pull["head"]["sha"]), str(pull["html_url"])
        return PullRequest(name.id, branch, head, int(pull["number"]), url)

    # Page

    def find(self, head: str, repository: str = "", branch: str = "") -> PullRequest | None:
        """The open pull request against the main line whose head is this commit, a fork's too."""
        for pull in self._with_head(head, repository, branch):
            if pull["state"] != "open" or pull["base"]["ref"] != BRANCH or pull["head"]["sha"] != head:
                continue
            if repository and _home(pull["head"]) != repository.lower():
                continue
            return self._request(pull, head)
        return None

    def comment(self, request: PullRequest, marker: str, body: str) -> None:
        """Write the one comment of ours that bears ``marker``, anew or for the first time."""
        number = self._numbered(request).number
        _comments.write(self.calls, f"{self._at}/issues", number, marker, body, self._me)

    # What differs

    def _list_open(self, branch: str) -> list[Pull]:
        raise NotImplementedError

    def _with_head(self, head: str, repository: str, branch: str) -> list[Pull]:
        raise NotImplementedError

    def _merging(self) -> Merging:
        raise NotImplementedError

    def _state(self, item: Pull) -> State | None:
        raise NotImplementedError

    def _logins(self, accounts: Sequence[int]) -> list[str]:
        raise NotImplementedError

    def _me(self) -> int:
        raise NotImplementedError

    def _stands_already(self, no: Refused) -> bool:
        raise NotImplementedError

    def _not_known_yet(self, no: Refused) -> bool:
        raise NotImplementedError

    def _own_words(self, number: int, reviews: list[Review]) -> list[Review]:  # noqa: ARG002  of who can tell
        """``reviews``, without the words that somebody else put into one."""
        return reviews

    def _greet(self, pull: Pull) -> None:
        """Say what must be said of a pull request that was just opened."""

    def _show_as_merged(self, request: PullRequest, commit: str) -> None:
        """Have the page say that a push of ``commit`` has merged the request."""

    # Shared parts

    def _open_pulls(self, branch: str = "") -> Iterator[Pull]:
        """Open ones from this very repository against the main line; RemoteError when it was renamed."""
        for pull in self._list_open(branch):
            self._not_renamed(pull)
            ours = _home(pull["head"]) == _home(pull["base"]) and pull["base"]["ref"] == BRANCH
            if pull["state"] == "open" and ours and branch in ("", _branch(pull)):
                yield pull

    def _on_main(self, pull: Pull) -> bool:
        try:
            return self._git.repository.is_ancestor(str(pull["head"]["sha"]), self._git.main())
        except EvidenceError:
            return False  # a commit that is not here is on no line that is

    def _not_renamed(self, pull: Pull) -> None:
        now = str(pull["base"]["repo"]["full_name"])
        if now.lower() != self._name.lower():
            raise RemoteError(
                Problem(
                    f"{self._name} is called {now} now on {self.calls.host}",
                    why="the old name may be given to somebody else at any time",
                    remedy="git remote set-url origin <its new address>, then run the command again",
                )
            )

    def _opened(self, branch: str, text: Mapping[str, str]) -> Pull:
        body = {**text, "head": branch, "base": BRANCH}
        last: list[Refused] = []

        def create() -> Pull | None:
            made: Pull = self.calls.send("POST", f"{self._at}/pulls", body)
            return made

        def look() -> Pull | None:
            return next(self._open_pulls(branch), None)

        def tried() -> Pull | None:
            try:
                return self.calls.patience.written(create, look)
            except Refused as no:
                if self._stands_already(no):
                    return look()
                if not self._not_known_yet(no):
                    raise
                last.append(no)
                return None

        pull: Pull | None = self.calls.patience.until(tried)
        if pull is not None:
            return pull
        if last:
            raise last[-1]
        raise RemoteError(Problem(f"{self.calls.host} says that {branch} has a pull request and shows none"))

    def _not_closed(self, branch: str) -> None:
        closed = [p for p in self._closed(branch) if _home(p["head"]) == _home(p["base"])]
        if closed:
            number, url = closed[0]["number"], closed[0]["html_url"]
            raise RemoteError(
                Problem(
                    f"the pull request {number} of {branch} was closed without being merged",
                    why="whoever closed it may have meant no; mlassay does not go past that",
                    remedy=f"open it again at {url}, or delete the branch {branch} and ask anew",
                )
            )

    def _closed(self, branch: str) -> list[Pull]:
        closed = [pull for pull in self._of_branch(branch) if pull["state"] == "closed"]
        return [pull for pull in closed if not _was_merged(pull)]

    def _of_branch(self, branch: str) -> list[Pull]:
        """Every pull request of this branch: open, closed and merged ones."""
        raise NotImplementedError

    def _request(self, pull: Pull, head: str) -> PullRequest:
        branch = _branch(pull)
        name = name_of_branch(branch) if _home(pull["head"]) == _home(pull["base"]) else None
        return PullRequest(name.id if name else "", branch, head, int(pull["number"]), str(pull["html_url"]))

    def _numbered(self, request: PullRequest) -> PullRequest:
        """``request`` with its number; RemoteError when it has no open pull request."""
        if request.number:
            return request
        pull = next(self._open_pulls(request.branch), None)
        if pull is None:
            raise RemoteError(
                Problem(
                    f"{request.branch} has no open pull request on {self.calls.host}",
                    remedy="open it again there, or ask anew: mlassay promote",
                )
            )
        return self._request(pull, request.head)

    def _review(self, item: Pull) -> Review | None:
        state = self._state(item)
        if state is None or not item.get("user") or not item.get("submitted_at"):
            return None
        return Review(
            id=int(item["id"]),
            account=int(item["user"]["id"]),
            login=str(item["user"]["login"]),
            head=str(item.get("commit_id") or ""),
            state=state,
            body=str(item.get("body") or ""),
            at=datetime.fromisoformat(str(item["submitted_at"])).astimezone(UTC),
        )


def _branch(pull: Pull) -> str:
    return str(pull["head"]["ref"])


def _was_merged(pull: Pull) -> bool:
    return bool(pull.get("merged") or pull.get("merged_at"))


def _home(side: Pull) -> str:
    """owner/name of the repository that a side lies in; a fork that was deleted is nobody's."""
    repo = side.get("repo")
    return str(repo["full_name"]).lower() if repo else ""
