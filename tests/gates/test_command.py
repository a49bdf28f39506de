"""A gate of the team's own is run as training is, and nothing but a result that keeps the contract counts."""

from __future__ import annotations

import json
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay import wiring
from mlassay.errors import ConfigurationError
from mlassay.evidence.codec import report_json
from mlassay.evidence.verdict import Outcome
from mlassay.gates.command import CommandGate
from mlassay.gates.command_result import NotAResultError, read_result
from mlassay.gates.common import Criteria
from tests.gates.subjects import finding, subject
from tests.model.models import linear

HEAD = "import json, os, sys, csv, pathlib\ntold = json.load(open(os.environ['MLASSAY_GATE_INPUT']))\n"
TAIL = "json.dump(result, open(os.environ['MLASSAY_GATE_RESULT'], 'w'))\n"
CRITERIA = {"answered": {"min": 0.9}}
GOOD = {
    "id": "answered",
    "outcome": "passed",
    "what": "all rows are answered",
    "numbers": {"value": 0.95, "rows": 200},
}


def result(*findings, outcome="passed", **more):
    return {"version": 1, "outcome": outcome, "findings": list(findings), **more}


def judged(tmp_path, body, *, criteria=CRITERIA, withhold=(), **more):
    declared = {"run": f"{sys.executable} gate.py", "uses": ["gate.py"], "criteria": criteria, **more}
    made = subject(tmp_path, linear(), {"own": declared})
    told = replace(made.plan.config.train, withhold=tuple(withhold))
    made = replace(made, plan=replace(made.plan, config=replace(made.plan.config, train=told)))
    (made.root / "gate.py").write_text(HEAD + body)
    (made.root / "other.py").write_text("")
    report = CommandGate("own").test(made)
    report_json(report)
    assert report.self_reported
    assert report.summary.startswith("the team's own gate: ")
    return report


def leaving(value) -> str:
    return f"result = json.loads({json.dumps(json.dumps(value))})\n{TAIL}"


def test_a_result_that_keeps_the_contract_is_taken_and_marked_as_theirs(tmp_path):
    more = {"numbers": {"share": 0.95}, "not_looked_at": ["other languages"]}
    report = judged(tmp_path, leaving(result(GOOD, **more)))
    assert report.outcome is Outcome.PASSED
    assert finding(report, "own.answered").numbers == {"value": "0.95", "rows": 200}
    assert report.measured["reported"] == {"share": "0.95"}
    assert report.not_looked_at[1:] == ("other languages",)


def test_a_failed_finding_fails(tmp_path):
    report = judged(tmp_path, leaving(result({**GOOD, "outcome": "failed"}, outcome="failed")))
    assert report.outcome is Outcome.FAILED


def test_it_sees_the_model_the_rows_its_files_and_its_criteria_and_no_more(tmp_path):
    body = (
        "rows = list(csv.reader(open(told['rows'])))\n"
        "seen = {'columns': rows[0], 'rows': len(rows) - 1, 'criteria': told['criteria'], 'plan': sorted(told['plan']),\n"
        "        'model': os.path.getsize(told['model']) > 50, 'files': sorted(os.listdir('.')),\n"
        "        'home': os.path.exists('/work'), 'env': sorted(k for k in os.environ if 'SECRET' in k)}\n"
        "result = {'version': 1, 'outcome': 'passed', 'findings': [{'id': 'answered', 'outcome': 'passed',\n"
        "          'what': json.dumps(seen)[:900]}]}\n" + TAIL
    )
    seen = json.loads(finding(judged(tmp_path, body, withhold=["group"]), "own.answered").what)
    assert seen["columns"] == ["a", "b", "n", "label"]
    assert seen["rows"] == 200
    assert seen["criteria"] == CRITERIA
    assert seen["model"] is True
    assert seen["files"] == [".mlassay", "gate.py"]
    assert {"task", "favourable", "label", "threshold", "inputs"} <= set(seen["plan"])
    granted = json.loads(
        finding(judged(tmp_path, body, withhold=["group"], sees=["group"]), "own.answered").what
    )
    assert "group" in granted["columns"]


