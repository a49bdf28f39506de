"""A whole promotion through the verbs on GitHub: its page, its reviewers, the forge's own merge, and few calls."""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import sys

import pytest

from mlassay.case.promotion import judge_merged
from mlassay.cli import main
from mlassay.forges._patience import Patience
from mlassay.git import Repository
from mlassay.wiring import verifiers
from tests.forges.worlds import CHECK
from tests.stages.promoting import SAID, make_team

pytestmark = pytest.mark.ci_extension
AT_MOST = 12


class Hub:
    """A team with a recorded release whose remote is on GitHub; ``run`` is one verb with the App's token."""

    def __init__(self, folder, server, monkeypatch, capsys, reviews="github"):
        self.monkeypatch, self.capsys = monkeypatch, capsys
        self.server, self.team, self.name = server, make_team(folder, reviews=reviews), "acme/mortgage"
        for who, number in (("dana", 101), ("robin", 102), ("lee", 103)):
            server.user(who, number)
        self.home = server.repository(self.name, folder / "remote.git")
        self.token = server.app("mlassay-desk")
        repo = self.team.repo
        repo.set_config("remote.origin.url", self.home.clone_url)
        repo.set_config("mlassay.forge", "github")
        repo.set_config("mlassay.forge-url", server.html)
        monkeypatch.setenv("GITHUB_TOKEN", self.token)
        # The verbs make their own: only GitHub's advised pauses are left out.
        quick = dataclasses.replace(Patience(), between_requests=0, between_writes=0, pause=0.02)
        monkeypatch.setattr(Patience.__init__, "__defaults__", _defaults(quick))

    def run(self, *words: str, code: int = 0) -> str:
        self.monkeypatch.setattr(sys, "argv", ["mlassay", *words, "-C", str(self.team.project.folder)])
        with pytest.raises(SystemExit) as ended:
            main()
        told = self.capsys.readouterr()
        asked = "\n".join(
            f"{each.method} {each.path} {each.status} {each.login}" for each in self.server.calls
        )
        assert ended.value.code == code, f"{told.out}{told.err}\n{asked}"
        assert self.token not in told.out + told.err
        return told.out + told.err

    def promote(self) -> str:
        self.run(
            "promote", "staging", "--reason", "It refuses fewer people by mistake.", "--key", self.key("dana")
        )
        (pull,) = self.home.pulls.values()
        return pull.branch.rpartition("/")[2]

    def approve(self, promotion: str, who: str = "robin") -> None:
        reason, risk = SAID[who]
        self.run("approve", promotion, "--reason", reason, "--risk", risk, "--key", self.key(who))

    def move_main(self, files) -> None:
        """A commit on main, by somebody who may push there, with each file's text changed."""
        repo, tip = Repository.open(self.home.bare), _tip(self.home)
        changed = {path: change(repo.read(tip, path).decode()).encode() for path, change in files.items()}
        who, when = repo.commit(tip).author, repo.commit(tip).time
        commit = repo.write_commit(tip, changed, message="Move on\n", author=who, when=when)
        repo.push(".", commit, "refs/heads/main", tip)

    def key(self, who: str) -> str:
        return str(self.team.project.keys / who)

    def calls(self, what: str) -> int:
        """How many calls were made so far, and which, for whoever runs this with -s."""
        made = [f"{call.method} {call.path}" for call in self.server.calls]
        with self.capsys.disabled():
            print(f"\nAPI calls for a promotion {what}: {len(made)}")
        return len(made)


def _defaults(quick: Patience) -> tuple:
    return tuple(getattr(quick, each.name) for each in dataclasses.fields(quick))


def _tip(home) -> str:
    return Repository.open(home.bare).branch("main")


@pytest.fixture
def hub(tmp_path, github, monkeypatch, capsys):
    return Hub(tmp_path, github, monkeypatch, capsys)


def test_a_promotion_that_people_sign_for_lands_by_the_forges_own_merge(hub):
    hub.server.protect(hub.name, checks=[CHECK], app=hub.token)
    hub.server.calls.clear()
    promotion = hub.promote()
    assert {one.login for one in hub.server.pull(hub.name, 1).asked} == {"robin", "lee"}
    hub.approve(promotion)
    hub.run("decide", "--head", hub.server.pull(hub.name, 1).head, "--post")
    hub.run("merge", promotion)
    assert hub.server.pull(hub.name, 1).merged
    landed = _tip(hub.home)
    hub.team.repo.fetch("origin")
    assert judge_merged(hub.team.repo, landed, verifiers()).allowed
    assert hub.team.repo.commit(landed).subject.startswith("Promote ")
    # Policy counts reviews here too, so that approve asks for them: the dearest way there is.
    assert hub.calls("that is signed, where reviews count too") <= AT_MOST


def test_a_promotion_that_people_review_takes_at_most_twelve_calls(hub):
    hub.server.protect(hub.name, checks=[CHECK], app=hub.token)
    hub.server.calls.clear()
    promotion = hub.promote()
    reason, risk = SAID["robin"]
    hub.server.review(hub.name, 1, hub.server.user("robin"), "approved", f"Reason: {reason}\nRisk: {risk}")
    hub.run("decide", "--head", hub.server.pull(hub.name, 1).head, "--post")
    hub.run("merge", promotion)
    assert hub.server.pull(hub.name, 1).merged
    assert hub.calls("that is reviewed") <= AT_MOST


