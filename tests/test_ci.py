from __future__ import annotations

import pytest

from mlassay.ci import SUMMARY_BYTES, annotate, context, outputs, summary
from mlassay.errors import ConfigurationError

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "bank/loans",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_REF": "refs/heads/main",
    "GITHUB_RUN_ID": "7",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_ACTOR": "dana",
    "GITHUB_ACTOR_ID": "11",
    "GITHUB_WORKFLOW_REF": "bank/loans/.github/workflows/release.yml@refs/heads/main",
}


def test_on_a_persons_machine_nothing_is_claimed():
    found = context({"GITHUB_SHA": "a" * 40, "GIT_COMMIT": "b" * 40})
    assert (found.kind, found.commit, found.run_id, found.actor) == ("local", "", "", "")


def test_github_actions_tells_commit_ref_run_and_builder():
    found = context(GITHUB)
    assert found.kind == "github-actions"
    assert (found.commit, found.ref, found.actor, found.actor_id) == (
        "a" * 40,
        "refs/heads/main",
        "dana",
        "11",
    )
    assert found.run_id == "https://github.com/bank/loans/actions/runs/7/attempts/2"
    assert found.builder == "https://github.com/bank/loans/.github/workflows/release.yml@refs/heads/main"


def test_who_runs_it_again_set_it_off_and_does_not_get_the_first_ones_number():
    found = context({**GITHUB, "GITHUB_TRIGGERING_ACTOR": "robin"})
    assert (found.actor, found.actor_id) == ("robin", "")


def test_jenkins_tells_commit_branch_run_and_job():
    found = context(
        {
            "JENKINS_URL": "https://ci.bank/",
            "BUILD_TAG": "jenkins-loans-7",
            "BUILD_URL": "https://ci.bank/job/loans/7/",
            "JOB_URL": "https://ci.bank/job/loans/",
            "GIT_COMMIT": "b" * 40,
            "GIT_BRANCH": "origin/main",
            "BUILD_USER_ID": "dana",
        }
    )
    assert found.kind == "jenkins"
    assert (found.commit, found.ref, found.actor) == ("b" * 40, "refs/heads/main", "dana")
    assert (found.run_id, found.builder) == ("https://ci.bank/job/loans/7/", "https://ci.bank/job/loans/")


@pytest.mark.parametrize(
    ("told", "ref"),
    [
        ({"BRANCH_NAME": "main"}, "refs/heads/main"),
        ({"BRANCH_NAME": "main", "CHANGE_ID": "7"}, "refs/pull/7/head"),
        ({"BRANCH_NAME": "main", "TAG_NAME": "main"}, "refs/tags/main"),
        ({}, ""),
    ],
)
def test_a_pull_request_or_a_tag_of_jenkins_is_no_branch_whatever_it_is_called(told, ref):
    assert context({"JENKINS_URL": "https://ci/", "BUILD_TAG": "b", **told}).ref == ref


HOSTILE = "::set-output name=x::y\n::error::z\r\n%0A%0D##[command]x \x1b[31m\u202e]]><script>\u2028end\ud800"


def heredocs(text):
    """What GitHub's runner reads in a file of step outputs."""
    found, lines = {}, iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, _, end = line.partition("<<")
        value = []
        for inner in lines:
            if inner == end:
                break
            value.append(inner)
        else:
            raise AssertionError(line)
        found[name] = "\n".join(value)
    return found


def test_outputs_are_appended_for_github_and_for_others_and_nowhere_else(tmp_path):
    github, other = tmp_path / "github", tmp_path / "other"
    github.write_text("earlier=1\n")
    outputs({"verdict": "passed", "report": "a b/report.md"}, {**GITHUB, "GITHUB_OUTPUT": str(github)})
    outputs({"verdict": "passed", "report": "a=b"}, {"MLASSAY_OUTPUT": str(other)})
    outputs({"verdict": "passed"}, {"GITHUB_OUTPUT": str(tmp_path / "not-in-actions")})
    assert github.read_text().startswith("earlier=1\n")
    assert heredocs(github.read_text().removeprefix("earlier=1\n")) == {
        "verdict": "passed",
        "report": "a b/report.md",
    }
    assert other.read_text() == "verdict=passed\nreport=a=b\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["github", "other"]


def test_a_hostile_output_stays_one_value_of_its_own_name(tmp_path):
    file, lines = tmp_path / "out", tmp_path / "lines"
    outputs({"a": HOSTILE, "b": "2"}, {**GITHUB, "GITHUB_OUTPUT": str(file), "MLASSAY_OUTPUT": str(lines)})
    told = heredocs(file.read_text())
    assert set(told) == {"a", "b"}
    assert told["b"] == "2"
    assert "\n" not in told["a"]
    assert [line.partition("=")[0] for line in lines.read_text().splitlines()] == ["a", "b"]
    outputs({"a": "x" * 10_000_000}, {"MLASSAY_OUTPUT": str(lines)})
    assert lines.stat().st_size < 10_000


def test_no_two_outputs_share_a_delimiter(tmp_path):
    file = tmp_path / "out"
    for _ in range(2):
        outputs({"a": "1"}, {**GITHUB, "GITHUB_OUTPUT": str(file)})
    ends = [line.partition("<<")[2] for line in file.read_text().splitlines() if "<<" in line]
    assert len(set(ends)) == 2


def test_an_output_file_that_cannot_be_written_is_said_once_with_a_remedy(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be written") as caught:
        outputs({"a": "1"}, {"MLASSAY_OUTPUT": str(tmp_path / "no" / "where")})
    assert caught.value.problems[0].remedy


def test_a_summary_is_appended_up_to_one_mebibyte_and_cut_at_a_line(tmp_path):
    file = tmp_path / "summary"
    env = {**GITHUB, "GITHUB_STEP_SUMMARY": str(file)}
    summary("# one", env)
    summary("ä line of text\n" * 1_000_000, env)
    summary("# three", env)
    text = file.read_text(encoding="utf-8")
    assert text.startswith("# one\n\nä line")
    assert file.stat().st_size <= SUMMARY_BYTES
    assert "The rest was cut" in text
    assert all(line in ("ä line of text", "", "# one") or "cut" in line for line in text.split("\n"))
    summary("# nobody reads this", {"GITHUB_STEP_SUMMARY": str(tmp_path / "elsewhere")})
    assert not (tmp_path / "elsewhere").exists()


def test_an_annotation_is_one_command_whatever_its_text_and_its_path_say(capsys):
    annotate("error", HOSTILE, "a,line=9::b%\n.yaml", 3, GITHUB)
    annotate("warning", "x" * 10_000_000, environment=GITHUB)
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    properties, _, text = first.removeprefix("::error ").partition("::")
    assert properties == "file=a%2Cline=9%3A %3Ab%25 .yaml,line=3"
    assert "::" not in text
    assert "##[" not in text
    assert "%250A" in text
    assert all(character.isprintable() for character in first)
    assert second.startswith("::warning::xxx")
    assert len(second) < 5000


def test_nothing_is_annotated_elsewhere(capsys):
    annotate("error", "x", "ml.yaml", 1, {})
    annotate("error", "x", "ml.yaml", 1, {"JENKINS_URL": "https://ci/", "BUILD_TAG": "b"})
    assert capsys.readouterr() == ("", "")
