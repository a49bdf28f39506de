"""Pull requests: list, open, change, ask for reviewers, merge."""

from __future__ import annotations

from tests.servers.github import bare, guards
from tests.servers.github.history import close, keep_head, merged, note, observe
from tests.servers.github.routing import RANK, Answer, Ask, RefusedError, invalid, route
from tests.servers.github.state import Pull, Repository

PULLS = "/repos/{owner}/{repo}/pulls"
PULL = PULLS + "/{pull_number}"
CLOSED_TO_ACTIONS = "GitHub Actions is not permitted to create or approve pull requests."
METHODS = {"merge": "allow_merge_commit", "squash": "allow_squash_merge", "rebase": "allow_rebase_merge"}


@route("GET", PULLS, "pull_requests:read")
def listed(ask: Ask) -> Answer:
    state, base, head = ask.query.get("state", "open"), ask.query.get("base"), ask.query.get("head", "")
    # GitHub passes over a head that names no owner, and answers with everything.
    owner, colon, branch = head.partition(":")
    hits = [
        pull
        for pull in ask.repository.pulls.values()
        if state in {"all", pull.state}
        and base in {None, pull.base}
        and (not colon or (pull.source.owner.login, pull.branch) == (owner, branch))
    ]
    key = "changed" if ask.query.get("sort") == "updated" else "made"
    newest_first = ask.query.get(
        "direction", "asc" if ask.query.get("sort") not in {None, "created"} else "desc"
    )
    hits.sort(key=lambda pull: (getattr(pull, key), pull.number), reverse=newest_first == "desc")
    return Answer(items=[lambda pull=pull: ask.views.pull(ask.repository, pull) for pull in hits])  # type: ignore[misc]


@route("POST", PULLS, "pull_requests:write")
def opened(ask: Ask) -> Answer:
    home, body = ask.repository, ask.body
    if ask.token.default and not home.workflow["can_approve_pull_request_reviews"]:
        raise RefusedError(403, CLOSED_TO_ACTIONS)
    owner, colon, branch = body["head"].rpartition(":")
    source = _source(ask, owner) if colon else home
    head = source.seen.get(f"refs/heads/{branch}") if source else None
    if source is None or head is None:
        raise invalid(field="head", code="invalid", resource="PullRequest")
    base = home.seen.get(f"refs/heads/{body['base']}")
    if base is None:
        raise invalid(field="base", code="invalid", resource="PullRequest")
    label = f"{source.owner.login}:{branch}"
    for pull in home.pulls.values():
        if (pull.state, pull.source, pull.branch, pull.base) == ("open", source, branch, body["base"]):
            raise invalid(f"A pull request already exists for {label}.")
    pull = new_pull(ask, home, source, branch, head)
    keep_head(home, pull)
    if bare.contains(home.bare, base, head):
        raise invalid(f"No commits between {body['base']} and {branch}")
    home.pulls[pull.number] = pull
    note(home, "pull_request", "opened", ask.token, pull)
    return _whole(ask, pull, 201)


def new_pull(ask: Ask, home: Repository, source: Repository, branch: str, head: str) -> Pull:
    now = ask.hub.now()
    return Pull(
        ask.hub.number(), max(home.pulls, default=0) + 1, ask.token.account,
        ask.body.get("title", ""), ask.body.get("body"), ask.body["base"], branch, source, head, now, now,
        draft=bool(ask.body.get("draft")), base_commit=home.seen[f"refs/heads/{ask.body['base']}"],
        runs_checks=not ask.token.default,
    )  # fmt: skip


def _source(ask: Ask, owner: str) -> Repository | None:
    family = [
        one for one in ask.hub.repositories.values() if one is ask.repository or one.parent is ask.repository
    ]
    return next((one for one in family if one.owner.login.lower() == owner.lower()), None)


@route("GET", PULL, "pull_requests:read")
def one(ask: Ask) -> Answer:
    return _whole(ask, ask.pull)


def _whole(ask: Ask, pull: Pull, status: int = 200) -> Answer:
    home = ask.repository
    base = home.seen.get(f"refs/heads/{pull.base}", "")
    try:
        bare.merged_tree(home.bare, base, pull.head)
        blocked = pull.draft or guards.blockers(home, pull, ask.token)
        mergeable: bool | None = True
        state = "draft" if pull.draft else "blocked" if blocked else "clean"
    except bare.ConflictError:
        state, mergeable = "dirty", False
    if pull.computing > 0:
        pull.computing -= 1
        mergeable = None
    return Answer(ask.views.whole_pull(home, pull, mergeable, state), status)


