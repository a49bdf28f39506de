"""One call of the API: who asks, for what, whether they may, and how the answer is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from .state import LEVELS, Hub, Pull, Repository, Token
from .views import Views

DOCUMENTATION = "https://docs.github.com/rest"
# The least role of a person for what an App needs as a permission.
ROLE_FOR = {
    ("administration", "read"): "admin",
    ("administration", "write"): "admin",
    ("secrets", "read"): "write",
}
RANK = {"none": 0, "read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}


class RefusedError(Exception):
    """An answer that is no: its status, what GitHub says, and the fields at fault."""

    def __init__(
        self, status: int, message: str, errors: Sequence[Any] = (), headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.errors, self.headers = status, message, list(errors), headers or {}

    def body(self) -> dict[str, Any]:
        told: dict[str, Any] = {"message": self.message, "documentation_url": DOCUMENTATION}
        return {**told, **({"errors": self.errors} if self.errors else {}), "status": str(self.status)}


def invalid(message: str = "", **fields: str) -> RefusedError:
    """422, in the form of most of GitHub's: the field at fault, or a sentence of its own."""
    error = {"resource": "PullRequest", "code": "custom", "message": message} if message else {}
    return RefusedError(422, "Validation Failed", [{**error, **fields}])


@dataclass
class Answer:
    """What goes back; ``items`` are cut into pages, under ``within`` when the list lies in an object."""

    body: Any = None
    status: int = 200
    items: Sequence[Callable[[], Any]] | None = None
    within: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Ask:
    """One authenticated call, with what its path named already found."""

    hub: Hub
    views: Views
    token: Token
    path: str
    parameters: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any]
    found: Repository | None = None

    @property
    def repository(self) -> Repository:
        assert self.found is not None
        return self.found

    @property
    def pull(self) -> Pull:
        """The pull request that the path names, by either of the two words for it; 404 when there is none."""
        number = self.parameters.get("pull_number") or self.parameters["issue_number"]
        pull = self.repository.pulls.get(int(number)) if number.isdigit() else None
        if pull is None:
            raise RefusedError(404, "Not Found")
        return pull


@dataclass(frozen=True)
class Route:
    """One operation of the contract and who may call it."""

    method: str
    template: str
    needs: str
    handler: Callable[[Ask], Answer]
    pattern: re.Pattern[str]


ROUTES: list[Route] = []
# Names that hold slashes: GitHub takes them as they are, but for what has a meaning of its own behind them.
WIDE = ("ref", "branch")
WIDELY = r"(?:(?!/protection|/check-suites|/branches-where-head|/comments$).)+"


def route(
    method: str, template: str, needs: str = ""
) -> Callable[[Callable[[Ask], Answer]], Callable[[Ask], Answer]]:
    """Play ``method template`` of the contract; ``needs`` is an App's permission, as ``pull_requests:write``."""
    pattern = re.sub(
        r"\{(\w+)\}", lambda hit: f"(?P<{hit[1]}>{WIDELY if hit[1] in WIDE else '[^/]+'})", template
    )

    def keep(handler: Callable[[Ask], Answer]) -> Callable[[Ask], Answer]:
        ROUTES.append(Route(method, template, needs, handler, re.compile(pattern)))
        return handler

    return keep


def find(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """The route for a path, the narrowest first: fewer parameters, then the longer template."""
    hits = []
    for one in ROUTES:
        hit = one.pattern.fullmatch(path)
        if hit and one.method == method:
            hits.append((len(hit.groupdict()), -len(one.template), one, hit.groupdict()))
    return min(hits, key=lambda hit: hit[:2])[2:] if hits else None


def admit(ask: Ask, needs: str) -> None:
    """Refuse who may not: 404 where GitHub hides that there is something, 403 where it says so."""
    repository, token = ask.repository, ask.token
    if not needs:
        return
    name, level = needs.split(":")
    accepted = {"X-Accepted-GitHub-Permissions": f"{name}={level}"}
    if token.permissions is not None:
        if LEVELS.index(token.permissions.get(name, "none")) < LEVELS.index(level):
            raise RefusedError(403, "Resource not accessible by integration", headers=accepted)
        return
    if needs == "checks:write":
        raise RefusedError(403, "You must authenticate via a GitHub App.", headers=accepted)
    role = repository.role(token.account)
    if role == "none" and not repository.private:
        role = "read"
    least = ROLE_FOR.get((name, level), level)
    if RANK[role] < RANK[least]:
        if role == "none" or name in {"administration", "secrets"}:
            raise RefusedError(404, "Not Found")
        raise RefusedError(403, "Resource not accessible by personal access token", headers=accepted)


def paged(ask: Ask, answer: Answer) -> Answer:
    """The page that was asked for, with the Link header; addresses by number, as GitHub writes them."""
    if answer.items is None:
        return answer
    size = min(int(ask.query.get("per_page", 30)), 100)
    page = max(int(ask.query.get("page", 1)), 1)
    last = max(-(-len(answer.items) // size), 1)
    shown = [make() for make in answer.items[(page - 1) * size : page * size]]
    body = {"total_count": len(answer.items), answer.within: shown} if answer.within else shown
    path = ask.path
    if ask.found is not None:
        path = path.replace(f"/repos/{ask.found.full_name}", f"/repositories/{ask.found.id}", 1)
    wanted = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    if page <= 1:
        del wanted["prev"], wanted["first"]
    if page >= last:
        del wanted["next"], wanted["last"]
    links = [
        f'<{ask.hub.api}{path}?{urlencode({**ask.query, "page": number})}>; rel="{name}"'
        for name, number in wanted.items()
    ]
    headers = {**answer.headers, **({"Link": ", ".join(links)} if links else {})}
    return Answer(body, answer.status, headers=headers)