def test_a_promotion_where_only_signatures_count_takes_at_most_twelve_calls(
    tmp_path, github, monkeypatch, capsys
):
    hub = Hub(tmp_path, github, monkeypatch, capsys, reviews="")
    hub.server.protect(hub.name, checks=[CHECK], app=hub.token)
    hub.server.calls.clear()
    promotion = hub.promote()
    hub.approve(promotion)
    hub.run("decide", "--head", hub.server.pull(hub.name, 1).head, "--post")
    hub.run("merge", promotion)
    assert hub.server.pull(hub.name, 1).merged
    assert hub.calls("that is signed") <= AT_MOST


def test_a_check_that_said_yes_says_no_once_the_main_line_has_moved_on_under_it(hub):
    hub.approve(hub.promote())
    head = hub.server.pull(hub.name, 1).head
    hub.run("decide", "--head", head, "--post")
    assert [run.conclusion for run in hub.server.checks(hub.name, head)] == ["success"]
    hub.run("decide", "--all", "--post")
    assert hub.server.checks(hub.name, head)[-1].conclusion == "success"
    hub.move_main({"governance/policy.yaml": lambda text: text + "# stricter from today on\n"})
    told = hub.run("decide", "--all", "--post")
    assert "no:" in told
    assert hub.server.checks(hub.name, head)[-1].conclusion == "failure"
    assert json.loads(hub.run("decide", "--all", "--json"))["decided"][0]["allowed"] is False


def test_nothing_open_is_nothing_to_decide(hub):
    assert "no request is open" in hub.run("decide", "--all", "--post")
    assert hub.run("decide", "--all", "--head", "ab" * 20, code=2)
    assert hub.run("decide", "20261121-5e6f7a8b", "--post", code=2)


def test_running_promote_again_opens_no_second_one_and_asks_nobody_again(hub):
    promotion = hub.promote()
    hub.server.calls.clear()
    assert hub.promote() == promotion
    assert [call.method for call in hub.server.calls] == ["GET"]


def test_a_merge_that_the_forge_refuses_says_what_it_waits_for(hub):
    promotion = hub.promote()
    hub.server.protect(hub.name, checks=[CHECK], app=hub.token)
    hub.approve(promotion)
    told = hub.run("merge", promotion, code=4)
    assert CHECK in told
    hub.run("decide", "--head", hub.server.pull(hub.name, 1).head, "--post")
    hub.run("merge", promotion)


def test_a_killed_merge_is_finished_by_the_next(hub):
    promotion = hub.promote()
    hub.server.protect(hub.name, checks=[CHECK], app=hub.token)
    hub.approve(promotion)
    hub.run("decide", "--head", hub.server.pull(hub.name, 1).head, "--post")
    hub.server.misbehave("PUT …/merge", "drop-after")
    hub.server.misbehave("GET …/pulls/1", "error", times=20)
    hub.run("merge", promotion, code=4)
    assert hub.server.pull(hub.name, 1).merged
    hub.server._serving.moods._set.clear()
    assert "already" in hub.run("merge", promotion)


def test_plain_git_is_still_there_for_the_asking(hub):
    basic = base64.b64encode(f"x-access-token:{hub.token}".encode()).decode()
    hub.team.repo.set_config(f"http.{hub.server.html}.extraHeader", f"Authorization: Basic {basic}")
    before = len(hub.server.calls)
    hub.run(
        "promote", "staging", "--key", hub.key("dana"), "--reason", "It refuses fewer.", "--forge", "local"
    )
    assert len(hub.server.calls) == before
    assert not hub.home.pulls


def test_without_a_token_nothing_is_asked_and_the_remedy_is_told(hub, monkeypatch):
    monkeypatch.delenv("GITHUB_TOKEN")
    told = hub.run("promote", "staging", "--key", hub.key("dana"), code=2)
    assert "GITHUB_TOKEN" in told
    assert "--forge local" in told
    assert os.environ.get("GITHUB_TOKEN") is None


def doctor(hub, code: int) -> dict[str, dict]:
    told = hub.run("doctor", "--forge", "--json", code=code)
    return {need["name"]: need for need in json.loads(told)}


def test_doctor_names_what_the_forge_does_not_enforce_and_the_page_that_mends_it(hub):
    hub.monkeypatch.setenv("GITHUB_TOKEN", hub.server.user("acme"))
    hub.server.secret(hub.name, "MLASSAY_SIGNING_KEY")
    hub.server.configure(hub.name, default_workflow_permissions="write")
    told = doctor(hub, 1)
    lacking = {name for name, need in told.items() if not need["there"]}
    assert lacking == {
        *("protection", "force-push", "deletion", "pull-request", "required-check"),
        *("environment mlassay-sign", "environment mlassay-desk", "secrets", "workflow-token"),
    }
    assert all(hub.server.html in told[name]["remedy"] for name in lacking)


@pytest.mark.parametrize("style", ["ruleset", "branch"])
def test_doctor_finds_nothing_where_all_is_enforced(hub, style):
    hub.monkeypatch.setenv("GITHUB_TOKEN", hub.server.user("acme"))
    push = [hub.token] if style == "ruleset" else []
    hub.server.protect(hub.name, reviews=1, checks=[CHECK], app=hub.token, push=push, style=style)
    for name, secret in (("mlassay-sign", "MLASSAY_SIGNING_KEY"), ("mlassay-desk", "MLASSAY_DESK_KEY")):
        hub.server.environment(hub.name, name, branches=["main"], secrets=[secret])
    told = doctor(hub, 0)
    assert all(need["there"] for need in told.values())
    assert told["people"]["there"]


def test_doctor_takes_what_it_may_not_see_for_missing(hub):
    hub.server.protect(hub.name, checks=[CHECK], app=hub.token)
    told = doctor(hub, 1)
    for name in ("bypass", "secrets", "workflow-token"):
        assert not told[name]["there"]
        assert "may not see" in told[name]["remedy"]
