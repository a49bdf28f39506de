"""What there is: repositories, forks, protections, environments, secrets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from . import bare
from .cast import Cast, Who
from .history import observe
from .state import Account, Environment, Protection, Repository


class Scene(Cast):
    """Sets up the places where a test plays."""

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
