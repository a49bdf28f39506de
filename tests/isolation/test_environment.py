from __future__ import annotations

import sys
import venv
from pathlib import Path

import pytest

from mlassay.isolation import clean_environment, run
from mlassay.isolation.environment import filled


def test_this_interpreter_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIRTUAL_ENV", raising=False)
    assert clean_environment()["PATH"].split(":")[0] == str(Path(sys.prefix) / "bin")


def test_an_activated_environment_takes_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    venv.create(tmp_path / "team", with_pip=False)
    monkeypatch.setenv("VIRTUAL_ENV", str(tmp_path / "team"))
    outcome = run(["python", "-c", "import sys; print(sys.prefix)"], work=_folder(tmp_path / "work"))
    assert outcome.passed, outcome.log
    assert outcome.log.decode().strip() == str(tmp_path / "team")


@pytest.mark.parametrize("named", ["relative", "/nowhere/at/all", "{tmp_path}"])
def test_what_is_no_environment_is_not_taken_for_one(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIRTUAL_ENV", named.format(tmp_path=tmp_path))
    assert clean_environment()["PATH"].split(":")[0] == str(Path(sys.prefix) / "bin")


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


@pytest.mark.skipif(sys.base_prefix == "/usr", reason="this interpreter's libraries are the system's own")
def test_only_library_folders_of_this_interpreter_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    own = f"{sys.base_prefix}/lib"
    monkeypatch.setenv("LD_LIBRARY_PATH", f"/evil:{own}:{own}/../../evil::{sys.base_prefix}-evil/lib")
    assert clean_environment()["LD_LIBRARY_PATH"] == own
    monkeypatch.setenv("LD_LIBRARY_PATH", "/evil")
    assert "LD_LIBRARY_PATH" not in clean_environment()


def test_places_are_filled_in_and_other_braces_stay() -> None:
    given = {"A": "{work}/x:{tmp}", "B": '{"a": {"b": 1}}', "HOME": "/elsewhere"}
    values = filled(given, work="/w", home="/h", tmp="/t")
    assert (values["A"], values["B"], values["HOME"], values["TMPDIR"]) == (
        "/w/x:/t",
        given["B"],
        "/elsewhere",
        "/t",
    )
