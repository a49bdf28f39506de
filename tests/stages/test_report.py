"""The report of a pull request's own run: believed in nothing, silent about nothing."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from mlassay.digest import canonical
from mlassay.errors import ConfigurationError, RemoteError
from mlassay.evidence import Outcome, read_verdict, report_json, verdict_json
from mlassay.ports import PullRequest
from mlassay.render.page import release_page
from mlassay.stages.report import pull_facts, read_reported, report
from tests import factory
from tests.stages.promoting import make_team

MARKER = "<!-- marker -->"


class Forge:
    """A page of pull requests that knows one head."""

    def __init__(self, head, number=12):
        self.pull, self.comments = PullRequest("", "faster", head, number), {}

    def check(self, head, check):
        raise AssertionError("report posts no check")

    def find(self, head, repository="", branch=""):
        return self.pull if head == self.pull.head else None

    def comment(self, request, marker, body):
        self.comments[(request.number, marker)] = body


@pytest.fixture
def team(tmp_path):
    return make_team(tmp_path)


@pytest.fixture
def run(team, tmp_path):
    """The artifact of a pull request's job: a verdict about HEAD."""
    left = factory.release.run_folder(team.project)
    folder = tmp_path / "artifact"
    shutil.copytree(left / "test", folder / "test")
    for name in ("report.html", "runtime.json"):  # what `mlassay test` leaves besides, and nobody here reads
        (folder / "test" / name).write_bytes(b"{}")
    return folder


def head(team):
    return team.repo.head()


def post(team, run, forge, **more):
    return report(team.repo, run, more.pop("at", head(team)), forge, marker=MARKER, page=release_page, **more)


def whats(reported):
    return " ".join(f"{problem.what} {problem.path}" for problem in reported.problems)


def test_a_whole_artifact_is_a_verdict_that_agrees_with_its_commit(team, run):
    reported = read_reported(run)
    assert reported.verdict is not None
    facts = pull_facts(team.repo, reported, head(team), None)
    assert facts.agreed is True
    assert not facts.problems


def test_it_is_one_comment_on_the_page_however_often_it_runs(team, run):
    forge = Forge(head(team))
    assert post(team, run, forge).posted
    first = dict(forge.comments)
    post(team, run, forge)
    assert forge.comments == first
    assert list(first) == [(12, MARKER)]
    assert first[12, MARKER].startswith("## 🟢&nbsp;toy: passed")


def test_a_dry_run_posts_nothing(team, run):
    forge = Forge(head(team))
    assert not post(team, run, forge, dry_run=True).posted
    assert not forge.comments


def test_a_pull_request_that_is_gone_is_an_error_with_a_remedy(team, run):
    with pytest.raises(RemoteError, match="no open pull request has the head"):
        post(team, run, Forge("9" * 40))


def test_a_head_that_is_no_full_id_is_refused(team, run):
    with pytest.raises(ConfigurationError, match="full id"):
        post(team, run, Forge("main"), at="main")


@pytest.mark.parametrize("left", ["nothing", "no folder", "a log"])
def test_an_artifact_without_a_verdict_is_a_page_all_the_same(team, tmp_path, left):
    folder = tmp_path / "artifact"
    if left != "no folder":
        folder.mkdir()
    if left == "a log":
        (folder / "train").mkdir()
        (folder / "train/log.txt").write_text("KeyError: 'group' @root\n::error::x\n")
    forge = Forge(head(team))
    assert post(team, folder, forge).posted
    page = forge.comments[12, MARKER]
    assert page.startswith("## 🔴&nbsp;No verdict")
    assert ("KeyError: 'group'" in page) == (left == "a log")
    assert "::error" not in page


def verdict_file(run):
    return run / "test/verdict.json"


def a_link(run, tmp_path):
    verdict_file(run).rename(tmp_path / "elsewhere")
    verdict_file(run).symlink_to(tmp_path / "elsewhere")


def a_linked_folder(run, tmp_path):
    (run / "test").rename(tmp_path / "elsewhere")
    (run / "test").symlink_to(tmp_path / "elsewhere")


def a_file_too_many(run, _):
    (run / "test/evil.sh").write_text("rm -rf /")


def a_gate_of_an_odd_name(run, _):
    (run / "test/gates/..%2f.json").write_text("{}")


def a_pipe(run, _):
    os.mkfifo(run / "test/gates/pipe.json")


def ten_megabytes_too_many(run, _):
    verdict_file(run).write_bytes(b" " * (17 << 20))


