"""The command as a whole: quick to start, light to install, one error once, the exit codes that scripts rely on."""

import json
import os
import pty
import subprocess
import sys

import pytest

from mlassay import __version__
from mlassay.cli import VERBS

HEAVY = [
    "numpy",
    "scipy",
    "sklearn",
    "onnx",
    "onnxruntime",
    "pandas",
    "fairlearn",
    "art",
    "model_signing",
    "sigstore",
]


def mlassay(*words, cwd=None, env=None):
    return subprocess.run(
        [sys.executable, "-m", "mlassay", *map(str, words)],
        cwd=cwd,
        env=env or os.environ,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def light(tmp_path):
    """An environment in which nothing of the gates extra can be imported, as with a plain ``pip install mlassay``."""
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nfor name in {HEAVY!r}: sys.modules[name] = None\n"
    )
    return os.environ | {"PYTHONPATH": str(tmp_path)}


def imported(*words):
    code = f"import sys; sys.argv[1:] = {list(words)!r}\nfrom mlassay.cli import main\ntry: main()\nexcept SystemExit: pass\nprint(*sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


@pytest.mark.parametrize("words", [["--help"], ["--version"]])
def test_help_and_version_import_next_to_nothing(words):
    modules = imported(*words)
    assert not modules & {*HEAVY, "rich", "git", "jsonschema", "yaml", "cryptography"}
    assert {name for name in modules if name.startswith("mlassay")} == {
        "mlassay",
        "mlassay.cli",
        "mlassay.errors",
    }


def test_the_version_is_the_packages():
    assert __version__ in mlassay("--version").stdout


@pytest.mark.parametrize("verb", VERBS)
def test_every_verbs_help_works_in_the_light_install(verb, light):
    done = mlassay(verb, "--help", env=light)
    assert done.returncode == 0, done.stderr


def test_the_light_install_audits(played, light):
    for words in (["verify"], ["status"], ["validate"]):
        done = mlassay(*words, cwd=played / "auditor", env=light)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_light_install_promotes_and_approves(played, story, light):
    release = story["candidate-2"]["release"]
    key = played / "keys"
    team = played / "team"
    words = [
        "promote",
        "staging",
        release,
        "--reason",
        "To see that it is refused.",
        "--key",
        key / "mlassay-dana",
    ]
    asked = mlassay(*words, "--json", cwd=team, env=light)
    assert asked.returncode == 0, asked.stderr
    promotion = json.loads(asked.stdout)["promotion"]
    words = ["refuse", promotion, "--reason", "Its bias gate failed.", "--key", key / "mlassay-robin"]
    assert mlassay(*words, cwd=team, env=light).returncode == 0
    done = mlassay("decide", promotion, "--json", cwd=team, env=light)
    assert done.returncode == 1, done.stderr
    unmet = {demand["id"] for demand in json.loads(done.stdout)["demands"] if not demand["met"]}
    assert {"gates", "refusals"} <= unmet
    assert mlassay("merge", promotion, cwd=team, env=light).returncode == 1


def test_the_light_install_says_how_to_get_the_gates(played, light):
    done = mlassay("test", cwd=played / "team", env=light)
    assert done.returncode == 2
    assert "pip install 'mlassay[gates]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_mistyped_verb_is_named_with_the_nearest(tmp_path):
    done = mlassay("promot", cwd=tmp_path)
    assert done.returncode == 2
    assert "Did you mean 'promote'?" in done.stderr


@pytest.mark.parametrize(
    ("words", "near"), [(["audit", "vrify"], "verify"), (["audit-at"], "audit at"), (["audt"], "audit")]
)
def test_a_mistyped_verb_of_audit_is_named_with_the_nearest(words, near, tmp_path):
    done = mlassay(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert f"Did you mean '{near}'?" in done.stderr


@pytest.mark.parametrize(("environment", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False)])
def test_a_terminal_gets_colours_unless_it_wants_none(played, environment, coloured):
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "mlassay", "audit", "verify"]
    env = {name: value for name, value in os.environ.items() if name != "NO_COLOR"} | environment
    done = subprocess.run(
        command, cwd=played / "auditor", stdout=theirs, stderr=subprocess.DEVNULL, env=env, check=False
    )
    told = os.read(ours, 1 << 16)
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 0
    assert told.startswith(b"\x1b[32m") is coloured
    assert (b"\x1b" in told) is coloured


@pytest.mark.parametrize("verb", ["validate", "train", "test", "status", "verify", "record", "sign"])
def test_outside_a_repository_one_error_says_what_to_do(verb, tmp_path):
    done = mlassay(verb, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("error:") == 1
    assert "Traceback" not in done.stderr
    assert "do:" in done.stderr


def test_a_reader_that_goes_away_is_no_error(played):
    command = f"'{sys.executable}' -m mlassay verify --json | head -c 1"
    done = subprocess.run(
        ["bash", "-c", command], cwd=played / "auditor", capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
