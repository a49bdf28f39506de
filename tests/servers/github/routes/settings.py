"""How a repository is guarded: protection, rulesets, environments, names of secrets, what workflows may do."""

from __future__ import annotations

from typing import Any

from tests.servers.github.homes import moment, node
from tests.servers.github.routing import RANK, Answer, Ask, RefusedError, route
from tests.servers.github.state import Environment, Protection

HOME = "/repos/{owner}/{repo}"
ENVIRONMENT = HOME + "/environments/{environment_name}"


@route("GET", HOME + "/branches/{branch}/protection", "administration:read")
def protection(ask: Ask) -> Answer:
    name = ask.parameters["branch"]
    if f"refs/heads/{name}" not in ask.repository.seen:
        raise RefusedError(404, "Branch not found")
    rule = next((one for one in ask.repository.protection(name) if one.style == "branch"), None)
    if rule is None:
        raise RefusedError(404, "Branch not protected")
    return Answer(_classic(ask, rule))


def _classic(ask: Ask, rule: Protection) -> dict[str, Any]:
    url = f"{ask.views.url(ask.repository)}/branches/{rule.branch}/protection"
    people = [ask.views.account(one) for one in rule.past if one.app is None]
    apps = [ask.views.app(one.app) for one in rule.past if one.app is not None]
    actors = {"users": people, "teams": [], "apps": apps}
    told: dict[str, Any] = {
        "url": url,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": rule.enforce_admins},
        "required_linear_history": {"enabled": False},
        "allow_force_pushes": {"enabled": rule.force},
        "allow_deletions": {"enabled": rule.deletion},
        "block_creations": {"enabled": False},
        "required_conversation_resolution": {"enabled": False},
        "lock_branch": {"enabled": False},
        "allow_fork_syncing": {"enabled": False},
        "required_signatures": {"url": f"{url}/required_signatures", "enabled": False},
    }
    if rule.checks:
        told["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": rule.strict,
            "contexts": [context for context, _ in rule.checks],
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": [{"context": context, "app_id": app} for context, app in rule.checks],
        }
    if rule.reviews:
        told["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": rule.dismiss_stale,
            "require_code_owner_reviews": False,
            "require_last_push_approval": rule.last_push,
            "required_approving_review_count": rule.reviews,
            **({"bypass_pull_request_allowances": actors} if rule.past else {}),
        }
    if rule.past:
        urls = {f"{name}_url": f"{url}/restrictions/{name}" for name in ("users", "teams", "apps")}
        told["restrictions"] = {"url": f"{url}/restrictions", **urls, **actors}
    return told


