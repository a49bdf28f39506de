"""Training: what it is granted, what it cannot reach, what is kept of it, and what is said when it fails."""

from __future__ import annotations

import json
import shutil
import subprocess
import time

import pytest

from mlassay.config import Level, Step
from mlassay.digest import parse_canonical, sha256
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.isolation import available
from mlassay.ports import Subject
from mlassay.stages._run_folder import read_training
from mlassay.stages.train import train
from tests.stages.projects import commit, limits, plan, project
from tests.stages.trainers import FIT_AWK, FIT_C, TRAIN_SH, skeleton

isolated = pytest.mark.skipif(available() == "none", reason="this machine has no bubblewrap")

COPY = "cp {} $MLASSAY_OUT/model.onnx\n"
LEAVE = 'printf model > "$MLASSAY_OUT/model.onnx"\n'


def run(folder, script, *, files=(), uses=(), repository=None, train_options=(), **options):
    """Train with a shell script in a project of its own; ``(trained, run folder)``."""
    repository = repository or project(folder, {"train.sh": script, **dict(files)})
    held = plan(folder, "sh train.sh", ("train.sh", *uses), **options)
    run_folder = folder / ".mlassay/run"
    return train(held, repository, run_folder, **dict(train_options)), run_folder


def scored(folder, held, run_folder):
    """The decisions of the trained model on the evaluation rows, and its ROC AUC."""
    from sklearn.metrics import roc_auc_score

    subject = Subject(held, folder, run_folder / "train/outputs")
    return subject.predicted, roc_auc_score(subject.truth, subject.scores)


def holds_contract(folder, held, run_folder):
    from mlassay.gates.contract import ContractGate

    report = ContractGate().test(Subject(held, folder, run_folder / "train/outputs"))
    return report.outcome, [f.what for f in report.findings if f.outcome != "passed"]


def test_a_shell_and_awk_command_trains_a_model_that_holds_the_contract_and_scores(tmp_path):
    model, offset = skeleton()
    files = {"train.sh": TRAIN_SH, "fit.awk": FIT_AWK, "skeleton.onnx": model, "offset": str(offset)}
    repository = project(tmp_path, files)
    held = plan(tmp_path, "sh train.sh", tuple(files))
    trained = train(held, repository, tmp_path / "run")
    assert trained.passed, (trained.problems, trained.log_tail)
    assert holds_contract(tmp_path, held, tmp_path / "run") == ("passed", [])
    predicted, area = scored(tmp_path, held, tmp_path / "run")
    assert area > 0.78
    assert 0 < predicted.sum() < len(predicted)


def test_a_compiled_c_program_trains_a_model_that_holds_the_contract_and_scores(tmp_path):
    if shutil.which("cc") is None:
        pytest.skip("this machine has no C compiler")
    model, offset = skeleton()
    (tmp_path / "fit.c").write_text(FIT_C)
    subprocess.run(["cc", "-O1", "-o", "fit", "fit.c", "-lm"], cwd=tmp_path, check=True)
    files = {"fit": (tmp_path / "fit").read_bytes(), "skeleton.onnx": model, "offset": str(offset)}
    repository = project(tmp_path / "project", files)
    (tmp_path / "project/fit").chmod(0o755)
    commit(tmp_path / "project")
    held = plan(tmp_path / "project", "./fit", tuple(files))
    trained = train(held, repository, tmp_path / "run")
    assert trained.passed, (trained.problems, trained.log_tail)
    assert holds_contract(tmp_path / "project", held, tmp_path / "run") == ("passed", [])
    predicted, area = scored(tmp_path / "project", held, tmp_path / "run")
    assert area > 0.78
    assert 0 < predicted.sum() < len(predicted)
    assert trained.provenance["environment"] == {
        "read": False,
        "why": "the command is not Python; what it uses was not read",
    }


def test_only_what_is_granted_is_there(tmp_path):
    script = 'find . -type f | sort > "$MLASSAY_OUT/seen"; env | sort > "$MLASSAY_OUT/env"\n' + LEAVE
    trained, run_folder = run(tmp_path, script, files={"secret.txt": "x", "lib/a.txt": "a"}, uses=("lib",))
    assert trained.passed
    seen = (run_folder / "train/outputs/seen").read_text().split()
    assert [path for path in seen if "/out/" not in path] == [
        "./.mlassay/data/applications/train.csv",
        "./.mlassay/parameters.json",
        "./lib/a.txt",
        "./train.sh",
    ]
    environment = (run_folder / "train/outputs/env").read_text()
    assert "MLASSAY_DATA=" in environment
    assert "PYTEST" not in environment


