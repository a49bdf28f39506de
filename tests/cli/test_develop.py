"""The developer's verbs as processes of their own, on the template."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

QUIET = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "MLASSAY_"))}


def mlassay(folder, *words, code=0, env=None, umask=-1):
    """Run a verb; its completed process, after its exit code is what it must be."""
    done = subprocess.run(
        [sys.executable, "-m", "mlassay", *words],
        cwd=folder,
        env=QUIET | (env or {}),
        capture_output=True,
        text=True,
        check=False,
        umask=umask,
        encoding="utf-8",
    )
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    return done


def git(folder, *words):
    identity = ["-c", "user.name=Dev", "-c", "user.email=dev@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The template, committed and trained once."""
    folder = tmp_path_factory.mktemp("team") / "team"
    mlassay(folder.parent, "init", "team", "--name", "mortgage-approval", "--owner", "lee")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Start from the template")
    mlassay(folder, "train", "--quiet")
    return folder


@pytest.fixture
def team(trained, tmp_path):
    """A copy of it, to be spoilt."""
    return Path(shutil.copytree(trained, tmp_path / "team"))


def edit(folder, path, old, new):
    text = (folder / path).read_text(encoding="utf-8")
    assert old in text
    (folder / path).write_text(text.replace(old, new, 1), encoding="utf-8")


def test_validate_says_what_was_read_the_risk_and_the_gates(trained):
    out = mlassay(trained, "validate").stdout
    assert "risk level: major" in out
    assert "gates:      data, contract, unit, performance, bias, adversarial" in out
    facts = json.loads(mlassay(trained, "validate", "--json").stdout)
    assert facts["valid"]
    assert "ml.yaml" in facts["inputs"]


def test_validate_prints_every_problem_of_every_file_at_once(team, snapshot):
    edit(team, "ml.yaml", "withhold: [afam]", "withold: [afam]")
    edit(team, "ml.yaml", "impact: 4", "impact: 9")
    edit(team, "governance/policy.yaml", "environments:", "enviroments:")
    done = mlassay(team, "validate", code=2)
    assert done.stdout == ""
    assert done.stderr == snapshot
    answer = json.loads(mlassay(team, "validate", "--json", code=2).stdout)
    assert not answer["valid"]
    assert {problem["path"] for problem in answer["problems"]} == {"ml.yaml", "governance/policy.yaml"}


def test_validate_outside_a_repository_says_so(tmp_path):
    assert "git repository" in mlassay(tmp_path, "validate", code=2).stderr


def test_test_passes_the_template_and_leaves_the_verdict(team):
    done = mlassay(team, "test")
    assert "mortgage-approval: passed" in done.stdout
    assert "bias: passed" in done.stderr
    verdict = json.loads((team / ".mlassay/run/test/verdict.json").read_text())
    assert verdict["outcome"] == "passed"
    assert [gate["gate"] for gate in verdict["gates"]] == [
        "data",
        "contract",
        "unit",
        "performance",
        "bias",
        "adversarial",
    ]
    report = (team / ".mlassay/run/test/report.md").read_text(encoding="utf-8")
    assert "deny=yes" in report


