"""One small world for each forge: a clone whose main line is there, and what other people do to it."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

from mlassay.forges._address import Address
from mlassay.forges._patience import Patience
from mlassay.forges.gitea import GiteaForge
from mlassay.forges.github import GitHubForge
from mlassay.forges.local import LocalForge
from mlassay.git import Credential, Identity, Repository

NAME = "promotion/staging/20261121-5e6f7a8b"
OTHER = "promotion/production/20261121-0a1b2c3d"
CHECK = "mlassay/decide"
NUMBERS = itertools.count(1)
WHO = Identity("Ada", "ada@people.example")


class World:
    """``repo`` is a clone with a commit on main; ``forge`` is ours there, by the token of ``ci``."""

    repo: Repository
    said: list[str]

    def patience(self, **more) -> Patience:
        """No memory, no pauses between calls, short ones before tries, and every line of progress kept."""
        quick = Patience(
            memory=0, between_requests=0, between_writes=0, pause=0.02, settle=3.0, say=self.said.append
        )
        return dataclasses.replace(quick, **more)

    def commit(self, base: str, text: str, path: str = "new") -> str:
        when = self.repo.commit(base).time
        return self.repo.write_commit(
            base, {path: text.encode()}, message=f"{text}\n\nWhy it is so.\n", author=WHO, when=when
        )

    def main(self) -> str:
        self.repo.fetch("origin")
        return self.repo.refs("refs/remotes/origin/main")["refs/remotes/origin/main"]

    def branch_by_others(self, name: str) -> str | None:
        """As `branch`, with a token that holds: the forge's own may have been taken away."""
        self.forge_of(self.token)
        return self.branch(name)

    def branch(self, name: str) -> str | None:
        return self.repo.remote_ref(self.repo.remote() or ".", f"refs/heads/{name}")


def start(folder: Path) -> Repository:
    repo = Repository.init(folder)
    (folder / "file").write_text("x\n")
    repo.add_and_commit(["file"], "Start", author=WHO)
    return repo


class Local(World):
    """A bare remote, or no remote at all."""

    def __init__(self, folder: Path, *, remote: bool = True) -> None:
        self.said = []
        self.repo = start(folder / "work")
        if remote:
            Repository.init(folder / "remote.git", bare=True)
            self._remote(str(folder / "remote.git"))
            self.repo.push("origin", self.repo.head(), "refs/heads/main", None)
        self.forge = LocalForge(self.repo)

    def _remote(self, url: str) -> None:
        self.repo.set_config("remote.origin.url", url)
        self.repo.set_config("remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*")


class GitHub(Local):
    """The stand-in; ``token`` is an App's unless told."""

    def __init__(self, folder: Path, server) -> None:
        self.said = []
        self.server, self.name = server, "team/mortgage"
        self.repo = start(folder / "work")
        self.home = server.repository(self.name, folder / "work")
        self._remote(self.home.clone_url)
        self.token = server.app("mlassay-desk")
        self.app = server.account(self.token).app.id
        self.forge = self.forge_of(self.token)
        self.repo.fetch("origin")

    def forge_of(self, token: str, **more) -> GitHubForge:
        self.repo.authenticate(Credential(self.server.html, "x-access-token", token))
        address = Address(self.server.html, self.server.url, self.name)
        return GitHubForge(self.repo, address, token, self.patience(**more))

    def account(self, who: str) -> int:
        return self.server.account(who).id

    def person(self, who: str) -> str:
        return self.server.user(who)

    def review(self, request, who: str, state: str, body: str = "", head: str | None = None):
        return self.server.review(self.name, request.number, who, state, body, head).id

    def dismiss(self, request, review: int) -> None:
        self.server.dismiss(self.name, request.number, review)

    def asked(self, request) -> set[str]:
        return {one.login for one in self.server.pull(self.name, request.number).asked}

    def says(self, request, who: str, text: str) -> None:
        self.server.comment(self.name, request.number, who, text)

    def comments(self, request) -> list[tuple[str, str]]:
        return [(one.account.login, one.body) for one in self.server.comments(self.name, request.number)]

    def me(self) -> str:
        return self.server.account(self.token).login

    def protect(self, *, approvals: int = 0, checks=()) -> None:
        self.server.protect(self.name, reviews=approvals, checks=checks, app=self.app if checks else None)

    def state(self, request) -> str:
        pull = self.server.pull(self.name, request.number)
        return "merged" if pull.merged else pull.state

    def close(self, request) -> None:
        address = Address(self.server.html, self.server.url, self.name)
        person = GitHubForge(self.repo, address, self.server.user("team"), self.patience())
        person.calls.send("PATCH", f"/repos/{self.name}/pulls/{request.number}", {"state": "closed"})

    def reader(self) -> str:
        return self.server.actions_token({"contents": "read", "pull_requests": "read"})

    def keeper(self):
        """The forge by the token of who administers the repository."""
        return self.forge_of(self.server.user("team"))

    def api(self) -> str:
        return self.server.url

    def fork_with(self, branch: str, head: str) -> int:
        """A stranger's fork with a pull request of a branch of this name at this commit; its number."""
        fork = self.server.fork(self.name, "stranger")
        self.repo.authenticate(Credential(self.server.html, "x-access-token", self.server.user("stranger")))
        self.repo.push(fork.clone_url, head, f"refs/heads/{branch}", None)
        stranger = Address(self.server.html, self.server.url, self.name)
        calls = GitHubForge(self.repo, stranger, self.server.user("stranger"), self.patience()).calls
        wish = {"title": "Mine", "head": f"stranger:{branch}", "base": "main", "body": ""}
        number = calls.send("POST", f"/repos/{self.name}/pulls", wish)["number"]
        self.repo.authenticate(Credential(self.server.html, "x-access-token", self.token))
        return number

    fork = "stranger/mortgage"


