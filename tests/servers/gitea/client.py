"""What a test does with the server: people, repositories, protection, and any call of the API."""

import os
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

_SCOPES = ["write:repository", "write:issue", "write:user", "write:organization", "write:notification"]


@dataclass(frozen=True)
class Answer:
    """What the server said: the status, and the body as JSON, or None where it is no JSON."""

    status: int
    json: Any
    text: str


class Gitea:
    """A running server. `token` is its administrator's; people get theirs from `user`."""

    def __init__(self, url: str, token: str, log: Path) -> None:
        self.url = url
        self.token = token
        self.log = log
        self._session = requests.Session()
        self._session.trust_env = False
        self._tokens: dict[str, str] = {}

    def api(self, method: str, path: str, json: Any = None, *, token: str = "") -> Answer:
        """One call, as the administrator where no token is given; any status comes back as it is."""
        answer = self._session.request(
            method,
            f"{self.url}/api/v1{path}",
            json=json,
            headers={"Authorization": f"token {token or self.token}"},
            timeout=60,
        )
        try:
            body = answer.json()
        except ValueError:
            body = None
        return Answer(answer.status_code, body, answer.text)

    def must(self, method: str, path: str, json: Any = None, *, token: str = "") -> Any:
        """One call that has to succeed; returns the body."""
        answer = self.api(method, path, json, token=token)
        assert 200 <= answer.status < 300, f"{method} {path}: {answer.status} {answer.text[:500]}"
        return answer.json

    def eventually(self, method: str, path: str, json: Any = None, *, token: str = "") -> Any:
        """The same, again while the server answers 404 or 405: it knows a push a moment after the push."""
        end = time.monotonic() + 15
        while (answer := self.api(method, path, json, token=token)).status in {404, 405}:
            assert time.monotonic() < end, f"{method} {path}: {answer.status} {answer.text[:500]}"
            time.sleep(0.05)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.text[:500]}"
        return answer.json

    def user(self, name: str) -> str:
        """A person of that name, made where there is none; returns a token of theirs."""
        if name not in self._tokens:
            person = {
                "username": name,
                "email": f"{name}@people.example",
                "password": os.urandom(16).hex(),
                "must_change_password": False,
            }
            self.must("POST", "/admin/users", person)
            made = self._session.post(
                f"{self.url}/api/v1/users/{name}/tokens",
                json={"name": "test", "scopes": _SCOPES},
                auth=(name, person["password"]),
                timeout=60,
            )
            assert made.status_code == 201, made.text
            self._tokens[name] = made.json()["sha1"]
        return self._tokens[name]

    def account(self, name: str) -> int:
        """The forge's own number of a person, which survives a new name."""
        return self.must("GET", f"/users/{name}")["id"]

    def repository(self, owner: str, name: str, source: Path | None = None) -> str:
        """A repository of that person, with every branch and tag of `source`; returns its clone URL, without a token."""
        token = self.user(owner)
        made = self.must("POST", "/user/repos", {"name": name, "default_branch": "main"}, token=token)
        url: str = made["clone_url"]
        if source is not None:
            refs = ("refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*")
            self.git(token, "-C", str(source), "push", "--quiet", url, *refs)
            self._settled(f"/repos/{owner}/{name}")
        return url

    def _settled(self, path: str) -> None:
        """Waits until the server knows what was pushed; asked for a branch before, this version panics."""
        end = time.monotonic() + 15
        while self.must("GET", path)["empty"]:
            assert time.monotonic() < end, f"{path} stayed empty"
            time.sleep(0.05)
        self.eventually("GET", f"{path}/branches/main")

    def collaborator(self, owner: str, name: str, who: str, permission: str = "write") -> str:
        """Lets a person write to a repository; returns their token."""
        token = self.user(who)
        self.must("PUT", f"/repos/{owner}/{name}/collaborators/{who}", {"permission": permission})
        return token

    def protect(
        self,
        owner: str,
        name: str,
        *,
        branch: str = "main",
        approvals: int = 1,
        checks: tuple[str, ...] = (),
        pushers: tuple[str, ...] = (),
        **more: Any,
    ) -> None:
        """Protects a branch: nobody pushes but `pushers`, a merge needs approvals and checks. `more` goes to the API as it is."""
        rule = {
            "rule_name": branch,
            "enable_push": bool(pushers),
            "enable_push_whitelist": bool(pushers),
            "push_whitelist_usernames": list(pushers),
            "required_approvals": approvals,
            "enable_status_check": bool(checks),
            "status_check_contexts": list(checks),
            "block_on_rejected_reviews": True,
            "dismiss_stale_approvals": True,
            "block_admin_merge_override": True,
            **more,
        }
        self.must("POST", f"/repos/{owner}/{name}/branch_protections", rule)

    def git(self, token: str, *arguments: str) -> str:
        """Runs git as the holder of a token, which stays out of its arguments. Raises: CalledProcessError."""
        return subprocess.run(
            ["git", *arguments],
            env={**os.environ, **self.credentials(token)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def credentials(self, token: str) -> Mapping[str, str]:
        """The environment in which git shows this token to this server."""
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.url}/.extraheader",
            "GIT_CONFIG_VALUE_0": f"Authorization: token {token}",
            "GIT_TERMINAL_PROMPT": "0",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
