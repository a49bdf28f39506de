"""Many at once, killed anywhere: one wins at a time, the others are told, nothing is lost, and a second run goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mlassay.case.promotion import judge_merged
from mlassay.git import MovedOn, Repository
from mlassay.wiring import verifiers
from tests import factory
from tests.stages.promoting import clone, make_team

PROCESSES = 20

# One real process: asks for one promotion, or lands one, and says what came of it. A process of its own costs its
# imports, so this takes the stages without the command line.
RACER = """
import json, sys
from pathlib import Path
from mlassay.errors import MlassayError
from tests.stages.promoting import *
folder, verb, keys, word = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]), sys.argv[4]
repo = Repository.open(folder)
team = Team(factory.Project(repo, keys, None), Desk(repo, LocalForge(repo), verifiers()))
try:
    if verb == "promote":
        print(json.dumps({"id": team.promote("staging", who=word).name.id}))
    else:
        done = team.merge(word)
        print(json.dumps({"commit": done.commit, "winner": done.winner}))
except MlassayError as error:
    print(json.dumps({"told": str(error), "code": int(error.exit_code)}))
"""


def race(folders, keys, verbs):
    """Start one process for each folder at the same moment; their answers."""

    def run(folder, verb):
        command = [sys.executable, "-c", RACER, str(folder), verb[0], str(keys), verb[1]]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2]
        )
        assert not done.returncode, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    with ThreadPoolExecutor(len(folders)) as pool:
        return list(pool.map(run, folders, verbs))


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def test_twenty_processes_at_once_and_one_wins_at_a_time(team, tmp_path):
    clones = [clone(team, tmp_path / f"clone{n}").repo.folder for n in range(PROCESSES)]
    asked = race(clones[:6], team.project.keys, [("promote", ("dana", "lee")[n % 2]) for n in range(6)])
    ids = sorted({answer["id"] for answer in asked})
    assert len(ids) == len(team.desk.forge.requests()) == 2, "one open promotion for each person who asked"
    for id_ in ids:
        assert not team.say(id_, "robin").no
    before = team.main()
    merges = [("merge", ids[n % 2]) for n in range(14)]
    answers = race(
        clones, team.project.keys, merges + [("promote", ("dana", "robin", "lee")[n % 3]) for n in range(6)]
    )
    landed, promoted = answers[:14], answers[14:]
    winners = {answer["commit"] for answer in landed if answer["commit"]}
    assert winners == {team.main()}, "one promotion replaced the pointer, and no other"
    assert all(answer["commit"] or answer["winner"] for answer in landed), "whoever lost was told who won"
    late = [answer["told"] for answer in promoted if "id" not in answer]
    assert all("already" in told or "has not been there" in told for told in late), "it was there by then"
    team.repo.fetch("origin")
    assert team.repo.commit(team.main()).parents[0] == before, "nothing of the main line was lost"
    assert judge_merged(team.repo, team.main(), verifiers()).allowed
    loser = next(id_ for id_ in ids if not team.repo.entry(team.main(), f"promotions/staging/{id_}"))
    assert loser in {pull.id for pull in team.desk.forge.requests()}, "the loser's request is still there"


def test_promotions_and_other_commits_at_once_lose_nothing(team, tmp_path):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    other = clone(team, tmp_path / "other")

    def push_many():
        for number in range(5):
            while True:
                other.repo.fetch("origin")
                tip = other.repo.refs("refs/remotes/origin/main")["refs/remotes/origin/main"]
                commit = other.repo.write_commit(
                    tip, {f"notes/{number}.txt": b"x\n"}, message="Note\n", author=factory.project.AUTHOR,
                    when=other.repo.commit(tip).time,
                )  # fmt: skip
                try:
                    other.repo.push("origin", commit, "refs/heads/main", tip)
                    break
                except MovedOn:
                    continue  # a lost race is tried again, like any pusher would

    with ThreadPoolExecutor(1) as pool:
        pushing = pool.submit(push_many)
        done = team.merge(id_)
        pushing.result()
    team.repo.fetch("origin")
    tip = team.main()
    assert done.commit
    assert team.repo.on_first_parent_line(done.commit, tip)
    assert all(team.repo.read(tip, f"notes/{number}.txt") for number in range(5))


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def kill_after(monkeypatch, number):
    """Let the process die right after its ``number``th push has reached the remote."""
    push, left = Repository.push, [number]

    def dying(self, *arguments):
        push(self, *arguments)
        left[0] -= 1
        if not left[0]:
            raise Killed

    monkeypatch.setattr(Repository, "push", dying)


def test_killed_after_the_branch_was_pushed_the_next_run_finds_it(team, monkeypatch):
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(Killed):
            team.promote()
    again = team.promote()
    assert again.already
    with monkeypatch.context() as patch:
        kill_after(patch, 1)
        with pytest.raises(Killed):
            team.say(again.name.id, "robin")
    assert team.say(again.name.id, "robin").already
    assert team.unmet(again.name.id) == set()


@pytest.mark.parametrize("number", [1, 2])
def test_killed_after_the_main_line_moved_the_next_run_finishes(team, monkeypatch, number):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    with monkeypatch.context() as patch:
        kill_after(patch, number)
        with pytest.raises(Killed):
            team.merge(id_)
    landed = team.main()
    left, here = team.project.remote.refs(), team.repo.head()
    assert team.merge(id_, dry_run=True).already
    assert (team.project.remote.refs(), team.repo.head()) == (left, here), "a dry run finishes nothing"
    again = team.merge(id_)
    assert again.already
    assert again.commit == landed == team.main()
    assert team.desk.forge.requests() == []
    assert team.repo.head() == landed


def test_a_process_killed_for_real_at_any_moment_leaves_a_promotion_that_can_go_on(team, tmp_path):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    command = [sys.executable, "-c", RACER, str(team.repo.folder), "merge", str(team.project.keys), id_]
    for wait in (0.5, 0.9, 1.2):
        process = subprocess.Popen(
            command, cwd=Path(__file__).parents[2], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()
    done = team.merge(id_)
    assert done.commit == team.main()
    assert judge_merged(team.repo, done.commit, verifiers()).allowed
