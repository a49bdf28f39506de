"""Repositories, their branches, refs and commits."""

from __future__ import annotations

from tests.servers.github import bare
from tests.servers.github.history import observe
from tests.servers.github.routing import Answer, Ask, RefusedError, invalid, route
from tests.servers.github.state import Pull, Repository

HEADS = "refs/heads/"


@route("GET", "/repos/{owner}/{repo}", "metadata:read")
def repository(ask: Ask) -> Answer:
    told = ask.views.repository(ask.repository, ask.repository.role(ask.token.account))
    if ask.token.permissions is not None or not told["permissions"]["push"]:
        for name in ask.repository.settings:  # only people who may push are told how merging is set up
            told.pop(name)
    return Answer(told)


@route("GET", "/repos/{owner}/{repo}/branches", "contents:read")
def branches(ask: Ask) -> Answer:
    wanted = ask.query.get("protected")
    shown = []
    for ref, sha in sorted(ask.repository.seen.items()):
        name = ref.removeprefix(HEADS)
        guarded = bool(ask.repository.protection(name))
        if ref.startswith(HEADS) and wanted in {None, str(guarded).lower()}:
            link = f"{ask.views.url(ask.repository)}/commits/{sha}"
            shown.append({"name": name, "commit": {"sha": sha, "url": link}, "protected": guarded})
    return Answer(items=[lambda one=one: one for one in shown])  # type: ignore[misc]


@route("GET", "/repos/{owner}/{repo}/branches/{branch}", "contents:read")
def branch(ask: Ask) -> Answer:
    name = ask.parameters["branch"]
    sha = ask.repository.seen.get(HEADS + name)
    if sha is None:
        raise RefusedError(404, "Branch not found")
    url = f"{ask.views.url(ask.repository)}/branches/{name}"
    rules = [rule for rule in ask.repository.protection(name) if rule.style == "branch"]
    contexts = [context for rule in rules for context, _ in rule.checks]
    checks = [{"context": context, "app_id": app} for rule in rules for context, app in rule.checks]
    level = {"enforcement_level": "everyone" if contexts else "off"}
    return Answer(
        {
            "name": name,
            "commit": ask.views.commit(ask.repository, sha),
            "_links": {"self": url, "html": f"{ask.views.html(ask.repository)}/tree/{name}"},
            "protected": bool(ask.repository.protection(name)),
            "protection": {
                "enabled": bool(rules),
                "required_status_checks": {**level, "contexts": contexts, "checks": checks},
            },
            "protection_url": f"{url}/protection",
        }
    )


@route("GET", "/repos/{owner}/{repo}/git/ref/{ref}", "contents:read")
def ref(ask: Ask) -> Answer:
    name = f"refs/{ask.parameters['ref']}"
    if name not in ask.repository.seen:
        raise RefusedError(404, "Not Found")
    return Answer(ask.views.ref(ask.repository, name, ask.repository.seen[name]))


@route("GET", "/repos/{owner}/{repo}/git/matching-refs/{ref}", "contents:read")
def matching_refs(ask: Ask) -> Answer:
    start = f"refs/{ask.parameters['ref']}"
    hits = [(name, sha) for name, sha in sorted(ask.repository.seen.items()) if name.startswith(start)]
    return Answer([ask.views.ref(ask.repository, name, sha) for name, sha in hits])


@route("POST", "/repos/{owner}/{repo}/git/refs", "contents:write")
def create_ref(ask: Ask) -> Answer:
    name, sha = ask.body["ref"], ask.body["sha"]
    if not name.startswith("refs/") or name.count("/") < 2:
        raise RefusedError(422, "Reference name must start with 'refs/'.")
    if bare.commit_of(ask.repository.bare, sha) != sha:
        raise RefusedError(422, "Object does not exist")
    if not bare.move(ask.repository.bare, name, sha, bare.ZERO):
        raise RefusedError(422, "Reference already exists")
    observe(ask.hub, ask.repository, ask.token)
    return Answer(ask.views.ref(ask.repository, name, sha), 201)


@route("DELETE", "/repos/{owner}/{repo}/git/refs/{ref}", "contents:write")
def delete_ref(ask: Ask) -> Answer:
    name = f"refs/{ask.parameters['ref']}"
    if ask.repository.protection(name.removeprefix(HEADS)):
        raise RefusedError(422, "Cannot delete this protected branch")
    if name not in ask.repository.seen or not bare.move(ask.repository.bare, name, None):
        raise RefusedError(422, "Reference does not exist")
    observe(ask.hub, ask.repository, ask.token)
    return Answer(status=204)


@route("GET", "/repos/{owner}/{repo}/commits/{ref}", "contents:read")
def commit(ask: Ask) -> Answer:
    name = ask.parameters["ref"]
    sha = bare.commit_of(ask.repository.bare, name)
    if sha is None:
        raise RefusedError(422, f"No commit found for SHA: {name}")
    return Answer(ask.views.commit(ask.repository, sha))


@route("GET", "/repos/{owner}/{repo}/commits/{commit_sha}/pulls", "pull_requests:read")
def pulls_of_commit(ask: Ask) -> Answer:
    """The pull requests of this repository's branches, also those that it sent to its parent.

    Those that came from forks GitHub does not tell here: their commits are the forks'.
    """
    own = ask.repository
    sha = bare.commit_of(own.bare, ask.parameters["commit_sha"])
    if sha is None:
        raise RefusedError(422, f"No commit found for SHA: {ask.parameters['commit_sha']}")
    main = own.seen.get(HEADS + own.default_branch, "")
    landed = bool(main) and bare.contains(own.bare, main, sha)
    hits = [
        (home, pull)
        for home in (own, own.parent)
        if home is not None
        for pull in home.pulls.values()
        if pull.source is own and (pull.merged is not None or not landed) and _brings(home, pull, sha)
    ]
    return Answer(items=[lambda hit=hit: ask.views.pull(*hit) for hit in hits])


def _brings(home: Repository, pull: Pull, sha: str) -> bool:
    if pull.merge_commit == sha:
        return True
    return bare.contains(home.bare, pull.head, sha) and not bare.contains(home.bare, pull.base_commit, sha)


@route("PATCH", "/repos/{owner}/{repo}/git/refs/{ref}", "contents:write")
def update_ref(ask: Ask) -> Answer:
    name, sha = f"refs/{ask.parameters['ref']}", ask.body["sha"]
    old = ask.repository.seen.get(name)
    if old is None:
        raise RefusedError(422, "Reference does not exist")
    if ask.repository.protection(name.removeprefix(HEADS)):
        raise invalid(message="Protected branch update failed", resource="Reference")
    forward = bare.commit_of(ask.repository.bare, sha) == sha and bare.contains(ask.repository.bare, sha, old)
    if not (forward or ask.body.get("force")):
        raise RefusedError(422, "Update is not a fast forward")
    bare.move(ask.repository.bare, name, sha)
    observe(ask.hub, ask.repository, ask.token)
    return Answer(ask.views.ref(ask.repository, name, sha))