def _rules(rule: Protection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    if not rule.deletion:
        found.append({"type": "deletion"})
    if not rule.force:
        found.append({"type": "non_fast_forward"})
    if rule.reviews:
        parameters = {
            "required_approving_review_count": rule.reviews,
            "dismiss_stale_reviews_on_push": rule.dismiss_stale,
            "require_code_owner_review": False,
            "require_last_push_approval": rule.last_push,
            "required_review_thread_resolution": False,
            "allowed_merge_methods": ["merge", "squash", "rebase"],
        }
        found.append({"type": "pull_request", "parameters": parameters})
    if rule.checks:
        checks = [
            {"context": context, **({"integration_id": app} if app else {})} for context, app in rule.checks
        ]
        parameters = {"strict_required_status_checks_policy": rule.strict, "required_status_checks": checks}
        found.append({"type": "required_status_checks", "parameters": parameters})
    return found


@route("GET", HOME + "/rules/branches/{branch}", "metadata:read")
def rules(ask: Ask) -> Answer:
    source = {"ruleset_source_type": "Repository", "ruleset_source": ask.repository.full_name}
    found = [
        {**one, **source, "ruleset_id": rule.id}
        for rule in ask.repository.protection(ask.parameters["branch"])
        if rule.style == "ruleset"
        for one in _rules(rule)
    ]
    return Answer(items=[lambda one=one: one for one in found])  # type: ignore[misc]


def _ruleset(ask: Ask, rule: Protection, *, whole: bool) -> dict[str, Any]:
    home = ask.repository
    links = {
        "self": {"href": f"{ask.views.url(home)}/rulesets/{rule.id}"},
        "html": {"href": f"{ask.views.html(home)}/rules/{rule.id}"},
    }
    told: dict[str, Any] = {
        "id": rule.id,
        "name": f"protect {rule.branch}",
        "target": "branch",
        "source_type": "Repository",
        "source": home.full_name,
        "enforcement": "active",
        "node_id": node("Ruleset", rule.id),
        "_links": links,
        "created_at": moment(home.made),
        "updated_at": moment(home.made),
    }
    if not whole:
        return told
    told["conditions"] = {"ref_name": {"include": [f"refs/heads/{rule.branch}"], "exclude": []}}
    told["rules"] = _rules(rule)
    bypass = "always" if any(one.id == ask.token.account.id for one in rule.past) else "never"
    told["current_user_can_bypass"] = bypass
    if _administers(ask):  # GitHub shows who gets past only to who may change it
        told["bypass_actors"] = [
            {"actor_id": one.app.id, "actor_type": "Integration", "bypass_mode": "always"}
            if one.app
            else {"actor_id": one.id, "actor_type": "User", "bypass_mode": "always"}
            for one in rule.past
        ]
    return told


def _administers(ask: Ask) -> bool:
    if ask.token.permissions is not None:
        return ask.token.permissions.get("administration") == "write"
    return RANK[ask.repository.role(ask.token.account)] >= RANK["admin"]


@route("GET", HOME + "/rulesets", "metadata:read")
def rulesets(ask: Ask) -> Answer:
    found = [rule for rule in ask.repository.protections if rule.style == "ruleset"]
    return Answer(items=[lambda rule=rule: _ruleset(ask, rule, whole=False) for rule in found])  # type: ignore[misc]


@route("GET", HOME + "/rulesets/{ruleset_id}", "metadata:read")
def ruleset(ask: Ask) -> Answer:
    for rule in ask.repository.protections:
        if rule.style == "ruleset" and str(rule.id) == ask.parameters["ruleset_id"]:
            return Answer(_ruleset(ask, rule, whole=True))
    raise RefusedError(404, "Not Found")


def _environment(ask: Ask) -> Environment:
    one = ask.repository.environments.get(ask.parameters["environment_name"])
    if one is None:
        raise RefusedError(404, "Not Found")
    return one


@route("GET", HOME + "/environments", "actions:read")
def environments(ask: Ask) -> Answer:
    shown = [ask.views.environment(ask.repository, one) for one in ask.repository.environments.values()]
    return Answer(items=[lambda one=one: one for one in shown], within="environments")  # type: ignore[misc]


@route("GET", ENVIRONMENT, "actions:read")
def environment(ask: Ask) -> Answer:
    return Answer(ask.views.environment(ask.repository, _environment(ask)))


@route("GET", ENVIRONMENT + "/deployment-branch-policies", "actions:read")
def branch_policies(ask: Ask) -> Answer:
    one = _environment(ask)
    shown = [
        {
            "id": one.id * 100 + place,
            "node_id": node("Policy", one.id * 100 + place),
            "name": name,
            "type": "branch",
        }
        for place, name in enumerate(one.branches or ())
    ]
    return Answer(items=[lambda one=one: one for one in shown], within="branch_policies")  # type: ignore[misc]


@route("GET", ENVIRONMENT + "/secrets", "secrets:read")
def environment_secrets(ask: Ask) -> Answer:
    return _secrets(ask, _environment(ask).secrets)


@route("GET", HOME + "/actions/secrets", "secrets:read")
def repository_secrets(ask: Ask) -> Answer:
    return _secrets(ask, ask.repository.secrets)


def _secrets(ask: Ask, names: tuple[str, ...]) -> Answer:
    made = moment(ask.repository.made)
    shown = [{"name": name, "created_at": made, "updated_at": made} for name in sorted(names)]
    return Answer(items=[lambda one=one: one for one in shown], within="secrets")  # type: ignore[misc]


@route("GET", HOME + "/actions/permissions", "administration:read")
def actions_permissions(ask: Ask) -> Answer:
    return Answer(dict(ask.repository.actions))


@route("GET", HOME + "/actions/permissions/workflow", "administration:read")
def workflow_permissions(ask: Ask) -> Answer:
    return Answer(dict(ask.repository.workflow))
