from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlassay.config import Level
from mlassay.errors import ConfigurationError, Problem
from mlassay.files import find_file
from mlassay.git import Repository
from mlassay.stages.validate import validate

TEMPLATE = Path(__file__).parents[2] / "template"
MANIFEST, MISSING = "data/applications.manifest.yaml", "data/applications.missing.md"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "team é"
    shutil.copytree(TEMPLATE, target)
    return target


def tracked(folder: Path) -> list[str]:
    paths = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return [path.as_posix() for path in paths if ".git" not in path.parts]


def change(folder: Path, path: str, old: str, new: str) -> None:
    text = (folder / path).read_text()
    assert old in text
    (folder / path).write_text(text.replace(old, new, 1))


def problems(folder: Path, entries: list[tuple[str, str]] | None = None) -> list[Problem]:
    with pytest.raises(ConfigurationError) as caught:
        validate(lambda path: find_file(folder, path), lambda: entries or tracked(folder))
    return list(caught.value.problems)


def test_the_template_is_valid_in_a_work_tree(folder: Path) -> None:
    plan = validate(lambda path: find_file(folder, path), lambda: tracked(folder))
    assert plan.level is Level.MAJOR


def test_a_commit_gives_the_same_plan_as_its_work_tree(folder: Path) -> None:
    repository = Repository.init(folder)
    repository.set_config("user.name", "Kim")
    repository.set_config("user.email", "kim@example.org")
    repository.add_and_commit(tracked(folder), "Begin")
    head = repository.head()
    assert head
    entries = [(path, entry.mode) for path, entry in repository.tree(head).items()]
    from_commit = validate(lambda path: repository.read(head, path), lambda: entries)
    assert from_commit == validate(lambda path: find_file(folder, path), lambda: tracked(folder))


def test_problems_of_all_files_come_at_once(folder: Path) -> None:
    change(folder, "ml.yaml", "threshold: 0.5", "treshold: 0.5")
    change(folder, "governance/policy.yaml", "days: 90", "days: many")
    change(folder, "governance/people.yaml", "team: risk", "tem: risk")
    change(folder, MANIFEST, "licence:", "license:")
    found = problems(folder)
    assert {problem.path for problem in found} == {
        "ml.yaml",
        "governance/policy.yaml",
        "governance/people.yaml",
        MANIFEST,
    }
    change(folder, "ml.yaml", "treshold: 0.5", "threshold: 0.5")
    assert {problem.path for problem in problems(folder)} == {
        "governance/policy.yaml",
        "governance/people.yaml",
        MANIFEST,
    }


def test_missing_files_are_named_with_what_to_do(folder: Path) -> None:
    for path in ("governance/policy.yaml", MANIFEST):
        (folder / path).unlink()
    found = {problem.path: problem for problem in problems(folder)}
    assert "mlassay init" in found["governance/policy.yaml"].remedy
    assert "mlassay data manifest" in found["ml.yaml"].remedy


def test_data_with_protected_columns_is_tracked_only_when_public(folder: Path) -> None:
    change(folder, MANIFEST, "public: true ", "public: false ")
    (problem,) = problems(folder)
    assert "git tracks 'data/hmda.csv', which has special-category columns and is not public" in problem.what
    assert (folder / MANIFEST).read_text().splitlines()[(problem.line or 0) - 1] == "  - path: data/hmda.csv"
    untracked = [(path, "100644") for path in tracked(folder) if path != "data/hmda.csv"]
    assert validate(lambda path: find_file(folder, path), lambda: untracked)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("# Title\n\n## Who?\n\nTODO: answer\n", "not answered"),
        ("# Title only\n", "says nothing"),
        ("", "says nothing"),
        (None, "is not there"),
    ],
)
def test_a_text_about_who_is_missing_must_be_one(text: str | None, words: str, folder: Path) -> None:
    (folder / MISSING).unlink()
    if text is not None:
        (folder / MISSING).write_text(text)
    (problem,) = problems(folder)
    assert words in problem.what


def test_a_file_that_training_uses_must_be_there(folder: Path) -> None:
    change(folder, "ml.yaml", "[train.py, requirements.lock]", "[train.py, no.lock, tests]")
    (problem,) = problems(folder)
    assert problem.what == "train.uses.1: there is no 'no.lock'"
    assert problem.line


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (("link", "120000"), "symbolic link"),
        (("vendor", "160000"), "submodule"),
        (("ML.yaml", "100644"), "differs from it in case only"),
        (("a/../b", "100644"), "leaves its folder"),
        (("sub/.Git/config", "100644"), "git's own folder"),
        (("a\\b", "100644"), "backslash"),
        ((".mlassay/run/test/cross-checks.json", "100644"), "where runs leave"),
        ((".MLassay/x", "100644"), "where runs leave"),
    ],
)
def test_paths_that_mean_something_else_elsewhere_are_refused(
    entry: tuple[str, str], words: str, folder: Path
) -> None:
    entries = [(path, "100644") for path in tracked(folder)]
    (problem,) = problems(folder, [*sorted(entries), entry])
    assert words in problem.what


def test_a_link_in_place_of_a_file_is_refused_not_followed(folder: Path, tmp_path: Path) -> None:
    (folder / "ml.yaml").rename(tmp_path / "elsewhere.yaml")
    (folder / "ml.yaml").symlink_to(tmp_path / "elsewhere.yaml")
    (problem,) = problems(folder)
    assert "symbolic link" in problem.what


def test_a_demo_key_is_refused_outside_the_demo(folder: Path) -> None:
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPlzIrH/jijrVcTNab6cbVHRzi54XT6/P35M6mQDdIcf lee"
    change(folder, "governance/people.yaml", "keys: []", f"keys: [{{key: {key}, valid_from: 2026-01-01}}]")
    (problem,) = problems(folder)
    assert "was made by the demo" in problem.what
    change(folder, "governance/policy.yaml", "version: 1\n", "version: 1\ndemo: true\n")
    assert validate(lambda path: find_file(folder, path), lambda: tracked(folder))


def test_a_fresh_repository_with_an_owner_of_its_own_is_valid(tmp_path: Path) -> None:
    from mlassay.stages.init import personalise, template_files, write_missing

    write_missing(tmp_path, personalise(template_files(), name="loans", owner="kim"))
    plan = validate(lambda path: find_file(tmp_path, path), lambda: tracked(tmp_path))
    assert plan.evaluation.owner == plan.config.owner == "kim"
