"""A refused request onto the main line: its folder and nothing else, and it never lands afterwards."""

from __future__ import annotations

import pytest

from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.stages._landed import landed
from mlassay.stages.refused import record_refused
from mlassay.stages.status import status
from mlassay.wiring import verifiers
from tests.stages.promoting import clone, make_team

NO = "The numbers of group b rest on four rows, and nobody looked at them."


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


@pytest.fixture
def refused(team):
    id_ = team.promote().name.id
    assert not team.say(id_, "robin", "refuse", NO).no
    return id_


def test_the_commit_adds_the_folder_of_the_request_and_nothing_else(team, refused):
    before = team.main()
    done = record_refused(team.desk, refused)
    assert team.main() == done.commit
    commit = team.repo.commit(done.commit)
    assert commit.parents == (before,)
    folder = f"promotions/staging/{refused}"
    touched = {(change.path, change.old) for change in team.repo.changes(before, done.commit)}
    files = [f"{folder}/{name}{s}" for name in ("request.json", "refusals/robin.json") for s in ("", ".sig")]
    assert touched == {(path, None) for path in files}
    assert commit.subject == f"Record that {team.release} was refused for staging"
    assert f"Promotion: {refused}\nRefused-by: robin\nReason: {NO}\n" in commit.message


def test_recording_it_again_changes_nothing(team, refused, tmp_path):
    first = record_refused(team.desk, refused)
    again = record_refused(clone(team, tmp_path / "other").desk, refused)
    assert (again.already, again.commit, team.main()) == (True, first.commit, first.commit)


def test_a_dry_run_writes_nothing(team, refused):
    before = team.project.remote.refs()
    done = record_refused(team.desk, refused, dry_run=True)
    assert (done.commit, len(done.paths), team.project.remote.refs()) == ("", 4, before)


def test_a_request_that_nobody_refused_is_not_recorded(team):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    before = team.main()
    with pytest.raises(EvidenceError, match="nobody whose objection counts"):
        record_refused(team.desk, id_)
    assert team.main() == before


def test_an_approval_that_was_withdrawn_is_recorded_too(team):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    assert not team.say(id_, "robin", "withdraw", NO).no
    assert "Refused-by: robin" in team.repo.commit(record_refused(team.desk, id_).commit).message


def test_a_refusal_that_somebody_altered_is_not_recorded(team, refused):
    path = f"promotions/staging/{refused}/refusals/robin.json"
    branch = f"promotion/staging/{refused}"
    team.repo.fetch("origin")
    head = team.repo.refs(f"refs/remotes/origin/{branch}").popitem()[1]
    data = team.repo.read(head, path)
    team.push(branch, {path: data.replace(b"four rows", b"nine rows")})
    before = team.main()
    with pytest.raises(EvidenceError, match="nobody whose key counts"):
        record_refused(team.desk, refused)
    assert team.main() == before


def test_what_landed_was_not_refused(team):
    done = team.land()
    with pytest.raises(ConfigurationError, match="has landed"):
        record_refused(team.desk, done.name.id)


def test_a_recorded_refusal_never_lands_and_passes_for_no_promotion(team, refused):
    record_refused(team.desk, refused)
    with pytest.raises(ConfigurationError, match="was refused"):
        team.merge(refused)
    assert list(landed(team.repo, team.main())) == []
    open_ = [(pull.branch, pull.head) for pull in team.desk.forge.requests()]
    found = status(team.repo, team.main(), open_, verifiers())
    assert (found.waiting, [one.held for one in found.running]) == ((), [None, None])
    assert all(one.explained for one in found.running)


def test_another_request_lands_after_one_was_refused(team, refused):
    record_refused(team.desk, refused)
    team.project.commit({"notes.md": "Looked at the four rows.\n"})
    assert team.land().commit == team.main()
