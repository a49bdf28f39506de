"""An exception for one gate of one release: signed, reasoned, expiring, shown."""

from __future__ import annotations

from datetime import date

import pytest

from mlassay.errors import ConfigurationError
from mlassay.evidence.verdict import Outcome
from mlassay.forges.local import LocalForge
from mlassay.render.status import shown_lines, status_lines
from mlassay.stages.requests import Desk
from mlassay.stages.status import show, status
from mlassay.stages.waive import waive
from mlassay.wiring import verifiers
from tests import factory
from tests.stages.promoting import Team, make_team

WHY = "Too few rows of one group; the next quarter settles it."


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def inconclusive(team):
    team.project.commit({"train.py": "print('inconclusive')\n"})
    return factory.record(team.project, seed=3, outcome=Outcome.INCONCLUSIVE).release.id


def waived(team, release, who="lee", until=date(2026, 12, 31), reason=WHY, gate="bias", **more):
    return waive(team.desk, team.key(who), gate, release, reason, until, **more)


def test_an_inconclusive_gate_is_carried_by_a_waiver_which_is_shown_wherever_the_release_is(team):
    release = inconclusive(team)
    assert waived(team, release).commit == team.main()
    id_ = team.promote("staging", release).name.id
    team.say(id_, "robin", answers={"waived.bias": "The next quarter brings enough rows to settle it."})
    done = team.merge(id_)
    assert done.commit
    assert WHY in team.repo.commit(done.commit).message
    told = "\n".join(status_lines(status(team.repo, done.commit, [], verifiers())))
    assert WHY in told
    assert WHY in "\n".join(shown_lines(show(team.repo, done.commit, release, verifiers())))


def test_without_the_waiver_the_same_release_is_refused(team):
    release = inconclusive(team)
    id_ = team.promote("staging", release).name.id
    team.say(id_, "robin", answers={"waived.bias": "The next quarter brings enough rows to settle it."})
    assert {"gates", "waiver.bias"} <= team.unmet(id_)


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ({"who": "robin"}, "none of the roles"),
        ({"until": date(2026, 11, 1)}, "past"),
        ({"until": date(2028, 1, 1)}, "at most 90 days"),
        ({"reason": "ok"}, "only says yes"),
        ({"gate": "performance"}, "passed"),
    ],
)
def test_a_waiver_that_policy_would_never_take_is_refused_when_it_is_given(team, bad, why):
    release = inconclusive(team)
    before = team.main()
    assert why in waived(team, release, **bad).no
    assert team.main() == before


def test_a_failed_gate_cannot_be_waived_where_policy_lets_nobody(team):
    team.project.commit({"train.py": "print('failed')\n"})
    release = factory.record(team.project, seed=2, outcome=Outcome.FAILED).release.id
    assert "nobody" in waived(team, release).no


def test_waiving_twice_is_the_same_as_once_and_a_waiver_is_never_changed(team):
    release = inconclusive(team)
    waived(team, release)
    stands = team.main()
    assert waived(team, release).already
    assert "never changed" in waived(team, release, until=date(2027, 1, 31)).no
    assert team.main() == stands


def test_a_gate_that_did_not_run_cannot_be_waived(team):
    with pytest.raises(ConfigurationError, match="no gate"):
        waived(team, inconclusive(team), gate="privacy")


def test_a_dry_run_of_a_waiver_writes_nothing(team):
    release = inconclusive(team)
    before = team.main()
    assert not waived(team, release, dry_run=True).commit
    assert team.main() == before


def test_without_a_remote_what_stands_in_the_way_of_a_waiver_is_named(tmp_path):
    project = factory.make(tmp_path)
    release = factory.record(project, seed=3, outcome=Outcome.INCONCLUSIVE).release.id
    team = Team(project, Desk(project.repo, LocalForge(project.repo), verifiers(), project.now))
    mine = project.folder / f"governance/waivers/{release}.bias.lee.json"
    mine.parent.mkdir()
    mine.write_text("notes of mine\n")
    with pytest.raises(ConfigurationError, match="cannot be brought forward"):
        waived(team, release)
    assert mine.read_text() == "notes of mine\n"
    mine.unlink()
    assert waived(team, release).commit == project.repo.head()
