"""The wire: takes requests, asks the contract, calls the route, writes down what was called."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from . import routes, smart_http
from .contract import Asked, Contract
from .history import observe, tick
from .moods import DroppedError, Moods
from .routing import Answer, Ask, RefusedError, Route, admit, find, paged
from .state import Hub, Repository, Token
from .views import Views

PREFIX = "/api/v3"
GRAPHQL = "/api/graphql"
_EDITORS = re.compile(
    r"query\(\$owner:String!,\$name:String!,\$number:Int!\)\{repository\(owner:\$owner,name:\$name\)"
    r"\{pullRequest\(number:\$number\)\{reviews\(last:100\)"
    r"\{nodes\{fullDatabaseId lastEditedAt author\{login\} editor\{login\}\}\}\}\}\}"
)
# The address that ``statuses_url`` gives can be read too; the contract lists it by its newer name only.
LEGACY = re.compile(r"(/repos/[^/]+/[^/]+)/statuses/([^/]+)")
assert routes  # imported for the operations that they register


@dataclass(frozen=True)
class Call:
    """One request as it came in and what it got; status 0 when the connection was dropped."""

    method: str
    path: str
    status: int
    login: str = ""
    query: dict[str, str] = field(default_factory=dict)
    operation: str = ""


class _Handler(WSGIRequestHandler):
    timeout = 10.0  # seconds for a client that says nothing

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002  werkzeug's own name
        """Silent: what was called stands in ``calls``."""


class Serving:
    """The HTTP side of one hub, on a thread of its own for each request."""

    def __init__(self, hub: Hub, contract: Contract | None) -> None:
        self.hub, self.moods = hub, Moods()
        self.calls: list[Call] = []
        self.git_calls: list[Call] = []
        self.violations: list[str] = []
        self._contract, self._views = contract, Views(hub)
        self._server: BaseWSGIServer = make_server(
            "127.0.0.1", 0, self._answer, threaded=True, request_handler=_Handler
        )
        # Each thread is waited for at the end: none outlives its test with a socket in its hand.
        self._server.daemon_threads = False  # type: ignore[attr-defined]
        self._server.block_on_close = True  # type: ignore[attr-defined]
        hub.base = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self.moods.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        request = Request(environ)
        try:
            if request.path.startswith(PREFIX + "/"):
                return self._api(request)(environ, start)
            if request.path == GRAPHQL:
                return self._graphql(request)(environ, start)
            if smart_http.PATH.fullmatch(request.path):
                return self._git(request)(environ, start)
        except DroppedError:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            raise ConnectionResetError from None
        return Response("Not Found", 404)(environ, start)

    def _git(self, request: Request) -> Response:
        mood = self.moods.take(request.method, request.path)
        login, status = "", 0
        try:
            if mood is not None:
                mood.before()
            response, token = smart_http.answer(self.hub, request)
            login, status = token.account.login if token else "", response.status_code
            if mood is not None and mood.how == "drop-after":
                status = 0
                raise DroppedError
        except RefusedError as refused:
            status = refused.status
            response = Response(refused.message, status, headers=refused.headers, mimetype="text/plain")
        finally:
            call = Call(request.method, request.path, status, login, operation=smart_http.wanted(request))
            self.git_calls.append(call)
        return response

    def _api(self, request: Request) -> Response:
        path = request.path.removeprefix(PREFIX)
        path, moved = self._named(request.method, path)
        token = self._token(request)
        status, operation, body = 0, "", b""
        try:
            if moved is not None:
                asking = (request.method, path, f"?{request.query_string.decode()}".rstrip("?"))
                status, body, headers = self._moved(moved, *asking)
            else:
                status, body, headers, operation = self._played(request, path, token)
        finally:
            login = token.account.login if token else ""
            self.calls.append(Call(request.method, path, status, login, request.args.to_dict(), operation))
        kind = "application/json; charset=utf-8"
        response = Response(body, status, headers=headers, content_type=kind if body else None)
        for name, value in self._limits().items():
            response.headers.setdefault(name, value)
        return response

    def _graphql(self, request: Request) -> Response:
        """Who the token is, and who edited reviews: all of GraphQL that is played, for REST tells neither."""
        token, mood = self._token(request), self.moods.take(request.method, "/graphql")
        fields = re.fullmatch(
            r"\s*(?:query\s*)?\{\s*viewer\s*\{([\w\s]+)\}\s*\}\s*", request.get_json()["query"]
        )
        status = 0
        try:
            if mood is not None:
                mood.before()
            account = _known(request, token).account
            known = {"databaseId": account.id, "login": account.login}
            if _EDITORS.fullmatch(request.get_json()["query"]):
                status = 200
                told = self._editors(**request.get_json()["variables"])
                return Response(json.dumps(told), status, mimetype="application/json")
            if fields is None or not set(fields[1].split()) <= set(known):
                self.violations.append(
                    f"GraphQL that the stand-in does not play: {request.get_data(as_text=True)}"
                )
                return Response(
                    json.dumps({"errors": [{"message": "not played"}]}), 200, mimetype="application/json"
                )
            status = 200
            body = {"data": {"viewer": {name: known[name] for name in fields[1].split()}}}
            return Response(json.dumps(body), status, mimetype="application/json")
        except RefusedError as refused:
            status = refused.status
            return Response(
                json.dumps(refused.body()), status, headers=refused.headers, mimetype="application/json"
            )
        finally:
            login = token.account.login if token else ""
            self.calls.append(Call(request.method, "/graphql", status, login, {}, "POST /graphql"))

    def _editors(self, owner: str, name: str, number: int) -> dict[str, Any]:
        with self.hub.lock:
            home = self.hub.repositories[f"{owner}/{name}".lower()]
            nodes = [
                {
                    "fullDatabaseId": str(one.id),
                    "lastEditedAt": "2026-11-20T12:00:00Z" if one.editor else None,
                    "author": {"login": one.account.login},
                    "editor": {"login": one.editor.login} if one.editor else None,
                }
                for one in home.pulls[number].reviews[-100:]
                if one.at is not None
            ]
        return {"data": {"repository": {"pullRequest": {"reviews": {"nodes": nodes}}}}}

    def _limits(self) -> dict[str, str]:
        left = max(5000 - len(self.calls), 0)
        return {
            "X-GitHub-Request-Id": uuid.uuid4().hex,
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": str(left),
            "x-ratelimit-used": str(5000 - left),
            "x-ratelimit-reset": str(int(time.time()) + 3600),
            "x-ratelimit-resource": "core",
        }

    def _named(self, method: str, path: str) -> tuple[str, Repository | None]:
        """The path with its repository's present name; beside it, the repository that a former name now leads to."""
        parts = path.split("/")
        with self.hub.lock:
            if parts[1] == "repositories" and len(parts) > 2:
                for one in self.hub.repositories.values():
                    if str(one.id) == parts[2]:
                        return "/".join(["", "repos", one.full_name, *parts[3:]]), None
            if parts[1] == "repos" and len(parts) > 3:
                name = f"{parts[2]}/{parts[3]}".lower()
                if name not in self.hub.repositories and name in self.hub.renamed:
                    return path, self.hub.renamed[name]
        return path if method != "GET" else LEGACY.sub(r"\1/commits/\2/statuses", path), None

    def _moved(
        self, repository: Repository, method: str, path: str, query: str
    ) -> tuple[int, bytes, dict[str, str]]:
        rest = "/".join(path.split("/")[4:])
        place = f"{self.hub.api}/repositories/{repository.id}{'/' if rest else ''}{rest}{query}"
        status = 301 if method == "GET" else 307
        told = {
            "message": "Moved Permanently",
            "url": place,
            "documentation_url": "https://docs.github.com/rest",
        }
        return status, json.dumps(told).encode(), {"Location": place}

    def _token(self, request: Request) -> Token | None:
        kind, _, value = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() not in {"bearer", "token"}:
            return None
        known = self.hub.tokens.get(value)
        if known is None and value.count(".") == 2:
            app = routes.apps.app_of(self.hub, value)
            bot = next(
                (one for one in self.hub.accounts.values() if app is not None and one.app is app), None
            )
            return Token("", bot, {}) if bot else None
        return known

    def _played(
        self, request: Request, path: str, token: Token | None
    ) -> tuple[int, bytes, dict[str, str], str]:
        found = find(request.method, path)
        mood = self.moods.take(request.method, path)
        raw, query = request.get_data(), request.args.to_dict()
        if found is None:
            self.violations.append(f"{request.method} {path}: the stand-in plays no such operation")
            return 404, json.dumps({"message": "Not Found"}).encode(), {}, ""
        route, parameters = found
        asked = self._contract and self._contract.asked(
            request.method, route.template, parameters, query, raw
        )
        if any(secret in request.full_path for secret in self.hub.tokens):
            self.violations.append(f"{request.method} {route.template}: a token in the address")
        try:
            if mood is not None:
                mood.before()
            answer = self._called(route, asked, path, parameters, query, raw, _known(request, token))
        except RefusedError as refused:
            answer = Answer(refused.body(), refused.status, headers=refused.headers)
        except DroppedError:
            raise
        except Exception:  # noqa: BLE001  the stand-in's own bug: `verify` tells it, the client sees a 500
            self.violations.append(
                f"the stand-in failed in {request.method} {path}:\n{traceback.format_exc()}"
            )
            answer = Answer({"message": "Server Error"}, 500)
        body = b"" if answer.status == 204 else json.dumps(answer.body).encode()
        self._hold(asked and self._contract and self._contract.response(asked, answer.status, body))
        if mood is not None and mood.how == "drop-after":
            raise DroppedError
        if mood is not None and mood.how == "garbled":
            body = body[: len(body) // 2]
        return answer.status, body, answer.headers, f"{route.method} {route.template}"

    def _hold(self, violation: str | None) -> None:
        if violation:
            self.violations.append(violation)

    def _called(
        self,
        route: Route,
        asked: Asked | None,
        path: str,
        parameters: dict[str, str],
        query: dict[str, str],
        raw: bytes,
        token: Token,
    ) -> Answer:
        try:
            body = json.loads(raw) if raw else {}
        except ValueError:
            raise RefusedError(400, "Problems parsing JSON") from None
        violation = self._contract.request(asked) if self._contract and asked else ""
        if violation:
            self.violations.append(violation)
            raise RefusedError(422, "Validation Failed")
        with self.hub.lock:
            ask = Ask(self.hub, self._views, token, path, parameters, query, body)
            if "repo" in parameters:
                ask.found = self.hub.repository(f"{parameters['owner']}/{parameters['repo']}")
                if ask.found is None:
                    raise RefusedError(404, "Not Found")
                for one in self.hub.repositories.values():
                    tick(self.hub, one)
                    observe(self.hub, one)
                admit(ask, route.needs)
            return paged(ask, route.handler(ask))


def _known(request: Request, token: Token | None) -> Token:
    if token is None:
        sent = "Authorization" in request.headers
        raise RefusedError(401, "Bad credentials" if sent else "Requires authentication")
    return token
