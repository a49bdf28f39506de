"""Both kinds of isolation, and what a test does where bubblewrap is missing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlassay.isolation import Kind, Outcome, available, remove_tree, run, why_not

Runner = Callable[..., Outcome]


def need_bubblewrap() -> None:
    """Skip where bubblewrap cannot be used; fail in CI, where it must not go untested."""
    if available() == "none":
        if os.environ.get("CI"):
            pytest.fail(f"CI must test isolation, but {why_not()}")
        pytest.skip(why_not())


@pytest.fixture
def bubblewrap() -> None:
    need_bubblewrap()


@pytest.fixture(params=["bubblewrap", "none"])
def kind(request: pytest.FixtureRequest) -> Kind:
    if request.param == "bubblewrap":
        need_bubblewrap()
    return request.param


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "work földer"
    folder.mkdir()
    yield folder
    remove_tree(folder)  # pytest's own removal would fall over the trees that some tests leave


@pytest.fixture
def python(work: Path) -> Runner:
    """Runs Python source as a script in the work folder."""

    def runner(source: str, *arguments: str, **options: object) -> Outcome:
        (work / "script.py").write_text(source, encoding="utf-8")
        return run(["python", "script.py", *arguments], work=work, **options)

    return runner


def alive(pid: int) -> bool:
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return text.rpartition(")")[2].split()[0] != "Z"


def processes_with(marker: str) -> list[int]:
    """Pids of processes that have ``marker`` in their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if marker.encode() in path.read_bytes() and alive(int(path.parent.name)):
                found.append(int(path.parent.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
