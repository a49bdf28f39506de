"""The test stage: every gate answers, none stops another, nothing tested is nothing passed."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mlassay.config import Level, dump_environment
from mlassay.config.environment import Environment, EnvironmentRelease
from mlassay.digest import parse_canonical, sha256
from mlassay.errors import ConfigurationError, EvidenceError, Problem
from mlassay.evidence import Finding, GateReport, Outcome, read_report, read_verdict
from mlassay.model import Unusable
from mlassay.stages._run_folder import read_test
from mlassay.stages.test import find_live, required
from mlassay.stages.test import test as run_stage
from mlassay.stages.train import train
from tests.stages.projects import plan, project


class Answers:
    """A gate of the test's own that answers as told."""

    def __init__(self, id_, outcome=Outcome.PASSED, error=None, look=None):
        self.id, self.outcome, self.error, self.look = id_, outcome, error, look

    def test(self, subject):
        if self.look:
            self.look(subject)
        if self.error:
            raise self.error
        finding = Finding(f"{self.id}.rule", self.outcome, "what", "why", "do")
        return GateReport(self.id, self.outcome, "said", {}, {"n": 1}, (finding,), ())


@pytest.fixture
def trained(tmp_path):
    repository = project(tmp_path, {"train.sh": 'printf model > "$MLASSAY_OUT/model.onnx"\n'})
    held = plan(tmp_path, "sh train.sh", ("train.sh",), gates={"one": {}, "two": {}})
    assert train(held, repository, tmp_path / "run").passed
    return held


def judged(tmp_path, held, *gates, **options):
    return run_stage(
        held, gates, tmp_path, tmp_path / "run", report=lambda v: f"report: {v.outcome}\n", **options
    )


def test_all_gates_pass_and_everything_is_left(tmp_path, trained):
    result = judged(tmp_path, trained, Answers("one"), Answers("two"))
    assert result.verdict.outcome is Outcome.PASSED
    folder = tmp_path / "run/test"
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) == [
        "gates/one.json",
        "gates/two.json",
        "report.md",
        "runtime.json",
        "verdict.json",
    ]
    assert (
        read_verdict((folder / "verdict.json").read_bytes(), "v")
        == result.verdict
        == read_test(tmp_path / "run")
    )
    assert read_report((folder / "gates/one.json").read_bytes(), "g") == result.verdict.gates[0]
    assert (folder / "report.md").read_text() == "report: passed\n"


def test_a_failed_gate_stops_no_other(tmp_path, trained):
    result = judged(tmp_path, trained, Answers("one", Outcome.FAILED), Answers("two"))
    assert [gate.outcome for gate in result.verdict.gates] == ["failed", "passed"]
    assert result.verdict.outcome is Outcome.FAILED


def test_a_model_that_cannot_be_used_fails_the_gate_with_the_reason_and_stops_no_other(tmp_path, trained):
    error = Unusable(Problem("it is truncated", remedy="export it again"))
    result = judged(tmp_path, trained, Answers("one", error=error), Answers("two"))
    first, second = result.verdict.gates
    assert (first.outcome, second.outcome) == ("failed", "passed")
    assert first.findings[0].id == "one.unusable"
    assert "it is truncated" in first.findings[0].what
    assert first.findings[0].line == 27


def test_an_error_of_ours_is_never_a_verdict(tmp_path, trained):
    with pytest.raises(EvidenceError):
        judged(tmp_path, trained, Answers("one", error=EvidenceError("two counts disagree")), Answers("two"))
    assert not (tmp_path / "run/test").exists()


def test_a_declared_gate_that_did_not_run_is_inconclusive(tmp_path, trained):
    result = judged(tmp_path, trained, Answers("one"))
    assert result.verdict.outcome is Outcome.INCONCLUSIVE
    assert result.verdict.gates[1].findings[0].id == "two.not_run"


def test_a_gate_that_policy_demands_and_nobody_declared_is_inconclusive(tmp_path):
    repository = project(tmp_path, {"train.sh": 'printf m > "$MLASSAY_OUT/model.onnx"\n'})
    held = plan(
        tmp_path,
        "sh train.sh",
        ("train.sh",),
        gates={"one": {}},
        policy_gates={Level.MAJOR: ("one", "three")},
    )
    train(held, repository, tmp_path / "run")
    result = judged(tmp_path, held, Answers("one"))
    assert required(held) == ("one", "three")
    assert result.verdict.gates[1].findings[0].path == "governance/policy.yaml"
    assert result.verdict.outcome is Outcome.INCONCLUSIVE


