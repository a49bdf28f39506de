"""A team of the factory's on a forge, its verbs run as processes of their own by whoever holds a token."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from mlassay.git import Repository
from tests import factory
from tests.ci_extension.acting import mlassay
from tests.factory import project as factory_project
from tests.stages.promoting import SAID, Team, make_team

NUMBERS = itertools.count(1)
CHECK = "mlassay/decide"
QUIET = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "GIT_TERMINAL_PROMPT": "0"}


@dataclass
class Done:
    """What a verb said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err

    @property
    def json(self):
        return json.loads(self.out)


@dataclass
class Hosted:
    """One clone of a team's repository on a forge; ``token`` is the desk's, ``variable`` where a verb reads it."""

    folder: Path
    keys: Path
    token: str
    variable: str
    told: list[str] = field(default_factory=list)

    def environment(self, token: str | None = None, **more: str) -> dict[str, str]:
        """What a verb is started with."""
        return {**os.environ, **QUIET, self.variable: token or self.token, **more}

    def start(self, *words: str, token: str | None = None, **more: str) -> subprocess.Popen[str]:
        """A verb as a process that runs on."""
        command = [sys.executable, "-m", "mlassay", *map(str, words), "-C", str(self.folder)]
        environment = self.environment(token, **more)
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, env=environment, text=True, **pipes)

    def end(self, process: subprocess.Popen[str], code: int | None = 0) -> Done:
        """Its end, held to ``code`` unless that is None; every word is kept for whoever looks for a token."""
        out, err = process.communicate(timeout=300)
        self.told += [out, err]
        assert "Traceback" not in out + err, out + err
        assert code is None or process.returncode == code, f"{process.returncode}\n{out}{err}"
        return Done(process.returncode, out, err)

    def run(self, *words: str, code: int | None = 0, token: str | None = None, **more: str) -> Done:
        """A verb from start to end."""
        return self.end(self.start(*words, token=token, **more), code)

    def key(self, who: str) -> str:
        return str(self.keys / who)

    def promote(self, *words: str, environment: str = "staging", **more) -> str:
        """Have the desk ask with its key; the promotion's id."""
        desk = ("--ci-key", self.key("desk.pem"), "--json")
        reason = ("--reason", "It refuses fewer people by mistake than before.")
        return self.run("promote", environment, *words, *reason, *desk, **more).json["promotion"]

    def approve(self, promotion: str, who: str = "robin", *, answers: Sequence[str] = (), **more) -> Done:
        """Have a person sign their approval."""
        reason, risk = SAID[who]
        words = ["--reason", reason, "--risk", risk, "--key", self.key(who)]
        words += [word for answer in answers for word in ("--answer", answer)]
        return self.run("approve", promotion, *words, **more)

    def head(self, promotion: str, environment: str = "staging") -> str:
        """Where the branch of a promotion stands on the remote."""
        return self.tip(f"promotion/{environment}/{promotion}")

    def tip(self, branch: str = "main") -> str:
        """Where a branch stands on the remote."""
        done = subprocess.run(
            ["git", "-C", self.folder, "ls-remote", "origin", f"refs/heads/{branch}"],
            env=self.environment() | self.credentials(self.token),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.split("\t")[0]

    def credentials(self, token: str) -> dict[str, str]:
        """The environment in which git itself shows this token to the forge."""
        raise NotImplementedError

    def fresh(self, path: Path) -> Hosted:
        """The same from a new clone."""
        raise NotImplementedError

    def secrets(self) -> list[str]:
        """Every token that must never be seen."""
        return [self.token]

    def assert_silent(self, *folders: Path) -> None:
        """Assert that no token stands in what was printed, nor in a git configuration or log below ``folders``."""
        for secret in self.secrets():
            assert not [text for text in self.told if secret in text]
            for folder in (self.folder, *folders):
                for path in (folder / ".git").rglob("*"):
                    if path.is_file() and path.suffix not in {".pack", ".idx"}:
                        assert secret.encode() not in path.read_bytes(), path


@contextmanager
def watched(*secrets: str):
    """Look at every process's arguments, again and again, while the block runs; fails if a secret is among them."""
    over, seen, looks = Event(), [], []

    def look() -> None:
        while not over.is_set():
            looks.append(1)
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    words = path.read_bytes()
                except OSError:
                    continue
                if any(secret.encode() in words for secret in secrets):
                    seen.append(words)
            over.wait(0.02)

    thread = Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    assert looks
    assert not seen, seen


class OnGitea(Hosted):
    """A team with a recorded release on a real Gitea: the main line takes pushes of the desk alone, and waits for its check."""

    def __init__(
        self,
        folder: Path,
        server,
        *,
        reviews: str = "gitea",
        protect: bool = True,
        releases: int = 1,
        **options,
    ) -> None:
        number = next(NUMBERS)
        self.server, self.owner, self.name = server, f"house{number}", "mortgage"
        self.at = f"/repos/{self.owner}/{self.name}"
        self.names = {who: f"{who}{number}" for who in ("dana", "robin", "lee", "desk")}
        self.tokens = {who: server.user(name) for who, name in self.names.items()}
        accounts = {who: server.account(self.names[who]) for who in ("dana", "robin", "lee")}
        self.team = _team(folder, accounts, reviews=reviews, **options)
        self.releases = [self.team.release]
        self.releases += [
            factory.record(self.team.project, seed=seed).release.id for seed in range(2, releases + 1)
        ]
        self.url = server.repository(self.owner, self.name, folder / "remote.git")
        for name in self.names.values():
            server.collaborator(self.owner, self.name, name)
        if protect:
            self.protect()
        repo = self.team.repo
        repo.set_config("remote.origin.url", self.url)
        repo.set_config("mlassay.forge", "gitea")
        super().__init__(self.team.project.folder, folder / "keys", self.tokens["desk"], "GITEA_TOKEN")

    def protect(self, **more) -> None:
        self.server.protect(
            self.owner, self.name, approvals=0, checks=(CHECK,), pushers=(self.names["desk"],), **more
        )

    def credentials(self, token: str) -> dict[str, str]:
        return dict(self.server.credentials(token))

    def secrets(self) -> list[str]:
        return [*self.tokens.values(), self.server.token]

    def fresh(self, path: Path) -> OnGitea:
        self.server.git(self.token, "clone", "--quiet", self.url, str(path))
        other = object.__new__(OnGitea)
        other.__dict__ |= self.__dict__ | {"folder": path}
        repo = Repository.open(path)
        repo.set_config("mlassay.forge", "gitea")
        repo.set_config("user.name", "Robin")
        repo.set_config("user.email", "robin@example.org")
        return other

    def pull(self, promotion: str) -> dict:
        """The pull request of a promotion, in whatever state."""
        pulls = self.server.must("GET", f"{self.at}/pulls?state=all&limit=50")
        return next(each for each in pulls if promotion in (each["head"]["ref"] + each["head"]["label"]))

    def review(
        self,
        promotion: str,
        who: str,
        state: str = "APPROVED",
        body: str | None = None,
        head: str | None = None,
    ):
        """A review on the page, of the head that it has now unless told."""
        pull, (reason, risk) = self.pull(promotion), SAID[who]
        text = f"Reason: {reason}\nRisk: {risk}" if body is None else body
        wish = {"event": state, "body": text, "commit_id": head or pull["head"]["sha"]}
        path = f"{self.at}/pulls/{pull['number']}/reviews"
        return self.server.must("POST", path, wish, token=self.tokens[who])

    def button(self, promotion: str, who: str = "robin", method: str = "merge"):
        """Somebody presses Gitea's own button; its answer, once it has made up its mind."""
        return press(self.server, self.at, self.pull(promotion), self.tokens[who], method)


def press(server, at: str, pull: dict, token: str, method: str = "merge"):
    """Gitea's own merge of a pull request; asked again while it is still looking whether it can be merged."""
    import time

    wish = {"Do": method, "head_commit_id": pull["head"]["sha"]}
    end = time.monotonic() + 20
    while True:
        answer = server.api("POST", f"{at}/pulls/{pull['number']}/merge", wish, token=token)
        if "try again later" not in answer.text.lower() or time.monotonic() > end:
            return answer
        time.sleep(0.1)


class FromTemplate(OnGitea):
    """The template's own repository on a real Gitea, as `mlassay init` makes it, with people, keys and protection."""

    PEOPLE = (
        ("lee", "risk", "risk-lead"),
        ("robin", "lending", "reviewer"),
        ("dana", "lending", "developer"),
    )

    def __init__(self, folder: Path, server) -> None:
        number = next(NUMBERS)
        self.server, self.owner, self.name = server, f"house{number}", "mortgage"
        self.at = f"/repos/{self.owner}/{self.name}"
        self.names = {who: f"{who}{number}" for who in ("dana", "robin", "lee", "desk")}
        self.tokens = {who: server.user(name) for who, name in self.names.items()}
        mlassay(folder, "init", "team", "--name", "mortgage-approval", "--owner", "lee")
        Hosted.__init__(self, folder / "team", folder / "keys", self.tokens["desk"], "GITEA_TOKEN")
        self._enrol()
        for words in (
            ("user.name", "Dana Diaz"),
            ("user.email", "dana@example.com"),
            ("mlassay.forge", "gitea"),
        ):
            self.git("config", *words)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", "Start from the template")
        self.git("branch", "--move", "main")
        self.url = server.repository(self.owner, self.name, self.folder)
        self.git("remote", "add", "origin", self.url)
        self.git("fetch", "--quiet")
        self.git("branch", "--quiet", "--set-upstream-to", "origin/main")
        for who in ("robin", "lee", "desk"):
            server.collaborator(self.owner, self.name, self.names[who])
        self.protect()

    def _enrol(self) -> None:
        out = ("--out", str(self.keys), "--no-passphrase")
        for who, team, role in self.PEOPLE:
            entry = ("--team", team, "--role", role, "--name", who.title(), "--email", f"{who}@example.com")
            mlassay(self.folder, "keys", "new", "--id", who, *out, *(() if who == "lee" else entry))
        mlassay(self.folder, "keys", "new", "--id", "ci", "--ci", *out[:2])
        mlassay(self.folder, "keys", "new", "--id", "desk", "--ci", "--desk", *out[:2])
        people, policy = (self.folder / f"governance/{name}.yaml" for name in ("people", "policy"))
        text = people.read_text()
        for who, _, _ in self.PEOPLE:
            account = self.server.account(self.names[who])
            text = text.replace(f"\n  {who}:\n", f"\n  {who}:\n    accounts: {{gitea: {account}}}\n")
        people.write_text(text)
        policy.write_text(policy.read_text() + "reviews: gitea\n")

    def key(self, who: str) -> str:
        return str(self.keys / f"mlassay-{who}")

    def git(self, *words: str, token: str = "") -> str:
        return self.server.git(token or self.token, "-C", str(self.folder), *words).strip()

    def questions(self, promotion: str, environment: str = "staging") -> list[str]:
        """What every approval of this promotion has to answer."""
        self.git("fetch", "--quiet", "origin", self.head(promotion, environment))
        path = f"promotions/{environment}/{promotion}/request.json"
        return [each["id"] for each in json.loads(self.git("show", f"FETCH_HEAD:{path}"))["questions"]]

    def proposed(self) -> tuple[str, dict]:
        """Dana, who may only read, pushes another seed to a fork and asks for it: the commit and the pull request."""
        self.git("switch", "--quiet", "--create", "better")
        text = (self.folder / "ml.yaml").read_text()
        (self.folder / "ml.yaml").write_text(text.replace("{seed: 7}", "{seed: 8}"))
        self.git("commit", "--quiet", "--all", "-m", "Draw another seed")
        fork = self.server.eventually("POST", f"{self.at}/forks", {}, token=self.tokens["dana"])
        self.git("push", "--quiet", fork["clone_url"], "better", token=self.tokens["dana"])
        wish = {"head": f"{self.names['dana']}:better", "base": "main", "title": "Draw another seed"}
        pull = self.server.eventually("POST", f"{self.at}/pulls", wish, token=self.tokens["dana"])
        return self.git("rev-parse", "HEAD"), pull

    def event(self, pull: dict, head: str) -> dict:
        """What Gitea tells a workflow of this pull request."""
        base = {"full_name": f"{self.owner}/{self.name}", "default_branch": "main"}
        fork = {"full_name": pull["head"]["repo"]["full_name"], "fork": True}
        return {
            "action": "opened",
            "number": pull["number"],
            "repository": base,
            "pull_request": {
                "number": pull["number"],
                "head": {"ref": "better", "sha": head, "repo": fork},
                "base": {"ref": "main", "repo": base},
            },
        }


class OnGitHub(Hosted):
    """The same on the stand-in of GitHub; the desk is an App."""

    def __init__(
        self, folder: Path, server, *, reviews: str = "github", live: bool = False, **options
    ) -> None:
        number = next(NUMBERS)
        self.server, self.name = server, f"house{number}/mortgage"
        self.names = {who: f"{who}{number}" for who in ("dana", "robin", "lee")}
        self.tokens = {who: server.user(name) for who, name in self.names.items()}
        accounts = {who: server.account(name).id for who, name in self.names.items()}
        self.team = _team(folder, accounts, reviews=reviews, **options)
        if live:
            self.team.land()
            self.team.repo.fetch("origin")
            self.team.repo.fast_forward("main", self.team.main())
        self.home = server.repository(self.name, folder / "remote.git")
        repo = self.team.repo
        repo.set_config("remote.origin.url", self.home.clone_url)
        repo.set_config("mlassay.forge", "github")
        repo.set_config("mlassay.forge-url", server.html)
        token = server.app("mlassay-desk")
        super().__init__(self.team.project.folder, folder / "keys", token, "GITHUB_TOKEN")

    def credentials(self, token: str) -> dict[str, str]:
        import base64

        basic = base64.b64encode(f"x-access-token:{token}".encode()).decode()
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.server.html}/.extraheader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {basic}",
        }

    def secrets(self) -> list[str]:
        return [str(self.token), *map(str, self.tokens.values())]


def _team(folder: Path, accounts: dict[str, int], **options) -> Team:
    """The factory's team, whose people have these accounts on the forge."""
    kept = dict(factory_project.ACCOUNTS)
    factory_project.ACCOUNTS.update(accounts)
    try:
        return make_team(folder, **options)
    finally:
        factory_project.ACCOUNTS.update(kept)
