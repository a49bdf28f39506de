"""On a system that mlassay does not run on, it says so in a sentence."""

import subprocess
import sys

import pytest


def started_on(system: str) -> subprocess.CompletedProcess:
    program = (
        f"import sys; sys.argv = ['mlassay', '--version']; sys.platform = {system!r}\n"
        "from mlassay.__main__ import main; main()"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


def test_windows_is_told_where_mlassay_runs_instead():
    done = started_on("win32")
    assert done.returncode == 2
    assert "WSL" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="the other half of the one before")
def test_other_systems_are_not():
    done = started_on(sys.platform)
    assert done.returncode == 0
    assert done.stdout.startswith("mlassay")
