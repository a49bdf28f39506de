"""A team's own command proposes rows: what it gets, what is believed of it, and what it can never do."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace

import numpy as np
import pytest

from mlassay.digest import canonical
from mlassay.errors import EvidenceError
from mlassay.evidence.verdict import Outcome
from mlassay.gates.adversarial import AdversarialGate
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_command import proposed
from mlassay.gates.adversarial_proposals import RefusedFileError, read_proposals
from mlassay.gates.adversarial_set import Allowed, Found
from tests.gates.subjects import NUMBERS, finding, subject
from tests.model.models import linear

PRELUDE = """
import csv, os
rows = list(csv.DictReader(open(os.environ["MLASSAY_ROWS"], newline="")))
def propose(lines, header=("row", "a", "b", "n")):
    with open(os.environ["MLASSAY_PROPOSALS"], "w", newline="") as file:
        csv.writer(file).writerows([header, *lines])
"""


@pytest.fixture
def asked(tmp_path):
    """Run a proposing script against a linear model of a and b, of which only a may move, by .8."""

    def ask(script, *, found="undecided", apart=False, **command):
        made = replace(subject(tmp_path, linear((3.0, 3.0, 0.0), 0.0)), apart=apart)
        (made.root / "tools").mkdir(exist_ok=True)
        (made.root / "tools" / "perturb.py").write_text(PRELUDE + script)
        rows = made.model.encode(made.table.as_mapping())
        box = Allowed.around(rows, NUMBERS[:1], 0.1)
        probe = Probe(made.model, rows, box, 0.5, np.asarray(made.scores))
        count = len(probe.scores)
        none, every = np.zeros(count, bool), np.ones(count, bool)
        before = Found(none, every if found == "undecided" else none, np.full((count, 1), np.nan))
        run = f"{shlex.quote(sys.executable)} tools/perturb.py"
        return probe, proposed(
            made, probe, np.arange(count), {"run": run, "uses": ["tools"], **command}, before
        )

    return ask


INSIDE = """
propose([[r["row"], max(-4, float(r["a"]) - .8), r["b"], r["n"]] for r in rows])
"""


def test_proposals_within_the_allowed_changes_break_rows_and_prove_none(asked):
    probe, made = asked(INSIDE)
    z = 3 * probe.rows["a"].astype(float) + 3 * probe.rows["b"]
    low = 3 * np.maximum(probe.rows["a"].astype(float) - 0.8, -4) + 3 * probe.rows["b"]
    expected = (z >= 0) & (low < 0)
    assert made.problem == ""
    assert 5 < expected.sum() < 60
    assert (made.found.broken == expected).all()
    assert (made.found.undecided == ~expected).all()
    assert not made.beyond.any()
    assert made.measured["rows_flipped"] == int(expected.sum())
    assert probe.box.contains(np.flatnonzero(expected), made.found.witness[expected][:, None, :]).all()
    assert made.measured["examples"][0]["changes"][0]["column"] == "a"


@pytest.mark.parametrize(("apart", "runs"), [(True, False), (False, True)])
def test_no_command_runs_bare_in_a_job_that_is_kept_clear_of_the_teams_code(asked, monkeypatch, apart, runs):
    monkeypatch.setattr("mlassay.gates.adversarial_command.available", lambda: "none")
    _, made = asked(INSIDE, apart=apart)
    assert made.found.broken.any() == runs
    assert ("kept clear of the team's own code" in made.problem) == (not runs)


FAR = """
propose([[r["row"], r["a"], -4 if float(r["a"]) + float(r["b"]) > 0 else 4, r["n"]] for r in rows])
"""


def test_a_column_that_was_not_declared_counts_only_where_the_criteria_name_it(asked):
    _, refused = asked(FAR)
    assert not refused.found.broken.any()
    assert not refused.beyond.any()
    assert refused.measured["refused"]["column that may not change"] > 150
    _, counted = asked(FAR, columns=["b"])
    assert not counted.found.broken.any()  # beyond the allowed changes: told apart
    assert counted.beyond.sum() > 150
    assert counted.measured["refused"] == {}


def test_a_proposal_that_flips_what_was_proven_is_an_error(asked):
    with pytest.raises(EvidenceError, match="proved robust"):
        asked(INSIDE, found="robust")


def test_the_command_sees_inputs_and_nothing_of_label_group_or_repository(asked):
    _, made = asked(
        """
