"""The parity gate compares what training and a twin say with what ONNX Runtime says, and reads both strictly."""

from __future__ import annotations

import os
import sys
from dataclasses import replace

import numpy as np
import pytest

from mlassay.digest import canonical
from mlassay.evidence.verdict import Outcome
from mlassay.gates.parity import ParityGate
from mlassay.gates.parity_rows import RefusedTableError, apart, prediction_columns, read_table
from mlassay.manifest import Column
from mlassay.tasks import BINARY, MULTICLASS, REGRESSION
from tests.gates.subjects import NUMBERS, REST, finding, manifest, rows, subject
from tests.model.models import floats, linear, model

CRITERIA = {"difference": {"max": 1e-4}, "label_flips": {"max": 0}}
DATA = {"train": rows(60, seed=1), "test": rows(60, seed=2)}
WEIGHTS = (1.0, -2.0, 0.5)


def native(cells):
    """What a training in double precision would say of one row."""
    z = sum(w * float(x) for w, x in zip(WEIGHTS, cells, strict=True)) + 0.25
    return float(1 / (1 + np.exp(-z)))


def golden(count=40, *, bias=0.0, header="a,b,n,prediction", change=lambda i, line: line):
    lines = [header]
    for number, (a, b, n, *_) in enumerate(rows(count, seed=9)):
        lines.append(change(number, f"{a},{b},{n},{native((a, b, n)) + bias!r}"))
    return "\n".join(lines) + "\n"


def asked(tmp_path, text=None, criteria=None, *, proto=None, files=(), **more):
    made = subject(
        tmp_path, proto or linear(WEIGHTS), gates={"parity": criteria or CRITERIA}, data=DATA, **more
    )
    if text is not None:
        (made.outputs / "golden.csv").write_text(text)
    for name, content in dict(files).items():
        (made.root / name).write_text(content)
    return made


def judged(*parts, **more):
    report = ParityGate().test(asked(*parts, **more))
    canonical(dict(report.measured))
    return report


def test_an_export_that_says_what_training_said_passes_and_its_broken_twin_fails(tmp_path):
    for place, weights, outcome in (
        ("good", WEIGHTS, Outcome.PASSED),
        ("bad", (1.0, -2.0, -0.5), Outcome.FAILED),
    ):
        (tmp_path / place).mkdir()
        report = judged(tmp_path / place, golden(), proto=linear(weights))
        assert report.outcome is outcome
        assert report.self_reported
        assert report.measured["golden"]["rows"] == 40
    told = finding(report, "parity.difference")
    assert told.numbers["rows_over"] > 20
    assert "furthest_apart" in told.remedy
    assert len(report.measured["golden"]["furthest_apart"]) == 5
    assert finding(report, "parity.label_flips").outcome is Outcome.FAILED


def test_a_single_row_that_turns_is_named(tmp_path):
    def change(number, line):
        return (
            line
            if number != 7
            else line.rpartition(",")[0] + ",0.123456"
            if float(line.rpartition(",")[2]) > 0.5
            else line.rpartition(",")[0] + ",0.9"
        )

    told = finding(judged(tmp_path, golden(change=change)), "parity.label_flips")
    assert told.outcome is Outcome.FAILED
    assert "the first is row 8" in told.what
    assert told.numbers["flips"] == 1


def test_few_golden_rows_pass_nothing_and_still_fail(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert judged(tmp_path / "a", golden(5)).outcome is Outcome.INCONCLUSIVE
    assert judged(tmp_path / "b", golden(5, bias=0.01)).outcome is Outcome.FAILED


def test_without_golden_rows_and_twin_it_does_not_apply_and_with_a_declared_name_it_is_missed(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    assert finding(judged(tmp_path / "a"), "parity.not_applicable").outcome is Outcome.INCONCLUSIVE
    report = judged(tmp_path / "b", criteria={**CRITERIA, "golden": "other.csv"})
    assert "training left no other.csv" in finding(report, "parity.golden").what


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "lacks"),
        ("a,b,n,prediction\n", "no rows"),
        (golden(header="a,b,m,prediction"), "lacks n"),
        (golden(header="a,b,n,n"), "lacks prediction"),
        ("a,b,n,prediction,more\n1,1,1,1,1\n", "also has more"),
        ("a,b,n,prediction\n1,1,1,nan\n", "no finite number"),
        ("a,b,n,prediction\n1,1,1,1e999\n", "no finite number"),
        ("a,b,n,prediction\n1,x,1,0.5\n", "cannot be given 'x'"),
        ("a,b,n,prediction\n1,1,1\n", "3 fields"),
        ('a,b,n,prediction\n1,1,1,"0.5\n', "no"),
        ("a,b,n,prediction\n1,1,1," + "9" * 2000 + "\n", "1,000 characters"),
        ("a,b,n,::error::\n1,1,1,1\n", "lacks prediction"),
    ],
)
def test_golden_rows_that_cannot_be_read_are_a_finding(tmp_path, text, says):
    report = judged(tmp_path, text)
    told = finding(report, "parity.golden")
    assert told.outcome is Outcome.INCONCLUSIVE
    assert says in told.what
    assert "::" not in told.what