def test_the_verdict_is_the_same_bytes_in_any_locale_folder_thread_count_and_umask(team, tmp_path):
    other = Path(shutil.copytree(team, tmp_path / "ein Ordner mit Ümläuten 漢"))
    there = (
        "tr_TR.utf8" in subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout
    )
    one = {"LANG": "C", "LC_ALL": "C", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1", "TZ": "UTC"}
    two = {
        "LANG": "tr_TR.UTF-8" if there else "C.UTF-8",
        "LC_ALL": "tr_TR.UTF-8" if there else "C.UTF-8",
        "OMP_NUM_THREADS": "4",
        "PYTHONHASHSEED": "77",
        "TZ": "Asia/Kathmandu",
        "USER": "someone-else",
        "COLUMNS": "40",
    }
    mlassay(team, "test", env=one, umask=0o022)
    mlassay(other, "test", env=two, umask=0o077)
    for path in sorted(p.relative_to(team) for p in (team / ".mlassay/run/test").rglob("*") if p.is_file()):
        assert (team / path).read_bytes() == (other / path).read_bytes(), path


def test_a_partial_test_prints_and_leaves_nothing(team):
    done = mlassay(team, "test", "bias", "--json")
    answer = json.loads(done.stdout)
    assert answer["partial"]
    assert [gate["gate"] for gate in answer["gates"]] == ["bias"]
    assert not (team / ".mlassay/run/test").exists()
    assert "cannot be signed" in mlassay(team, "test", "bias").stdout


def test_a_gate_that_is_not_held_exits_1_and_says_what_to_do(team):
    edit(team, "ml.yaml", "accuracy: {min: 0.85", "accuracy: {min: 0.97")
    done = mlassay(team, "test", "performance", code=1)
    assert "performance.accuracy.min: failed" in done.stdout
    for part in ("what:", "why:", "do:", "where: ml.yaml:"):
        assert part in done.stdout
    assert "changed since training: ml.yaml" in done.stderr


def test_an_unknown_gate_is_a_usage_error(trained):
    assert "there is no gate named biass" in mlassay(trained, "test", "biass", code=2).stderr


def test_a_model_that_is_no_onnx_fails_every_gate_that_needs_it_and_crashes_none(team):
    edit(team, "train.py", '"""', '"""')
    (team / "train.py").write_text(
        "import os\nopen(os.environ['MLASSAY_OUT'] + '/model.onnx', 'w').write('no model')\n"
    )
    mlassay(team, "train")
    answer = json.loads(mlassay(team, "test", "--json", code=1).stdout)
    outcomes = {gate["gate"]: gate["outcome"] for gate in answer["gates"]}
    assert outcomes["contract"] == outcomes["bias"] == outcomes["performance"] == "failed"
    assert outcomes["data"] == "passed"


def test_test_before_train_says_what_to_do(tmp_path, trained):
    done = mlassay(trained, "test", "--run", str(tmp_path / "nothing"), code=2)
    assert "do: mlassay train" in done.stderr


def test_explain_tells_a_finding_by_its_beginning(team):
    mlassay(team, "test")
    out = mlassay(team, "explain", "bias.selection").stdout
    assert out.startswith("bias.selection_rate_ratio.afam=yes: passed")
    assert "where: ml.yaml:" in out
    found = json.loads(mlassay(team, "explain", "performance.roc_auc", "--json").stdout)["findings"]
    assert found[0]["numbers"]["value"].startswith("0.")
    assert "did you mean" in mlassay(team, "explain", "bais.selection_rate_ratio", code=2).stderr


def test_explain_of_a_release_that_is_not_there_says_so(trained):
    assert (
        "there is no release"
        in mlassay(trained, "explain", "x", "--release", "20200101-00000000", code=2).stderr
    )
    assert "there is no release" in mlassay(trained, "explain", "x", "--release", "../../etc", code=2).stderr


def test_run_ends_with_a_failed_training_and_shows_the_end_of_its_log(team):
    (team / "train.py").write_text("import nosuchmodule\n")
    done = mlassay(team, "run", code=1)
    assert "ModuleNotFoundError" in done.stderr
    assert "train.uses" in done.stderr
    assert "the full log is" in done.stderr
    assert "validate:" in done.stderr
    assert not (team / ".mlassay/run/test").exists()


def test_run_goes_all_the_way_and_says_how_long_each_stage_took(team):
    done = mlassay(team, "run")
    assert [line.partition(":")[0] for line in done.stderr.split("\n") if line.endswith(" s")][-1] == "test"
    assert "mortgage-approval: passed" in done.stdout


def test_json_is_all_that_train_prints_on_standard_output(team):
    answer = json.loads(mlassay(team, "train", "--json").stdout)
    assert answer["passed"]
    assert answer["provenance"]["source"]["dirty"] == []
