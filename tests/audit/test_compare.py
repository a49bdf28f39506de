"""Two releases side by side: what differs is told, what does not is not, and the first stage where they part is named."""

import io
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from click.testing import CliRunner

from mlassay.audit import compare as room
from mlassay.audit.compare import compare
from mlassay.audit.diverge import Difference, Stage, differences, flat, stages_of
from mlassay.case.release import read_release
from mlassay.cli.comparing import compare as command
from mlassay.errors import ConfigurationError
from mlassay.evidence.verdict import Outcome
from mlassay.git import Identity
from mlassay.render.comparing import show_comparison
from mlassay.render.comparing_json import comparison_json
from mlassay.wiring import verifiers
from tests import factory
from tests.factory.project import CONFIG, TABLE, manifest_yaml

STAGES = ["source", "data", "prepare", "train", "model", "gates", "verdict"]


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return factory.make(tmp_path_factory.mktemp("compared"))


@pytest.fixture(scope="module")
def ids(project):
    """Releases by what makes them differ from ``first``; ``again`` and ``model`` are of one source."""
    made = {"first": factory.record(project).release.id}
    made["model"] = factory.record(project, seed=2).release.id
    made["worse"] = factory.record(project, seed=3, outcome=Outcome.FAILED).release.id
    project.commit({"train.py": "print('another')\n"}, "Train \x1b[31motherwise")
    made["code"] = factory.record(project, seed=4).release.id
    project.commit({"ml.yaml": CONFIG.replace("accuracy: {min: 0.8}", "accuracy: {min: 0.9}")}, "Demand more")
    made["criteria"] = factory.record(project, seed=5).release.id
    return made


def against(project, one, other):
    return compare(project.repo, project.repo.head(), one, other, verifiers())


def shown(found, width=100):
    out = io.StringIO()
    show_comparison(found, file=out, width=width)
    return out.getvalue()


def test_a_release_does_not_part_from_itself(project, ids):
    found = against(project, ids["first"], ids["first"].rpartition("-")[2])
    assert found.parted is None
    assert [stage.name for stage in found.stages] == STAGES
    assert not any(pair.criteria for pair in found.gates)
    assert (found.settings, found.environment, found.code.paths) == ((), (), ())
    assert "do not part anywhere" in shown(found)


def test_another_model_of_the_same_code_and_data_parts_where_training_left_it(project, ids):
    """The second was recorded on another source commit, yet nothing in it that training sees had changed."""
    found = against(project, ids["first"], ids["model"])
    assert found.parted.name == "train"
    assert [d.name for d in found.parted.outputs] == ["model.onnx"]
    assert found.parted.unstable
    model = next(stage for stage in found.stages if stage.name == "model")
    assert [(d.a, d.b) for d in model.outputs] == [(d.a, d.b) for d in found.parted.outputs]
    assert (found.code.paths, found.settings) == ((), ())


def test_other_code_parts_at_the_source_and_the_commits_between_are_told(project, ids):
    found = against(project, ids["first"], ids["code"])
    assert found.parted.name == "source"
    assert [d.name for d in found.parted.inputs] == ["train.py"]
    assert found.code.paths == ("train.py",)
    assert [commit.message.partition("\n")[0] for commit in found.code.new] == ["Train \x1b[31motherwise"]
    assert found.code.undone == ()
    assert "\x1b" not in shown(found)
    back = against(project, ids["code"], ids["first"])
    assert [len(back.code.new), len(back.code.undone)] == [0, 1]


def test_other_criteria_are_told_by_gate_and_by_setting(project, ids):
    found = against(project, ids["code"], ids["criteria"])
    gates = {pair.gate: pair for pair in found.gates}
    assert gates["performance"].criteria == (Difference("accuracy.min", "0.8", "0.9"),)
    assert gates["bias"].criteria == ()
    assert found.settings == (Difference("gates.performance.accuracy.min", "0.8", "0.9"),)
    assert "criterion accuracy.min: 0.8 -> 0.9" in " ".join(shown(found, 200).split())