def test_bytes_links_and_pipes_are_no_golden_rows(tmp_path):
    made = asked(tmp_path)
    path = made.outputs / "golden.csv"
    path.write_bytes(b"\xff\xfe\x00")
    assert "UTF-8" in finding(ParityGate().test(made), "parity.golden").what
    path.unlink()
    path.symlink_to("/etc/passwd")
    assert "link" in finding(ParityGate().test(made), "parity.golden").what
    path.unlink()
    os.mkfifo(path)
    assert finding(ParityGate().test(made), "parity.golden").outcome is Outcome.INCONCLUSIVE


TWIN = """
import csv, os
rows = list(csv.DictReader(open(os.environ["MLASSAY_ROWS"])))
out = csv.writer(open(os.environ["MLASSAY_INPUTS"], "w"))
out.writerow(["n", "a", "b"])
for row in rows:
    out.writerow([row["n"], row["a"], {expression}])
"""


def twin(tmp_path, body, text=None, **more):
    criteria = {**CRITERIA, "twin": {"run": f"{sys.executable} twin.py", "uses": ["twin.py"], **more}}
    return judged(tmp_path, text, criteria, files={"twin.py": body})


def test_a_twin_that_gives_the_same_inputs_passes_and_one_that_rounds_fails(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    good = twin(tmp_path / "a", TWIN.format(expression='row["b"]'))
    assert good.outcome is Outcome.PASSED
    assert good.measured["twin_inputs"] == {"rows": 60, "columns_that_differ": {}}
    bad = twin(tmp_path / "b", TWIN.format(expression='round(float(row["b"]), 1)'), golden())
    assert finding(bad, "parity.difference").outcome is Outcome.PASSED
    told = finding(bad, "parity.twin.inputs")
    assert told.outcome is Outcome.FAILED
    assert "b (" in told.what
    assert finding(bad, "parity.twin.difference").outcome is Outcome.FAILED
    assert bad.measured["twin"]["rows"] == 40, "a twin gets the golden rows where there are some"


def test_a_twin_may_predict_instead(tmp_path):
    body = (
        "import csv, math, os\n"
        "rows = list(csv.DictReader(open(os.environ['MLASSAY_ROWS'])))\n"
        "out = csv.writer(open(os.environ['MLASSAY_PREDICTIONS'], 'w'))\n"
        "out.writerow(['prediction'])\n"
        "for row in rows:\n"
        "    z = float(row['a']) - 2 * float(row['b']) + .5 * float(row['n']) + .25\n"
        "    out.writerow([1 / (1 + math.exp(-z))])\n"
    )
    report = twin(tmp_path, body)
    assert report.outcome is Outcome.PASSED
    assert {f.id for f in report.findings} == {"parity.twin.difference", "parity.twin.label_flips"}


LEAVES = "import os\nopen(os.environ['MLASSAY_INPUTS'], 'w').write({text!r})\n"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("", "left neither"),
        ("import sys\nsys.exit(3)\n", "exit code 3"),
        (LEAVES.format(text="a,b\n1,1\n"), "lacks n"),
        (LEAVES.format(text="a,b,n\n1,1,1\n"), "has 1 rows, and 60 were given"),
        (LEAVES.format(text="a,b,n\n" + "1,1,x\n" * 60), "no finite number"),
        ("import os\nos.symlink('/etc/passwd', os.environ['MLASSAY_INPUTS'])\n", "link"),
        ("import os\nos.mkdir(os.environ['MLASSAY_INPUTS'])\n", "cannot be read"),
        ("import time\ntime.sleep(60)\n", "longer than it may"),
    ],
    ids=["nothing", "fails", "columns", "rows", "text", "link", "folder", "sleeps"],
)
def test_a_twin_that_leaves_anything_else_is_inconclusive(tmp_path, body, says):
    told = finding(twin(tmp_path, body, limits={"wall": "3s"}), "parity.twin")
    assert told.outcome is Outcome.INCONCLUSIVE
    assert says in told.what


