"""A gate's report from a job of its own: the same verdict, and nothing forged gets in."""

from __future__ import annotations

import json
import os
from dataclasses import replace

import pytest

from mlassay.digest import canonical, sha256
from mlassay.errors import ConfigurationError, EvidenceError
from mlassay.evidence import Finding, GateReport, Outcome
from mlassay.stages._parts import leave_part, source_of
from mlassay.stages.test import Parts
from mlassay.stages.test import test as run_stage
from mlassay.stages.train import train
from tests.stages.projects import plan, project

GATES = frozenset({"unit"})
RUN = {"run": "pytest"}


class Unit:
    """A unit gate of the test's own, which counts how often it ran."""

    id = "unit"

    def __init__(self, outcome=Outcome.PASSED):
        self.outcome, self.ran = outcome, 0

    def test(self, subject):
        self.ran += 1
        finding = Finding("unit.tests", self.outcome, "3 passed", "why", "do", "ml.yaml", 41)
        return GateReport("unit", self.outcome, "3 passed", RUN, {"tests": 3}, (finding,), (), True)


class Bias:
    id = "bias"

    def test(self, subject):
        finding = Finding("bias.rule", Outcome.PASSED, "what", "why", "do")
        return GateReport("bias", Outcome.PASSED, "said", {}, {"n": 1}, (finding,), ())


@pytest.fixture
def job(tmp_path):
    """A trained model with the part that a unit job left beside it."""
    return Job(tmp_path, project(tmp_path, {"train.sh": 'printf model > "$MLASSAY_OUT/model.onnx"\n'}))


class Job:
    def __init__(self, folder, repository):
        self.folder, self.run, self.repository = folder, folder / "run", repository
        self.plan = plan(folder, "sh train.sh", ("train.sh",), gates={"unit": RUN, "bias": {}})
        assert train(self.plan, repository, self.run).passed
        self.unit(Unit())

    @property
    def part(self):
        return self.run / "parts/unit.json"

    def unit(self, gate):
        """What `mlassay test unit --part` does."""
        done = self._test([gate], partial=True)
        leave_part(self.run, done.verdict, source_of(self.repository, self.plan, self.run))

    def gates(self, gate=None):
        """What `mlassay test --with-parts` does."""
        source = source_of(self.repository, self.plan, self.run)
        return self._test([gate or Unit(), Bias()], parts=Parts(GATES, source))

    def plain(self):
        return self._test([Unit(), Bias()])

    def edit(self, change):
        value = json.loads(self.part.read_bytes())
        change(value)
        self.part.write_bytes(canonical(value))

    def _test(self, gates, **options):
        return run_stage(self.plan, gates, self.folder, self.run, report=str, **options)


def left(job):
    return {p.relative_to(job.run): p.read_bytes() for p in (job.run / "test").rglob("*") if p.is_file()}


@pytest.mark.parametrize("outcome", Outcome)
def test_the_verdict_is_byte_for_byte_that_of_a_plain_test(job, outcome):
    job.unit(Unit(outcome))
    unit = Unit()
    job.gates(unit)
    with_parts = left(job)
    job._test([Unit(outcome), Bias()])
    assert left(job) == with_parts
    assert unit.ran == 0


def test_a_training_takes_the_parts_of_the_former_model_away(job):
    assert job.part.is_file()
    train(job.plan, job.repository, job.run)
    assert not (job.run / "parts").exists()


def refused(job, told, error=EvidenceError):
    with pytest.raises(error, match=told) as caught:
        job.gates()
    assert not (job.run / "test").exists()
    assert all(problem.remedy for problem in caught.value.problems)
    return caught.value.problems


