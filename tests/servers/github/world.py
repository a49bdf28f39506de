"""What the tests of the stand-in share: a repository with people, an App and a clone, all by real clients."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import github as pygithub

from tests.servers.github import GitHubServer, Token

NAME = "acme/mortgage"


def git(folder: Path, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    who = ("-c", "user.name=Lee", "-c", "user.email=lee@acme.example")
    return subprocess.run(
        ["git", "-C", folder, *who, *words],
        capture_output=True,
        text=True,
        check=check,
        env=os.environ | {"GIT_TERMINAL_PROMPT": "0"},
    )


def commit(folder: Path, branch: str, name: str, text: str = "x\n") -> str:
    git(folder, "checkout", "--quiet", "-B", branch)
    (folder / name).write_text(text)
    git(folder, "add", name)
    git(folder, "commit", "--quiet", "-m", f"Add {name}")
    return git(folder, "rev-parse", "HEAD").stdout.strip()


def remote(url: str, token: str) -> str:
    return url.replace("://", f"://x-access-token:{token}@")


def client(github: GitHubServer, token: Token) -> pygithub.Github:
    return pygithub.Github(
        auth=pygithub.Auth.Token(token),
        base_url=github.url,
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )


class World:
    """A repository with a main line, three people, an App, and a clone of Lee's."""

    def __init__(self, github: GitHubServer, folder: Path) -> None:
        self.github, self.folder = github, folder / "lee"
        self.lee, self.sam = github.user("lee", id=501), github.user("sam", id=502)
        self.app = github.app("mlassay")
        self.home = github.repository(NAME)
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main", self.folder], check=True)
        self.first = commit(self.folder, "main", "README")
        self.push("main")

    def push(
        self, *refs: str, token: Token | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        return git(self.folder, "push", remote(self.home.clone_url, token or self.lee), *refs, check=check)

    def branch(self, name: str = "promote/staging/1", file: str = "one") -> str:
        git(self.folder, "checkout", "--quiet", "main")
        head = commit(self.folder, name, file)
        self.push(name)
        git(self.folder, "checkout", "--quiet", "main")
        return head

    def repo(self, token: Token | None = None):
        return client(self.github, token or self.lee).get_repo(NAME)

    def opened(self, name: str = "promote/staging/1", file: str = "one", token: Token | None = None):
        self.branch(name, file)
        return self.repo(token).create_pull(base="main", head=name, title=f"Promote {file}", body="why")

    def main(self) -> str:
        return git(self.home.bare, "rev-parse", "main").stdout.strip()