class Gitea(Local):
    """The real server, shared by a run of tests; each world has an owner of its own."""

    def __init__(self, folder: Path, server) -> None:
        self.said = []
        self.server, number = server, next(NUMBERS)
        self.owner, self.short = f"team{number}", "mortgage"
        self.name = f"{self.owner}/{self.short}"
        self.repo = start(folder / "work")
        self.url = server.repository(self.owner, self.short, folder / "work")
        self._remote(self.url)
        self.bot = f"desk{number}"
        self.token = server.collaborator(self.owner, self.short, self.bot)
        self.forge = self.forge_of(self.token)
        self.repo.fetch("origin")

    def forge_of(self, token: str, **more) -> GiteaForge:
        self.repo.authenticate(Credential(self.server.url, "x-access-token", token))
        address = Address(self.server.url, f"{self.server.url}/api/v1", self.name)
        return GiteaForge(self.repo, address, token, self.patience(**{"settle": 10.0, "pause": 0.1, **more}))

    def account(self, who: str) -> int:
        self.person(who)
        return self.server.account(who)

    def person(self, who: str) -> str:
        return self.server.collaborator(self.owner, self.short, who)

    def _at(self, request) -> str:
        return f"/repos/{self.name}/pulls/{request.number}"

    def review(self, request, who: str, state: str, body: str = "", head: str | None = None):
        events = {"approved": "APPROVED", "refused": "REQUEST_CHANGES", "commented": "COMMENT"}
        wish = {"event": events[state], "body": body or "Read.", "commit_id": head or request.head}
        return self.server.eventually("POST", f"{self._at(request)}/reviews", wish, token=self.person(who))[
            "id"
        ]

    def dismiss(self, request, review: int) -> None:
        self.server.must("POST", f"{self._at(request)}/reviews/{review}/dismissals", {"message": "stale"})

    def asked(self, request) -> set[str]:
        return {
            one["login"] for one in self.server.must("GET", self._at(request))["requested_reviewers"] or []
        }

    def says(self, request, who: str, text: str) -> None:
        path = f"/repos/{self.name}/issues/{request.number}/comments"
        self.server.must("POST", path, {"body": text}, token=self.person(who))

    def comments(self, request) -> list[tuple[str, str]]:
        told = self.server.must("GET", f"/repos/{self.name}/issues/{request.number}/comments")
        return [(one["user"]["login"], one["body"]) for one in told]

    def me(self) -> str:
        return self.bot

    def protect(self, *, approvals: int = 0, checks=()) -> None:
        self.server.protect(self.owner, self.short, approvals=approvals, checks=tuple(checks))

    def state(self, request) -> str:
        pull = self.server.must("GET", self._at(request))
        return "merged" if pull["merged"] else pull["state"]

    def close(self, request) -> None:
        self.server.must("PATCH", self._at(request), {"state": "closed"})

    def reader(self) -> str:
        return self.server.user(f"reader{self.owner}")

    def keeper(self):
        return self.forge_of(self.server.user(self.owner))

    def api(self) -> str:
        return f"{self.server.url}/api/v1"

    def fork_with(self, branch: str, head: str) -> int:
        token = self.server.user(f"stranger{self.owner}")
        fork = self.server.eventually("POST", f"/repos/{self.name}/forks", {}, token=token)
        self.fork = fork["full_name"]
        self.repo.authenticate(Credential(self.server.url, "x-access-token", token))
        self.repo.push(fork["clone_url"], head, f"refs/heads/{branch}", None)
        self.repo.authenticate(Credential(self.server.url, "x-access-token", self.token))
        wish = {
            "title": "Mine",
            "head": f"{self.fork.partition('/')[0]}:{branch}",
            "base": "main",
            "body": "",
        }
        return self.server.eventually("POST", f"/repos/{self.name}/pulls", wish, token=token)["number"]
