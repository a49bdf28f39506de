"""``upgrade`` as people call it."""

import json
import subprocess
import sys

import pytest

from mlassay.digest import sha256

MAIN = ".github/workflows/main.yml"
NOBODY = "a" * 40


def mlassay(*words, cwd, code=0):
    done = subprocess.run(
        [sys.executable, "-m", "mlassay", *map(str, words)],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def git(*words, cwd):
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]
    return subprocess.run(["git", *who, *words], cwd=cwd, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def team(tmp_path):
    """A repository that took an older template, whose main.yml had other words, another pin and another hour."""
    mlassay("init", "team", "--name", "loans", "--owner", "kim", cwd=tmp_path)
    folder = tmp_path / "team"
    text = (folder / MAIN).read_text().replace("23 5 * * 1", "1 1 * * 1")
    at = text.index("@") + 1
    text = text.replace(text[at : at + 40], NOBODY)
    (folder / MAIN).write_text(text)
    record = json.loads((folder / ".mlassay-template.json").read_text())
    record["files"][MAIN] = sha256(text.encode())
    (folder / ".mlassay-template.json").write_text(json.dumps(record | {"template": "0.0.1"}))
    for key, value in (("user.name", "Ann"), ("user.email", "ann@example.org")):
        git("config", key, value, cwd=folder)
    save(folder)
    return folder


def save(folder):
    git("add", "-A", cwd=folder)
    git("commit", "-q", "-m", "Save", cwd=folder)


def edit(folder, old, new):
    text = (folder / MAIN).read_text()
    assert old in text
    (folder / MAIN).write_text(text.replace(old, new))
    save(folder)


def test_it_says_what_it_would_do_then_does_it_then_has_nothing_to_do(team):
    edit(team, "branches: [main]", "branches: [main, trunk]")
    would = mlassay("upgrade", "--dry-run", cwd=team).stdout
    assert f"+ {MAIN}: merged" in would
    assert "upgrade" not in git("branch", cwd=team)
    done = mlassay("upgrade", cwd=team).stdout
    next_ = done.strip().splitlines()[-1].strip()
    assert next_ == "git merge --no-ff mlassay/upgrade-0.1.0"
    assert "open already" in mlassay("upgrade", cwd=team).stdout
    git(*next_.split()[1:], "-m", "Merge", cwd=team)
    merged = (team / MAIN).read_text()
    assert "branches: [main, trunk]" in merged
    assert "23 5 * * 1" in merged
    assert NOBODY not in merged
    assert "nothing to upgrade" in mlassay("upgrade", cwd=team).stdout
    assert mlassay("verify", cwd=team), "and audit has nothing to explain"


def test_a_collision_is_shown_with_its_remedy_and_ends_with_one(team):
    edit(team, "1 1 * * 1", "2 2 * * 2")
    done = mlassay("upgrade", cwd=team, code=1)
    assert "<<<<<<< yours" in done.stdout
    assert f"mlassay upgrade --ours {MAIN}" in done.stderr
    assert "upgrade" not in git("branch", cwd=team)
    told = json.loads(mlassay("upgrade", "--json", cwd=team, code=1).stdout)
    (file,) = [file for file in told["files"] if file["did"] == "conflict"]
    assert file["path"] == MAIN
    assert (told["changed"], told["commit"]) == (False, None)
    told = json.loads(mlassay("upgrade", "--ours", MAIN, "--json", cwd=team).stdout)
    assert (told["branch"], told["before"]) == ("mlassay/upgrade-0.1.0", "0.0.1")
    assert "2 2 * * 2" in git("show", f"{told['commit']}:{MAIN}", cwd=team)


def test_policy_is_not_its_to_change(team):
    done = mlassay("upgrade", "governance/policy.yaml", cwd=team, code=2)
    assert "mlassay propose" in done.stderr


def test_without_a_repository_it_says_so(tmp_path):
    assert "git" in mlassay("upgrade", cwd=tmp_path, code=2).stderr
