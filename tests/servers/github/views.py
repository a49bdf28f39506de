"""State in the words of GitHub's API: every field that the contract demands, none that it forbids."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from . import bare
from .state import Account, App, CheckRun, Comment, Environment, Hub, Pull, Repository, Review, Status

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


class Views:
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

    def side(self, repository: Repository, branch: str, sha: str) -> Json:
        """Head or base of a pull request."""
        return {
            "label": f"{repository.owner.login}:{branch}",
            "ref": branch,
            "sha": sha,
            "user": self.account(repository.owner),
            "repo": self.repository(repository),
        }

    def pull(self, home: Repository, one: Pull) -> Json:
        """A pull request as lists show it."""
        url, html = f"{self.url(home)}/pulls/{one.number}", f"{self.html(home)}/pull/{one.number}"
        issue = f"{self.url(home)}/issues/{one.number}"
        links = {
            "comments": f"{issue}/comments",
            "commits": f"{url}/commits",
            "statuses": f"{self.url(home)}/statuses/{one.head}",
            "html": html,
            "issue": issue,
            "review_comments": f"{url}/comments",
            "review_comment": f"{self.url(home)}/pulls/comments{{/number}}",
            "self": url,
        }
        base = (
            home.seen.get(f"refs/heads/{one.base}", one.base_commit)
            if one.state == "open"
            else one.base_commit
        )
        return {
            "id": one.id,
            "node_id": node("PullRequest", one.id),
            "number": one.number,
            "state": one.state,
            "locked": False,
            "draft": one.draft,
            "title": one.title,
            "body": one.body,
            "user": self.account(one.account),
            "author_association": association(home, one.account),
            "url": url,
            "html_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "issue_url": issue,
            **{
                f"{name}_url": links[name]
                for name in ("comments", "commits", "review_comment", "review_comments")
            },
            "statuses_url": links["statuses"],
            "head": self.side(one.source, one.branch, one.head),
            "base": self.side(home, one.base, base),
            **dict.fromkeys(("assignee", "milestone", "auto_merge", "active_lock_reason")),
            **{name: [] for name in ("labels", "assignees", "requested_teams")},
            "requested_reviewers": [self.account(asked) for asked in one.asked],
            "created_at": moment(one.made),
            "updated_at": moment(one.changed),
            "closed_at": moment(one.closed),
            "merged_at": moment(one.merged),
            "merge_commit_sha": one.merge_commit,
            "_links": {name: {"href": place} for name, place in links.items()},
        }

    def whole_pull(self, home: Repository, one: Pull, mergeable: bool | None, state: str) -> Json:
        """A pull request as its own address shows it; ``mergeable`` None while GitHub still computes it."""
        base = one.base_commit if one.merged else home.seen.get(f"refs/heads/{one.base}", one.base_commit)
        return {
            **self.pull(home, one),
            "merged": one.merged is not None,
            "merged_by": self.account(one.merged_by) if one.merged_by else None,
            "mergeable": None if one.state == "closed" else mergeable,
            "rebaseable": None if one.state == "closed" else mergeable,
            "mergeable_state": "unknown" if one.state == "closed" or mergeable is None else state,
            "maintainer_can_modify": False,
            "comments": len(one.comments),
            "review_comments": 0,
            **bare.size(home.bare, base, one.head),
        }

    def review(self, home: Repository, pull: Pull, one: Review) -> Json:
        url, html = f"{self.url(home)}/pulls/{pull.number}", f"{self.html(home)}/pull/{pull.number}"
        page = f"{html}#pullrequestreview-{one.id}"
        return {
            "id": one.id,
            "node_id": node("PullRequestReview", one.id),
            "user": self.account(one.account),
            "body": one.body,
            "state": one.state,
            "commit_id": one.head,
            "html_url": page,
            "pull_request_url": url,
            "author_association": association(home, one.account),
            **({"submitted_at": moment(one.at)} if one.at else {}),
            "_links": {"html": {"href": page}, "pull_request": {"href": url}},
        }

    def comment(self, home: Repository, pull: Pull, one: Comment) -> Json:
        page = f"{self.html(home)}/pull/{pull.number}#issuecomment-{one.id}"
        app = one.account.app
        return {
            "id": one.id,
            "node_id": node("IssueComment", one.id),
            "url": f"{self.url(home)}/issues/comments/{one.id}",
            "html_url": page,
            "issue_url": f"{self.url(home)}/issues/{pull.number}",
            "user": self.account(one.account),
            "body": one.body,
            "created_at": moment(one.made),
            "updated_at": moment(one.changed),
            "author_association": association(home, one.account),
            "performed_via_github_app": self.app(app) if app else None,
        }

    def check(self, home: Repository, one: CheckRun) -> Json:
        url = f"{self.url(home)}/check-runs/{one.id}"
        near = [pull for pull in home.pulls.values() if pull.head == one.head and pull.state == "open"]
        return {
            "id": one.id,
            "node_id": node("CheckRun", one.id),
            "name": one.name,
            "head_sha": one.head,
            "external_id": one.external_id,
            "url": url,
            "html_url": f"{self.html(home)}/runs/{one.id}",
            "details_url": one.details_url,
            "status": one.status,
            "conclusion": one.conclusion,
            "started_at": one.started,
            "completed_at": one.completed,
            "output": {
                **{name: one.output.get(name) for name in ("title", "summary", "text")},
                "annotations_count": len(one.annotations),
                "annotations_url": f"{url}/annotations",
            },
            "check_suite": {"id": one.app.id * 1000 + home.id},
            "app": self.app(one.app),
            "pull_requests": [self._near(home, pull) for pull in near if pull.source is home],
        }

    def _near(self, home: Repository, pull: Pull) -> Json:
        repo = {"id": home.id, "url": self.url(home), "name": home.name}
        return {
            "id": pull.id,
            "number": pull.number,
            "url": f"{self.url(home)}/pulls/{pull.number}",
            "head": {"ref": pull.branch, "sha": pull.head, "repo": repo},
            "base": {"ref": pull.base, "sha": home.seen.get(f"refs/heads/{pull.base}", ""), "repo": repo},
        }

    def status(self, home: Repository, one: Status, *, creator: bool = True) -> Json:
        return {
            "id": one.id,
            "node_id": node("Status", one.id),
            "url": f"{self.url(home)}/statuses/{one.head}",
            "avatar_url": f"{self._hub.base}/avatars/{one.account.id}",
            "state": one.state,
            "context": one.context,
            "description": one.description,
            "target_url": one.target_url,
            "created_at": moment(one.at),
            "updated_at": moment(one.at),
            **({"creator": self.account(one.account)} if creator else {}),
        }

    def commit(self, home: Repository, sha: str) -> Json:
        one = bare.show(home.bare, sha)
        url, html = f"{self.url(home)}/commits/{sha}", f"{self.html(home)}/commit/{sha}"
        plain = f"{self.url(home)}/git/commits/{sha}"
        people = {
            part: dict(zip(("name", "email", "date"), three, strict=True))
            for part, three in (("author", one.author), ("committer", one.committer))
        }
        return {
            "sha": sha,
            "node_id": node("Commit", int(sha[:8], 16)),
            "url": url,
            "html_url": html,
            "comments_url": f"{url}/comments",
            "commit": {
                "url": plain,
                "message": one.message,
                **people,
                "tree": {"sha": one.tree, "url": f"{self.url(home)}/git/trees/{one.tree}"},
                "comment_count": 0,
                "verification": {
                    "verified": False,
                    "reason": "unsigned",
                    "signature": None,
                    "payload": None,
                    "verified_at": None,
                },
            },
            "author": {},  # nobody's account: the addresses in commits are never looked up
            "committer": {},
            "parents": [
                {
                    "sha": parent,
                    "url": f"{self.url(home)}/commits/{parent}",
                    "html_url": f"{self.html(home)}/commit/{parent}",
                }
                for parent in one.parents
            ],
        }

    def ref(self, home: Repository, name: str, sha: str) -> Json:
        kind = bare.run(home.bare, "cat-file", "-t", sha)
        return {
            "ref": name,
            "node_id": node("Ref", int(sha[:8], 16)),
            "url": f"{self.url(home)}/git/{name}",
            "object": {"sha": sha, "type": kind, "url": f"{self.url(home)}/git/{kind}s/{sha}"},
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


def association(home: Repository, account: Account) -> str:
    """How GitHub calls somebody's tie to a repository."""
    if account.app is not None:
        return "NONE"
    if account.id == home.owner.id:
        return "OWNER"
    return "COLLABORATOR" if home.role(account) in {"write", "maintain", "admin", "triage"} else "CONTRIBUTOR"
