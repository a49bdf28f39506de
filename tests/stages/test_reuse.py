"""A verdict is taken over where every input is the same, and nowhere else."""

from __future__ import annotations

import subprocess

import pytest

import mlassay.case.inputs
from mlassay.evidence.verdict import Outcome
from mlassay.git import Repository
from mlassay.stages.reuse import find_reusable, take, wants_release
from mlassay.wiring import verifiers
from tests import factory
from tests.factory.project import CONFIG, POLICY, TABLE
from tests.stages.promoting import make_team

UNIT = CONFIG.replace("gates:\n", "gates:\n  unit: {run: pytest -q tests, uses: [tests]}\n")


@pytest.fixture
def project(tmp_path):
    """A project with tests of its own and a recorded release, on a main line that others push to."""
    project = factory.make(tmp_path, remote=True, config=UNIT)
    project.commit({"tests/test_model.py": "def test(): pass\n", "README.md": "hello\n"})
    project.done = factory.record(project, outcome=Outcome.FAILED)
    return project


def reusable(project):
    found = find_reusable(project.repo, verifiers())
    return found.release if found else None


def test_the_verdict_of_the_same_inputs_is_found_and_left_byte_for_byte(project, tmp_path):
    project.commit({"README.md": "hello, world\n", "docs/x.md": "x"})
    found = find_reusable(project.repo, verifiers())
    assert found.release == project.done.release.id
    assert found.verdict.outcome is Outcome.FAILED
    run = tmp_path / "run"
    for stale in ("train", "parts", "sign", "test"):
        (run / stale).mkdir(parents=True)
    take(project.repo, found, run)
    assert [path.name for path in run.iterdir()] == ["test"]
    evidence = project.folder / "evidence" / found.release
    left = {path.relative_to(run / "test") for path in (run / "test").rglob("*") if path.is_file()}
    assert {str(path) for path in left} == {
        "verdict.json",
        "report.md",
        "gates/unit.json",
        "gates/performance.json",
        "gates/bias.json",
        "gates/data.json",
        "gates/contract.json",
    }
    assert all((run / "test" / path).read_bytes() == (evidence / path).read_bytes() for path in left)


CHANGES = {
    "ml.yaml": {"ml.yaml": UNIT.replace("0.8", "0.81", 1)},
    "a comment in ml.yaml": {"ml.yaml": UNIT + "# a comment\n"},
    "a floor": {"governance/policy.yaml": POLICY.replace("{min: 0.7}", "{min: 0.71}")},
    "training": {"train.py": "print('other')\n"},
    "a unit test": {"tests/test_model.py": "def test(): assert True\n"},
    "a new unit test": {"tests/deep/test_more.py": ""},
    "the data, but not its manifest": {"data/applications.csv": TABLE.replace("yes", "no", 1)},
}


@pytest.mark.parametrize("change", CHANGES)
def test_any_input_that_differs_is_trained_again(project, change):
    assert reusable(project) == project.done.release.id
    project.commit(CHANGES[change])
    assert reusable(project) is None


def test_a_change_of_the_manifest_or_of_people_is_trained_again(project):
    for path in ("data/applications.manifest.yaml", "governance/people.yaml"):
        before = project.read(path)
        project.commit({path: before + "# changed\n"})
        assert reusable(project) is None
        project.commit({path: before})
        assert reusable(project) == project.done.release.id


def test_what_a_twin_of_the_preprocessing_uses_is_an_input(tmp_path):
    config = UNIT.replace("  unit:", "  parity: {twin: {run: sh tools/twin.sh, uses: [tools]}}\n  unit:")
    assert config != UNIT
    project = factory.make(tmp_path, remote=True, config=config)
    project.commit({"tests/test_model.py": "", "tools/twin.sh": "cat\n", "README.md": "hello\n"})
    done = factory.record(project)
    project.commit({"README.md": "hello!\n"})
    assert reusable(project) == done.release.id
    project.commit({"tools/twin.sh": "cat -\n"})
    assert reusable(project) is None


