"""The example of docs/extending.md is real: taken from the page, added to a copy of mlassay, and run there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/extending.md").read_text()
FILES = dict(re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", PAGE, flags=re.DOTALL))
LINES = dict(re.findall(r"<!-- line: (\S+) -->\n```\w+\n(.*?)```", PAGE, flags=re.DOTALL))
SKIPPED = shutil.ignore_patterns("__pycache__")


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """mlassay, what its gates' tests need, and the page's files and line in their places."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "src", folder / "src", ignore=SKIPPED)
    for name in (
        "__init__.py",
        "gates/__init__.py",
        "gates/subjects.py",
        "model/__init__.py",
        "model/models.py",
    ):
        (folder / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / "tests" / name, folder / "tests" / name)
    for name, text in FILES.items():
        assert not (folder / name).exists(), f"{name} would replace a file"
        (folder / name).write_text(text)
    for name, line in LINES.items():
        path = folder / name
        path.write_text(
            path.read_text().replace(
                "GATES: Mapping[str, str] = MappingProxyType(\n    {\n",
                f"GATES: Mapping[str, str] = MappingProxyType(\n    {{\n{line}",
                1,
            )
        )
    shutil.copytree(ROOT / "template", folder / "team", ignore=SKIPPED)
    return folder


def run(copy, *words, cwd=None):
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd or copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_page_has_one_file_of_each_kind_and_one_line():
    assert [Path(name).parts[0] for name in FILES] == ["src", "src", "tests"]
    assert list(LINES) == ["src/mlassay/wiring.py"]


def test_its_own_test_passes_in_a_copy(copy):
    done = run(copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/gates/test_representation.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_ml_yaml_can_name_it_then_and_a_mistyped_key_is_an_error(copy):
    team = copy / "team"
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=team, check=True)
    told = (team / "ml.yaml").read_text()
    good = told.replace("store: git ", "  representation: {column: afam, share: {min: 0.05}}\nstore: git ")
    (team / "ml.yaml").write_text(good)
    done = run(copy, "-m", "mlassay", "validate", cwd=team)
    assert done.returncode == 0, done.stderr
    assert "representation" in done.stdout
    (team / "ml.yaml").write_text(good.replace("share: {min", "shares: {min"))
    done = run(copy, "-m", "mlassay", "validate", cwd=team)
    assert done.returncode == 2
    assert "unknown key 'gates.representation.shares'" in done.stderr


def test_the_example_is_written_as_the_house_writes(copy):
    source = next(name for name in FILES if name.endswith("representation.py"))
    for words in (["check"], ["format", "--check"]):
        done = run(copy, "-m", "ruff", *words, "--config", str(ROOT / "pyproject.toml"), source)
        assert done.returncode == 0, done.stdout + done.stderr
