"""Plays the workflows with act, in host mode, against the files of this checkout.

What act cannot have (actions of others, artifacts) is in `stand_ins/`; nothing that ships knows of it.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.tools import tool

ROOT = Path(__file__).parents[2]
STAND_INS = Path(__file__).parent / "stand_ins"
USED = re.compile(r"uses: ([\w.-]+/[\w.-]+)(?:/\S+)?@([0-9a-f]{40})")
HUB = "https://github.com/acme/team"


@dataclass
class Played:
    """One run of act: its log, and the artifacts that it left."""

    code: int
    log: str
    artifacts: Path

    def ran(self, job: str) -> bool:
        """Whether a job came to its end."""
        return re.search(rf"/{job} *\] 🏁  Job (succeeded|failed)", self.log) is not None


@dataclass
class Stage:
    """Where workflows are played: a copy of what ships, one temporary folder for all jobs, artifacts for each play."""

    folder: Path
    plays: int = 0

    def __post_init__(self) -> None:
        for part in (".github", "actions", "requirements", "src", "template"):
            left_out = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / part, self.folder / "mlassay" / part, ignore=left_out)
        (self.folder / "temporary").mkdir()

    def play(
        self,
        repository: Path,
        event: str,
        payload: dict,
        workflow: str,
        secrets: dict[str, str] | None = None,
        variables: dict[str, str] | None = None,
    ) -> Played:
        """Play one workflow file of ``repository`` as if ``event`` had happened on GitHub.

        ``variables`` are what the runner itself tells every job.
        """
        self.plays += 1
        artifacts = self.folder / f"artifacts-{self.plays}"
        artifacts.mkdir()
        (self.folder / "event.json").write_text(json.dumps(payload))
        given = self.folder / "secrets.env"
        given.write_text("".join(f"{name}={json.dumps(value)}\n" for name, value in (secrets or {}).items()))
        command = [
            tool("act"),
            event,
            "-W",
            f".github/workflows/{workflow}",
            "-e",
            self.folder / "event.json",
        ]
        command += ["-P", "ubuntu-24.04=-self-hosted", "--no-cache-server", "--secret-file", given]
        command += ["--action-cache-path", self.folder / "cache"]
        command += [word for local in self._local(repository) for word in ("--local-repository", local)]
        told = {"ARTIFACTS": artifacts, "RUNNER_TEMP": self.folder / "temporary"} | (variables or {})
        for name, value in told.items():
            command += ["--env", f"{name}={value}"]
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        environment |= {
            "XDG_CACHE_HOME": str(home),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        }
        done = subprocess.run(
            command, cwd=repository, env=environment, capture_output=True, text=True, check=False
        )
        return Played(done.returncode, done.stdout + done.stderr, artifacts)

    def _local(self, repository: Path) -> list[str]:
        """``owner/name@ref=folder`` for every action and workflow that is called, ours and others'."""
        files = [
            *(repository / ".github/workflows").glob("*.yml"),
            *(self.folder / "mlassay/.github/workflows").glob("ml-*.yml"),
        ]
        used = sorted({found.groups() for file in files for found in USED.finditer(file.read_text())})
        folders = {"mlassay/mlassay": self.folder / "mlassay"}
        folders |= {f"actions/{path.name}": path for path in STAND_INS.iterdir()}
        return [f"{name}@{ref}={folders[name]}" for name, ref in used if name in folders]


def git(folder: Path, *words: str) -> str:
    """What git says, without the newline at its end."""
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def mlassay(folder: Path, *words: str, codes: tuple[int, ...] = (0,)) -> str:
    """What a verb prints, run by a person on this machine."""
    command = [sys.executable, "-m", "mlassay", *words]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in codes, done.stdout + done.stderr
    return done.stdout


def team(folder: Path) -> Path:
    """A team's repository, made from the template as `mlassay init` makes it, and its bare remote beside it.

    Git knows the remote by an address on the hub and finds it on this disk.
    """
    mlassay(folder, "init", "team", "--name", "mortgage-approval", "--owner", "lee")
    repository = folder / "team"
    mlassay(repository, "keys", "new", "--id", "lee", "--out", str(folder / "keys"), "--no-passphrase")
    mlassay(repository, "keys", "new", "--id", "ci", "--ci", "--out", str(folder / "keys"))
    mlassay(repository, "keys", "new", "--id", "desk", "--ci", "--desk", "--out", str(folder / "keys"))
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "remote.git")
    git(repository, "config", "user.name", "Dana Diaz")
    git(repository, "config", "user.email", "dana@example.com")
    git(repository, "remote", "add", "origin", f"{HUB}.git")
    git(repository, "config", f"url.{folder / 'remote.git'}.insteadOf", f"{HUB}.git")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "-m", "Start from the template")
    git(repository, "branch", "--move", "main")
    git(repository, "push", "--quiet", "--set-upstream", "origin", "main")
    return repository