def test_a_file_that_became_executable_is_trained_again(project):
    subprocess.run(["git", "update-index", "--chmod=+x", "train.py"], cwd=project.folder, check=True)
    (project.folder / "train.py").chmod(0o755)
    project.repo.add_and_commit(["train.py"], "Run it", when=project.now())
    assert reusable(project) is None


def test_another_mlassay_trains_again(project, monkeypatch):
    monkeypatch.setattr(mlassay.case.inputs.inputs_digest, "__defaults__", ("999.0",))
    assert reusable(project) is None


def test_without_declared_uses_every_file_but_the_records_is_an_input(tmp_path):
    project = factory.make(tmp_path, remote=True, config=UNIT.replace(", uses: [tests]", ""))
    project.commit({"tests/test_model.py": "", "README.md": "hello\n"})
    done = factory.record(project)
    project.commit({"evidence/note.txt": "not the tests' business"})
    assert reusable(project) == done.release.id
    project.commit({"README.md": "hello!\n"})
    assert reusable(project) is None


def test_a_gate_that_reads_every_file_makes_every_file_an_input(tmp_path):
    config = UNIT.replace("  unit:", "  standards: {}\n  unit:")
    assert config != UNIT
    project = factory.make(tmp_path, remote=True, config=config)
    project.commit({"README.md": "hello\n"})
    done = factory.record(project)
    project.commit({"evidence/note.txt": "a record is none"})
    assert reusable(project) == done.release.id
    project.commit({"README.md": "hello!\n"})
    assert reusable(project) is None


def test_another_live_release_is_another_input(tmp_path):
    """What max_drop compares with changes when a promotion lands."""
    team = make_team(tmp_path)
    assert reusable(team.project) == team.release
    team.land("staging")
    team.repo.fetch("origin")
    assert team.repo.fast_forward("main", team.main())
    assert reusable(team.project) is None


def test_uncommitted_files_are_doubt(project):
    (project.folder / "notes.txt").write_text("mine")
    assert reusable(project) is None


def test_evidence_on_a_side_branch_is_nothing_to_rely_on(tmp_path):
    """A pull request that brings its own evidence: signed with the right key, but not on the main line."""
    project = factory.make(tmp_path, remote=True, config=UNIT)
    project.commit({"tests/test_model.py": ""})
    main = project.repo.head()
    factory.record(project)
    assert reusable(project) is not None
    subprocess.run(["git", "push", "-q", "-f", "origin", f"{main}:main"], cwd=project.folder, check=True)
    subprocess.run(["git", "fetch", "-q", "origin"], cwd=project.folder, check=True)
    assert reusable(project) is None


def test_evidence_that_does_not_hold_is_nothing_to_rely_on(project):
    path = f"evidence/{project.done.release.id}/verdict.json"
    project.commit({path: project.read(path).replace('"failed"', '"passed"')})
    assert reusable(project) is None


def test_a_history_that_was_cut_off_is_doubt(project, tmp_path):
    project.repo = Repository.clone(f"file://{project.remote.folder}", tmp_path / "shallow", depth=1)
    assert reusable(project) is None


def test_a_repository_without_a_main_line_or_without_a_commit_has_nothing_to_reuse(tmp_path):
    repo = Repository.init(tmp_path / "new")
    assert find_reusable(repo, verifiers()) is None
    assert not wants_release(repo)


def test_a_release_is_made_of_everything_but_records(project):
    assert not wants_release(project.repo), "the last commit is a record"
    for files, wanted in (
        ({"train.py": "print(1)\n"}, True),
        ({"README.md": "x\n"}, True),
        ({"promotions/staging/x/request.json": "{}\n"}, False),
        ({"governance/policy.yaml": POLICY + "# x\n", "changes/x/request.json": "{}\n"}, False),
        (
            {"data/applications.manifest.yaml": factory.project.manifest_yaml() + "# x\n", "changes/y/a": ""},
            True,
        ),
        ({"environments/staging.yaml": "x\n", "train.py": "print(2)\n"}, True),
    ):
        project.commit(files)
        assert wants_release(project.repo) is wanted, files
