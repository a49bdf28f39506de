from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlassay.files import find_file
from mlassay.manifest import load_manifest, read_table, split_rows

DATA = Path(__file__).parents[2] / "template" / "data"
PATH = "data/loans.manifest.yaml"
ANSWERS = {
    "TODO: who answers for the data? An id in governance/people.yaml": "lee",
    "TODO: the first day, like 2025-01-01": "2025-01-01",
    "TODO: the last day": "2025-12-31",
    "TODO: a day, like 2030-12-31": "2030-12-31",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    shutil.copyfile(DATA / "hmda.csv", tmp_path / "data" / "hmda.csv")
    return tmp_path


def mlassay(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlassay", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def draft(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    common = ("--name", "loans", "--label", "deny", "--sensitive", "afam", "--seed", "7")
    return mlassay(folder, "data", "manifest", "data/hmda.csv", *common, *more)


def answer(folder: Path) -> None:
    text = (folder / PATH).read_text()
    for question, said in ANSWERS.items():
        text = text.replace(question, said)
    (folder / PATH).write_text(text.replace("TODO: ", "It is known: "))


def test_a_draft_asks_what_only_people_know_and_holds_once_answered(folder: Path) -> None:
    done = draft(folder, "--stratify", "deny", "--stratify", "afam")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["data/loans.missing.md", PATH]
    asked = mlassay(folder, "data", "check", PATH)
    assert asked.returncode == 2
    assert "'purpose' is not written yet" in asked.stderr
    assert f"{PATH}:" in asked.stderr
    answer(folder)
    checked = mlassay(folder, "data", "check", PATH, "--json")
    assert checked.returncode == 0, checked.stderr
    (report,) = json.loads(checked.stdout)
    assert report["holds"]
    assert report["rows"] == 2380
    assert sum(report["splits"].values()) == 2380


def test_a_draft_declares_the_columns_as_they_are(folder: Path) -> None:
    assert draft(folder).returncode == 0
    answer(folder)
    manifest = load_manifest(PATH, (folder / PATH).read_bytes())
    assert manifest.column("deny").role == "label"
    assert manifest.column("deny").values == ("no", "yes")
    assert manifest.column("deny").available_at == "after"
    assert manifest.column("chist").type == "integer"
    assert (manifest.column("lvrat").minimum, manifest.column("lvrat").maximum) == (0.02, 1.95)
    assert manifest.special_categories is not None
    assert manifest.special_categories.use == ("weigh", "test")
    assert set(split_rows(manifest, read_table(manifest, folder))) == {"train", "test"}


def test_a_manifest_that_people_wrote_in_is_never_overwritten(folder: Path) -> None:
    assert draft(folder).returncode == 0
    before = (folder / PATH).read_bytes()
    again = draft(folder)
    assert again.returncode == 2
    assert "is there already" in again.stderr
    assert (folder / PATH).read_bytes() == before


def test_dry_run_writes_nothing(folder: Path) -> None:
    done = draft(folder, "--dry-run")
    assert done.stdout.startswith("# What this data is")
    assert [path.name for path in (folder / "data").iterdir()] == ["hmda.csv"]


def test_changed_data_is_exit_code_three_and_names_the_file(folder: Path) -> None:
    assert draft(folder).returncode == 0
    answer(folder)
    path = folder / "data/hmda.csv"
    path.write_bytes(path.read_bytes().replace(b"no,0.265", b"no,0.264", 1))
    done = mlassay(folder, "data", "check", PATH)
    assert done.returncode == 3
    assert "data/hmda.csv: the data is not what the manifest says" in done.stderr


def test_files_can_be_splits_and_shared_rows_are_found(folder: Path) -> None:
    rows = (folder / "data/hmda.csv").read_text().splitlines(keepends=True)
    (folder / "data/a.csv").write_text("".join(rows[:1000]))
    (folder / "data/b.csv").write_text("".join([rows[0], *rows[1000:], rows[5]]))
    done = mlassay(
        folder,
        "data",
        "manifest",
        "data/a.csv",
        "data/b.csv",
        "--name",
        "loans",
        "--by-file",
        "--split",
        "train,test",
    )
    assert done.returncode == 0, done.stderr
    answer(folder)
    checked = mlassay(folder, "data", "check", PATH)
    assert checked.returncode == 3
    assert "the splits train and test share" in checked.stderr


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--split", "train=0.5,test=0.4"), "sum to 0.9"),
        (("--split", "train"), "not like train=0.5"),
        (("--stratify", "deny", "--key", "afam"), "two different rules"),
        (("--label", "nobody"), "no column 'nobody'"),
        (("--name", "../x"), "use letters"),
    ],
)
def test_wrong_options_are_usage_errors(more: tuple[str, ...], words: str, folder: Path) -> None:
    done = draft(folder, *more)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("content", [b"", b"a,a\n1,2\n", b"a,b\n1\n", b"\xff\n", b'a\n"1\n'])
def test_what_is_no_table_is_one_clear_error(content: bytes, folder: Path) -> None:
    (folder / "data/odd.csv").write_bytes(content)
    done = mlassay(folder, "data", "manifest", "data/odd.csv")
    assert done.returncode == 2
    assert done.stderr.count("error: ") == 1
    assert not find_file(folder, "data/odd.manifest.yaml")


def test_the_templates_manifest_is_checked_without_being_named() -> None:
    done = mlassay(DATA.parent, "data", "check")
    assert done.returncode == 0, done.stderr
    assert "none in two splits" in done.stdout
