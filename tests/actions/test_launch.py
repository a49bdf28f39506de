"""The launcher: inputs become arguments and nothing else, secrets reach mlassay alone, and the repository is never imported."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.actions.reading import ACTIONS

sys.path.insert(0, str(ACTIONS))
from launcher import Refused, environments, inputs


def _arguments(name, **given):
    told = {inputs.variable(key.replace("_", "-")): value for key, value in given.items()}
    action = inputs.ACTIONS[name]
    return inputs.arguments(name, action, inputs.read(action, told))


def test_inputs_become_options_switches_and_words():
    given = {"gates": "bias unit", "run": "out", "part": "true", "with_parts": "false", "junit": "j.xml"}
    assert _arguments("test", **given) == [
        "test",
        "-C",
        ".",
        "--run=out",
        "--junit=j.xml",
        "--part",
        "bias",
        "unit",
    ]


def test_an_empty_input_is_as_none():
    assert _arguments("promote", environment="staging", release="", reason=" ") == [
        "promote",
        "-C",
        ".",
        "staging",
    ]


def test_a_value_cannot_become_an_option():
    assert _arguments("promote", environment="staging", reason="--dry-run")[-2:] == [
        "--reason=--dry-run",
        "staging",
    ]
    for given in ({"environment": "--dry-run"}, {"environment": "staging", "directory": "-x"}):
        with pytest.raises(Refused, match="cannot be"):
            _arguments("promote", **given)


@pytest.mark.parametrize("value", ["a\nb", "a\x1b[31m", "a\u202eb"])
def test_a_value_that_hides_something_is_refused(value):
    with pytest.raises(Refused, match="cannot be"):
        _arguments("report", head=value)


def test_a_switch_is_true_or_false():
    with pytest.raises(Refused, match="true or false"):
        _arguments("test", part="yes")


def test_an_installer_sees_no_secret():
    secrets = {name: "x" for action in inputs.ACTIONS.values() for name in action.secrets.values()}
    assert environments.without_secrets(secrets | {"PATH": "/bin"}) == {"PATH": "/bin"}


@pytest.fixture
def runner(tmp_path):
    """A runner whose environments stand already and whose interpreter is this one; ``run(name, **inputs)`` plays an action."""
    (tmp_path / "temporary").mkdir()
    for lock in ("light", "gates"):
        data = (ACTIONS.parent / f"requirements/{lock}.lock").read_bytes()
        folder = tmp_path / "temporary" / f"mlassay-{lock}-{environments._key(data)}"
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").symlink_to(sys.executable)
        (folder / environments.READY).touch()
        (folder / "pyvenv.cfg").write_text(Path(sys.prefix, "pyvenv.cfg").read_text())
        (folder / "lib").symlink_to(Path(sys.prefix) / "lib")

    def run(name, environment=None, **given):
        told = {inputs.variable(key.replace("_", "-")): value for key, value in given.items()}
        variables = {
            "PATH": os.environ["PATH"],
            "RUNNER_TEMP": str(tmp_path / "temporary"),
            "HOME": str(tmp_path),
        }
        command = [sys.executable, "-I", str(ACTIONS / "launch.py"), name]
        whole = variables | told | (environment or {})
        return subprocess.run(command, cwd=tmp_path, env=whole, capture_output=True, text=True, check=False)

    return run


@pytest.fixture
def repository(tmp_path):
    subprocess.run(["git", "init", "--quiet", tmp_path / "team"], check=True)
    return tmp_path / "team"


def test_the_verb_runs_on_the_repository_and_its_exit_code_is_handed_on(runner, repository):
    done = runner("validate", directory="team")
    assert done.returncode == 2
    assert "ml.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_of_the_repository_is_imported(runner, tmp_path, repository):
    for name in ("mlassay", "click", "json", "launcher", "sitecustomize"):
        (tmp_path / f"{name}.py").write_text("import os; os.abort()")
    done = runner("validate", {"PYTHONPATH": str(tmp_path)}, directory="team")
    assert done.returncode == 2
    assert "ml.yaml" in done.stderr


def test_a_failed_gate_can_be_an_answer_like_another_and_an_error_never_is(runner, repository):
    assert runner("decide", directory="team", promotion="20261121-5e6f7a8b", allow_no="true").returncode > 1


@pytest.mark.parametrize(
    ("name", "environment", "says"),
    [
        ("approve", {}, "there is no action"),
        ("validate", {"RUNNER_TEMP": ""}, "RUNNER_TEMP"),
        ("train", {}, "requirements"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_sentence(runner, repository, name, environment, says):
    done = runner(name, environment, directory="team", requirements="missing.lock")
    assert done.returncode == 2
    assert says in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_old_python_is_named(tmp_path):
    code = (ACTIONS / "launch.py").read_text().replace("OLDEST = (3, 11)", "OLDEST = (9, 0)")
    (tmp_path / "launch.py").write_text(code)
    (tmp_path / "launcher").symlink_to(ACTIONS / "launcher")
    done = subprocess.run(
        [sys.executable, "-I", tmp_path / "launch.py", "validate"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "newer" in done.stderr


def test_commits_have_an_author_where_the_repository_names_none(runner, repository):
    runner("record", directory="team")
    name = subprocess.run(
        ["git", "-C", repository, "config", "user.name"], capture_output=True, text=True, check=True
    )
    assert name.stdout.strip() == "mlassay"


def test_the_teams_packages_have_an_environment_of_their_own(tmp_path, capfd):
    (tmp_path / "requirements.lock").write_text("")
    made = environments.team_environment(tmp_path, "", "", tmp_path)
    said = subprocess.run(
        [made / "bin/python", "-c", "import json, sys; print(json.dumps([sys.prefix, sys.path]))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    prefix, path = json.loads(said)
    assert prefix == str(made)
    assert not any(folder.startswith(sys.prefix + "/") for folder in path)


def test_a_package_without_a_hash_is_not_installed(tmp_path, capfd):
    (tmp_path / "requirements.lock").write_text("click==8.1.7\n")
    with pytest.raises(Refused, match="could not be installed"):
        environments.team_environment(tmp_path, "", "", tmp_path)


def test_a_repository_without_a_lock_needs_no_environment(tmp_path, capfd):
    assert environments.team_environment(tmp_path, "", "", tmp_path) is None
    (tmp_path / "requirements.lock").write_text("")
    assert environments.team_environment(tmp_path, "none", "", tmp_path) is None
