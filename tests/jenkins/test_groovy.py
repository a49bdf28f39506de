"""The library's own Groovy tests: the form of every step, the runner with a real shell, and builds that can be resumed."""

import re

import pytest

from tests.jenkins.playing import maven

pytestmark = pytest.mark.ci_extension


def test_the_groovy_tests_pass(tmp_path):
    done = maven(tmp_path, "-Dtest=HouseFormTest,RunnerTest,CpsTest")
    assert done.returncode == 0, done.stdout[-6000:]
    reports = "".join(path.read_text() for path in (tmp_path / "target/surefire-reports").glob("*.txt"))
    counts = [int(number) for number in re.findall(r"Tests run: (\d+)", reports)]
    assert len(counts) == 3
    assert all(counts)
    assert re.findall(r"Skipped: (\d+)", reports) == ["0"] * 3
