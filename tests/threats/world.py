"""One repository with something of everything, made once by the real stages; attacks are played on cheap copies of it."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from mlassay.audit.anchor_pin import make_anchor
from mlassay.ci import Context
from mlassay.evidence.anchors import PERSON
from mlassay.evidence.verdict import Outcome
from mlassay.git import Identity
from mlassay.stages.propose import propose
from mlassay.stages.record import record
from mlassay.stages.waive import waive
from mlassay.wiring import verifiers
from tests import factory
from tests.factory.project import ACCOUNTS, person_key, signer_yaml
from tests.factory.project import ci_key as make_ci_key
from tests.stages.promoting import SAID
from tests.stages.reviewing import Reviewed, make_reviewed

WAIVED = "Too few rows of group b to settle it before spring."


@dataclass(frozen=True)
class World:
    """Where the copyable repository and the keys lie, and what happened by name (releases, promotions, commits).

    ``anchor`` is an anchor of the commit ``short``, as an auditor keeps it.
    """

    folder: Path
    keys: Path
    names: dict[str, str]
    clock: datetime
    anchor: bytes

    @property
    def bare(self) -> Path:
        """The remote that everybody pushed to, packed."""
        return self.folder / "remote.git"


def make_world(path: Path) -> World:
    """Play it once: releases that passed, failed and were waived, every kind of landing, and requests left open."""
    SAID["lee"] = (
        "The board's appetite covers this product.",
        "A downturn would make the labels out of date.",
    )
    team = make_reviewed(path)
    names = {"root": _first(team), "one": team.release}
    names["staged"] = _land(team, "staging", names["one"])
    names["reviewed"] = _reviewed(team, "production", names["one"])
    names["changed"] = _change(team)
    names["before-three"] = team.main()
    names["three"] = _recorded(team, seed=3, card=True)
    names["short"] = team.main()
    names["failed"] = _recorded(team, outcome=Outcome.FAILED, seed=4)
    names["two"] = _recorded(team, outcome=Outcome.INCONCLUSIVE, seed=2)
    until = (team.project.now() + timedelta(days=60)).date()
    assert not waive(team.desk, team.key("lee"), "bias", names["two"], WAIVED, until).no
    names["doubtful"] = _recorded(team, outcome=Outcome.INCONCLUSIVE, seed=6)
    names["weak"] = _weakened(team)
    names["open"] = _asked(team, "staging", names["three"], "robin", "lee")
    names["refused"] = _refused(team, names["two"])
    names["accepted"] = _accepted(team, names["weak"])
    names["head"] = team.main()
    team.repo.fetch("origin")
    pinned = make_anchor(
        team.repo, names["short"], date=team.project.now(), findings=0, signer=(team.key("lee"), PERSON)
    )
    return World(path, team.project.keys, names, _packed(team), pinned.to_bytes())


def _first(team: Reviewed) -> str:
    return [commit.id for commit in team.repo.first_parents(team.main())][-1]


def _recorded(team: Reviewed, **options: object) -> str:
    team.repo.fetch("origin")
    assert team.repo.fast_forward("main", team.main())
    return factory.record(team.project, **options).release.id


def _asked(team: Reviewed, environment: str, release: str, *people: str) -> str:
    id_ = team.promote(environment, release).name.id
    for who in people:
        assert not team.say(id_, who).no
    return id_


def _land(team: Reviewed, environment: str, release: str) -> str:
    id_ = _asked(team, environment, release, "robin", "lee")
    assert team.merge(id_).decision.allowed
    return id_


def _reviewed(team: Reviewed, environment: str, release: str) -> str:
    """Asked by the CI, approved by reviews on the forge, which the desk's key records afterwards."""
    id_ = team.ask(environment=environment, release=release).name.id
    for who in ("robin", "lee"):
        team.review(id_, who)
    assert team.merge(id_).commit
    assert team.record(id_).commit
    return id_


def _change(team: Reviewed) -> str:
    """A spare CI key and an auditor come in, and reviews count no more, by a change that the risk lead approves."""
    team.repo.fetch("origin")
    assert team.repo.fast_forward("main", team.main())
    people = team.project.folder / "governance/people.yaml"
    keys = team.project.keys
    spare = "\n".join(signer_yaml("spare", make_ci_key(keys, "spare"))) + "\n"
    ada = (
        f"  ada:\n    name: Ada\n    team: audit\n    roles: [reviewer]\n    emails: [ada@example.org]\n"
        f"    keys: [{{key: {person_key(keys, 'ada')}, valid_from: 2026-01-01, valid_until: 2026-12-31}}]\nsigners:"
    )
    people.write_text(people.read_text().replace("signers:", ada) + spare)
    policy = team.project.folder / "governance/policy.yaml"
    policy.write_text(policy.read_text().replace("reviews: github\n", ""))
    reason = "Ada audits from now on, CI has a spare key, and people sign instead of clicking."
    id_ = propose(team.desk, team.key("dana"), reason=reason).name.id
    assert not team.say(id_, "lee").no
    assert team.merge(id_).decision.allowed
    return id_


def _weakened(team: Reviewed) -> str:
    """Ada asks less of the model, and Robin sets the run off that makes one."""
    team.repo.fetch("origin")
    assert team.repo.fast_forward("main", team.main())
    config = team.project.read("ml.yaml").replace("accuracy: {min: 0.8}", "accuracy: {min: 0.75}")
    (team.project.folder / "ml.yaml").write_text(config)
    before, when = team.main(), team.project.now()
    commit = team.repo.write_commit(
        before,
        {"ml.yaml": config.encode()},
        message="Ask less",
        author=Identity("Ada", "ada@example.org"),
        when=when,
    )
    team.repo.push("origin", commit, "refs/heads/main", before)
    subprocess.run(["git", "checkout", "-q", "--", "ml.yaml"], cwd=team.project.folder, check=True)
    team.repo.fetch("origin")
    assert team.repo.fast_forward("main", commit)
    run = factory.run_folder(team.project, seed=5)
    robin = str(ACCOUNTS["robin"])
    context = Context(
        "github-actions", commit, "refs/heads/main", "https://ci.example/runs/9", "robin", robin, ""
    )
    factory.sign_run(team.project, run, context=context)
    return record(team.repo, run, verifiers(), clock=team.project.now).release.id


def _accepted(team: Reviewed, release: str) -> str:
    """A request that names the weakening, left open."""
    id_ = team.promote("staging", release).name.id
    said = team.say(id_, "lee", accepts=("criteria.performance.accuracy.min",))
    assert not said.no, said.no
    return id_


def _refused(team: Reviewed, release: str) -> str:
    id_ = team.promote("staging", release).name.id
    assert not team.say(id_, "lee", kind="refuse", reason="Nobody looked at group b since the summer.").no
    return id_


def _packed(team: Reviewed) -> datetime:
    """Pack the remote, so that a copy is a handful of hard links; gives the latest time in it."""
    bare = team.project.remote.git_dir
    for command in (["repack", "-adq"], ["prune"], ["pack-refs", "--all"]):
        subprocess.run(["git", *command], cwd=bare, check=True, capture_output=True)
    shutil.rmtree(bare / "hooks", ignore_errors=True)
    return team.project.clock