def test_no_gates_at_all_are_no_pass(tmp_path):
    repository = project(tmp_path, {"train.sh": 'printf m > "$MLASSAY_OUT/model.onnx"\n'})
    held = plan(tmp_path, "sh train.sh", ("train.sh",))
    train(held, repository, tmp_path / "run")
    assert judged(tmp_path, held).verdict.outcome is Outcome.INCONCLUSIVE


def test_a_partial_test_leaves_nothing_and_what_stood_before_stays(tmp_path, trained):
    judged(tmp_path, trained, Answers("one"), Answers("two", Outcome.FAILED))
    before = (tmp_path / "run/test/verdict.json").read_bytes()
    result = judged(tmp_path, trained, Answers("one"), partial=True)
    assert result.partial
    assert result.verdict.outcome is Outcome.PASSED
    assert (tmp_path / "run/test/verdict.json").read_bytes() == before


def test_without_a_training_there_is_nothing_to_test(tmp_path, trained):
    with pytest.raises(ConfigurationError) as error:
        run_stage(trained, [], tmp_path, tmp_path / "nowhere", report=str)
    assert error.value.problems[0].remedy == "mlassay train"


def test_a_model_that_was_swapped_after_training_is_refused(tmp_path, trained):
    (tmp_path / "run/train/outputs/model.onnx").write_bytes(b"another")
    with pytest.raises(EvidenceError, match="not those that training left"):
        judged(tmp_path, trained, Answers("one"), Answers("two"))


def test_a_former_signature_goes_with_the_former_verdict(tmp_path, trained):
    (tmp_path / "run/sign").mkdir()
    judged(tmp_path, trained, Answers("one"), Answers("two"))
    assert not (tmp_path / "run/sign").exists()


def test_inputs_that_changed_since_training_are_named(tmp_path, trained):
    assert judged(tmp_path, trained, Answers("one"), Answers("two")).warnings == ()
    trained.inputs["ml.yaml"] = "sha256:" + "9" * 64
    assert "ml.yaml" in judged(tmp_path, trained, Answers("one"), Answers("two")).warnings[0]


def test_cross_checks_leave_a_record_and_the_same_verdict(tmp_path, trained):
    judged(tmp_path, trained, Answers("one"), Answers("two"))
    before = (tmp_path / "run/test/verdict.json").read_bytes()
    talks = Answers("one", look=lambda subject: subject.progress("asked the twin"))
    result = judged(tmp_path, trained, talks, Answers("two"), cross_checks=True)
    assert result.cross_checks == {"one": ["asked the twin"]}
    assert (tmp_path / "run/test/verdict.json").read_bytes() == before
    value = parse_canonical((tmp_path / "run/test/cross-checks.json").read_bytes(), "c")
    assert value == {"version": 1, "agreed": True, "gates": {"one": ["asked the twin"]}}


def test_what_one_gate_computed_the_next_one_is_given(tmp_path, trained):
    tables = []
    gates = [Answers(name, look=lambda subject: tables.append(subject.table)) for name in ("one", "two")]
    judged(tmp_path, trained, *gates)
    assert tables[0] is tables[1]
    assert len(tables[0]) > 1000


def live(tmp_path, sha256_hex, state="live"):
    release = EnvironmentRelease(
        "20261120-1a2b3c4d", "sha256:" + "5" * 64, sha256_hex, "evidence/20261120-1a2b3c4d/model.onnx"
    )
    pointer = Environment("staging", state, datetime(2026, 11, 20, tzinfo=UTC), "p1", (release,))
    (tmp_path / "environments").mkdir()
    (tmp_path / "environments/staging.yaml").write_bytes(dump_environment(pointer))
    (tmp_path / "evidence/20261120-1a2b3c4d").mkdir(parents=True)
    (tmp_path / "evidence/20261120-1a2b3c4d/model.onnx").write_bytes(b"live")


def test_the_live_model_is_given_to_the_gates_and_named_in_the_verdict(tmp_path, trained):
    digest = sha256(b"live")
    live(tmp_path, digest.partition(":")[2])
    seen = []
    result = judged(
        tmp_path, trained, Answers("one", look=lambda s: seen.append(s.live.read_bytes())), Answers("two")
    )
    assert seen == [b"live"]
    assert result.verdict.inputs["live"] == digest


def test_nothing_is_live_in_a_fresh_repository_or_after_a_cut_out(tmp_path, trained):
    assert find_live(trained, tmp_path) == (None, "")
    live(tmp_path, sha256(b"live").partition(":")[2], "cut-out")
    assert find_live(trained, tmp_path) == (None, "")


def test_a_live_model_with_other_bytes_is_refused(tmp_path, trained):
    live(tmp_path, "0" * 64)
    with pytest.raises(ConfigurationError, match="whose model is not at"):
        find_live(trained, tmp_path)
