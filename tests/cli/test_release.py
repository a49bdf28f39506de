"""``sign``, ``record`` and ``verify`` as processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from mlassay.evidence.verdict import Outcome
from tests import factory


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A project with a recorded release; tests add to it."""
    project = factory.make(tmp_path_factory.mktemp("cli"), remote=True)
    project.done = factory.record(project, outcome=Outcome.FAILED)
    return project


def tested(project):
    """A run folder whose report says what the verdict says, as the verb holds it to."""
    from mlassay.cli.develop import load_plan
    from mlassay.render.report import plan_report
    from mlassay.stages._run_folder import read_test

    folder = factory.run_folder(project)
    text = plan_report(read_test(folder), load_plan(project.folder)[1])
    (folder / "test/report.md").write_text(text, encoding="utf-8")


def run(folder, *arguments, code=0, env=None):
    command = [sys.executable, "-m", "mlassay", *arguments, "-C", str(folder)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **(env or {})}
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_from_a_tested_run_to_evidence_that_verifies(tmp_path):
    project = factory.make(tmp_path)
    tested(project)
    key = project.keys / "ci.pem"
    signed = json.loads(run(project.folder, "sign", "--key", str(key), "--json").stdout)
    assert (signed["verdict"], signed["signer"]) == ("passed", "ci")
    dry = run(project.folder, "record", "--dry-run")
    assert f"Record {signed['release']}: passed" in dry.stdout
    assert f"evidence/{signed['release']}/verdict.dsse.json" in dry.stdout
    recorded = json.loads(run(project.folder, "record", "--json").stdout)
    assert (recorded["release"], recorded["already"]) == (signed["release"], False)
    again = run(project.folder, "record")
    assert "nothing was changed" in again.stdout
    assert "no problem found" in run(project.folder, "verify", signed["release"]).stdout


def test_the_key_may_come_from_the_environment_and_is_never_printed(tmp_path):
    project = factory.make(tmp_path)
    tested(project)
    secret = (project.keys / "ci.pem").read_text()
    done = run(project.folder, "sign", env={"MLASSAY_SIGNING_KEY": secret})
    assert secret.splitlines()[1] not in done.stdout + done.stderr
    broken = run(project.folder, "sign", env={"MLASSAY_SIGNING_KEY": secret[:-60]}, code=2)
    assert secret.splitlines()[1] not in broken.stdout + broken.stderr
    assert "Traceback" not in broken.stderr


def test_a_key_inside_the_repository_is_refused(project):
    inside = project.folder / "ci.pem"
    inside.write_bytes((project.keys / "ci.pem").read_bytes())
    inside.chmod(0o600)
    done = run(project.folder, "sign", "--key", str(inside), code=2)
    inside.unlink()
    assert "inside the repository" in done.stderr


def test_verify_says_what_it_confirmed_by_whose_key_and_what_it_did_not_look_at(project):
    done = run(project.folder, "verify")
    release = project.done.release.id
    assert f"release {release}: failed (7 signatures by ci, " in done.stdout
    assert "Not checked:" in done.stdout
    assert "consistent since root commit" in done.stdout


def test_verify_speaks_json_to_machines_and_nothing_else(project):
    told = json.loads(run(project.folder, "verify", "--json").stdout)
    assert told["valid"] is True
    assert told["confirmed"][0]["says"] == "failed"
    assert told["problems"] == []
    assert told["not_checked"]


def test_a_flipped_bit_ends_with_3_and_names_the_file(project):
    path = f"evidence/{project.done.release.id}/gates/bias.json"
    file = project.folder / path
    before = file.read_bytes()
    file.write_bytes(before[:40] + bytes([before[40] ^ 1]) + before[41:])
    try:
        people, machine = (
            run(project.folder, "verify", code=3),
            run(project.folder, "verify", "--json", code=3),
        )
    finally:
        file.write_bytes(before)
    assert f"{path}: " in people.stderr
    assert "no problem found" not in people.stdout
    told = json.loads(machine.stdout)
    assert (told["valid"], [problem["path"] for problem in told["problems"]]) == (False, [path])


def test_a_mistyped_release_and_a_mistyped_revision_are_mistakes_of_usage(project):
    assert "ever recorded" in run(project.folder, "verify", "20261120-ffffffff", code=2).stderr
    assert "names no commit" in run(project.folder, "verify", "--at", "nowhere", code=2).stderr


def test_an_older_revision_can_be_verified(project):
    before = project.done.release.source.commit
    assert "0 things confirmed" in run(project.folder, "verify", "--at", before).stdout


def test_outside_a_repository_it_is_a_mistake_of_usage(tmp_path):
    for verb in ("sign", "record", "verify"):
        assert "no git repository" in run(tmp_path, verb, code=2).stderr


def test_a_remote_that_is_gone_ends_with_4(tmp_path):
    project = factory.make(tmp_path, remote=True)
    factory.sign_run(project, factory.run_folder(project))
    project.remote.folder.rename(tmp_path / "away")
    assert "origin" in run(project.folder, "record", code=4).stderr


@pytest.mark.parametrize("verb", ["sign", "record", "verify"])
def test_help_shows_an_example(verb, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "mlassay", verb, "--help"], capture_output=True, text=True, check=True
    )
    assert f"Example: mlassay {verb}" in done.stdout


def test_nothing_heavy_is_imported_to_record_and_to_verify():
    code = (
        "import sys, mlassay.cli.release, mlassay.audit.verify, mlassay.stages.record, mlassay.wiring as w;"
        "w.verifiers();"
        "print([m for m in ('numpy', 'onnx', 'onnxruntime', 'model_signing', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
