"""Jenkins builds over a repository made from the template, played by the Groovy harness in `jenkins/src/test`."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mlassay.cli.play import Story
from mlassay.cli.story import fork
from tests.tools import tool

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "jenkins"
TEMPLATE = (ROOT / "template/Jenkinsfile").read_text()
MLASSAY = str(Path(sys.executable).with_name("mlassay"))
RELEASE = """
@Library('mlassay') _
mlassayPipeline(repository: '{url}', command: '{command}', agent: 'test', trainAgent: 'train', rebuildAgent: 'rebuild',
    signAgent: 'sign', signingKey: 'signing', login: 'push', requirements: 'none'{more})
"""
PASSWORD = "pass $(touch canary) 'word'"


@dataclass
class Play:
    """One build to be played, and what came of it."""

    name: str
    story: Story
    jobs: dict = field(default_factory=dict)
    start: str = "model"
    calls: list = field(default_factory=list)
    builds: dict = field(default_factory=dict)
    asking: "Play | None" = None

    @property
    def url(self) -> str:
        return str(self.story.folder / "remote.git")

    @property
    def folder(self) -> Path:
        return self.story.folder / "jenkins"

    def release(self, *, more: str = "", **job) -> None:
        """The release job, which alone has credentials."""
        self.jobs["release"] = {
            "name": "release",
            "script": RELEASE.format(url=self.url, command=MLASSAY, more=more),
            "credentials": {
                "signing": {"kind": "file", "value": self.story.key("ci").read_text()},
                "desk": {"kind": "file", "value": (self.story.keys / "mlassay-desk.pem").read_text()},
                "push": {"kind": "usernamePassword", "user": "robot", "value": PASSWORD},
            },
        } | job

    def multibranch(self, script: str, *, branch: str = "main", **job) -> None:
        """A branch of the Multibranch job, which has no credential."""
        commit = self.story.git("rev-parse", f"refs/heads/{branch}", cwd=Path(self.url)).strip()
        self.jobs["model"] = {
            "name": f"model/{branch}",
            "script": script,
            "multibranch": True,
            "url": self.url,
            "branch": branch,
            "commit": commit,
            "refspec": "+refs/heads/*:refs/remotes/origin/*",  # what docs/jenkins.md tells to set
            "credentials": {},
        } | job

    def evidence(self) -> dict[str, bytes]:
        """The one release on the remote's main line, each file by its path."""
        names = self.story.git(
            "ls-tree", "-r", "--name-only", "main", "evidence/", cwd=Path(self.url)
        ).split()
        return {name: _blob(self.url, name) for name in names}


def started(folder: Path, *names: str) -> list[Play]:
    """A team that has forked the template, with nothing released yet; once for each name."""
    first = Story(folder / names[0], cross_checks=False)
    for _ in fork(first):
        pass
    # The desk's key has to be part of the first commit: any later one would need people's approval.
    first.verb("keys", "new", "--ci", "--desk", "--id", "desk", "--out", str(first.keys))
    first.git("commit", "--quiet", "--all", "--amend", "--no-edit")
    first.git("push", "--quiet", "--force")
    stories = [first]
    for name in names[1:]:
        shutil.copytree(first.folder, folder / name)
        stories.append(Story(folder / name, cross_checks=False))
        stories[-1].git("remote", "set-url", "origin", str(folder / name / "remote.git"))
    return [Play(name, story) for name, story in zip(names, stories, strict=True)]


def play(folder: Path, plays: list[Play]) -> None:
    """Play them in one run of Maven; each is filled with what happened."""
    file = folder / "play.json"
    told = [{"name": p.name, "folder": str(p.folder), "start": p.start, "jobs": p.jobs} for p in plays]
    file.write_text(json.dumps(told))
    done = maven(folder, "-Dtest=PlayTest", f"-Dmlassay.play={file}")
    (folder / "maven.log").write_text(done.stdout)
    assert done.returncode == 0, done.stdout[-6000:]
    for one, result in zip(plays, json.loads(Path(f"{file}.played").read_text()), strict=True):
        one.calls = result["calls"]
        one.builds = {build["name"]: build for build in result["builds"]}


def maven(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the library's Groovy tests, building in ``folder`` and not in the checkout."""
    command = [tool("mvn"), "-q", "-B", "-f", LIBRARY / "pom.xml", f"-Dbuild.folder={folder / 'target'}"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "MLASSAY_"))}
    return subprocess.run(
        [*command, *words, "test"],
        cwd=LIBRARY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def _blob(repository: str, path: str) -> bytes:
    git = shutil.which("git")
    return subprocess.run(
        [git, "-C", repository, "cat-file", "blob", f"main:{path}"], capture_output=True, check=True
    ).stdout


def snapshot(folder: Path) -> tuple[Path, str]:
    """A repository with mlassay as it stands in this checkout, and its commit: what a library would be pinned to."""
    for name in ("actions", "jenkins", "requirements", "src", "template"):
        shutil.copytree(
            ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "target", "*.pyc")
        )
    who = ["-c", "user.name=mlassay", "-c", "user.email=mlassay@example.com"]
    for words in (["init", "-q"], ["add", "-A"], [*who, "commit", "-qm", "Pinned"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=folder, check=True, capture_output=True, text=True
    )
    return folder, head.stdout.strip()
