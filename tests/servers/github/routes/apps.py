"""Apps: what an installation is, and the short-lived token that an App's key buys."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.servers.github.homes import moment
from tests.servers.github.routing import Answer, Ask, RefusedError, route
from tests.servers.github.state import App, Hub, Token


def app_of(hub: Hub, bearer: str) -> App | None:
    """The App whose key signed ``bearer``, a JWT; None when it is nothing of the kind."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        head, body, signature = (base64.urlsafe_b64decode(part + "==") for part in bearer.split("."))
        claims, form = json.loads(body), json.loads(head)
    except ValueError:
        return None
    now = hub.now().timestamp()
    for account in hub.accounts.values():
        app = account.app
        if app is None or not app.public_key or str(claims.get("iss")) != str(app.id):
            continue
        key: Any = serialization.load_pem_public_key(app.public_key)
        try:
            signed = bearer.rpartition(".")[0].encode()
            key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return None
        fresh = claims.get("iat", now) <= now + 60 and now < claims.get("exp", 0) <= now + 660
        return app if fresh and form.get("alg") == "RS256" else None
    return None


def _signed(ask: Ask) -> App:
    if ask.token.account.app is None or ask.token.permissions != {}:
        raise RefusedError(401, "A JSON web token could not be decoded")
    return ask.token.account.app


@route("GET", "/app")
def me(ask: Ask) -> Answer:
    return Answer(ask.views.app(_signed(ask)))


@route("GET", "/repos/{owner}/{repo}/installation")
def installation(ask: Ask) -> Answer:
    return Answer(_installation(ask, _signed(ask)))


@route("GET", "/app/installations")
def installations(ask: Ask) -> Answer:
    app = _signed(ask)
    return Answer(items=[lambda: _installation(ask, app)])


@route("GET", "/app/installations/{installation_id}")
def installed(ask: Ask) -> Answer:
    app = _signed(ask)
    if ask.parameters["installation_id"] != str(app.id * 10):
        raise RefusedError(404, "Not Found")
    return Answer(_installation(ask, app))


def _installation(ask: Ask, app: App) -> dict[str, Any]:
    number, when = app.id * 10, "2020-01-01T00:00:00Z"
    url = f"{ask.hub.api}/app/installations/{number}"
    return {
        "id": number,
        "app_id": app.id,
        "app_slug": app.slug,
        "account": ask.views.account(app.owner),
        "target_id": app.owner.id,
        "target_type": "Organization",
        "single_file_name": None,
        "repository_selection": "all",
        "access_tokens_url": f"{url}/access_tokens",
        "html_url": f"{ask.hub.base}/settings/installations/{number}",
        "repositories_url": f"{ask.hub.api}/installation/repositories",
        "events": [],
        "permissions": app.permissions,
        "created_at": when,
        "updated_at": when,
        "suspended_by": None,
        "suspended_at": None,
    }


@route("POST", "/app/installations/{installation_id}/access_tokens")
def access_token(ask: Ask) -> Answer:
    app = _signed(ask)
    if ask.parameters["installation_id"] != str(app.id * 10):
        raise RefusedError(404, "Not Found")
    wanted = ask.body.get("permissions") or dict(app.permissions)
    order = ("none", "read", "write", "admin")
    for name, level in wanted.items():
        if order.index(level) > order.index(app.permissions.get(name, "none")):
            raise RefusedError(422, "The permissions requested are not granted to this installation.")
    token = Token("ghs_", ask.token.account, {**wanted, "metadata": "read"})
    ask.hub.tokens[token] = token
    from datetime import timedelta

    until = moment(ask.hub.now() + timedelta(hours=1))
    body = {
        "token": str(token),
        "expires_at": until,
        "permissions": token.permissions,
        "repository_selection": "all",
    }
    return Answer(body, 201)
