"""Gitea: pull requests, reviews, commit statuses, sticky comments, and what protects the main line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from mlassay.case.main_line import BRANCH
from mlassay.forges._address import Address
from mlassay.forges._calls import Calls
from mlassay.forges._github_checks import status
from mlassay.forges._hosted import HostedForge, Pull, State
from mlassay.forges._merging import Merging
from mlassay.forges._patience import Patience
from mlassay.forges._refused import Refused
from mlassay.forges._transports import RequestsTransport
from mlassay.git import Repository
from mlassay.ports import Check, Protection, PullRequest, RequiredCheck

_STATES: dict[str, State] = {"APPROVED": "approved", "REQUEST_CHANGES": "refused", "COMMENT": "commented"}


class GiteaForge(HostedForge):
    """A repository on a Gitea (1.20 or later)."""

    def __init__(
        self, repository: Repository, address: Address, token: str, patience: Patience | None = None
    ) -> None:
        patience = patience or Patience()
        calls = Calls(RequestsTransport(address.api, token, patience), patience)
        super().__init__(repository, address.name, calls)
        self._address = address

    def check(self, head: str, check: Check) -> None:
        """A commit status: Gitea has no check runs, so the summary stays on the pull request's page."""
        self.calls.send("POST", f"{self._at}/statuses/{head}", status(check), again=True)

    def protection(self) -> Protection:
        """The protection of the main line. Gitea has no environments: secrets are the repository's, or the runner's."""
        self.calls.get(self._at)
        unknown: list[str] = []
        rule, hidden = None, False
        try:
            rules = self.calls.pages(f"{self._at}/branch_protections")
            rule = next((r for r in rules if BRANCH in (r.get("rule_name"), r.get("branch_name"))), None)
        except Refused as no:
            if no.status not in (403, 404):
                raise
            hidden = True
            unknown.append("branch protection")
        secrets = self._secrets(unknown)
        return Protection(
            forge="Gitea",
            repository=self._name,
            branch=BRANCH,
            page=f"{self._address.web}/{self._name}/settings/branches",
            protected=None if hidden else rule is not None,
            force_push=None if hidden else rule is None or bool(rule.get("enable_force_push")),
            deletion=None if hidden else rule is None,
            pull_request=None if hidden else rule is not None and not _anybody_pushes(rule),
            checks=None if hidden else _checks(rule),
            bypass=None if hidden or rule is None else _bypass(rule),
            secrets=secrets,
            unknown=tuple(unknown),
        )

    def _secrets(self, unknown: list[str]) -> frozenset[str] | None:
        try:
            return frozenset(str(each["name"]) for each in self.calls.pages(f"{self._at}/actions/secrets"))
        except Refused as no:
            if no.status not in (403, 404, 405):
                raise
            unknown.append("names of repository secrets")
            return None

    def _list_open(self, branch: str) -> list[Pull]:  # noqa: ARG002  Gitea does not filter by head
        return self.calls.pages(f"{self._at}/pulls", state="open")

    def _of_branch(self, branch: str) -> list[Pull]:
        # Once the branch is deleted, Gitea tells refs/pull/N/head as the head's ref, and keeps the name in its label.
        pulls = self.calls.pages(f"{self._at}/pulls", state="all")
        return [p for p in pulls if branch in (p["head"]["ref"], p["head"].get("label"))]

    def _with_head(self, head: str, repository: str, branch: str) -> list[Pull]:  # noqa: ARG002  the same
        return self._list_open("")

    def _merging(self) -> Merging:
        return Merging(
            self.calls, self._git, self._at, ("merge", "squash"), self._send_merge, _not_that_way, _not_yet
        )

    def _send_merge(self, request: PullRequest, method: str, message: str) -> str:
        title, _, body = message.partition("\n")
        wish = {
            "Do": method,
            "head_commit_id": request.head,
            "MergeTitleField": title,
            "MergeMessageField": body.strip(),
        }
        self.calls.send("POST", f"{self._at}/pulls/{request.number}/merge", wish)
        return ""  # Gitea does not say; the pull request does

    def _show_as_merged(self, request: PullRequest, commit: str) -> None:
        if not request.number:
            return
        try:
            wish = {"Do": "manually-merged", "MergeCommitID": commit}
            self.calls.send("POST", f"{self._at}/pulls/{request.number}/merge", wish, again=True)
        except Refused:
            return  # only where its settings allow it; the page then says closed, which is true as well

    def _state(self, item: Pull) -> State | None:
        state = _STATES.get(str(item.get("state", "")).upper())
        return "dismissed" if state and item.get("dismissed") else state

    def _logins(self, accounts: Sequence[int]) -> list[str]:
        if not accounts:
            return []
        found = {each["id"]: each["login"] for each in self.calls.pages(f"{self._at}/reviewers")}
        return [str(found[account]) for account in accounts if account in found]

    def _me(self) -> int:
        return int(self.calls.get("/user")["id"])

    def _stands_already(self, no: Refused) -> bool:
        return no.status == 409 and "already exists" in no.said

    def _not_known_yet(self, no: Refused) -> bool:
        return no.status == 404


def _not_that_way(no: Refused) -> bool:
    return (
        no.status == 405 and re.search(r"merge style|not allowed merge", no.said, re.IGNORECASE) is not None
    )


def _not_yet(no: Refused) -> bool:
    return no.status == 405 and "try again" in no.said.lower()


def _anybody_pushes(rule: Pull) -> bool:
    return bool(rule.get("enable_push")) and not rule.get("enable_push_whitelist")


def _checks(rule: Pull | None) -> tuple[RequiredCheck, ...]:
    if rule is None or not rule.get("enable_status_check"):
        return ()
    return tuple(RequiredCheck(str(name)) for name in rule.get("status_check_contexts") or [])


def _bypass(rule: Pull) -> tuple[str, ...]:
    found = [f"user {name}" for name in rule.get("push_whitelist_usernames") or []]
    found += [f"team {name}" for name in rule.get("push_whitelist_teams") or []]
    if rule.get("push_whitelist_deploy_keys"):
        found.append("deploy keys that may write")
    if not rule.get("block_admin_merge_override"):
        found.append("administrators (merge override)")
    return tuple(found)
