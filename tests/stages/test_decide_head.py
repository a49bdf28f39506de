"""The required check: what a forge is told about one commit, and that nothing guarded slips by as an ordinary pull request."""

from dataclasses import dataclass, field

import pytest

from mlassay.cli.desk import _check
from mlassay.ports import Check, PullRequest
from mlassay.render.decision import decision_markdown
from mlassay.stages.decide_head import CHECK, decide_head
from tests.stages.reviewing import make_reviewed


@dataclass
class Pages:
    """A forge's pages: open pull requests by head, and what was posted."""

    open: dict[str, PullRequest] = field(default_factory=dict)
    posted: list[tuple[str, Check]] = field(default_factory=list)

    def find(self, head, repository="", branch=""):
        return self.open.get(head)

    def check(self, head, check):
        self.posted.append((head, check))

    def comment(self, request, marker, body):
        raise NotImplementedError


@pytest.fixture
def team(tmp_path):
    return make_reviewed(tmp_path)


def ordinary(team, files):
    """An ordinary pull request from a branch of its own."""
    head = team.push("feature", files, onto=team.main())
    return head, Pages({head: PullRequest("", "feature", head, 12, "https://forge.example/12")})


def test_a_request_is_decided_by_its_head(team):
    id_ = team.ask().name.id
    head = team.pull(id_).head
    no = decide_head(team.desk, Pages(), head)
    assert no.request == id_
    assert not no.allowed
    team.review(id_, "robin")
    yes = decide_head(team.desk, Pages(), head)
    assert yes.allowed
    assert _check(team.desk, yes).allowed is True
    assert _check(team.desk, no).name == CHECK
    assert "1 demand" in _check(team.desk, no).title


def test_an_unknown_commit_is_nothing_to_decide(team):
    done = decide_head(team.desk, Pages(), "ab" * 20)
    assert (done.decision, done.pull, done.allowed) == (None, None, True)


def test_an_ordinary_pull_request_may_pass(team):
    head, pages = ordinary(team, {"train.py": b"print(1)\n"})
    done = decide_head(team.desk, pages, head)
    assert done.allowed
    assert done.decision is None
    assert _check(team.desk, done).allowed is True


@pytest.mark.parametrize(
    "path",
    [
        "governance/policy.yaml",
        "environments/staging.yaml",
        "Governance/policy.yaml",
        "evidence/x/release.json",
        "data/more.manifest.yaml",
    ],
)
def test_a_pull_request_that_is_no_request_may_not_touch_guarded_paths(team, path):
    head, pages = ordinary(team, {path: b"x\n", "train.py": b"print(1)\n"})
    done = decide_head(team.desk, pages, head)
    assert not done.allowed
    assert path in done.decision.unmet[0].what
    assert _check(team.desk, done).allowed is False


def test_what_a_check_says_is_inert_markdown():
    from mlassay.policy import Decision, Demand

    text = decision_markdown(
        "<x>", Decision((Demand("a", False, "</details>\n## [x](y) @dana", "::error::"),))
    )
    assert "</details>" not in text.replace("\\", "?")
    assert "@dana" not in text
    assert "\n## " not in text
