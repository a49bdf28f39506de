"""Check runs, which only an App may post, and commit statuses."""

from __future__ import annotations

from typing import Any

from tests.servers.github import bare
from tests.servers.github.homes import moment
from tests.servers.github.routing import Answer, Ask, RefusedError, route
from tests.servers.github.state import CheckRun, Status

CHECKS = "/repos/{owner}/{repo}/check-runs"
COMMIT = "/repos/{owner}/{repo}/commits/{ref}"


def _commit(ask: Ask, name: str) -> str:
    sha = bare.commit_of(ask.repository.bare, name)
    if sha is None:
        raise RefusedError(422, f"No commit found for SHA: {name}")
    return sha


def _write(ask: Ask, run: CheckRun) -> None:
    body: dict[str, Any] = ask.body
    run.status = body.get("status", run.status)
    if body.get("conclusion"):
        run.status, run.conclusion = "completed", body["conclusion"]
        run.completed = body.get("completed_at") or moment(ask.hub.now())
    elif run.status != "completed":
        run.conclusion = run.completed = None
    run.name = body.get("name", run.name)
    run.details_url = body.get("details_url", run.details_url)
    run.external_id = body.get("external_id", run.external_id)
    output = body.get("output", {})
    run.output.update({name: output[name] for name in ("title", "summary", "text") if name in output})
    run.annotations.extend(output.get("annotations", []))


@route("POST", CHECKS, "checks:write")
def created(ask: Ask) -> Answer:
    head, app = _commit(ask, ask.body["head_sha"]), ask.token.account.app
    assert app is not None
    if ask.body.get("status") == "completed" and not ask.body.get("conclusion"):
        raise RefusedError(422, "Invalid request.\n\nMissing required parameter: conclusion")
    started = ask.body.get("started_at") or moment(ask.hub.now()) or ""
    run = CheckRun(ask.hub.number(), app, ask.body["name"], head, "queued", None, started, None)
    _write(ask, run)
    ask.repository.checks.append(run)
    return Answer(ask.views.check(ask.repository, run), 201)


def _one(ask: Ask) -> CheckRun:
    wanted = ask.parameters["check_run_id"]
    run = next((one for one in ask.repository.checks if str(one.id) == wanted), None)
    if run is None:
        raise RefusedError(404, "Not Found")
    return run


@route("GET", CHECKS + "/{check_run_id}", "checks:read")
def shown(ask: Ask) -> Answer:
    return Answer(ask.views.check(ask.repository, _one(ask)))


@route("PATCH", CHECKS + "/{check_run_id}", "checks:write")
def changed(ask: Ask) -> Answer:
    run, app = _one(ask), ask.token.account.app
    if app is None or run.app.id != app.id:
        raise RefusedError(
            403, "Invalid app_id `%s` - check run can only be modified by the GitHub App that created it."
        )
    _write(ask, run)
    return Answer(ask.views.check(ask.repository, run))


@route("GET", COMMIT + "/check-runs", "checks:read")
def listed(ask: Ask) -> Answer:
    head = _commit(ask, ask.parameters["ref"])
    name, app, state = (ask.query.get(key) for key in ("check_name", "app_id", "status"))
    hits = [
        run
        for run in reversed(ask.repository.checks)
        if run.head == head
        and name in {None, run.name}
        and app in {None, str(run.app.id)}
        and state in {None, run.status}
    ]
    if ask.query.get("filter", "latest") == "latest":
        newest: dict[tuple[int, str], CheckRun] = {}
        for run in hits:
            newest.setdefault((run.app.id, run.name), run)
        hits = list(newest.values())
    shown = [lambda run=run: ask.views.check(ask.repository, run) for run in hits]  # type: ignore[misc]
    return Answer(items=shown, within="check_runs")


@route("POST", "/repos/{owner}/{repo}/statuses/{sha}", "statuses:write")
def posted(ask: Ask) -> Answer:
    home, body = ask.repository, ask.body
    sha = bare.commit_of(home.bare, ask.parameters["sha"])
    if sha is None:
        raise RefusedError(422, f"No commit found for SHA: {ask.parameters['sha']}")
    told = body.get("description")
    if told and len(told) > 140:
        error = {"resource": "Status", "code": "custom", "field": "description"}
        raise RefusedError(
            422,
            "Validation Failed",
            [{**error, "message": "description is too long (maximum is 140 characters)"}],
        )
    context = body.get("context", "default")
    status = Status(
        ask.hub.number(),
        ask.token.account,
        sha,
        context,
        body["state"],
        told,
        body.get("target_url"),
        ask.hub.now(),
    )
    home.statuses.append(status)
    return Answer(ask.views.status(home, status), 201)


@route("GET", COMMIT + "/statuses", "statuses:read")
def statuses(ask: Ask) -> Answer:
    head = _commit(ask, ask.parameters["ref"])
    hits = [one for one in reversed(ask.repository.statuses) if one.head == head]
    return Answer(items=[lambda one=one: ask.views.status(ask.repository, one) for one in hits])  # type: ignore[misc]


@route("GET", COMMIT + "/status", "statuses:read")
def combined(ask: Ask) -> Answer:
    head = _commit(ask, ask.parameters["ref"])
    newest = {one.context: one for one in ask.repository.statuses if one.head == head}
    states = {one.state for one in newest.values()}
    state = "failure" if states & {"failure", "error"} else "success" if states == {"success"} else "pending"
    url = f"{ask.views.url(ask.repository)}/commits/{head}"
    shown = [ask.views.status(ask.repository, one, creator=False) for one in newest.values()]
    return Answer(
        {
            "state": state,
            "sha": head,
            "total_count": len(shown),
            "statuses": shown,
            "repository": ask.views.repository(ask.repository),
            "commit_url": url,
            "url": f"{url}/status",
        }
    )
