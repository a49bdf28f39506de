"""The verbs of a promotion as a person at a terminal or a CI runs them: what they print and how they end."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from mlassay.cli import cli
from tests.stages.promoting import SAID, make_team


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


def run(team, *words, code=0, who=None, stdin=None):
    """One verb in this process; its standard output."""
    key = ["--key", str(team.project.keys / who)] if who else []
    result = CliRunner().invoke(cli, [*words, *key, "-C", str(team.project.folder)], input=stdin)
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.stdout if code in (0, 3) else result.output


def opened(team, environment="staging"):
    return json.loads(
        run(
            team,
            "promote",
            environment,
            "--reason",
            "Fewer wrong refusals than before.",
            "--json",
            who="dana",
        )
    )["promotion"]


def approve(team, id_, who, *more, **options):
    return run(
        team, "approve", id_, "--reason", SAID[who][0], "--risk", SAID[who][1], *more, who=who, **options
    )


def test_a_promotion_goes_through_from_the_command_line_and_status_and_show_tell_it(team):
    id_ = opened(team)
    assert "no: 1 demand not met" in run(team, "decide", id_, code=1)
    assert "not met" in run(team, "merge", id_, code=1)
    assert f"robin approved {id_}" in approve(team, id_, "robin")
    assert json.loads(run(team, "decide", id_, "--json"))["allowed"]
    assert "has landed" in run(team, "merge", id_)
    assert "landed already" in run(team, "merge", id_)
    told = run(team, "status")
    assert re.search(rf"^staging: {team.release} since .* by {id_}$", told, re.MULTILINE)
    assert "production: nothing yet" in told
    assert "nothing waits" in told
    shown = run(team, "show", team.release)
    assert f"promoted to staging by {id_}" in shown
    assert f"robin approved: {SAID['robin'][0]}" in shown
    assert "runs now in: staging" in shown


def test_the_developers_own_approval_ends_with_1_and_the_reason(team):
    id_ = opened(team)
    told = run(
        team,
        "approve",
        id_,
        "--reason",
        "It is mine and it is good.",
        "--risk",
        "None that I see.",
        who="dana",
        code=1,
    )
    assert f"dana may not approve {id_}: dana asked for it" in told
    said = json.loads(run(team, "approve", id_, "--reason", "x", "--risk", "y", "--json", who="dana", code=1))
    assert "asked for it" in said["no"]


def test_what_is_being_accepted_is_shown_before_it_is_signed(team):
    id_ = opened(team)
    told = approve(team, id_, "robin", "--dry-run")
    for words in (
        "runs nothing yet",
        "Risk: moderate",
        "bias passed",
        "Who is worse off",
        "no weakening, no waiver",
    ):
        assert words in told
    assert told.index("What is being accepted") < told.index("Would write")
    assert "approvals" in {
        d["id"] for d in json.loads(run(team, "decide", id_, "--json", code=1))["demands"] if not d["met"]
    }


def test_without_a_terminal_what_is_missing_is_a_usage_error(team):
    assert "--reason is missing" in run(team, "approve", opened(team), who="robin", code=2)


def test_status_says_what_waits_for_whom(team):
    id_ = opened(team)
    told = run(team, "status", "--fetch")
    assert f"open: {id_} to staging, asked by dana" in told
    assert "waits for approvals: one more person must run: mlassay approve" in told
    waiting = json.loads(run(team, "status", "--json"))["open"]
    assert [one["id"] for one in waiting] == [id_]
    approve(team, id_, "robin")
    assert f"every demand is met: mlassay merge {id_}" in run(team, "status", "--fetch")


def test_refusing_and_withdrawing_block_from_the_command_line(team):
    id_ = opened(team)
    approve(team, id_, "robin")
    run(team, "withdraw", id_, "--reason", "I misread the interval of the report.", who="robin")
    assert "withdrew their approval" in run(team, "decide", id_, code=1)
    run(team, "refuse", id_, "--reason", "The interval is too wide to tell.", who="lee")
    assert "lee refused" in run(team, "decide", id_, code=1)


def test_a_change_shows_the_lines_that_change(team):
    policy = team.project.folder / "governance/policy.yaml"
    policy.write_text(policy.read_text().replace("days: 90", "days: 60"))
    id_ = json.loads(
        run(team, "propose", "--reason", "Shorter waivers make people look again.", "--json", who="dana")
    )["change"]
    told = approve(team, id_, "lee")
    assert "-waivers: {inconclusive: [risk-lead], failed: [], days: 90}" in told
    assert "+waivers: {inconclusive: [risk-lead], failed: [], days: 60}" in told
    assert "has landed" in run(team, "merge", id_)


def test_a_dry_run_shows_the_commit_that_would_land(team):
    id_ = opened(team)
    approve(team, id_, "robin")
    before = team.main()
    told = run(team, "merge", id_, "--dry-run")
    assert "environments/staging.yaml" in told
    assert f"Promote {team.release} to staging" in told
    assert team.main() == before


def test_a_dry_run_of_what_was_done_already_says_so_and_promises_no_commit(team):
    id_ = opened(team)
    approve(team, id_, "robin")
    told = [
        run(team, "promote", "staging", "--dry-run", who="dana"),
        approve(team, id_, "robin", "--dry-run"),
    ]
    run(team, "merge", id_)
    told.append(run(team, "merge", id_, "--dry-run"))
    for each in told:
        assert "already" in each
        assert "Would write" not in each


def test_an_unknown_promotion_or_release_names_those_that_there_are(team):
    id_ = opened(team)
    result = CliRunner().invoke(cli, ["decide", "20200101-00000000", "-C", str(team.project.folder)])
    assert id_ in result.exception.problems[0].remedy
    result = CliRunner().invoke(cli, ["show", "nothing", "-C", str(team.project.folder)])
    assert team.release in result.exception.problems[0].remedy


def test_show_ends_with_3_where_the_evidence_does_not_hold(team):
    team.push("main", {f"evidence/{team.release}/report.md": b"# all is well\n"})
    team.repo.fetch("origin")
    told = run(team, "show", team.release, "--at", "origin/main", code=3)
    assert "INVALID" in told
    assert "report.md" in told


def test_escape_sequences_of_others_never_reach_the_terminal(team):
    evil = "Fewer wrong refusals \x1b[2J\u202e than before."
    id_ = json.loads(run(team, "promote", "staging", "--reason", evil, "--json", who="dana"))["promotion"]
    for told in (approve(team, id_, "robin"), run(team, "decide", id_), run(team, "merge", id_, "--dry-run")):
        assert "\x1b" not in told
        assert "\u202e" not in told


def test_status_lists_a_refused_request_apart_with_how_to_be_rid_of_it(team):
    id_ = opened(team)
    assert "no longer possible" not in run(team, "status", "--fetch"), "the control: it may still land"
    assert json.loads(run(team, "status", "--json"))["open"][0]["possible"]
    run(team, "refuse", id_, "--reason", "Half of the letters read wrong to me.", who="robin")
    told = run(team, "status", "--fetch").splitlines()
    at = told.index("nothing waits for anybody")
    assert told[at + 1].startswith(
        f"no longer possible: {id_} to staging, asked by dana: robin refused: Half"
    )
    assert told[at + 2] == f"  delete its branch: git push origin --delete promotion/staging/{id_}"
    assert len(told) == at + 3, "and no advice that cannot help"
    assert not json.loads(run(team, "status", "--json"))["open"][0]["possible"]


def test_status_lists_a_superseded_request_apart(team):
    late = team.promote(who="robin").name.id
    team.land()
    told = run(team, "status", "--fetch")
    assert f"no longer possible: {late} to staging, asked by robin: the pointer that it replaces" in told
    assert f"open: {late}" not in told


def test_status_says_of_a_pointer_edited_by_hand_that_no_promotion_explains_it(team):
    team.land()
    doubt = "NOT EXPLAINED by any promotion: mlassay verify"
    assert doubt not in run(team, "status", "--fetch"), "the control: what a promotion brought"
    at = ("--at", "origin/main")
    assert json.loads(run(team, "status", *at, "--json"))["environments"]["staging"]["explained"]
    path = "environments/staging.yaml"
    text = team.repo.read(team.main(), path)
    was = json.loads(run(team, "status", *at, "--json"))["environments"]["staging"]["promotion"]
    team.push("main", {path: text.replace(was.encode(), b"20990101-00000000")})
    told = run(team, "status", "--fetch")
    assert re.search(rf"^staging: {team.release} since .*, {doubt}$", told, re.MULTILINE)
    assert "production: nothing yet\n" in told
    found = json.loads(run(team, "status", *at, "--json"))["environments"]
    assert not found["staging"]["explained"]
    assert found["production"] is None
