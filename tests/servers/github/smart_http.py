"""Clone, fetch and push over HTTP: git's own backend, behind the hub's tokens and protections."""

from __future__ import annotations

import base64
import os
import re
import subprocess
from hashlib import sha256

from werkzeug.wrappers import Request, Response

from . import guards
from .history import observe
from .routing import RANK
from .state import Hub, Repository, Token

PATH = re.compile(r"/(?P<name>[^/]+/[^/]+?)(?:\.git)?/(?P<what>info/refs|git-upload-pack|git-receive-pack)")
PASSED_ON = {"HTTP_CONTENT_ENCODING": "HTTP_CONTENT_ENCODING", "HTTP_GIT_PROTOCOL": "GIT_PROTOCOL"}


def wanted(request: Request) -> str:
    """The service that a git request is for."""
    service = request.args.get("service", "") or request.path.rpartition("/")[2]
    return service if service in {"git-upload-pack", "git-receive-pack"} else ""


def answer(hub: Hub, request: Request) -> tuple[Response, Token | None]:
    """git's answer, or GitHub's refusal in its place."""
    hit = PATH.fullmatch(request.path)
    assert hit is not None
    token = authenticated(hub, request.headers.get("Authorization", ""))
    if token is None and "Authorization" in request.headers:
        hub.denials.append(_why(hub, request.headers.get("Authorization", "")))
        return _denied(), None
    writing = wanted(request) == "git-receive-pack"
    with hub.lock:
        moved = hub.renamed.get(hit["name"].lower())
        repository = hub.repository(hit["name"])
    if moved is not None and repository is None:
        query = f"?{request.query_string.decode()}" if request.query_string else ""
        place = f"{hub.base}/{moved.full_name}.git/{hit['what']}{query}"
        return Response(status=301, headers={"Location": place}), token
    if token is None and (writing or repository is None or repository.private):
        hub.denials.append(f"{request.method} {request.path}: no token; {hit['name']} is {repository}")
        return _denied(), None
    if repository is None or not _may(repository, token, "read"):
        return Response("Repository not found.", 404, mimetype="text/plain"), token
    if writing and not _may(repository, token, "write"):
        told = (
            f"Permission to {repository.full_name}.git denied to {token.account.login if token else 'you'}."
        )
        return Response(told, 403, mimetype="text/plain"), token
    if not (writing and request.method == "POST"):
        return _backend(repository, request, hit["what"], token, {}), token
    assert token is not None
    with hub.lock:  # a push and a merge by the button are one after the other, as on GitHub
        observe(hub, repository)
        response = _backend(repository, request, hit["what"], token, guards.push_rules(repository, token))
        observe(hub, repository, token, pushed=True)
    return response, token


def authenticated(hub: Hub, header: str) -> Token | None:
    """Whose token a git client sent: as the password of basic authentication, the only way that GitHub takes."""
    kind, _, value = header.partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        password = base64.b64decode(value, validate=True).decode().partition(":")[2]
    except ValueError:
        return None
    return hub.tokens.get(password)


def _why(hub: Hub, header: str) -> str:
    """What was wrong with a token that nobody knows, without telling it: for the failure of a test that is puzzled."""
    marks = [sha256(value.encode()).hexdigest()[:12] for value in (header, *hub.tokens)]
    return f"{hub.base}: a header of {len(header)} characters, {marks[0]}; tokens known here: {marks[1:]}"


def _denied() -> Response:
    told = "Invalid username or token. Password authentication is not supported for Git operations."
    return Response(told, 401, headers={"WWW-Authenticate": 'Basic realm="GitHub"'}, mimetype="text/plain")


def _may(repository: Repository, token: Token | None, level: str) -> bool:
    if token is None:
        return not repository.private
    if token.permissions is not None:
        held = token.permissions.get("contents", "none")
        return held == "write" or (level == "read" and (held == "read" or not repository.private))
    role = repository.role(token.account)
    return RANK[role] >= RANK[level] or (level == "read" and not repository.private)


def _backend(
    repository: Repository, request: Request, what: str, token: Token | None, rules: dict[str, str]
) -> Response:
    body = request.get_data()
    environ = {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(repository.bare),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_PROJECT_ROOT": str(repository.bare),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{what}",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string.decode(),
        "CONTENT_TYPE": request.content_type or "",
        "CONTENT_LENGTH": str(len(body)),
        "REMOTE_ADDR": "127.0.0.1",
        **({"REMOTE_USER": token.account.login} if token else {}),
        **{name: request.environ[key] for key, name in PASSED_ON.items() if key in request.environ},
        **rules,
    }
    done = subprocess.run(["git", "http-backend"], input=body, capture_output=True, env=environ, check=True)
    head, _, content = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(headers.pop("Status", "200 OK").split()[0])
    return Response(content, status, headers=headers)