def test_a_twin_sees_no_label_no_sensitive_column_and_nothing_that_it_does_not_use(tmp_path):
    body = (
        "import csv, os\n"
        "assert sorted(os.listdir('.')) == ['.mlassay', 'twin.py'], os.listdir('.')\n"
        "assert next(csv.reader(open(os.environ['MLASSAY_ROWS']))) == ['a', 'b', 'n']\n"
    ) + TWIN.format(expression='row["b"]')
    assert twin(tmp_path, body).outcome is Outcome.PASSED


def test_a_missing_value_and_a_category_are_given_as_the_model_takes_them(tmp_path):
    columns = (NUMBERS[0], Column("c", "category", "feature", "before", values=("u", "v")), NUMBERS[2])
    data = {
        s: [(a, ("u", "v")[i % 2], n, g, y) for i, (a, _, n, g, y) in enumerate(p)] for s, p in DATA.items()
    }
    body = TWIN.replace('"n", "a", "b"', '"n", "a", "c"').format(expression='{"u": 0, "v": 1}[row["c"]]')
    criteria = {**CRITERIA, "twin": {"run": f"{sys.executable} twin.py", "uses": ["twin.py"]}}
    made = subject(tmp_path, linear(WEIGHTS), gates={"parity": criteria}, data=data, columns=columns)
    (made.root / "twin.py").write_text(body)
    assert ParityGate().test(made).outcome is Outcome.PASSED
    (made.root / "twin.py").write_text(body.replace('"u": 0, "v": 1', '"u": 1, "v": 0'))
    report = ParityGate().test(made)
    assert report.measured["twin_inputs"]["columns_that_differ"] == {"c": 60}


def test_a_predicted_number_is_compared_by_its_size(tmp_path):
    from onnx import helper

    gemm = model(
        [helper.make_node("Gemm", ["X", "W"], ["y"])],
        outputs=None,
        initialisers=[floats("W", [[1e6], [0.0], [0.0]])],
    )
    gemm.graph.output[0].name = "y"
    price = Column("label", "number", "label", "before", -9e6, 9e6)
    data = {s: [(*each[:-1], each[0]) for each in part] for s, part in DATA.items()}
    (tmp_path / "root").mkdir()
    known = {"data": manifest(tmp_path / "root", (*NUMBERS, REST[0], price), data)}
    lines = [f"{a},{b},{n},{float(a) * 1e6!r}" for a, b, n, *_ in rows(40, seed=9)]
    made = asked(tmp_path, "\n".join(["a,b,n,prediction", *lines]) + "\n", proto=gemm, manifests=known)
    spec = replace(made.plan.config.model, task="regression", threshold=None, favourable="higher")
    made = replace(made, plan=replace(made.plan, config=replace(made.plan.config, model=spec)))
    report = ParityGate().test(made)
    assert [f.id for f in report.findings] == ["parity.difference"]
    assert report.outcome is Outcome.PASSED


def test_more_labels_have_a_column_each():
    assert prediction_columns(MULTICLASS, ("x", "y")) == ("prediction.x", "prediction.y")
    assert prediction_columns(BINARY, ("x", "y")) == ("prediction",)
    away = apart(np.array([[1.0, np.nan]]), np.array([[1.0, 0.0]]), MULTICLASS)
    assert np.isinf(away).all()
    assert apart(np.array([[1001.0]]), np.array([[1000.0]]), REGRESSION)[0] == pytest.approx(1e-3)


def test_a_table_of_too_many_rows_is_refused(monkeypatch):
    monkeypatch.setattr("mlassay.gates.parity_rows.MOST_ROWS", 3)
    with pytest.raises(RefusedTableError, match="more than 3 rows"):
        read_table("t", b"a\n1\n1\n1\n1\n", ["a"])


def test_what_a_twin_uses_is_no_data(tmp_path):
    from tests.plan.test_making import problems

    del tmp_path
    after = "store: git "
    text = "  parity: {twin: {run: ./twin, uses: [data]}}\n"
    found = [each.what for each in problems(ml=(after, text + after))]
    assert any("gates.parity.twin.uses.0: 'data' grants the data file" in what for what in found), found