def test_withheld_columns_are_absent_and_weights_are_there(tmp_path):
    script = 'cp "$MLASSAY_DATA/applications/train.csv" "$MLASSAY_OUT/given.csv"\n' + LEAVE
    trained, run_folder = run(tmp_path, script)
    given = (run_folder / "train/outputs/given.csv").read_bytes()
    header = given.split(b"\n")[0].decode().split(",")
    assert "afam" not in header
    assert header[-1] == "sample_weight"
    granted = next(g for g in trained.provenance["granted"] if g["kind"] == "data")
    assert granted["digest"] == sha256(given)
    assert (granted["withheld"], granted["weighed_by"]) == (["afam"], ["afam"])


def test_without_weigh_and_withhold_the_column_is_there_and_no_weights(tmp_path):
    script = 'head -1 "$MLASSAY_DATA/applications/train.csv" > "$MLASSAY_OUT/header"\n' + LEAVE
    _, run_folder = run(tmp_path, script, withhold=(), weigh=None)
    header = (run_folder / "train/outputs/header").read_text()
    assert "afam" in header
    assert "sample_weight" not in header


# It looks for the withheld column wherever it can read, in git's objects, in other processes, and calls out.
SPY = r"""
import glob, os, pathlib, socket, sys, zlib
out = pathlib.Path(os.environ["MLASSAY_OUT"])
found = []
def look(path):
    try:
        data = open(path, "rb").read(4 << 20)
    except OSError:
        return
    try:
        data += zlib.decompress(data)
    except zlib.error:
        pass
    if b"SECRET-OF-" + b"THE-TEST" in data or b"condomin," + b"afam,single" in data:
        found.append(path)
for top in sys.argv[3:]:
    for folder, _, names in os.walk(top):
        if folder.startswith(("/proc", "/sys", "/usr")) or "/site-packages" in folder:
            continue
        for name in names:
            if os.path.isfile(os.path.join(folder, name)):
                look(os.path.join(folder, name))
for pid in glob.glob("/proc/[0-9]*"):
    for name in ("environ", "cmdline"):
        look(f"{pid}/{name}")
    for link in glob.glob(f"{pid}/fd/*") + [f"{pid}/cwd", f"{pid}/root"]:
        try:
            target = os.readlink(link)
        except OSError:
            continue
        if target.startswith(sys.argv[1]):
            found.append(link)
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[2])), 2).close()
    found.append("network")
except OSError:
    pass
(out / "found").write_text("\n".join(found))
(out / "model.onnx").write_bytes(b"model")
"""


def spy(tmp_path, monkeypatch, isolation):
    import socket

    monkeypatch.setenv("MLASSAY_SIGNING_KEY", "SECRET-OF-THE-TEST")
    folder = tmp_path / "project"
    with socket.create_server(("127.0.0.1", 0)) as server:
        # Without isolation a walk of the whole machine would take minutes, and one folder shows as much.
        tops = f"/ '{tmp_path}'" if isolation == "bubblewrap" else f"'{tmp_path}'"
        command = f"python spy.py '{tmp_path}' {server.getsockname()[1]} {tops}"
        repository = project(folder, {"spy.py": SPY})
        held = plan(folder, command, ("spy.py",))
        trained = train(held, repository, folder / ".mlassay/run", isolation=isolation)
    assert trained.passed, trained.log_tail
    found = (folder / ".mlassay/run/train/outputs/found").read_text().split("\n")
    return trained, [path for path in found if path]


@isolated
def test_a_hostile_trainer_finds_no_withheld_data_no_secret_and_no_network(tmp_path, monkeypatch):
    trained, found = spy(tmp_path, monkeypatch, "bubblewrap")
    assert found == []
    assert (trained.provenance["isolation"], trained.provenance["network"]) == ("bubblewrap", False)


def test_without_isolation_the_same_trainer_finds_it_and_that_is_said_loudly(tmp_path, monkeypatch):
    trained, found = spy(tmp_path, monkeypatch, "none")
    assert any(path.endswith("hmda.csv") for path in found)
    assert "network" in found
    assert trained.provenance["isolation"] == "none"
    assert any(warning.startswith("NOT ISOLATED") for warning in trained.warnings)


def test_policy_that_will_refuse_missing_isolation_is_named_at_once(tmp_path):
    trained, _ = run(tmp_path, LEAVE, isolation_from=Level.MAJOR, train_options={"isolation": "none"})
    assert any("policy refuses a release of risk level major" in warning for warning in trained.warnings)


