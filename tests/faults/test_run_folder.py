"""The run folder between stages: shared, deleted, edited. What was trained is what is tested is what is signed."""

import json
import shutil
import subprocess
import sys

import pytest

from tests.faults.clear import refused
from tests.killing import small
from tests.killing.test_killed import settled

OTHER = small.made_model(weight=-1.0, bias=39.5)


def swap(path):
    path.write_bytes(OTHER)


def poison(path):
    """Edit a JSON file so that it stays JSON."""
    path.write_text(path.read_text().replace("passed", "failed").replace('"size":', '"size":1'))


@pytest.mark.parametrize(
    ("verb", "path", "change"),
    [
        ("test", "train/outputs/model.onnx", swap),
        ("sign", "train/outputs/model.onnx", swap),
        ("sign", "test/verdict.json", poison),
        ("sign", "test/gates/contract.json", poison),
        ("record", "sign/model.onnx", swap),
        ("record", "sign/verdict.json", poison),
        ("record", "sign/gates/contract.json", poison),
        ("record", "sign/release.json", poison),
    ],
)
def test_what_was_edited_between_stages_is_refused_by_name(verb, path, change, team, verbs):
    clone = team(small.STORY[verb][0])
    words = small.words(verb, clone.parent)
    run = clone / ".mlassay/run"
    kept = (run / path).read_bytes()
    change(run / path)
    assert (run / path).read_bytes() != kept
    done = verbs.run(words, clone)
    assert done.code == 3, (done.code, done.out, done.err)
    assert "Traceback" not in done.err
    assert path.partition("/")[2] in done.err, done.err
    assert not small.release(clone.parent)
    (run / path).write_bytes(kept)
    assert verbs.run(words, clone).code == 0, "the control: as it was left, it is taken"


def test_a_report_that_was_edited_before_signing_is_noticed_or_harmless(team, verbs):
    clone = team("test")
    report = clone / ".mlassay/run/test/report.md"
    report.write_text(report.read_text().replace("passed", "excellent"))
    done = verbs.run(small.words("sign", clone.parent), clone)
    assert done.code == 3, done
    assert "report.md" in done.err


@pytest.mark.parametrize("verb", ["test", "sign", "record"])
def test_a_run_folder_that_is_gone_is_one_error_that_names_the_verb(verb, team, verbs):
    clone = team(small.STORY[verb][0])
    shutil.rmtree(clone / ".mlassay")
    refused(verbs.run(small.words(verb, clone.parent), clone), 2, says="mlassay ")


@pytest.mark.parametrize("stage", ["train", "test"])
def test_one_stage_that_is_gone_is_missed(stage, team, verbs):
    clone = team("test")
    shutil.rmtree(clone / ".mlassay/run" / stage)
    refused(verbs.run(small.words("sign", clone.parent), clone), 2, says=f"mlassay {stage}")


def test_training_anew_takes_the_old_verdict_and_signature_away(team, verbs):
    clone = team("sign")
    assert verbs.run(["train"], clone).code == 0
    assert [path.name for path in (clone / ".mlassay/run").iterdir()] == ["train"]


@pytest.mark.parametrize("verb", ["train", "test", "sign"])
def test_two_at_once_in_one_run_folder_leave_one_whole_result(verb, team, verbs):
    clone, alone = team(small.STORY[verb][0]), team(small.STORY[verb][0], "alone")
    words = [sys.executable, "-m", "mlassay", *map(str, small.words(verb, clone.parent))]
    both = [
        subprocess.Popen(words, cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    ends = [(process.communicate(timeout=60), process.returncode) for process in both]
    assert all(code in {0, 2} and "Traceback" not in said[1] for said, code in ends), ends
    assert 0 in [code for _, code in ends]
    assert verbs.run(small.words(verb, alone.parent), alone).code == 0
    assert settled(clone.parent) == settled(alone.parent)


def test_a_whole_run_while_another_tests_never_mixes_two_models(team, verbs):
    clone = team("train")
    words = [[sys.executable, "-m", "mlassay", verb] for verb in ("run", "test", "train", "test")]
    both = [
        subprocess.Popen(each, cwd=clone, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for each in words
    ]
    ends = [(process.communicate(timeout=60), process.returncode) for process in both]
    assert all("Traceback" not in said[1] for said, _ in ends), ends
    done = verbs.run(small.words("sign", clone.parent), clone)
    if done.code == 0:
        verdict = json.loads((clone / ".mlassay/run/test/verdict.json").read_text())
        provenance = json.loads((clone / ".mlassay/run/train/provenance.json").read_text())
        assert verdict["inputs"]["model"] == provenance["outputs"][0]["digest"]
    else:
        refused(done, 2, 3, says="mlassay ")
