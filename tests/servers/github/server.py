"""A GitHub of one's own for tests: accounts, repositories, protections and bad moods, set from Python."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from . import bare
from .cast import Who
from .contract import contract
from .history import observe
from .moods import Mood
from .routes import reviews as saying
from .routing import ROUTES
from .scene import Scene
from .serving import Call, Serving
from .state import CheckRun, Comment, Event, Hub, Pull, Review, Token

STATES = {"approved": "APPROVED", "refused": "CHANGES_REQUESTED"}


class GitHubServer(Scene):
    """The stand-in; a context manager, and `verify` at the end tells what broke GitHub's contract.

    ``folder`` holds the bare repositories; ``openapi`` the unpacked package with GitHub's contract, or None to
    play without holding anything against it.
    """

    def __init__(self, folder: Path, openapi: Path | None = None) -> None:
        operations = frozenset((one.method.lower(), one.template) for one in ROUTES)
        super().__init__(Hub(folder))
        self._serving = Serving(self._hub, contract(openapi, operations) if openapi else None)

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
    def denials(self) -> list[str]:
        """Why git clients were refused: printed where a test fails."""
        return self._hub.denials

    @property
    def violations(self) -> list[str]:
        return self._serving.violations

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
