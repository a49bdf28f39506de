"""What the stand-in remembers: accounts, repositories, pull requests and what was said about them."""

from __future__ import annotations

import itertools
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

LEVELS = ("none", "read", "write", "admin")
ROLES = ("none", "read", "triage", "write", "maintain", "admin")
CONTRIBUTES = dict.fromkeys(
    ("contents", "pull_requests", "issues", "checks", "statuses", "metadata"), "write"
)


@dataclass(frozen=True)
class App:
    """A GitHub App; an installation of it acts as the account ``<slug>[bot]``."""

    id: int
    slug: str
    permissions: dict[str, str]
    owner: Account
    public_key: bytes = b""


@dataclass(frozen=True)
class Account:
    """Somebody with a number: a person, an organization, or an App's bot."""

    id: int
    login: str
    type: str = "User"
    app: App | None = None


class Token(str):
    """A secret as its holder sees it: a string, that also tells tests whose it is."""

    __slots__ = ("account", "default", "permissions")

    account: Account
    permissions: dict[str, str] | None  # of Apps' tokens; what a person may do hangs on the repository
    default: bool  # the GITHUB_TOKEN of a workflow: what it does sets off no further workflow

    def __new__(
        cls,
        prefix: str,
        account: Account,
        permissions: dict[str, str] | None = None,
        *,
        default: bool = False,
    ) -> Self:
        token = super().__new__(cls, prefix + secrets.token_hex(18))
        token.account, token.permissions, token.default = account, permissions, default
        return token


@dataclass
class Review:
    id: int
    account: Account
    head: str
    state: str  # APPROVED, CHANGES_REQUESTED, COMMENTED, DISMISSED, PENDING
    body: str
    at: datetime | None
    editor: Account | None = None  # who edited the body last


@dataclass
class Comment:
    id: int
    account: Account
    body: str
    made: datetime
    changed: datetime


@dataclass
class CheckRun:
    id: int
    app: App
    name: str
    head: str
    status: str
    conclusion: str | None
    started: str
    completed: str | None
    details_url: str | None = None
    external_id: str = ""
    output: dict[str, str | None] = field(default_factory=dict)
    annotations: list[dict[str, object]] = field(default_factory=list)


@dataclass
class Status:
    id: int
    account: Account
    head: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    at: datetime


@dataclass
class Pull:
    """A pull request; ``source`` is the repository that its branch lies in, a fork or the same."""

    id: int
    number: int
    account: Account
    title: str
    body: str | None
    base: str
    branch: str
    source: Repository
    head: str
    made: datetime
    changed: datetime
    draft: bool = False
    state: str = "open"
    closed: datetime | None = None
    merged: datetime | None = None
    merged_by: Account | None = None
    merge_commit: str | None = None
    base_commit: str = ""
    computing: int = 0  # how many times more GitHub does not yet know whether it merges
    runs_checks: bool = True  # False when the default token opened it: no workflow looks at it
    reviews: list[Review] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    asked: list[Account] = field(default_factory=list)


@dataclass
class Protection:
    """What one branch demands, either as classic branch protection or as a ruleset."""

    branch: str
    reviews: int = 0
    checks: tuple[tuple[str, int | None], ...] = ()  # context and the App that it must come from
    past: tuple[Account, ...] = ()  # who may push past it
    style: str = "ruleset"
    id: int = 0
    strict: bool = False
    dismiss_stale: bool = False
    last_push: bool = False
    enforce_admins: bool = True
    force: bool = False
    deletion: bool = False


@dataclass
class Environment:
    """A deployment environment; ``branches`` None means that every branch may deploy to it."""

    id: int
    name: str
    branches: tuple[str, ...] | None = None
    protected_only: bool = False
    secrets: tuple[str, ...] = ()
    reviewers: tuple[Account, ...] = ()


@dataclass(frozen=True)
class Event:
    """Something that would set off workflows, or would have but for the token that caused it."""

    name: str  # push, pull_request, pull_request_review, issue_comment
    action: str
    actor: str
    number: int
    head: str
    triggers: bool


@dataclass
class Repository:
    """One bare repository and all that GitHub knows about it beside git."""

    id: int
    full_name: str
    bare: Path
    owner: Account
    clone_url: str
    made: datetime
    private: bool = False
    parent: Repository | None = None
    default_branch: str = "main"
    default_role: str = "write"
    roles: dict[str, str] = field(default_factory=dict)
    settings: dict[str, bool] = field(default_factory=lambda: dict(SETTINGS))
    workflow: dict[str, object] = field(default_factory=lambda: dict(WORKFLOW))
    actions: dict[str, object] = field(default_factory=lambda: {"enabled": True, "allowed_actions": "all"})
    secrets: tuple[str, ...] = ()
    pulls: dict[int, Pull] = field(default_factory=dict)
    checks: list[CheckRun] = field(default_factory=list)
    statuses: list[Status] = field(default_factory=list)
    protections: list[Protection] = field(default_factory=list)
    environments: dict[str, Environment] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    lag: int = 0  # how many calls the API is behind git after a push
    seen: dict[str, str] = field(default_factory=dict)  # refs as the API shows them
    waiting: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.full_name.partition("/")[2]

    def role(self, account: Account) -> str:
        """What a person may do here: the owner everything, others as told or as the default says."""
        return "admin" if account.id == self.owner.id else self.roles.get(account.login, self.default_role)

    def protection(self, branch: str) -> list[Protection]:
        return [one for one in self.protections if one.branch == branch]


SETTINGS = {
    "allow_merge_commit": True,
    "allow_squash_merge": True,
    "allow_rebase_merge": True,
    "allow_auto_merge": False,
    "delete_branch_on_merge": False,
    "allow_update_branch": False,
}
WORKFLOW = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False}


class Hub:
    """All state behind one lock: GitHub serialises what touches one pull request, this one everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        self.base = ""  # http://127.0.0.1:PORT, known once the socket is bound
        self.accounts: dict[str, Account] = {}
        self.tokens: dict[str, Token] = {}
        self.repositories: dict[str, Repository] = {}
        self.renamed: dict[str, Repository] = {}
        self.denials: list[str] = []
        self._numbers = itertools.count(1001)

    @property
    def api(self) -> str:
        return f"{self.base}/api/v3"

    def number(self) -> int:
        """An id that nothing else has."""
        return next(self._numbers)

    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)

    def by_id(self, account_id: int) -> Account | None:
        return next((one for one in self.accounts.values() if one.id == account_id), None)

    def repository(self, full_name: str) -> Repository | None:
        """The repository of that name, in any case of letters, as GitHub has it."""
        return self.repositories.get(full_name.lower())

    def member(self, login: str, account_id: int | None = None, kind: str = "User") -> Account:
        """The account of that login, made when it is new."""
        if login.lower() not in self.accounts:
            self.accounts[login.lower()] = Account(account_id or self.number(), login, kind)
        return self.accounts[login.lower()]