def test_a_daemon_does_not_outlive_training(tmp_path):
    mark = tmp_path / "still-here"
    script = f"(setsid sh -c 'sleep 1; touch {mark}' >/dev/null 2>&1 &)\n" + LEAVE
    trained, _ = run(tmp_path, script, train_options={"isolation": "none"})
    assert trained.passed
    time.sleep(1.3)
    assert not mark.exists()


def test_too_many_processes_end_the_training_with_the_reason(tmp_path):
    script = "i=0; while [ $i -lt 400 ]; do sleep 20 & i=$((i+1)); done; wait\n"
    trained, _ = run(tmp_path, script, limits=limits(wall_seconds=15))
    assert not trained.passed


def test_a_training_that_writes_too_much_is_stopped_and_says_so(tmp_path):
    script = 'dd if=/dev/zero of="$MLASSAY_OUT/big" bs=1M count=200 status=none; sleep 5\n' + LEAVE
    trained, run_folder = run(tmp_path, script, train_options={"disk_bytes": 20 << 20})
    assert "wrote more than 20 MiB" in trained.problems[0].what
    assert not (run_folder / "train/outputs").exists()


def test_outputs_beyond_their_bound_are_refused(tmp_path):
    script = LEAVE + 'dd if=/dev/zero of="$MLASSAY_OUT/big" bs=1M count=2 status=none\n'
    trained, run_folder = run(tmp_path, script, train_options={"output_bytes": 1 << 20})
    assert "more bytes than" in trained.problems[0].what
    assert not (run_folder / "train/outputs").exists()


def test_thirty_megabytes_of_output_with_escapes_leave_a_short_clean_log(tmp_path):
    script = (
        LEAVE
        + "printf '\\033]0;owned\\007\\033[31mred\\n::error::owned\\n'; head -c 30000000 /dev/zero | tr '\\0' 'x'; printf '\\nlast line\\n'\n"
    )
    trained, run_folder = run(tmp_path, script)
    assert trained.passed
    log = (run_folder / "train/log.txt").read_bytes()
    assert len(log) < 2 << 20
    assert b"\x1b" not in log
    assert b"::error" not in log
    assert log.rstrip().endswith(b"last line")


def test_a_command_that_fails_gives_its_code_the_tail_of_its_log_and_the_line(tmp_path):
    trained, run_folder = run(tmp_path, "echo one; echo two >&2; exit 3\n")
    problem = trained.problems[0]
    assert "exit code 3" in problem.what
    assert (problem.path, problem.line) == ("ml.yaml", 19)
    assert "two" in trained.log_tail
    assert (run_folder / "train/log.txt").read_text() == "one\ntwo\n"


def test_the_wall_limit_names_its_key_and_line(tmp_path):
    trained, _ = run(tmp_path, "sleep 20\n", limits=limits(wall_seconds=0.4))
    problem = trained.problems[0]
    assert "train.limits.wall" in problem.remedy
    assert problem.line == 25


def test_the_memory_limit_names_its_key(tmp_path):
    program = (
        "import time\nx = bytearray(600 << 20)\nfor i in range(0, len(x), 4096): x[i] = 1\ntime.sleep(5)\n"
    )
    repository = project(tmp_path, {"train.py": program})
    held = plan(tmp_path, "python train.py", ("train.py",), limits=limits(memory_bytes=200 << 20))
    trained = train(held, repository, tmp_path / "run")
    assert "train.limits.memory" in trained.problems[0].remedy


def test_a_program_that_is_not_there_is_said_to_be_so(tmp_path):
    repository = project(tmp_path, {"a": "a"})
    trained = train(plan(tmp_path, "no-such-program --fit"), repository, tmp_path / "run")
    assert not trained.passed
    assert "no-such-program" in trained.problems[0].what


def test_a_python_error_is_told_with_the_teams_own_line(tmp_path):
    program = "import json\n\n\ndef fit():\n    json.loads('{')\n\n\nfit()\n"
    repository = project(tmp_path, {"train.py": program})
    trained = train(plan(tmp_path, "python train.py", ("train.py",)), repository, tmp_path / "run")
    problem = trained.problems[0]
    assert (problem.path, problem.line) == ("train.py", 5)
    assert "JSONDecodeError" in problem.what


