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
    assert "<svg" in (team / ".mlassay/run/test/report.html").read_text(encoding="utf-8")
    assert "deny=yes" in report


def test_the_verdict_is_the_same_bytes_in_any_locale_folder_thread_count_umask_and_ci(team, tmp_path):
    other = Path(shutil.copytree(team, tmp_path / "ein Ordner mit Ümläuten 漢"))
    there = (
        "tr_TR.utf8" in subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout
    )
    one = {"LANG": "C", "LC_ALL": "C", "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "1", "TZ": "UTC"}
    one |= ci_environment(tmp_path, "github")
    two = {
        "LANG": "tr_TR.UTF-8" if there else "C.UTF-8",
        "LC_ALL": "tr_TR.UTF-8" if there else "C.UTF-8",
        "OMP_NUM_THREADS": "4",
        "PYTHONHASHSEED": "77",
        "TZ": "Asia/Kathmandu",
        "USER": "someone-else",
        "COLUMNS": "40",
    }
    two |= ci_environment(tmp_path, "jenkins")
    mlassay(team, "test", env=one, umask=0o022)
    mlassay(other, "test", "unit", "--part", env=two, umask=0o077)
    mlassay(other, "test", "--with-parts", env=two, umask=0o077)
    for path in sorted(p.relative_to(team) for p in (team / ".mlassay/run/test").rglob("*") if p.is_file()):
        assert (team / path).read_bytes() == (other / path).read_bytes(), path
    assert "verdict=passed\n" in (tmp_path / "jenkins.out").read_text()


def ci_environment(folder, kind):
    """What GitHub Actions or Jenkins would set, with files below ``folder``."""
    if kind == "jenkins":
        told = {
            "JENKINS_URL": "https://ci/",
            "BUILD_TAG": "b-1",
            "GIT_COMMIT": "b" * 40,
            "BRANCH_NAME": "PR-7",
        }
        return told | {"WORKSPACE": str(folder), "MLASSAY_OUTPUT": str(folder / "jenkins.out")}
    return {
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_SHA": "a" * 40,
        "GITHUB_REF": "refs/pull/7/merge",
        "GITHUB_WORKSPACE": str(folder),
        "GITHUB_OUTPUT": str(folder / "github.out"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
    }


def told(file):
    """Outputs as GitHub reads them."""
    lines = file.read_text().split("\n")
    return {
        line.partition("<<")[0]: lines[number + 1]
        for number, line in enumerate(lines)
        if "<<mlassay_" in line
    }


def test_in_a_ci_a_failed_criterion_is_an_output_a_summary_and_a_mark_on_its_line(team, tmp_path):
    edit(team, "ml.yaml", "accuracy: {min: 0.85", "accuracy: {min: 0.97")
    line = 1 + (team / "ml.yaml").read_text().split("\n").index(
        next(text for text in (team / "ml.yaml").read_text().split("\n") if "min: 0.97" in text)
    )
    env = ci_environment(tmp_path, "github")
    files = ["--junit", str(tmp_path / "junit.xml"), "--sarif", str(tmp_path / "out.sarif")]
    done = mlassay(team, "test", "--json", *files, code=1, env=env)
    assert json.loads(done.stdout)["outcome"] == "failed"
    assert told(tmp_path / "github.out") == {"verdict": "failed", "report": ".mlassay/run/test/report.md"}
    assert (tmp_path / "summary.md").read_text().startswith("# 🔴 mortgage-approval: failed")
    marks = [text for text in done.stderr.split("\n") if text.startswith("::")]
    assert marks[0].startswith(f"::error file=ml.yaml,line={line}::performance.accuracy.min failed: ")
    assert all(text.startswith(("::error file=ml.yaml,", "::warning file=ml.yaml,")) for text in marks)
    assert 'failures="1"' in (tmp_path / "junit.xml").read_text()
    (result,) = json.loads((tmp_path / "out.sarif").read_text())["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == line


def test_in_a_ci_every_problem_of_a_file_marks_its_line_also_with_json(team, tmp_path):
    edit(team, "ml.yaml", "withhold: [afam]", "withold: [afam]")
    env = ci_environment(tmp_path, "github")
    for words in (["validate"], ["validate", "--json"]):
        done = mlassay(team, *words, code=2, env=env)
        assert "::error file=ml.yaml,line=" in done.stderr
    assert "mlassay could not go on" in (tmp_path / "summary.md").read_text()
    assert not (tmp_path / "github.out").exists()


def test_in_a_ci_validate_and_train_hand_over_what_the_next_jobs_need(team, tmp_path):
    env = ci_environment(tmp_path, "github")
    mlassay(team, "validate", env=env)
    assert told(tmp_path / "github.out") == {"level": "major", "reuse": "", "release": "true"}
    (tmp_path / "github.out").unlink()
    answer = json.loads(mlassay(team, "train", "--json", env=env).stdout)
    digests = {output["path"]: output["digest"] for output in answer["provenance"]["outputs"]}
    assert told(tmp_path / "github.out") == {"model": digests["model.onnx"]}


def test_a_broken_limit_stops_training_and_its_provenance_says_which_and_what_was_used(team, tmp_path):
    edit(team, "ml.yaml", "wall: 5m", "wall: 2s")
    (team / "train.py").write_text("while True:\n    pass\n")
    done = mlassay(team, "run", code=1, env=ci_environment(tmp_path, "github"))
    (mark,) = [line for line in done.stderr.split("\n") if line.startswith("::error")]
    lines = (team / "ml.yaml").read_text().split("\n")
    line = 1 + next(number for number, text in enumerate(lines) if "wall: 2s" in text)
    assert mark.startswith(f"::error file=ml.yaml,line={line}::")
    assert "the limit 'train.limits.wall'" in mark
    assert "train.limits.wall" in (tmp_path / "summary.md").read_text().replace("\\", "")
    provenance = json.loads((team / ".mlassay/run/train/provenance.json").read_text())
    assert (provenance["ended"], provenance["outputs"]) == ("wall", [])
    assert float(provenance["resources"]["wall_seconds"]) >= 2
    assert not (tmp_path / "github.out").exists()
    assert "the training in .mlassay/run failed" in mlassay(team, "test", code=2).stderr


def test_an_output_file_that_is_not_writable_is_one_error_and_no_traceback(team, tmp_path):
    done = mlassay(team, "validate", env={"MLASSAY_OUTPUT": str(tmp_path / "no/where")}, code=2)
    assert "cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [["--part"], ["bias", "--part"], ["unit", "bias", "--part"], ["unit", "--with-parts"]]
)
def test_only_the_unit_gate_is_a_part_and_a_part_is_one_gate(trained, words):
    assert "Usage" in mlassay(trained, "test", *words, code=2).stderr


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
    assert mlassay(team, "explain").stdout == "every finding is passed\n"


def test_explain_of_a_release_that_is_not_there_says_so(trained):
    assert (
        "there is no release"
        in mlassay(trained, "explain", "x", "--release", "20200101-00000000", code=2).stderr
    )
    assert "there is no release" in mlassay(trained, "explain", "x", "--release", "../../etc", code=2).stderr


def test_explain_tells_one_row_the_same_way_each_time(trained):
    first = mlassay(trained, "explain", "--row", "17").stdout
    assert first == mlassay(trained, "explain", "--row", "17").stdout
    assert first.startswith("row 17 of 1,189 of applications/test")
    told = json.loads(mlassay(trained, "explain", "--row", "17", "--json").stdout)
    assert {"decided", "score", "parts", "changes"} <= told.keys()
    assert "there is no row 1190" in mlassay(trained, "explain", "--row", "1190", code=2).stderr
    assert "takes no FINDING" in mlassay(trained, "explain", "bias", "--row", "1", code=2).stderr


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


def test_run_takes_a_recorded_verdict_of_the_same_inputs_and_says_so(played, tmp_path):
    folder = played / "team"
    found = subprocess.run(
        ["git", "log", "--format=%H", "--grep=^Record .*passed", "-1"],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    git(folder, "checkout", "-q", found)
    (folder / "README.md").write_text("# Nothing that training or a gate looks at\n")
    git(folder, "commit", "-q", "-a", "-m", "Say so")
    release = json.loads(mlassay(folder, "validate", "--json").stdout)["reuse"]
    done = mlassay(folder, "run", "--reuse", env=ci_environment(tmp_path, "github"))
    assert f"nothing was trained: release {release} has the same inputs" in done.stderr
    assert "train:" not in done.stderr
    assert told(tmp_path / "github.out")["verdict"] == "passed"
    evidence = folder / "evidence" / release
    for name in ("verdict.json", "report.md", "gates/bias.json"):
        assert (folder / ".mlassay/run/test" / name).read_bytes() == (evidence / name).read_bytes()
    assert ": passed</h1>" in (folder / ".mlassay/run/test/report.html").read_text(encoding="utf-8")
    assert not (folder / ".mlassay/run/train").exists()
    assert "there is no training" in mlassay(folder, "test", code=2).stderr


def test_run_with_reuse_trains_where_an_input_differs(team):
    done = mlassay(team, "run", "--reuse")
    assert "no recorded release has the same inputs" in done.stderr
    assert "train:" in done.stderr
    assert "choose one" in mlassay(team, "run", "--reuse", "--cross-checks", code=2).stderr


def test_hostile_names_of_tests_are_inert_in_everything_that_a_ci_reads(team, tmp_path):
    from xml.etree import ElementTree as ET

    evil = (
        "::set-output name=verdict::passed\\n::error::x%0A%0D##[command]]]><script>\\x1b[31m\\u202e"
        + "A" * 100_000
    )
    (team / "tests/test_evil.py").write_text(
        f'import pytest\n\n\n@pytest.mark.parametrize("x", ["{evil}"])\ndef test_it(x):\n    print(x)\n    assert 0, x\n'
    )
    files = ["--junit", str(tmp_path / "junit.xml"), "--sarif", str(tmp_path / "out.sarif")]
    done = mlassay(team, "test", *files, code=1, env=ci_environment(tmp_path, "github"))
    obeyed = [line for line in done.stderr.split("\n") if line.lstrip().startswith("::")]
    assert len(obeyed) == 1
    assert obeyed[0].startswith("::error file=ml.yaml,line=")
    assert len(obeyed[0]) < 5000
    assert not [line for line in done.stdout.split("\n") if line.lstrip().startswith("::")]
    assert told(tmp_path / "github.out") == {"verdict": "failed", "report": ".mlassay/run/test/report.md"}
    summary = (tmp_path / "summary.md").read_text()
    for text in (done.stdout, done.stderr, summary, (tmp_path / "junit.xml").read_text()):
        assert "##[command" not in text
        assert "\u202e" not in text
        assert "\x1b[31m" not in text
    assert "<script" not in summary.replace("\\<script", "")
    assert ET.parse(tmp_path / "junit.xml").getroot().tag == "testsuites"
    assert json.loads((tmp_path / "out.sarif").read_text())["version"] == "2.1.0"