import json, pathlib
assert set(rows[0]) == {"row", "a", "b", "n"}, rows[0]
assert [r["row"] for r in rows] == [str(i + 1) for i in range(200)]
assert sorted(p.name for p in pathlib.Path(".").iterdir()) == [".mlassay", "tools"]
assert json.load(open(os.environ["MLASSAY_ALLOWED"]))["columns"] == ["a"]
assert os.path.getsize(os.environ["MLASSAY_MODEL"]) > 100
propose([])
"""
    )
    assert made.problem == ""
    assert made.measured["proposals"] == 0


HOSTILE = """
propose([
    ["1", "nan", "0", "0"], ["1", "1e999", "0", "0"], ["1", "", "0", "0"], ["1", "0x10", "0", "0"],
    ["1", "9", "0", "0"], ["1", "0", "0", "1.5"], ["0", "0", "0", "0"], ["201", "0", "0", "0"],
    ["-1", "0", "0", "0"], ["1", "0"], ["1; rm", "0", "0", "0"], ["1", "9" * 5000, "0", "0"],
])
"""


def test_hostile_lines_are_refused_and_counted(asked):
    _, made = asked(HOSTILE, columns=["b", "n"])
    assert not made.found.broken.any()
    assert sum(made.measured["refused"].values()) == made.measured["proposals"] == 12
    assert made.measured["refused"]["no row that was given"] == 5
    assert made.measured["refused"]["out of its declared range"] == 1


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("raise SystemExit(3)", "exit code 3"),
        ("pass", "it left no"),
        ("propose([], header=('row', 'label'))", "does not take"),
        ("propose([], header=('row', 'a', 'a'))", "twice"),
        ("propose([], header=('a', 'row'))", "first line"),
        ("open(os.environ['MLASSAY_PROPOSALS'], 'wb').write(b'row,a\\n1,\\xff')", "UTF-8"),
        ("os.symlink('/etc/passwd', os.environ['MLASSAY_PROPOSALS'])", "cannot be read"),
        ("open(os.environ['MLASSAY_PROPOSALS'], 'wb').truncate(65 << 20)", "cannot be read"),
        ("os.mkfifo(os.environ['MLASSAY_PROPOSALS'])", "cannot be read"),
        ("import urllib.request; urllib.request.urlopen('http://127.0.0.1:9', timeout=2)", "exit code 1"),
    ],
)
def test_a_command_that_fails_or_leaves_no_plain_list_is_a_problem_and_breaks_nothing(asked, script, why):
    _, made = asked(script)
    assert why in made.problem
    assert not made.found.broken.any()
    assert made.found.undecided.all()


@pytest.mark.parametrize("name", ["data", "data/data-test.csv", ".git", ".mlassay", "evidence/x"])
def test_a_command_is_not_granted_data_or_records(asked, name):
    _, made = asked(INSIDE, uses=["tools", name])
    assert name in made.problem
    assert not made.found.broken.any()


def test_more_proposals_than_are_looked_at_are_counted(tmp_path):
    made = subject(tmp_path, linear())
    data = b"row,a\n" + b"1,0\n" * 50
    read = read_proposals(data, made.plan.model_columns, made.table, np.arange(200), 20)
    assert len(read.rows) == 20
    assert read.refused == {"more proposals than are looked at": 30}
    with pytest.raises(RefusedFileError, match="CSV"):
        read_proposals(b'row,a\n1,"0', made.plan.model_columns, made.table, np.arange(200), 20)


def gated(tmp_path, script, proto, **command):
    made = subject(tmp_path, proto)
    (made.root / "tools").mkdir(exist_ok=True)
    (made.root / "tools" / "perturb.py").write_text(PRELUDE + script)
    run = f"{shlex.quote(sys.executable)} tools/perturb.py"
    perturb = {"columns": ["a"], "radius": 0.01, "command": {"run": run, "uses": ["tools"], **command}}
    gates = {"adversarial": {"perturb": perturb, "robust_rate": {"min": 0.8}}}
    return AdversarialGate().test(subject(tmp_path, proto, gates))


def test_the_gate_fails_on_what_the_command_flips_and_passes_where_it_flips_nothing(tmp_path):
    planted = linear((3.0, 3.0, 0.0), 0.0)
    bad = gated(tmp_path, FAR, planted, columns=["b"])
    assert bad.outcome is Outcome.FAILED
    assert bad.measured["vulnerable"] == bad.measured["command"]["rows_flipped"] > 150
    canonical(dict(bad.measured))
    repaired = gated(tmp_path, FAR, linear((3.0, 0.0, 0.0), 0.0), columns=["b"])
    assert repaired.outcome is Outcome.PASSED
    assert repaired.measured["command"]["rows_flipped"] == 0


def test_a_command_that_fails_leaves_the_gate_inconclusive(tmp_path):
    report = gated(tmp_path, "raise SystemExit(3)", linear((3.0, 0.0, 0.0), 0.0))
    assert report.outcome is Outcome.INCONCLUSIVE
    assert finding(report, "adversarial.command").outcome is Outcome.INCONCLUSIVE