@route("PATCH", PULL, "pull_requests:write")
def changed(ask: Ask) -> Answer:
    home, pull = ask.repository, ask.pull
    pull.title = ask.body.get("title") or pull.title
    pull.body = ask.body.get("body", pull.body)
    pull.base = ask.body.get("base", pull.base)
    pull.changed = ask.hub.now()
    wanted = ask.body.get("state", pull.state)
    if wanted == "closed" and pull.state == "open":
        close(ask.hub, home, pull, ask.token)
    elif wanted == "open" and pull.state == "closed":
        if pull.merged or pull.source.seen.get(f"refs/heads/{pull.branch}") is None:
            raise invalid("state cannot be changed. The pull request cannot be reopened.", field="state")
        pull.state, pull.closed = "open", None
        note(home, "pull_request", "reopened", ask.token, pull)
    elif {"title", "body", "base"} & set(ask.body):
        note(home, "pull_request", "edited", ask.token, pull)
    return _whole(ask, pull)


@route("POST", PULL + "/requested_reviewers", "pull_requests:write")
def ask_for(ask: Ask) -> Answer:
    pull = ask.pull
    for login in ask.body.get("reviewers", []):
        account = ask.hub.accounts.get(login.lower())
        if account is None or RANK[ask.repository.role(account)] < RANK["read"]:
            raise RefusedError(
                422,
                "Reviews may only be requested from collaborators. One or more of the users or teams you specified "
                f"is not a collaborator of the {ask.repository.full_name} repository.",
            )
        if account.id == pull.account.id:
            raise RefusedError(422, "Review cannot be requested from pull request author.")
        if account not in pull.asked:
            pull.asked.append(account)
    note(ask.repository, "pull_request", "review_requested", ask.token, pull)
    return Answer(ask.views.pull(ask.repository, pull), 201)


@route("GET", PULL + "/requested_reviewers", "pull_requests:read")
def asked_for(ask: Ask) -> Answer:
    return Answer({"users": [ask.views.account(one) for one in ask.pull.asked], "teams": []})


@route("DELETE", PULL + "/requested_reviewers", "pull_requests:write")
def ask_no_more(ask: Ask) -> Answer:
    gone = {login.lower() for login in ask.body.get("reviewers", [])}
    ask.pull.asked = [one for one in ask.pull.asked if one.login.lower() not in gone]
    return Answer(ask.views.pull(ask.repository, ask.pull))


@route("GET", PULL + "/merge", "pull_requests:read")
def is_merged(ask: Ask) -> Answer:
    if ask.pull.merged is None:
        raise RefusedError(404, "Not Found")
    return Answer(status=204)


@route("PUT", PULL + "/merge", "contents:write")
def merge(ask: Ask) -> Answer:
    home, pull = ask.repository, ask.pull
    method = ask.body.get("merge_method", "merge")
    if pull.draft:
        raise RefusedError(405, "Pull Request is still a draft")
    if pull.state != "open":
        raise RefusedError(405, "Pull Request is not mergeable")
    if not home.settings[METHODS[method]]:
        name = {"merge": "Merge commits", "squash": "Squash merges", "rebase": "Rebase merges"}[method]
        raise RefusedError(405, f"{name} are not allowed on this repository.")
    if ask.body.get("sha") not in {None, pull.head}:
        raise RefusedError(409, "Head branch was modified. Review and try the merge again.")
    blocked = guards.blockers(home, pull, ask.token)
    if blocked:
        raise RefusedError(405, blocked[0] if len(blocked) == 1 else " ".join(blocked))
    try:
        sha = _land(ask, home, pull, method)
    except bare.ConflictError:
        raise RefusedError(405, "Pull Request is not mergeable") from None
    return Answer({"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def _land(ask: Ask, home: Repository, pull: Pull, method: str) -> str:
    ref = f"refs/heads/{pull.base}"
    base = bare.refs(home.bare)[ref]
    label = f"{pull.source.owner.login}/{pull.branch}"
    if method == "merge":
        title = ask.body.get("commit_title") or f"Merge pull request #{pull.number} from {label}"
        text = ask.body.get("commit_message") or pull.title
        sha = bare.merge(home.bare, base, pull.head, ask.token.account, f"{title}\n\n{text}\n")
    elif method == "squash":
        title = ask.body.get("commit_title") or f"{pull.title} (#{pull.number})"
        text = ask.body.get("commit_message", pull.body or "")
        sha = bare.squash(home.bare, base, pull.head, pull.account, f"{title}\n\n{text}".strip() + "\n")
    else:
        sha = bare.rebase(home.bare, base, pull.head, ask.token.account)
    if not bare.move(home.bare, ref, sha, base):
        raise RefusedError(409, "Base branch was modified. Review and try the merge again.")
    pull.base_commit = base
    merged(ask.hub, home, pull, sha, ask.token)
    if home.settings["delete_branch_on_merge"] and pull.source is home:
        bare.move(home.bare, f"refs/heads/{pull.branch}", None, pull.head)
    observe(ask.hub, home, ask.token)
    return sha