def test_a_gate_that_failed_is_side_by_side(project, ids):
    found = against(project, ids["first"], ids["worse"])
    bias = next(pair for pair in found.gates if pair.gate == "bias")
    assert (bias.a.outcome, bias.b.outcome) == (Outcome.PASSED, Outcome.FAILED)
    assert [(n.finding, n.a, n.b) for n in bias.numbers] == [("bias.measured", "0.9000", "0.9000")]
    assert "x failed" in shown(found)


def test_a_changed_manifest_parts_at_the_data(tmp_path):
    project = factory.make(tmp_path)
    first = factory.record(project).release.id
    project.commit(
        {"data/applications.manifest.yaml": manifest_yaml().replace("nobody ever made", "nobody made")}
    )
    second = factory.record(project, seed=2).release.id
    found = against(project, first, second)
    assert found.parted.name == "data"
    assert [d.name for d in found.parted.inputs] == ["manifest/applications"]
    assert found.a.data[0].digest != found.b.data[0].digest
    assert found.a.data[0].root == found.b.data[0].root
    assert TABLE


def counted(rates):
    groups = [
        {"group": name, "rows": 10, "selection_rate": {"rate": rate}, "true_positive_rate": {"rate": "0.5"}}
        for name, rate in rates.items()
    ]
    return {"columns": {"group": {"groups": groups}}}


def test_groups_whose_numbers_fell_are_worse_off_and_one_that_nobody_counted_is_unknown(project, ids):
    evidence = read_release(project.repo, project.repo.head(), ids["first"], verifiers())
    verdicts = []
    for rates in ({"a": "0.9", "b": "0.8", "c": "0.7"}, {"a": "0.91", "b": "0.75", "d": "0.1"}):
        gates = tuple(
            replace(gate, measured=counted(rates)) if gate.gate == "bias" else gate
            for gate in evidence.verdict.gates
        )
        verdicts.append(replace(evidence.verdict, gates=gates))
    pairs = [pair for pair in room._groups(*verdicts) if pair.rate == "selection_rate"]
    assert [(p.group, p.fell, p.worse) for p in pairs] == [
        ("a", Decimal("-0.01"), False),
        ("b", Decimal("0.05"), True),
        ("c", None, False),
        ("d", None, False),
    ]
    found = replace(against(project, ids["first"], ids["first"]), groups=tuple(pairs))
    assert "Worse off under b: b" in shown(found)
    assert comparison_json(found)["worse_off"] == ["b"]


def test_the_same_inputs_that_gave_another_output_are_told_apart(project, ids):
    """Training that is not reproducible: no digest that went in differs, and the model does."""
    evidence = read_release(project.repo, project.repo.head(), ids["first"], verifiers())
    told = json.loads(json.dumps(dict(evidence.provenance)))
    reported = told["runDetails"]["mlassay_self_reported"]
    reported |= {"granted": [{"path": "train.csv", "digest": "sha256:1"}], "steps": []}
    sides = []
    for digest in ("sha256:2", "sha256:3"):
        outputs = [{"path": "model.onnx", "digest": digest}]
        provenance = {
            **told,
            "runDetails": {**told["runDetails"], "mlassay_self_reported": {**reported, "outputs": outputs}},
        }
        sides.append(replace(evidence, provenance=provenance))
    stages = {stage.name: stage for stage in stages_of(project.repo, *sides)}
    assert stages["train"].unstable
    assert stages["train"].self_reported
    assert not any(stages[name].differs for name in ("source", "data", "prepare"))
    steps = [
        {"name": "clean", "granted": [], "outputs": [{"path": "x.csv", "digest": d}]} for d in ("1", "2")
    ]
    sides = [
        replace(
            evidence,
            provenance={
                **told,
                "runDetails": {**told["runDetails"], "mlassay_self_reported": {**reported, "steps": [s]}},
            },
        )
        for s in steps
    ]
    prepare = next(stage for stage in stages_of(project.repo, *sides) if stage.differs)
    assert prepare == Stage("prepare", (), (Difference("clean: x.csv", "1", "2"),), 1, self_reported=True)