@pytest.mark.parametrize(
    ("program", "advice"),
    [
        ("import nosuchmodule", "add it to 'train.uses'"),
        ("open('missing.csv')", "add what is missing"),
        ("{}['afam']", "in 'train.withhold'"),
    ],
)
def test_advice_fits_the_failure(tmp_path, program, advice):
    repository = project(tmp_path, {"train.py": program + "\n"})
    trained = train(plan(tmp_path, "python train.py", ("train.py",)), repository, tmp_path / "run")
    assert advice in trained.problems[0].remedy


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ('ln -s /etc/passwd "$MLASSAY_OUT/link"\n', "symbolic link"),
        ('mkfifo "$MLASSAY_OUT/pipe"\n', "no regular file"),
        ('printf a > "$MLASSAY_OUT/A"; printf b > "$MLASSAY_OUT/a"\n', "upper and lower case"),
        ("printf '\\200\\004\\225rest' > \"$MLASSAY_OUT/weights.txt\"\n", "pickle"),
    ],
)
def test_outputs_that_are_not_plain_files_are_refused(tmp_path, script, fault):
    trained, run_folder = run(tmp_path, LEAVE + script)
    assert any(fault in problem.what for problem in trained.problems)
    assert not (run_folder / "train/outputs").exists()


def test_plain_outputs_in_folders_are_kept(tmp_path):
    script = (
        LEAVE
        + 'mkdir -p "$MLASSAY_OUT/plots"; printf x > "$MLASSAY_OUT/plots/a.txt"; chmod 500 "$MLASSAY_OUT/plots"\n'
    )
    trained, _ = run(tmp_path, script)
    assert [output["path"] for output in trained.provenance["outputs"]] == ["model.onnx", "plots/a.txt"]


def test_a_training_that_leaves_no_model_says_what_it_left(tmp_path):
    trained, _ = run(tmp_path, 'printf x > "$MLASSAY_OUT/other"\n')
    assert "it left other" in trained.problems[0].what
    assert trained.problems[0].line == 27


def test_metrics_are_kept_as_self_reported_and_never_stop_a_training(tmp_path):
    good = 'printf \'{"auc": 0.91, "rows": 3}\' > "$MLASSAY_OUT/metrics.json"\n'
    trained, _ = run(tmp_path / "good", LEAVE + good)
    assert trained.provenance["self_reported"] == {"metrics": {"auc": "0.91", "rows": 3}}
    trained, _ = run(tmp_path / "bad", LEAVE + 'printf \'{"auc": NaN}\' > "$MLASSAY_OUT/metrics.json"\n')
    assert trained.passed
    assert "NaN" in trained.provenance["self_reported"]["unreadable"]


def test_provenance_is_canonical_and_names_commit_tree_and_inputs(tmp_path):
    trained, run_folder = run(tmp_path, LEAVE, parameters={"seed": 7, "rate": 0.1})
    data = (run_folder / "train/provenance.json").read_bytes()
    value = parse_canonical(data, "provenance.json")
    assert value["source"]["dirty"] == []
    assert len(value["source"]["commit"]) == len(value["source"]["tree"]) == 40
    assert value["source"]["ref"] == "refs/heads/main"
    assert value["inputs"]["ml.yaml"].startswith("sha256:")
    assert value["parameters"] == {"rate": "0.1", "seed": 7}
    assert value == json.loads(json.dumps(trained.provenance))


def test_a_clean_tree_is_read_from_git_and_uncommitted_changes_are_named(tmp_path):
    script = 'cp note "$MLASSAY_OUT/note"\n' + LEAVE
    repository = project(tmp_path, {"train.sh": script, "note": "committed"})
    clean, run_folder = run(tmp_path, script, repository=repository, uses=("note",))
    assert clean.provenance["source"]["dirty"] == []
    (tmp_path / "note").write_text("edited")
    (tmp_path / "unrelated.txt").write_text("untracked and not used")
    edited, run_folder = run(tmp_path, script, repository=repository, uses=("note",))
    assert (run_folder / "train/outputs/note").read_text() == "edited"
    assert edited.provenance["source"]["dirty"] == ["note"]
    assert "no release can be made" in edited.warnings[0]


def test_a_link_among_uses_is_refused(tmp_path):
    repository = project(tmp_path, {"train.sh": LEAVE})
    (tmp_path / "link").symlink_to("/etc/passwd")
    commit(tmp_path)
    with pytest.raises(ConfigurationError, match="link"):
        train(plan(tmp_path, "sh train.sh", ("train.sh", "link")), repository, tmp_path / "run")


def test_uses_that_are_not_there_are_named_with_their_line(tmp_path):
    with pytest.raises(ConfigurationError) as error:
        run(tmp_path, LEAVE, uses=("gone.py",))
    assert "gone.py" in error.value.problems[0].what
    assert error.value.problems[0].line == 20


def test_training_may_not_ask_for_the_evaluation_rows(tmp_path):
    with pytest.raises(ConfigurationError, match="the gates measure on"):
        run(tmp_path, LEAVE, data=("applications/test",))