def test_it_has_no_network(tmp_path):
    from mlassay.isolation import available

    if available() == "none":
        pytest.skip("nothing isolates here")
    body = (
        "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9), 1)\n    said = 'connected'\n"
        "except OSError as error:\n    said = 'refused'\n"
        "names = os.listdir('/sys/class/net') if os.path.isdir('/sys/class/net') else []\n"
        "result = {'version': 1, 'outcome': 'passed', 'findings': [{'id': 'answered', 'outcome': 'passed', 'what': f'{said} {sorted(set(names) - {chr(108) + chr(111)})}'}]}\n"
        + TAIL
    )
    assert finding(judged(tmp_path, body), "own.answered").what == "refused []"


BROKEN = {
    "nothing": "pass\n",
    "crash": "raise SystemExit(3)\n",
    "crash after a pass": f"{leaving(result(GOOD))}raise SystemExit(3)\n",
    "not JSON": "open(os.environ['MLASSAY_GATE_RESULT'], 'w').write('{')\n",
    "link": "os.symlink('/etc/passwd', os.environ['MLASSAY_GATE_RESULT'])\n",
    "folder": "os.mkdir(os.environ['MLASSAY_GATE_RESULT'])\n",
    "pipe": "os.mkfifo(os.environ['MLASSAY_GATE_RESULT'])\n",
    "huge": "open(os.environ['MLASSAY_GATE_RESULT'], 'w').write(' ' * (2 << 20))\n",
    "unknown key": leaving({**result(GOOD), "verdict": "passed"}),
    "no findings": leaving(result()),
    "other version": leaving({**result(GOOD), "version": 2}),
    "no outcome": leaving({"version": 1, "findings": [GOOD]}),
    "odd outcome": leaving(result({**GOOD, "outcome": "ok"})),
    "twice": leaving(result(GOOD, GOOD)),
    "another gate's id": leaving(result({**GOOD, "id": "../bias"})),
    "mlassay's own id": leaving(result({**GOOD, "id": "command"})),
    "silent on a criterion": leaving(result({**GOOD, "id": "other"})),
    "better than its findings": leaving(result({**GOOD, "outcome": "inconclusive"})),
    "contradicts its number": leaving(result({**GOOD, "numbers": {"value": 0.85}})),
    "number that is none": leaving(result({**GOOD, "numbers": {"value": "nan"}})),
    "not a number": "result = {'version': 1, 'outcome': 'passed', 'findings': [], 'numbers': {'x': float('nan')}}\n" + TAIL,
}  # fmt: skip


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_whatever_breaks_the_contract_is_inconclusive_and_named(tmp_path, body):
    report = judged(tmp_path, body)
    assert report.outcome is Outcome.INCONCLUSIVE
    assert any(each.outcome is Outcome.INCONCLUSIVE and each.what and each.remedy for each in report.findings)


def test_one_that_hangs_is_ended(tmp_path):
    report = judged(tmp_path, "import time\ntime.sleep(60)\n", limits={"wall": "1s"})
    assert "longer than it may" in finding(report, "own.command").what


def test_one_that_calls_itself_worse_than_its_findings_is_believed(tmp_path):
    assert judged(tmp_path, leaving(result(GOOD, outcome="failed"))).outcome is Outcome.FAILED


def test_its_words_are_one_printable_line(tmp_path):
    hostile = {**GOOD, "what": "a\n::error::owned \x1b[31m <script> \u202e [x](y)", "remedy": "b\r\nc"}
    found = finding(judged(tmp_path, leaving(result(hostile))), "own.answered")
    assert found.what.isprintable()
    assert "::" not in found.what
    assert found.remedy == "b c"


def test_wiring_makes_it_by_its_name_after_mlassays_own():
    made = wiring.gates(["reasons", "data"], ["reasons"])
    assert [each.id for each in made] == ["data", "reasons"]
    with pytest.raises(ConfigurationError, match="no gate named reasons"):
        wiring.gates(["reasons"])


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data):
    with pytest.raises(NotAResultError):
        read_result(data, "own")


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_pass_never_stands_beside_a_value_under_its_floor(value, floor):
    read = read_result(json.dumps(result({**GOOD, "numbers": {"value": value}})).encode(), "own")
    criteria = Criteria("own", {"run": "x", "criteria": {"answered": {"min": floor}}}, {})
    (placed,) = read.placed(criteria)
    assert (placed.outcome is Outcome.PASSED) is (value >= floor)