def many_files(run, _):
    for number in range(150):
        (run / f"test/gates/g{number}.json").write_text("{}")


def deep_json(run, _):
    verdict_file(run).write_text("[" * 100_000)


def no_canonical_json(run, _):
    verdict_file(run).write_bytes(verdict_file(run).read_bytes() + b" ")


def a_verdict_better_than_its_gates(run, _):
    found = read_verdict(verdict_file(run).read_bytes(), "x")
    bad = replace(found.gates[0], outcome=Outcome.FAILED)
    write(run, replace(found, gates=(bad, *found.gates[1:])))


def a_gate_better_than_its_findings(run, _):
    found = read_verdict(verdict_file(run).read_bytes(), "x")
    finding = replace(found.gates[0].findings[0], outcome=Outcome.FAILED)
    write(run, replace(found, gates=(replace(found.gates[0], findings=(finding,)), *found.gates[1:])))


def another_gate_report(run, _):
    path = next((run / "test/gates").iterdir())
    path.write_bytes(canonical({"version": 1}))


def a_gate_report_missing(run, _):
    next((run / "test/gates").iterdir()).unlink()


def write(run, verdict):
    verdict_file(run).write_bytes(verdict_json(verdict))
    for gate in verdict.gates:
        (run / f"test/gates/{gate.gate}.json").write_bytes(report_json(gate))


ATTACKS = [
    *(
        a_link,
        a_linked_folder,
        a_file_too_many,
        a_gate_of_an_odd_name,
        a_pipe,
        ten_megabytes_too_many,
        many_files,
    ),
    *(deep_json, no_canonical_json, a_verdict_better_than_its_gates, a_gate_better_than_its_findings),
    *(another_gate_report, a_gate_report_missing),
]


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_artifact_that_test_does_not_leave_is_no_verdict_and_says_why(team, run, tmp_path, attack):
    assert read_reported(run).verdict is not None
    attack(run, tmp_path)
    reported = read_reported(run)
    assert reported.verdict is None
    assert whats(reported)
    forge = Forge(head(team))
    post(team, run, forge)
    assert "No verdict" in forge.comments[12, MARKER]


def test_a_verdict_of_other_files_than_the_commits_is_called_so(team, run):
    found = read_verdict(verdict_file(run).read_bytes(), "x")
    odd = replace(found.gates[0], criteria={"accuracy": {"min": "0.1"}})
    write(
        run,
        replace(
            found, gates=(odd, *found.gates[1:]), inputs=found.inputs | {"ml.yaml": "sha256:" + "0" * 64}
        ),
    )
    facts = pull_facts(team.repo, read_reported(run), head(team), None)
    assert facts.agreed is False
    assert "ml.yaml" in facts.differing
    assert f"the criteria of {odd.gate}" in facts.differing
    assert "**Not of this commit: ml.yaml" in release_page(facts)


def test_a_commit_that_is_not_here_is_compared_by_the_verdicts_alone(team, run):
    team.land()
    team.repo.fetch("origin")
    found = read_verdict(verdict_file(run).read_bytes(), "x")
    loose = [replace(gate, criteria={"accuracy": {"min": "0.7"}}) if gate.gate == "performance" else gate for gate in found.gates]  # fmt: skip
    write(run, replace(found, gates=tuple(loose)))
    facts = pull_facts(team.repo, read_reported(run), "9" * 40, None)
    assert facts.agreed is None
    assert facts.changed is None
    assert facts.running.release == team.release
    assert [(each.id, each.before, each.after) for each in facts.weakenings] == [
        ("criteria.performance.accuracy.min", "0.8", "0.7")
    ]
    assert "does not have the pull request's commit" in release_page(facts)


def test_the_objects_of_a_fork_are_fetched_to_compare_with_and_nothing_is_checked_out(team, run):
    base = team.repo.head()
    other = team.repo.write_commit(
        base,
        {"train.py": b"print('fork')\n"},
        message="Fork\n",
        author=factory.project.AUTHOR,
        when=team.project.now(),
    )
    team.repo.push("origin", other, "refs/pull/12/head", None)
    clone = type(team.repo).clone(team.project.remote.folder, run.parent / "clone")
    forge = Forge(other)
    done = report(clone, run, other, forge, marker=MARKER, page=release_page)
    assert done.facts.agreed is True
    assert (clone.folder / "train.py").read_text() == "print('never run')\n"
    assert clone.refs("refs/pull/") == {}
