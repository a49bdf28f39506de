"""The required check says the whole page, as it is true when it is decided."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlassay.cli.desk import _check
from mlassay.ports import PullRequest
from mlassay.render.decision import decision_markdown
from mlassay.stages.decide_head import HeadDecision
from mlassay.stages.merge import decided
from tests.stages.promoting import make_team


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def head_decision(team, request):
    decision = decided(team.desk, request)[1]
    pull = next(pull for pull in team.desk.forge.requests() if pull.id == request)
    return HeadDecision(pull.head, request, decision, pull)


def test_the_check_of_a_promotion_is_its_page_with_what_is_true_now(team):
    id_ = team.promote().name.id
    before = _check(team.desk, head_decision(team, id_))
    assert before.allowed is False
    assert before.summary.startswith(f"## 🟢&nbsp;Promote {team.release} to staging")
    assert "not met yet" in before.summary
    team.say(id_, "robin")
    after = _check(team.desk, head_decision(team, id_))
    assert after.allowed is True
    assert "**Every demand of policy is met.**" in after.summary
    assert "**robin approved**" in after.summary


def test_a_decision_that_is_another_by_now_is_told_as_it_was_made(team):
    id_ = team.promote().name.id
    early = head_decision(team, id_)
    team.say(id_, "robin")
    late = replace(early, pull=PullRequest(id_, early.pull.branch, head_decision(team, id_).head))
    assert _check(team.desk, late).summary == decision_markdown(id_, early.decision)
