"""A GitHub of one's own for tests: accounts, repositories, protections and bad moods, set from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from . import bare
from .contract import contract
from .history import observe
from .moods import Mood
from .routes import reviews as saying
from .routing import ROUTES
from .serving import Call, Serving
from .state import (
    CONTRIBUTES,
    Account,
    App,
    CheckRun,
    Comment,
    Environment,
    Event,
    Hub,
    Protection,
    Pull,
    Repository,
    Review,
    Token,
)

ACTIONS = "github-actions"
STATES = {"approved": "APPROVED", "refused": "CHANGES_REQUESTED"}
Who = str | Token  # a login, an App's slug, or anybody's token


class GitHubServer:
    """The stand-in; a context manager, and `verify` at the end tells what broke GitHub's contract.

    ``folder`` holds the bare repositories; ``openapi`` the unpacked package with GitHub's contract, or None to
    play without holding anything against it.
    """

    def __init__(self, folder: Path, openapi: Path | None = None) -> None:
        operations = frozenset((one.method.lower(), one.template) for one in ROUTES)
        self._hub = Hub(folder)
        self._serving = Serving(self._hub, contract(openapi, operations) if openapi else None)
        self._actions = self._app(ACTIONS, 15368, {}, 41898282)

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._serving.stop()

    def verify(self) -> None:
        """Fail with all that client or stand-in did against the contract."""
        if self.violations:
            raise AssertionError("\n".join(self.violations))

    @property
    def url(self) -> str:
        """The base of the API, as an Enterprise server has it."""
        return self._hub.api

    @property
    def html(self) -> str:
        """The base of pages and of clones."""
        return self._hub.base

    @property
    def calls(self) -> list[Call]:
        """Every call of the API so far; clear it to count from here."""
        return self._serving.calls

    @property
    def git_calls(self) -> list[Call]:
        """Every request of a git client so far."""
        return self._serving.git_calls

    @property
    def violations(self) -> list[str]:
        return self._serving.violations

    # Who there is

    def user(self, login: str, id: int | None = None, *, organization: bool = False) -> Token:  # noqa: A002
        """A person and a token of theirs; a second call for one login is a second token."""
        with self._hub.lock:
            return self._issue(
                "ghp_", self._hub.member(login, id, "Organization" if organization else "User")
            )

    def app(
        self,
        slug: str,
        id: int | None = None,  # noqa: A002
        permissions: dict[str, str] | None = None,
        public_key: bytes = b"",
    ) -> Token:
        """A GitHub App, installed everywhere, and a token of its installation; with a key, JWTs buy more."""
        with self._hub.lock:
            account = self._app(
                slug, id, {**(permissions or CONTRIBUTES), "metadata": "read"}, None, public_key
            )
            assert account.app is not None
            return self._issue("ghs_", account, dict(account.app.permissions))

    def _app(
        self, slug: str, number: int | None, held: dict[str, str], bot: int | None, public_key: bytes = b""
    ) -> Account:
        login = f"{slug}[bot]"
        if login not in self._hub.accounts:
            owner = self._hub.member("github", 9919, "Organization")
            app = App(number or self._hub.number(), slug, held, owner, public_key)
            self._hub.accounts[login] = Account(bot or self._hub.number(), login, "Bot", app)
        return self._hub.accounts[login]

    def actions_token(self, permissions: dict[str, str] | None = None) -> Token:
        """A workflow's GITHUB_TOKEN: read only unless told, and nothing that it does starts a workflow."""
        held = permissions if permissions is not None else {"contents": "read", "metadata": "read"}
        return self._issue("ghs_", self._actions, {**held, "metadata": "read"}, default=True)

    def _issue(
        self, prefix: str, account: Account, held: dict[str, str] | None = None, *, default: bool = False
    ) -> Token:
        token = Token(prefix, account, held, default=default)
        self._hub.tokens[token] = token
        return token

    def expire(self, token: str) -> None:
        """From now on the token is nobody's: 401."""
        del self._hub.tokens[token]

    def account(self, who: Who) -> Account:
        """The account of a login, of an App's slug or of a token."""
        if isinstance(who, Token):
            return who.account
        known = self._hub.accounts
        account = known.get(who.lower()) or known.get(f"{who}[bot]")
        return account or self._hub.member(who)

    # What there is

    def repository(
        self,
        full_name: str,
        source: Path | None = None,
        *,
        private: bool = False,
        default_role: str = "write",
    ) -> Repository:
        """A repository with the branches of ``source``; its owner administers it, others have ``default_role``."""
        with self._hub.lock:
            owner = self._hub.member(full_name.partition("/")[0], kind="Organization")
            return self._made(full_name, source, owner, None, private=private, default_role=default_role)

    def _made(
        self,
        full_name: str,
        source: Path | None,
        owner: Account,
        parent: Repository | None,
        *,
        private: bool,
        default_role: str,
    ) -> Repository:
        path = self._hub.folder / f"{full_name}.git"
        bare.create(path, source)
        one = Repository(
            self._hub.number(), full_name, path, owner, f"{self._hub.base}/{full_name}.git", self._hub.now(),
            private, parent, default_role=default_role,
        )  # fmt: skip
        self._hub.repositories[full_name.lower()] = one
        observe(self._hub, one)
        one.events.clear()
        return one

    def fork(self, full_name: str, owner: str) -> Repository:
        """A fork under ``owner``, to whom alone it belongs."""
        with self._hub.lock:
            parent = self._repository(full_name)
            account = self._hub.member(owner)
            name = f"{owner}/{parent.name}"
            return self._made(name, parent.bare, account, parent, private=parent.private, default_role="none")

    def _repository(self, full_name: str) -> Repository:
        one = self._hub.repository(full_name)
        if one is None:
            raise KeyError(full_name)
        return one

    def rename(self, full_name: str, new: str) -> None:
        """The old name leads to the new one: 301 for reads, 307 for writes, 301 for git."""
        with self._hub.lock:
            one = self._hub.repositories.pop(full_name.lower())
            self._hub.renamed[full_name.lower()] = one
            one.full_name, one.clone_url = new, f"{self._hub.base}/{new}.git"
            self._hub.repositories[new.lower()] = one

    def delete(self, full_name: str) -> None:
        """The repository is gone: 404."""
        with self._hub.lock:
            del self._hub.repositories[full_name.lower()]

    def permit(self, full_name: str, who: Who, role: str) -> None:
        """What a person may do in a repository: none, read, triage, write, maintain or admin."""
        self._repository(full_name).roles[self.account(who).login] = role

    def configure(self, full_name: str, **settings: bool | str) -> None:
        """Change merge settings (``allow_…``, ``delete_branch_on_merge``) and what workflows may do."""
        one = self._repository(full_name)
        for name, value in settings.items():
            home = next(part for part in (one.settings, one.workflow, one.actions) if name in part)
            home[name] = value  # type: ignore[index]

    def protect(
        self,
        full_name: str,
        branch: str = "main",
        *,
        reviews: int = 0,
        checks: Sequence[str] = (),
        app: Who | int | None = None,
        push: Sequence[Who] = (),
        style: str = "ruleset",
        strict: bool = False,
        dismiss_stale: bool = False,
        last_push: bool = False,
        enforce_admins: bool = True,
        force: bool = False,
        deletion: bool = False,
    ) -> Protection:
        """Protect a branch: approvals, checks (from ``app`` alone, if given) and who may push past it.

        ``style`` is ``ruleset``, where ``push`` are the bypass actors, or ``branch``, classic protection, where
        they are let past reviews and restrictions but a required check must be green on what they push too.
        """
        wanted = app if isinstance(app, int) or app is None else self._app_id(app)
        rule = Protection(
            branch, reviews, tuple((name, wanted) for name in checks), tuple(map(self.account, push)), style,
            self._hub.number(), strict, dismiss_stale, last_push, enforce_admins, force, deletion,
        )  # fmt: skip
        home = self._repository(full_name)
        with self._hub.lock:
            kept = [one for one in home.protections if (one.branch, one.style) != (branch, style)]
            home.protections = [*kept, rule]
        return rule

    def _app_id(self, who: Who) -> int:
        app = self.account(who).app
        if app is None:
            raise ValueError(f"{who} is no App")
        return app.id

    def unprotect(self, full_name: str, branch: str = "main") -> None:
        home = self._repository(full_name)
        home.protections = [one for one in home.protections if one.branch != branch]

    def environment(
        self,
        full_name: str,
        name: str,
        *,
        branches: Sequence[str] | None = None,
        protected_only: bool = False,
        secrets: Sequence[str] = (),
        reviewers: Sequence[Who] = (),
    ) -> Environment:
        """A deployment environment; without ``branches`` or ``protected_only`` any branch may use its secrets."""
        limited = None if branches is None else tuple(branches)
        people = tuple(map(self.account, reviewers))
        one = Environment(self._hub.number() * 10, name, limited, protected_only, tuple(secrets), people)
        self._repository(full_name).environments[name] = one
        return one

    def secret(self, full_name: str, *names: str) -> None:
        """Secrets of the whole repository, which every branch's workflow can read."""
        self._repository(full_name).secrets += names

    # What happens there

    def pull(self, full_name: str, number: int) -> Pull:
        """A pull request as GitHub has it now."""
        with self._hub.lock:
            home = self._repository(full_name)
            observe(self._hub, home)
            return home.pulls[number]

    def open(
        self,
        full_name: str,
        branch: str,
        by: Who,
        *,
        title: str = "A change",
        body: str = "",
        base: str = "main",
    ) -> Pull:
        """A pull request of a branch that stands there already."""
        with self._hub.lock:
            home = self._repository(full_name)
            observe(self._hub, home)
            now, number = self._hub.now(), max(home.pulls, default=0) + 1
            pull = Pull(
                self._hub.number(), number, self.account(by), title, body, base, branch, home,
                home.seen[f"refs/heads/{branch}"], now, now, base_commit=home.seen[f"refs/heads/{base}"],
                runs_checks=not (isinstance(by, Token) and by.default),
            )  # fmt: skip
            home.pulls[number] = pull
            bare.move(home.bare, f"refs/pull/{number}/head", pull.head)
            return pull

    def crowd(self, full_name: str, count: int, *, state: str = "open", by: Who = "crowd") -> list[Pull]:
        """Many pull requests with a branch each, all of one commit: forty pages of them cost little."""
        with self._hub.lock:
            home = self._repository(full_name)
            base = bare.refs(home.bare)["refs/heads/main"]
            tree = bare.run(home.bare, "rev-parse", f"{base}^{{tree}}")
            who = self.account(by)
            head = bare.run(home.bare, "commit-tree", tree, "-p", base, who=who, text="crowd\n")
            first = max(home.pulls, default=0) + 1
            names = [f"crowd/{number}" for number in range(first, first + count)]
            lines = "".join(f"create refs/heads/{name} {head}\n" for name in names)
            if state == "open":
                bare.run(home.bare, "update-ref", "--stdin", text=lines)
                observe(self._hub, home)
            now = self._hub.now()
            for number, name in enumerate(names, first):
                pull = Pull(self._hub.number(), number, who, name, "", "main", name, home, head, now, now)
                pull.state, pull.base_commit = state, base
                pull.closed = now if state == "closed" else None
                home.pulls[number] = pull
            return [home.pulls[number] for number in range(first, first + count)]

    def review(
        self,
        full_name: str,
        number: int,
        by: Who,
        state: str = "APPROVED",
        body: str = "",
        head: str | None = None,
    ) -> Review:
        """A review by somebody, on the present head or on an older one."""
        with self._hub.lock:
            pull = self.pull(full_name, number)
            said = STATES.get(state.lower(), state.upper())
            return saying.add(self._hub, pull, self.account(by), said, body, head)

    def dismiss(self, full_name: str, number: int, review: int | Review) -> None:
        """Take a review's effect away, as somebody with write access may."""
        wanted = review if isinstance(review, int) else review.id
        for one in self.pull(full_name, number).reviews:
            if one.id == wanted:
                one.state = "DISMISSED"

    def comments(self, full_name: str, number: int) -> list[Comment]:
        return self.pull(full_name, number).comments

    def comment(self, full_name: str, number: int, by: Who, body: str) -> Comment:
        """A comment by somebody else than the client under test."""
        now = self._hub.now()
        comment = Comment(self._hub.number(), self.account(by), body, now, now)
        self.pull(full_name, number).comments.append(comment)
        return comment

    def check_run(self, full_name: str, head: str, name: str, by: Who, conclusion: str | None) -> CheckRun:
        """A check run of an App (``github-actions`` is every workflow's job); without conclusion it still runs."""
        account = self.account(by)
        if account.app is None:
            raise ValueError(f"{by} is no App: only Apps post check runs")
        now = self._hub.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        state = ("in_progress", None) if conclusion is None else ("completed", now)
        run = CheckRun(self._hub.number(), account.app, name, head, state[0], conclusion, now, state[1])
        self._repository(full_name).checks.append(run)
        return run

    def checks(self, full_name: str, head: str) -> list[CheckRun]:
        return [run for run in self._repository(full_name).checks if run.head == head]

    def events(self, full_name: str) -> list[Event]:
        """What would have set off workflows there, the oldest first."""
        return self._repository(full_name).events

    # Bad moods

    def misbehave(self, next: str, how: str, times: int = 1, **details: object) -> Mood:  # noqa: A002
        """The next ``times`` calls that match (``PUT /…/merge``) get ``how`` (see `moods.HOWS`)."""
        mood = Mood(next, how, times, dict(details))
        self._serving.moods.add(mood)
        return mood

    def lag(self, full_name: str, calls: int) -> None:
        """After each push the API shows the old branches, and so the old heads, for this many calls."""
        self._repository(full_name).lag = calls

    def compute(self, full_name: str, number: int, calls: int) -> None:
        """Whether the pull request merges is not known yet when it is asked for, this many times."""
        self._repository(full_name).pulls[number].computing = calls
