"""Accounts, Apps, repositories and environments in the words of GitHub's API."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from .state import Account, App, Environment, Hub, Repository

Json = dict[str, Any]
# Each URL of a repository: its name in the JSON and where it leads, below the repository's own.
PLACES = {
    "archive": "{archive_format}{/ref}", "assignees": "assignees{/user}", "blobs": "git/blobs{/sha}",
    "branches": "branches{/branch}", "collaborators": "collaborators{/collaborator}",
    "comments": "comments{/number}", "commits": "commits{/sha}", "compare": "compare/{base}...{head}",
    "contents": "contents/{+path}", "contributors": "contributors", "deployments": "deployments",
    "downloads": "downloads", "events": "events", "forks": "forks", "git_commits": "git/commits{/sha}",
    "git_refs": "git/refs{/sha}", "git_tags": "git/tags{/sha}", "hooks": "hooks",
    "issue_comment": "issues/comments{/number}", "issue_events": "issues/events{/number}",
    "issues": "issues{/number}", "keys": "keys{/key_id}", "labels": "labels{/name}",
    "languages": "languages", "merges": "merges", "milestones": "milestones{/number}",
    "notifications": "notifications{?since,all,participating}", "pulls": "pulls{/number}",
    "releases": "releases{/id}", "stargazers": "stargazers", "statuses": "statuses/{sha}",
    "subscribers": "subscribers", "subscription": "subscription", "tags": "tags", "teams": "teams",
    "trees": "git/trees{/sha}",
}  # fmt: skip
OF_A_PERSON = {
    "events": "events{/privacy}", "followers": "followers", "following": "following{/other_user}",
    "gists": "gists{/gist_id}", "organizations": "orgs", "received_events": "received_events",
    "repos": "repos", "starred": "starred{/owner}{/repo}", "subscriptions": "subscriptions",
}  # fmt: skip


def moment(when: datetime | None) -> str | None:
    return None if when is None else when.strftime("%Y-%m-%dT%H:%M:%SZ")


def node(kind: str, number: int) -> str:
    return base64.b64encode(f"{kind}{number}".encode()).decode()


class Homes:
    """All JSON of one hub, on its own host: clients refuse addresses of another."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def account(self, one: Account) -> Json:
        url = f"{self._hub.api}/users/{one.login}"
        return {
            "login": one.login,
            "id": one.id,
            "node_id": node("User", one.id),
            "avatar_url": f"{self._hub.base}/avatars/{one.id}",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{self._hub.base}/{one.login}",
            **{f"{name}_url": f"{url}/{place}" for name, place in OF_A_PERSON.items()},
            "type": one.type,
            "site_admin": False,
        }

    def person(self, one: Account, *, private: bool = False) -> Json:
        """An account as its own page shows it; ``private`` as it sees itself."""
        since = "2020-01-01T00:00:00Z"
        public = dict.fromkeys(("name", "company", "location", "email", "hireable", "bio"))
        counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
        own = {
            **dict.fromkeys(
                (
                    "private_gists",
                    "total_private_repos",
                    "owned_private_repos",
                    "disk_usage",
                    "collaborators",
                ),
                0,
            ),
            "two_factor_authentication": True,
        }
        dates = {"created_at": since, "updated_at": since}
        view = {"user_view_type": "private" if private else "public"}
        return {
            **self.account(one),
            **public,
            "blog": "",
            **counts,
            **dates,
            **view,
            **(own if private else {}),
        }

    def app(self, app: App) -> Json:
        since = "2020-01-01T00:00:00Z"
        return {
            "id": app.id,
            "slug": app.slug,
            "node_id": node("App", app.id),
            "owner": self.account(app.owner),
            "name": app.slug,
            "description": "",
            "external_url": f"{self._hub.base}/{app.slug}",
            "html_url": f"{self._hub.base}/apps/{app.slug}",
            "created_at": since,
            "updated_at": since,
            "permissions": app.permissions,
            "events": [],
        }

    def url(self, repository: Repository) -> str:
        return f"{self._hub.api}/repos/{repository.full_name}"

    def html(self, repository: Repository) -> str:
        return f"{self._hub.base}/{repository.full_name}"

    def repository(self, one: Repository, role: str = "") -> Json:
        """A repository in full; with ``role``, what the asking person may do there."""
        url, html = self.url(one), self.html(one)
        counts = ("forks", "open_issues", "stargazers", "watchers")
        opened = sum(pull.state == "open" for pull in one.pulls.values())
        numbers = {f"{name}_count": 0 for name in counts} | {
            "open_issues_count": opened,
            "open_issues": opened,
        }
        ranks = {"admin": 5, "maintain": 4, "push": 3, "triage": 2, "pull": 1}
        rank = {"read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}.get(role, 0)
        return {
            "id": one.id,
            "node_id": node("Repository", one.id),
            "name": one.name,
            "full_name": one.full_name,
            "private": one.private,
            "visibility": "private" if one.private else "public",
            "owner": self.account(one.owner),
            "html_url": html,
            "url": url,
            **{f"{name}_url": f"{url}/{place}" for name, place in PLACES.items()},
            "clone_url": one.clone_url,
            "git_url": f"git://127.0.0.1/{one.full_name}.git",
            "ssh_url": f"git@127.0.0.1:{one.full_name}.git",
            "svn_url": html,
            **dict.fromkeys(("description", "homepage", "language", "mirror_url", "license"), None),
            "default_branch": one.default_branch,
            "fork": one.parent is not None,
            "forks": 0,
            "watchers": 0,
            **numbers,
            **{
                f"has_{name}": name == "issues"
                for name in ("issues", "projects", "wiki", "pages", "discussions")
            },
            "has_downloads": False,
            "archived": False,
            "disabled": False,
            "size": 1,
            "network_count": 0,
            "subscribers_count": 0,
            **{f"{name}_at": moment(one.made) for name in ("created", "updated", "pushed")},
            **one.settings,
            **({"permissions": {name: rank >= least for name, least in ranks.items()}} if role else {}),
        }

    def environment(self, home: Repository, one: Environment) -> Json:
        rules: list[Json] = []
        if one.branches is not None or one.protected_only:
            rules.append({"id": one.id + 1, "node_id": node("Gate", one.id + 1), "type": "branch_policy"})
        if one.reviewers:
            people = [{"type": "User", "reviewer": self.account(person)} for person in one.reviewers]
            rule = {"id": one.id + 2, "node_id": node("Gate", one.id + 2), "type": "required_reviewers"}
            rules.append({**rule, "prevent_self_review": False, "reviewers": people})
        limited = {
            "protected_branches": one.protected_only,
            "custom_branch_policies": one.branches is not None,
        }
        return {
            "id": one.id,
            "node_id": node("Environment", one.id),
            "name": one.name,
            "url": f"{self.url(home)}/environments/{one.name}",
            "html_url": f"{self.html(home)}/deployments/activity_log?environments_filter={one.name}",
            "created_at": moment(home.made),
            "updated_at": moment(home.made),
            "protection_rules": rules,
            "deployment_branch_policy": limited if any(limited.values()) else None,
        }
