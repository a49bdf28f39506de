"""Who somebody is, what they may do, and how many calls are left."""

from __future__ import annotations

from typing import Any

from tests.servers.github.routing import RANK, Answer, Ask, RefusedError, route
from tests.servers.github.state import Account


@route("GET", "/user")
def me(ask: Ask) -> Answer:
    if ask.token.account.app is not None:
        raise RefusedError(403, "Resource not accessible by integration")
    return Answer(ask.views.person(ask.token.account, private=True))


@route("GET", "/user/{account_id}")
def by_id(ask: Ask) -> Answer:
    wanted = ask.parameters["account_id"]
    account = ask.hub.by_id(int(wanted)) if wanted.isdigit() else None
    if account is None:
        raise RefusedError(404, "Not Found")
    return Answer(ask.views.person(account))


@route("GET", "/users/{username}")
def by_login(ask: Ask) -> Answer:
    account = ask.hub.accounts.get(ask.parameters["username"].lower())
    if account is None:
        raise RefusedError(404, "Not Found")
    return Answer(ask.views.person(account))


@route("GET", "/rate_limit")
def rate_limit(ask: Ask) -> Answer:
    rate = {"limit": 5000, "used": 0, "remaining": 5000, "reset": int(ask.hub.now().timestamp()) + 3600}
    return Answer({"resources": {"core": rate, "search": rate}, "rate": rate})


@route("GET", "/repos/{owner}/{repo}/collaborators/{username}/permission", "metadata:read")
def permission(ask: Ask) -> Answer:
    account = ask.hub.accounts.get(ask.parameters["username"].lower())
    if account is None:
        raise RefusedError(404, "Not Found")
    role = ask.repository.role(account)
    if role == "none" and not ask.repository.private:
        role = "read"
    coarse = {"maintain": "write", "triage": "read"}.get(role, role)
    return Answer({"permission": coarse, "role_name": role, "user": _held(ask, account, role)})


def _held(ask: Ask, account: Account, role: str) -> dict[str, Any]:
    ranks = {"admin": 5, "maintain": 4, "push": 3, "triage": 2, "pull": 1}
    held = {name: RANK[role] >= least for name, least in ranks.items()}
    return {**ask.views.account(account), "permissions": held, "role_name": role}


@route("GET", "/repos/{owner}/{repo}/collaborators", "metadata:read")
def collaborators(ask: Ask) -> Answer:
    home = ask.repository
    if ask.token.permissions is None and RANK[home.role(ask.token.account)] < RANK["write"]:
        raise RefusedError(403, "Must have push access to view repository collaborators.")
    people = [(one, home.role(one)) for one in ask.hub.accounts.values() if one.type == "User"]
    shown = [_held(ask, one, role) for one, role in people if role != "none"]
    return Answer(items=[lambda one=one: one for one in shown])
