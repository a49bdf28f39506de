"""The page of a request from a real repository: what it tells, and that its way by hand makes an approval that counts."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from datetime import timedelta

import pytest

from mlassay.evidence.times import time_string
from mlassay.git import Repository
from mlassay.policy import decide
from mlassay.render.page import promotion_page
from mlassay.render.page_approve import by_hand
from mlassay.stages.page_facts import request_facts
from tests import factory
from tests.stages.promoting import SAID, make_team

WHOM = "Those near the threshold, and whoever they owe."


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def sections(page):
    return [line.removeprefix("### ") for line in page.split("\n") if line.startswith("### ")]


def test_a_promotion_is_opened_with_its_page(team):
    bodies = []

    class Forge:
        def open(self, branch, head, *, title, body):
            bodies.append((title, body))
            return team.desk.forge.open(branch, head, title=title, body=body)

        def requests(self):
            return team.desk.forge.requests()

    seen = replace(team, desk=replace(team.desk, forge=Forge()))
    opened = seen.promote(page=promotion_page)
    ((title, body),) = bodies
    assert title == f"Ask to promote {team.release} to staging"
    assert body.startswith(f"## 🟢&nbsp;Promote {team.release} to staging\n")
    assert sections(body)[:2] == ["Gates", "Who is worse off"]
    assert body == promotion_page(request_facts(team.desk, opened.name.id))


def test_a_second_promotion_tells_what_changed_since_what_runs(team):
    team.land()
    config = team.project.read("ml.yaml").replace("accuracy: {min: 0.8}", "accuracy: {min: 0.75}")
    team.project.repo.fetch("origin")
    team.project.repo.fast_forward("main", team.main())
    team.project.commit({"ml.yaml": config, "train.py": "print('other')\n", "new.py": "1\n"}, "Loosen it")
    factory.record(team.project, seed=2)
    facts = request_facts(team.desk, team.promote(page=promotion_page).name.id)
    assert [(each.key, each.before, each.after) for each in facts.changed.settings] == [
        ("gates.performance.accuracy.min", "0.8", "0.75")
    ]
    assert [change.path for change in facts.changed.code] == ["new.py", "train.py"]
    assert facts.changed.commits == 1
    assert not facts.changed.data
    assert {each.person for each in facts.earlier} == {"robin", "lee"}
    page = promotion_page(facts)
    assert "**The criterion performance.accuracy.min was weakened**" in page
    assert "new `new.py`, `train.py`, in 1 commit." in page
    assert "what changed since you approved" in page


def test_a_page_says_who_may_not_approve_and_who_has(team):
    id_ = team.promote().name.id
    team.say(id_, "robin")
    facts = request_facts(team.desk, id_)
    assert "dana" in facts.barred
    assert [each.approval.record.person for each in facts.standing if each.counts] == ["robin"]
    assert "**robin approved**" in promotion_page(facts)


def test_the_lines_for_ssh_keygen_and_git_make_an_approval_that_counts(team, tmp_path):
    id_ = team.promote(reason="It refuses fewer people by mistake than before.").name.id
    before = request_facts(team.desk, id_)
    assert not before.review.decision.allowed
    told = "\n".join(by_hand(before.review.case, before.pull.branch))
    assert told in promotion_page(before)
    reason, risk = SAID["robin"]
    for old, new in (
        ("person='your-id'", "person='robin'"),
        ("Why it may go ahead, in your own words.", reason),
        ("What may still go wrong, and that you accept it.", risk),
        ("key=~/.ssh/id_ed25519", f"key='{team.project.keys / 'robin'}'"),
        ("Your answer to whom.", WHOM),
    ):
        told = told.replace(old, new)
    clone = Repository.clone(team.project.remote.folder, tmp_path / "robin")
    at = time_string(team.project.now())
    when = time_string(team.project.now() + timedelta(minutes=1))
    names = {
        "GIT_AUTHOR_NAME": "R",
        "GIT_AUTHOR_EMAIL": "r@x",
        "GIT_COMMITTER_NAME": "R",
        "GIT_COMMITTER_EMAIL": "r@x",
    }
    dates = {"GIT_AUTHOR_DATE": when, "GIT_COMMITTER_DATE": when}
    # The clock of these tests stands in 2026: `date` must say what it is there.
    subprocess.run(
        ["/bin/bash", "-euc", f"date() {{ echo {at}; }}\n{told}"],
        cwd=clone.folder,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)} | names | dates,
        check=True,
        capture_output=True,
    )
    team.repo.fetch("origin")
    after = request_facts(team.desk, id_)
    assert [(each.approval.record.person, each.why_not) for each in after.standing] == [("robin", "")]
    assert decide(after.review.case).allowed
    assert team.merge(id_).decision.allowed