def test_what_training_reports_may_be_anything(project, ids):
    evidence = read_release(project.repo, project.repo.head(), ids["first"], verifiers())
    told = dict(evidence.provenance)
    for hostile in (
        {"granted": 7, "outputs": ["x", {"path": 1}], "steps": [None, {"outputs": {}}]},
        [],
        "no",
        None,
    ):
        provenance = {**told, "runDetails": {**told["runDetails"], "mlassay_self_reported": hostile}}
        assert [
            s.name for s in stages_of(project.repo, evidence, replace(evidence, provenance=provenance))
        ] == STAGES


def test_releases_are_named_by_environment_commit_or_end_of_id(project, ids):
    repo, head = project.repo, project.repo.head()
    evidence = read_release(repo, head, ids["code"], verifiers())
    for name in (
        ids["code"],
        ids["code"][-8:],
        evidence.record_commit,
        evidence.record_commit[:10],
        evidence.release.source.commit,
    ):
        assert against(project, name, name).a.place.release == ids["code"]
    with pytest.raises(ConfigurationError, match="nothing was ever live in production"):
        against(project, "production", ids["code"])
    for name in ("nonsense", "", "--help", ids["code"][:8]):
        with pytest.raises(ConfigurationError, match=r"means no release|several"):
            against(project, name, ids["code"])


def test_an_environment_means_what_is_live_there(project, ids):
    pointer = f"""version: 1
environment: staging
state: live
since: "2026-11-20T12:00:00Z"
promotion: 20261120-00000000
releases:
  - release: {ids["model"]}
    digest: sha256:{"0" * 64}
    model:
      sha256: "{"0" * 64}"
      url: evidence/x/model.onnx
    role: live
    share: 100
""".encode()
    head = project.repo.write_commit(
        project.repo.head(),
        {"environments/staging.yaml": pointer},
        message="Push",
        author=Identity("A", "a@b.c"),
        when=project.now(),
    )
    found = compare(project.repo, head, "staging", ids["first"], verifiers())
    assert (found.a.place.release, found.a.place.why) == (ids["model"], "live in staging")
    assert [(p.environment, p.promotion) for p in found.a.promotions] == [("staging", "20261120-00000000")]


def test_the_command_exits_with_0_whatever_differs_and_with_3_when_evidence_does_not_hold(project, ids):
    run, where = CliRunner(), ["-C", str(project.folder)]
    done = run.invoke(command, [ids["first"], ids["code"], "--json", *where])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["version"], told["parted"]) == (0, 1, "source")
    assert [stage["stage"] for stage in told["stages"]] == STAGES
    path = f"evidence/{ids['first']}/report.md"
    head = project.repo.write_commit(
        project.repo.head(),
        {path: b"# all is well\n"},
        message="Tidy",
        author=Identity("A", "a@b.c"),
        when=project.now(),
    )
    done = run.invoke(command, [ids["first"], ids["code"], "--at", head, *where])
    assert done.exit_code == 3
    assert "DOES NOT HOLD" in done.stdout
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("width", [40, 80, 200])
def test_tables_fit_the_terminal(project, ids, width):
    lines = shown(against(project, ids["first"], ids["criteria"]), width).splitlines()
    tables = [line for line in lines if "─" in line]
    assert tables
    assert all(len(line) <= width for line in tables)


def test_nested_values_become_dotted_keys():
    assert flat({"a": {"b": [1, 2], "c": None}, "d": [{"e": 1}, 2]}) == {
        "a.b": "1, 2",
        "a.c": "",
        "d.0.e": "1",
        "d.1": "2",
    }
    assert list(differences({"x": "1", "y": "2"}, {"y": "3", "z": "4"})) == [
        *(Difference("x", "1", "not there"), Difference("y", "2", "3"), Difference("z", "not there", "4"))
    ]