FORGED = {
    "another gate": (lambda v: v["report"].update(gate="bias"), "not a report of the gate 'unit'"),
    "another gate's findings": (
        lambda v: v["report"]["findings"][0].update(id="bias.rule"),
        "not a report of the gate 'unit'",
    ),
    "another model": (lambda v: v["inputs"].update(model=sha256(b"other")), "about another model"),
    "another ml.yaml": (lambda v: v["inputs"].update({"ml.yaml": sha256(b"")}), "about another ml.yaml"),
    "another live release": (lambda v: v["inputs"].update(live=sha256(b"")), "about another live"),
    "an input less": (lambda v: v["inputs"].pop("policy"), "about another policy"),
    "inputs that are no mapping": (lambda v: v.update(inputs=["model"]), "about another"),
    "another commit": (lambda v: v["source"].update(commit="0" * 40), "other files"),
    "another tree": (lambda v: v["source"].update(tree="0" * 40), "other files"),
    "a source that is none": (lambda v: v.update(source="main"), "other files"),
    "other criteria": (lambda v: v["report"].update(criteria={"run": "true"}), "criteria are not those"),
    "no criteria": (lambda v: v["report"].update(criteria={}), "criteria are not those"),
    "measured by us": (lambda v: v["report"].update(self_reported=False), "self-reported"),
    "passed without a finding": (lambda v: v["report"].update(findings=[]), "findings say otherwise"),
    "passed over a failure": (
        lambda v: v["report"]["findings"][0].update(outcome="failed"),
        "findings say otherwise",
    ),
    "a place outside": (
        lambda v: v["report"]["findings"][0].update(path="../x"),
        "another file than ml.yaml",
    ),
    "an unknown key": (lambda v: v.update(extra=1), "members are others"),
    "an unknown key in the report": (lambda v: v["report"].update(extra=1), "members that a report"),
    "an unknown key in a finding": (
        lambda v: v["report"]["findings"][0].update(extra=1),
        "members that a report",
    ),
    "a missing key": (lambda v: v.pop("source"), "members are others"),
    "another version": (lambda v: v.update(version=2), "members are others"),
    "a report that is a list": (lambda v: v.update(report=[]), "no part as mlassay writes it"),
    "a number for a text": (lambda v: v["report"].update(summary=3), "no part as mlassay writes it"),
}


@pytest.mark.parametrize("forgery", FORGED)
def test_a_forged_part_is_refused_with_one_clear_error(job, forgery):
    change, told = FORGED[forgery]
    job.edit(change)
    problems = refused(job, told)
    assert len(problems) == 1
    assert problems[0].path == "parts/unit.json"


def test_a_part_in_another_spelling_is_refused(job):
    job.part.write_bytes(job.part.read_bytes() + b"\n")
    refused(job, "canonical")


def test_a_part_that_is_a_link_or_a_pipe_or_too_large_is_refused(job, tmp_path):
    data = job.part.read_bytes()
    (tmp_path / "elsewhere.json").write_bytes(data)
    job.part.unlink()
    job.part.symlink_to(tmp_path / "elsewhere.json")
    refused(job, "link", ConfigurationError)
    job.part.unlink()
    os.mkfifo(job.part)
    refused(job, "no regular file", ConfigurationError)
    job.part.unlink()
    job.part.write_bytes(data + b" " * (2 << 20))
    refused(job, "at most", ConfigurationError)
    job.part.write_bytes(data)
    job.gates()


def test_a_folder_of_parts_that_is_a_link_is_refused(job, tmp_path):
    (job.run / "parts").rename(tmp_path / "away")
    (job.run / "parts").symlink_to(tmp_path / "away")
    refused(job, "no parts", ConfigurationError)


@pytest.mark.parametrize("name", ["bias.json", "unit.json.bak", "unit", "::error::.json"])
def test_a_part_of_a_gate_that_we_measure_or_any_other_file_is_refused(job, name):
    (job.run / "parts" / name).write_bytes(job.part.read_bytes())
    refused(job, "may not come as a part", ConfigurationError)


def test_without_a_part_the_gate_is_not_run_in_its_stead(job):
    job.part.unlink()
    unit = Unit()
    with pytest.raises(ConfigurationError, match="no part of the gate 'unit'"):
        job.gates(unit)
    assert unit.ran == 0


def test_a_part_of_a_gate_that_is_not_in_force_is_refused(job):
    job.plan = replace(job.plan, gates={"bias": {}}, config=replace(job.plan.config, gates={"bias": {}}))
    refused(job, "may not come as a part", ConfigurationError)


def test_a_part_over_uncommitted_files_is_refused(job):
    (job.folder / "train.sh").write_text("exit 0\n")
    job.unit(Unit())
    refused(job, "uncommitted files: train.sh")
