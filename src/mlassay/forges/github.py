"""GitHub: pull requests, reviews with the head they saw, check runs, sticky comments, and what protects the main line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlassay.case.main_line import BRANCH
from mlassay.forges import _editors, _github_checks, _github_protection
from mlassay.forges._address import Address
from mlassay.forges._calls import Calls
from mlassay.forges._hosted import HostedForge, Pull, State
from mlassay.forges._merging import Merging
from mlassay.forges._patience import Patience
from mlassay.forges._refused import Refused
from mlassay.forges._transports import GRAPHQL, GitHubTransport
from mlassay.git import Repository
from mlassay.ports import Check, Protection, PullRequest, Review

DEFAULT_TOKEN = "github-actions[bot]"  # noqa: S105  a login: nobody can register one with brackets
SILENT = (
    "pull request {number} was opened with the workflow's own token, so GitHub runs no checks on it. Let a GitHub App's "
    "token or a deploy key open it: docs/forges.md says how"
)
_STATES: dict[str, State] = {
    "APPROVED": "approved",
    "CHANGES_REQUESTED": "refused",
    "DISMISSED": "dismissed",
    "COMMENTED": "commented",
}


class GitHubForge(HostedForge):
    """A repository on GitHub, or on a GitHub Enterprise Server."""

    def __init__(
        self, repository: Repository, address: Address, token: str, patience: Patience | None = None
    ) -> None:
        patience = patience or Patience()
        calls = Calls(GitHubTransport(address.api, token, patience), patience)
        super().__init__(repository, address.name, calls)
        self._address = address

    def _own_words(self, number: int, reviews: list[Review]) -> list[Review]:
        return _editors.own_words(self.calls, self._name, number, reviews)

    def check(self, head: str, check: Check) -> None:
        """A check run of this commit; a commit status where the token is no App's, which alone may make check runs."""
        _github_checks.post(self.calls, self._at, head, check)

    def protection(self) -> Protection:
        """Rules of the main line, environments and secrets, as far as this token may see them."""
        return _github_protection.read(self.calls, self._address)

    def _list_open(self, branch: str) -> list[Pull]:
        query = {"state": "open", "base": BRANCH}
        if branch:
            query["head"] = f"{self._name.partition('/')[0]}:{branch}"
        return self.calls.pages(f"{self._at}/pulls", **query)

    def _of_branch(self, branch: str) -> list[Pull]:
        head = f"{self._name.partition('/')[0]}:{branch}"
        pulls = self.calls.pages(f"{self._at}/pulls", state="all", base=BRANCH, head=head)
        return [pull for pull in pulls if pull["head"]["ref"] == branch]

    def _with_head(self, head: str, repository: str, branch: str) -> list[Pull]:
        if repository and branch:
            owner = repository.partition("/")[0]
            return self.calls.pages(f"{self._at}/pulls", state="open", head=f"{owner}:{branch}")
        # GitHub does not list a fork's pull request under its commits: then all open ones are gone through.
        listed: list[Pull] = self.calls.get_or_none(f"{self._at}/commits/{head}/pulls") or []
        same = [pull for pull in listed if pull["state"] == "open" and pull["head"]["sha"] == head]
        return same or self.calls.pages(f"{self._at}/pulls", state="open")

    def _merging(self) -> Merging:
        return Merging(
            self.calls, self._git, self._at, ("merge", "squash"), self._send_merge, _not_that_way, _not_yet
        )

    def _send_merge(self, request: PullRequest, method: str, message: str) -> str:
        title, _, body = message.partition("\n")
        wish = {
            "sha": request.head,
            "merge_method": method,
            "commit_title": title,
            "commit_message": body.strip(),
        }
        done = self.calls.send("PUT", f"{self._at}/pulls/{request.number}/merge", wish)
        return str(done["sha"])

    def _show_as_merged(self, request: PullRequest, commit: str) -> None:  # noqa: ARG002  of the other
        # GitHub sees by itself that the push merged it, a moment later; a branch deleted before that shows as closed.
        path = f"{self._at}/pulls/{request.number}"
        if request.number:
            self.calls.patience.until(
                lambda: True if (self.calls.get_or_none(path) or {}).get("merged") else None
            )

    def _state(self, item: Pull) -> State | None:
        return _STATES.get(str(item.get("state", "")).upper())

    def _logins(self, accounts: Sequence[int]) -> list[str]:
        if not accounts:
            return []
        # One call for all of them, which also leaves out whoever may not be asked here.
        found = {each["id"]: each["login"] for each in self.calls.pages(f"{self._at}/collaborators")}
        return [str(found[account]) for account in accounts if account in found]

    def _me(self) -> int:
        try:
            return int(self.calls.get("/user")["id"])
        except Refused as no:
            if no.status not in (401, 403):
                raise
            # An App's token is no user's; only GraphQL tells it who it is.
            told = self.calls.send("POST", GRAPHQL, {"query": "{viewer{databaseId}}"}, again=True)
            return int(told["data"]["viewer"]["databaseId"])

    def _stands_already(self, no: Refused) -> bool:
        return no.status == 422 and "already exists" in no.said

    def _not_known_yet(self, no: Refused) -> bool:
        return no.status == 422 and re.search(r"\bhead\b.*\binvalid\b", no.said) is not None

    def _greet(self, pull: Pull) -> None:
        if (pull.get("user") or {}).get("login") == DEFAULT_TOKEN:
            self.calls.patience.say(SILENT.format(number=pull["number"]))


def _not_that_way(no: Refused) -> bool:
    return (
        no.status in (405, 422)
        and re.search(r"[Mm]erge commits|merge method|linear history", no.said) is not None
    )


def _not_yet(no: Refused) -> bool:
    return no.status == 405 and "Base branch was modified" in no.said