def test_a_name_alone_brings_every_split_but_the_evaluation_rows(tmp_path):
    _, run_folder = run(
        tmp_path, 'ls "$MLASSAY_DATA/applications" > "$MLASSAY_OUT/list"\n' + LEAVE, data=("applications",)
    )
    assert (run_folder / "train/outputs/list").read_text().split() == ["train.csv"]


def test_prepare_steps_hand_on_what_they_write_with_digests_of_both_sides(tmp_path):
    clean = 'tail -n +2 "$MLASSAY_DATA/applications/train.csv" | wc -l > "$MLASSAY_OUT/rows.txt"\nls > "$MLASSAY_OUT/rows.list"\n'
    script = (
        'cp "$MLASSAY_DATA/rows.txt" "$MLASSAY_OUT/rows"; cp "$MLASSAY_DATA/rows.list" "$MLASSAY_OUT/list"\n'
        + LEAVE
    )
    repository = project(tmp_path, {"train.sh": script, "clean.sh": clean})
    step = Step("clean", "sh clean.sh", ("clean.sh",), ("applications",), ("rows",))
    trained, run_folder = run(tmp_path, script, repository=repository, data=("rows",), prepare=(step,))
    assert trained.passed, trained.problems
    assert (run_folder / "train/outputs/rows").read_text().strip() == "1191"
    assert (run_folder / "train/outputs/list").read_text().split() == ["clean.sh"]
    facts = trained.provenance["steps"][0]
    given = [g["digest"] for g in trained.provenance["granted"] if g["kind"] == "prepared"]
    assert given == [output["digest"] for output in facts["outputs"]]
    assert [g["path"] for g in facts["granted"]] == [
        "clean.sh",
        "applications/train.csv",
        ".mlassay/parameters.json",
    ]


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("true\n", "did not write 'rows'"),
        ('printf x > "$MLASSAY_OUT/rows.csv"; printf x > "$MLASSAY_OUT/other.csv"\n', "'other.csv'"),
        ("exit 4\n", "exit code 4"),
    ],
)
def test_a_step_that_does_not_keep_to_its_writes_ends_the_run(tmp_path, script, fault):
    repository = project(tmp_path, {"train.sh": LEAVE, "clean.sh": script})
    step = Step("clean", "sh clean.sh", ("clean.sh",), ("applications/train",), ("rows",))
    trained, run_folder = run(tmp_path, LEAVE, repository=repository, data=("rows",), prepare=(step,))
    assert any(fault in problem.what for problem in trained.problems)
    assert not (run_folder / "train/outputs").exists()


def test_the_environment_of_python_is_read_and_held_against_the_lock(tmp_path):
    from importlib.metadata import version

    lock = f"click=={version('click')} \\\n    --hash=sha256:aa\nNumPy==0.0.1\nabsent==1.0 ; sys_platform == 'win32'\n"
    program = "import os\nopen(os.environ['MLASSAY_OUT'] + '/model.onnx', 'w').write('x')\n"
    repository = project(tmp_path, {"train.py": program, "requirements.lock": lock})
    held = plan(tmp_path, "python train.py", ("train.py", "requirements.lock"))
    trained = train(held, repository, tmp_path / "run")
    environment = trained.provenance["environment"]
    assert environment["packages"]["click"] == version("click")
    (against,) = environment["locks"]
    assert [m["package"] for m in against["mismatches"]] == ["numpy"]
    assert any("requirements.lock" in warning for warning in trained.warnings)


def test_a_failed_training_takes_the_place_of_the_one_before(tmp_path):
    repository = project(tmp_path, {"train.sh": LEAVE})
    _, run_folder = run(tmp_path, LEAVE, repository=repository)
    (run_folder / "test").mkdir()
    assert read_training(run_folder)[1]
    (tmp_path / "train.sh").write_text("exit 1\n")
    run(tmp_path, "", repository=repository)
    assert not (run_folder / "test").exists()
    with pytest.raises(ConfigurationError, match="failed"):
        read_training(run_folder)


@pytest.mark.parametrize("harm", ["alter", "add", "remove"])
def test_outputs_that_changed_after_training_are_refused(tmp_path, harm):
    _, run_folder = run(tmp_path, LEAVE)
    model = run_folder / "train/outputs/model.onnx"
    if harm == "alter":
        model.write_bytes(b"other")
    elif harm == "add":
        model.with_name("more").write_bytes(b"")
    else:
        model.unlink()
    with pytest.raises(EvidenceError) as error:
        read_training(run_folder)
    assert error.value.problems[0].path.startswith("train/outputs/")
