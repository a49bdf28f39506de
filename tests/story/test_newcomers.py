"""Somebody who has just found mlassay: a bare copy of the template, before anybody has a key in it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlassay.signers.keys import new_ci_key

TEMPLATE = Path(__file__).parents[2] / "template"


def run(*words, cwd, code=0):
    done = subprocess.run([str(word) for word in words], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def git(*words, cwd):
    return run("git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *words, cwd=cwd)


def mlassay(*words, cwd, code=0):
    return run(sys.executable, "-m", "mlassay", *words, cwd=cwd, code=code)


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(
        TEMPLATE, tmp_path / "copy", ignore=shutil.ignore_patterns("__pycache__", ".*cache", ".mlassay")
    )
    folder = tmp_path / "copy"
    git("init", "-q", "-b", "main", cwd=folder)
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", "A copy", cwd=folder)
    return folder


def test_a_copy_of_the_template_trains_and_tests_and_signs_once_it_has_keys_of_its_own(copy, tmp_path):
    key = tmp_path / "stranger.pem"
    new_ci_key(key)
    assert "mortgage-approval: passed" in mlassay("run", cwd=copy)
    told = mlassay("sign", "--key", key, cwd=copy, code=2)
    assert told.count("error:") == 1
    assert "nobody has a key in governance/people.yaml" in told
    assert "mlassay keys new --ci --id ci" in told

    told = mlassay("keys", "new", "--ci", "--id", "ci", "--out", tmp_path / "keys", cwd=copy)
    assert "the root of trust" in told, "and nobody could approve it yet, so it is no proposal"
    git("commit", "-q", "-am", "Our own root of trust", cwd=copy)
    mlassay("run", cwd=copy)
    assert "passed (by ci)" in mlassay("sign", "--key", tmp_path / "keys/mlassay-ci.pem", cwd=copy)
    git("config", "user.name", "Ann", cwd=copy)
    git("config", "user.email", "ann@example.org", cwd=copy)
    mlassay("record", cwd=copy)
    root = git("rev-parse", "--short=12", "HEAD^", cwd=copy).strip()
    assert root in mlassay("verify", cwd=copy)
