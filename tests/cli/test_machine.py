from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlassay.files import schema_names


def mlassay(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlassay", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | environment,
    )


def test_every_schema_can_be_printed(tmp_path: Path) -> None:
    assert mlassay(tmp_path, "schema").stdout.split() == list(schema_names())
    printed = json.loads(mlassay(tmp_path, "schema", "ml").stdout)
    assert printed["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert "bias" in printed["$defs"]["gates"]["properties"]


def test_an_unknown_schema_is_a_usage_error(tmp_path: Path) -> None:
    done = mlassay(tmp_path, "schema", "policies")
    assert done.returncode == 2
    assert "policy" in done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_command(shell: str, tmp_path: Path) -> None:
    done = mlassay(tmp_path, "completion", shell)
    assert done.returncode == 0, done.stderr
    assert "_MLASSAY_COMPLETE" in done.stdout


def test_doctor_tells_what_lacks_and_what_to_do(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    nobody = mlassay(tmp_path, "doctor", "--json")
    needs = {need["name"]: need for need in json.loads(nobody.stdout)}
    assert nobody.returncode == 1
    assert not needs["git identity"]["there"]
    assert "user.name" in needs["git identity"]["remedy"]
    subprocess.run(["git", "-C", tmp_path, "config", "user.name", "Kim"], check=True)
    subprocess.run(["git", "-C", tmp_path, "config", "user.email", "kim@example.org"], check=True)
    known = mlassay(tmp_path, "doctor")
    assert known.returncode == 0, known.stdout
    assert "Kim <kim@example.org>" in known.stdout


def test_doctor_without_any_program_says_so_and_does_not_crash(tmp_path: Path) -> None:
    done = mlassay(tmp_path, "doctor", PATH=str(tmp_path))
    assert done.returncode == 1
    assert "MISSING  ssh-keygen" in done.stdout
    assert "MISSING  git:" in done.stdout
    assert "Traceback" not in done.stderr
