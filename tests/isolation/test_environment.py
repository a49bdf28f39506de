from __future__ import annotations

import sys
from pathlib import Path

import pytest

from mlassay.isolation import clean_environment
from mlassay.isolation.environment import filled


def test_this_interpreter_comes_first() -> None:
    assert clean_environment()["PATH"].split(":")[0] == str(Path(sys.prefix) / "bin")


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
