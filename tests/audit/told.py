"""A main line with one of everything that a chronicle tells, made in process: the people of the factory, a year in minutes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mlassay.evidence.verdict import Outcome
from mlassay.stages.propose import propose
from mlassay.stages.refused import record_refused
from mlassay.stages.waive import waive
from tests import factory
from tests.stages.promoting import Team, make_team

NO = "The numbers of group b rest on four rows, and nobody looked at them."
WHY = "Shorter waivers make people look again sooner."
WAIVED = "Too few rows of group b to settle it before spring."
MANIFEST = "data/applications.manifest.yaml"


@dataclass
class Story:
    """The team that played it, and ids and commits of what happened by what they are."""

    team: Team
    ids: dict[str, str]


def play(folder: Path) -> Story:
    """Two releases in staging one after the other, one refused on the record, one on a branch, two changes, a waiver."""
    team = make_team(folder)
    ids = {"first": team.release, "root": _first(team)}
    ids["refused"] = team.promote().name.id
    team.say(ids["refused"], "robin", "refuse", NO)
    ids["refusal_commit"] = record_refused(team.desk, ids["refused"]).commit
    done = team.land()
    ids["promotion"], ids["promotion_commit"] = done.name.id, done.commit
    _edit(team, "governance/policy.yaml", "days: 90", "days: 60")
    _edit(team, "governance/people.yaml", "roles: [reviewer]", "roles: [reviewer, auditor]")
    ids["governance"], ids["governance_commit"] = _change(team, "lee")
    _edit(team, MANIFEST, "description: Twenty", "description: Still twenty")
    ids["manifest"], ids["manifest_commit"] = _change(team, "lee")
    ids["failed_source"] = team.project.commit({"train.py": "print('worse')\n"})
    ids["failed"] = factory.record(team.project, seed=2, outcome=Outcome.FAILED).release.id
    ids["source"] = team.project.commit({"train.py": "print('once more')\n"})
    ids["second"] = factory.record(team.project, seed=3, outcome=Outcome.INCONCLUSIVE).release.id
    waive(team.desk, team.key("lee"), "bias", ids["second"], WAIVED, date(2026, 12, 31))
    ids["later"], ids["later_commit"] = _promoted(team, ids["second"])
    ids["on_branch"] = team.promote("production", ids["first"]).name.id
    team.say(ids["on_branch"], "robin", "refuse", NO)
    team.repo.fetch("origin")
    return Story(team, ids)


def _first(team: Team) -> str:
    return list(team.repo.first_parents(team.main()))[-1].id


def _edit(team: Team, path: str, old: str, new: str) -> None:
    file = team.project.folder / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def _change(team: Team, who: str) -> tuple[str, str]:
    id_ = propose(team.desk, team.key("dana"), WHY).name.id
    assert not team.say(id_, who).no
    done = team.merge(id_)
    assert done.commit, done.decision.unmet
    return id_, done.commit


def _promoted(team: Team, release: str) -> tuple[str, str]:
    id_ = team.promote("staging", release).name.id
    answers = {"waived.bias": "The next quarter brings enough rows to settle it."}
    for who in ("robin", "lee"):
        team.say(id_, who, answers=answers, accepts=("manifest.applications",) if who == "lee" else ())
    done = team.merge(id_)
    assert done.commit, done.decision.unmet
    return id_, done.commit
