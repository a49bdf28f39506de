"""State in the words of GitHub's API: every field that the contract demands, none that it forbids."""

from __future__ import annotations

from . import bare
from .homes import Homes, Json, moment, node
from .state import Account, CheckRun, Comment, Pull, Repository, Review, Status


class Views(Homes):
    """Pull requests and what is said about them, on the hub's own host: clients refuse addresses of another."""

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


def association(home: Repository, account: Account) -> str:
    """How GitHub calls somebody's tie to a repository."""
    if account.app is not None:
        return "NONE"
    if account.id == home.owner.id:
        return "OWNER"
    return "COLLABORATOR" if home.role(account) in {"write", "maintain", "admin", "triage"} else "CONTRIBUTOR"
