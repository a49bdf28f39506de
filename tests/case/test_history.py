"""What the main line remembers: who wrote what changed, and what environments held."""

from __future__ import annotations

import pytest

from mlassay.case.history import contributors, held_digests, pointers
from mlassay.git import Identity
from tests import factory
from tests.stages.promoting import make_team


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def names(found):
    return {contributor.name for contributor in found}


def commit(team, path, who, parents=None, data=b"x\n"):
    head = (parents or [team.repo.head()])[0]
    return team.repo.write_commit(
        head,
        {path: data},
        message="Change\n",
        author=Identity(who, f"{who}@example.org"),
        when=team.project.now(),
        parents=parents,
    )


def test_authors_of_sources_count_and_those_of_records_do_not(team):
    start = team.repo.head()
    source = commit(team, "train.py", "Ann", [start])
    record = commit(team, "evidence/x/release.json", "Ci", [source])
    waiver = commit(team, "governance/waivers/x.json", "Lee", [record])
    manifest = commit(team, "data/a.manifest.yaml", "Mia", [waiver])
    assert names(contributors(team.repo, start, manifest)) == {"Ann", "Mia"}


def test_while_nothing_is_live_everybody_since_the_root_counts(team):
    assert names(contributors(team.repo, None, commit(team, "a.py", "Ann"))) == {"Dana", "Ann"}


def test_a_merge_counts_for_what_it_adds_itself_only(team):
    start = team.repo.head()
    left, right = commit(team, "a.py", "Ann", [start]), commit(team, "b.py", "Bob", [start])
    honest = team.repo.write_commit(
        left,
        {"b.py": b"x\n"},
        message="Merge\n",
        author=Identity("Max", "m@x"),
        when=team.project.now(),
        parents=[left, right],
    )
    assert names(contributors(team.repo, start, honest)) == {"Ann", "Bob"}
    evil = team.repo.write_commit(
        left,
        {"b.py": b"y\n"},
        message="Merge\n",
        author=Identity("Max", "m@x"),
        when=team.project.now(),
        parents=[left, right],
    )
    assert names(contributors(team.repo, start, evil)) == {"Ann", "Bob", "Max"}


def test_going_back_concerns_those_whose_work_is_undone(team):
    start = team.repo.head()
    later = commit(team, "a.py", "Ann", [start])
    assert names(contributors(team.repo, later, start)) == {"Ann"}
    assert contributors(team.repo, start, start) == ()


def test_an_environment_remembers_everything_that_it_held(team):
    first = team.land()
    team.project.commit({"train.py": "print('again')\n"})
    second = factory.record(team.project, seed=2).release
    team.land("staging", second.id)
    head = team.main()
    assert len(held_digests(team.repo, head, "staging")) == 2
    assert next(held.pointer.live.release for held in pointers(team.repo, head, "staging")) == second.id
    assert held_digests(team.repo, team.repo.commit(first.commit).parents[0], "staging") == frozenset()


def test_a_pointer_that_nobody_can_read_is_passed_over(team):
    team.land()
    broken = team.push("main", {"environments/staging.yaml": b"version: [\n"})
    team.repo.fetch("origin")
    assert len(held_digests(team.repo, broken, "staging")) == 1
