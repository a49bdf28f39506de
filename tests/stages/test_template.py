"""What is known of a repository's template: its record, its pins, and the templates that were released."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from mlassay.digest import sha256
from mlassay.errors import ConfigurationError
from mlassay.stages.template import RECORD, Record, is_newer, known_digests, pin_of, pinned, pins, record_of

ROOT = Path(__file__).parents[2]
MAIN = ".github/workflows/main.yml"
A, B = "a" * 40, "b" * 40


def git(*words, at):
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@people.example"]
    return subprocess.run(["git", *who, *words], cwd=at, capture_output=True, text=True, check=True).stdout


def test_a_record_is_read_back_as_it_was_written():
    record = Record(
        "0.2.0", {"Jenkinsfile": sha256(b"a\n"), ".gitignore": sha256(b"b")}, {".gitignore": b"b"}
    )
    assert Record.parse(record.to_bytes()) == record


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"version": 1}',
        '{"version": 2, "template": "1", "files": {}}',
        '{"version": 1, "template": "x", "files": {}}',
        '{"version": 1, "template": "1", "files": {"a": "sha256:0"}}',
        '{"version": 1, "template": "1", "files": {}, "more": 1}',
        '{"version": 1, "template": "1", "files": {}, "bases": {"Jenkinsfile": ["x"]}}',
    ],
)
def test_a_record_that_is_none_is_refused_by_name(text):
    with pytest.raises(ConfigurationError) as caught:
        Record.parse(text.encode())
    assert {problem.path for problem in caught.value.problems} == {RECORD}


def test_what_is_guarded_or_data_is_never_recorded():
    files = {"governance/policy.yaml": b"p", "data/hmda.csv": b"d", "train.py": b"t"}
    assert list(record_of(files, files, "1").files) == ["train.py"]


def test_a_second_init_leaves_the_record_of_the_first():
    old = Record("0.1.0", {"train.py": sha256(b"old")})
    new = record_of(
        {"train.py": b"new", "Jenkinsfile": b"j"}, {"train.py": b"new", "Jenkinsfile": b"j"}, "0.2.0", old
    )
    assert new.template == "0.1.0"
    assert new.files == {"train.py": sha256(b"old"), "Jenkinsfile": sha256(b"j")}


@pytest.mark.parametrize(
    ("line", "moved"),
    [
        (
            f"uses: mlassay/mlassay/actions/run@{A} # v1.0.0",
            f"uses: mlassay/mlassay/actions/run@{B} # v2.0.0",
        ),
        (
            f"- uses: 'mlassay/mlassay/actions/run@{A}'  # v1",
            f"- uses: 'mlassay/mlassay/actions/run@{B}' # v2.0.0",
        ),
        (f"uses: mlassay/mlassay/actions/run@{A}", f"uses: mlassay/mlassay/actions/run@{B} # v2.0.0"),
        (f"uses: other/mlassay/actions/run@{A} # v1.0.0", None),
        ("uses: mlassay/mlassay/actions/run@main", None),
        (f"# see mlassay/mlassay/actions/run@{A}", None),
    ],
)
def test_only_pins_of_ours_move(line, moved):
    data = f"a\n{line}\nb\n".encode()
    assert pinned(MAIN, data, (B, "2.0.0")) == (f"a\n{moved}\nb\n".encode() if moved else data)
    assert pinned("README.md", data, (B, "2.0.0")) == data
    assert bool(pins(MAIN, data)) == bool(moved)


def test_a_template_without_a_version_beside_its_pins_moves_none():
    assert pin_of({MAIN: f"uses: mlassay/mlassay/actions/run@{A}\n".encode()}) is None


@pytest.mark.parametrize(
    ("one", "other", "newer"),
    [
        ("0.10.0", "0.9.1", True),
        ("1.0", "1.0.1", False),
        ("1.0.0", "1.0.0", False),
        ("2.0.0rc1", "1.9", True),
    ],
)
def test_versions_are_compared_as_numbers(one, other, newer):
    assert is_newer(one, other) is newer


def test_a_released_template_is_kept_by_its_digests(tmp_path):
    for path in (".ci", "src/mlassay", "template/.github/workflows", "template/governance"):
        (tmp_path / path).mkdir(parents=True)
    shutil.copy(ROOT / ".ci/keep-template", tmp_path / ".ci")
    (tmp_path / "src/mlassay/templates.json").write_text('{"0.0.9": {}}')
    (tmp_path / "template" / MAIN).write_text("on: push\n")
    (tmp_path / "template/governance/policy.yaml").write_text("version: 1\n")
    git("init", "-q", at=tmp_path)
    git("add", "-A", at=tmp_path)
    git("commit", "-q", "-m", "One", at=tmp_path)
    git("tag", "v1.0.0", at=tmp_path)
    (tmp_path / "template" / MAIN).write_text("later\n")
    subprocess.run([".ci/keep-template", "v1.0.0"], cwd=tmp_path, check=True)
    kept = json.loads((tmp_path / "src/mlassay/templates.json").read_text())
    assert kept == {"0.0.9": {}, "1.0.0": {MAIN: sha256(b"on: push\n")}}


def test_every_release_before_this_one_is_known():
    kept = json.loads((ROOT / "src/mlassay/templates.json").read_text())
    tags = git("tag", "--list", "v*", "--no-contains", "HEAD", at=ROOT).split()
    missing = [tag for tag in tags if tag.removeprefix("v") not in kept]
    assert not missing, f"run .ci/keep-template {missing[0]}"
    assert set(known_digests()) == {path for files in kept.values() for path in files}
