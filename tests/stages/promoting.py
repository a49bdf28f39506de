"""A team with a recorded release over a bare remote, and the verbs of a promotion in a line each."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from mlassay.forges.local import LocalForge
from mlassay.git import Repository
from mlassay.signers.ssh import SshSigner
from mlassay.stages.answer import Answered, Words, answer
from mlassay.stages.merge import Merged, merge
from mlassay.stages.promote import Promoted, promote
from mlassay.stages.requests import Desk
from mlassay.wiring import verifiers
from tests import factory

SAID = {
    "robin": (
        "I compared the refusals of both groups by hand.",
        "Few rows of one group, so it may err there.",
    ),
    "lee": ("The board's appetite covers this product.", "A downturn would make the labels out of date."),
    "dana": ("I wrote it myself and I know every line.", "My own blind spots, which nobody has seen yet."),
}


@dataclass
class Team:
    """A project with its desk; everybody works from the one clone unless another is given."""

    project: factory.Project
    desk: Desk

    @property
    def repo(self) -> Repository:
        return self.project.repo

    @property
    def release(self) -> str:
        return max(path.name for path in (self.project.folder / "evidence").iterdir())

    def key(self, name: str) -> SshSigner:
        return SshSigner.from_file(self.project.keys / name)

    def promote(
        self, environment: str = "staging", release: str | None = None, who: str = "dana", **more
    ) -> Promoted:
        more.setdefault("reason", "It refuses fewer people by mistake than before.")
        return promote(self.desk, self.key(who), environment, release, **more)

    def say(
        self, request: str, who: str, kind="approve", reason: str = "", risk: str = "", **more
    ) -> Answered:
        words = Words(reason or SAID[who][0], risk or SAID[who][1], **more)
        return answer(self.desk, self.key(who), request, kind, words)

    def merge(self, request: str, **more) -> Merged:
        return merge(self.desk, request, **more)

    def land(self, environment: str = "staging", release: str | None = None) -> Merged:
        """Promote with every approval that the policy of the factory can ask for, and merge."""
        id_ = self.promote(environment, release).name.id
        for who in ("robin", "lee"):
            assert not self.say(id_, who).no
        done = self.merge(id_)
        assert done.decision.allowed, done.decision.unmet
        return done

    def unmet(self, request: str) -> set[str]:
        return {demand.id for demand in self.merge(request, dry_run=True).decision.unmet}

    def push(self, branch: str, files: dict[str, bytes | None], onto: str | None = None) -> str:
        """Push a commit by hand, as anybody with the right to push may: onto the branch, past every verb."""
        self.repo.fetch("origin")
        head = onto or self.repo.refs(f"refs/remotes/origin/{branch}")[f"refs/remotes/origin/{branch}"]
        commit = self.repo.write_commit(
            head,
            files,
            message="By hand\n",
            author=factory.project.AUTHOR,
            when=self.project.now() + timedelta(minutes=1),
        )
        self.repo.push("origin", commit, f"refs/heads/{branch}", None if onto else head)
        return commit

    def main(self) -> str:
        """Where the remote's main line stands."""
        tip = self.project.remote.branch("main")
        assert tip is not None
        return tip


def make_team(path: Path, **options) -> Team:
    """A project with one passed release recorded; without options a copy of one that is made once in a session."""
    if options:
        project = factory.make(path, remote=True, **options)
        factory.record(project)
    else:
        made = _made()
        shutil.copytree(made.keys.parent, path, dirs_exist_ok=True)
        bare = Repository.open(path / "remote.git")
        repo = Repository.open(path / "team")
        repo.set_config("remote.origin.url", str(path / "remote.git"))
        project = factory.Project(repo, path / "keys", bare, made.clock)
    return Team(project, Desk(project.repo, LocalForge(project.repo), verifiers(), project.now))


@lru_cache
def _made() -> factory.Project:
    folder = Path(tempfile.mkdtemp(prefix="mlassay-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    project = factory.make(folder / "made", remote=True)
    factory.record(project)
    return project


def clone(team: Team, path: Path) -> Team:
    """The same team from another clone."""
    repo = Repository.clone(team.project.remote.folder, path)
    repo.set_config("user.name", "Robin")
    repo.set_config("user.email", "robin@example.org")
    project = factory.Project(repo, team.project.keys, team.project.remote, team.project.clock)
    return Team(project, Desk(repo, LocalForge(repo), verifiers(), project.now))
