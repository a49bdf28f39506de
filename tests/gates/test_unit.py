"""The unit gate believes an exit code and bounded XML, and nothing that could harm its reader."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlassay.digest import canonical
from mlassay.errors import ConfigurationError
from mlassay.evidence.verdict import Outcome
from mlassay.gates.unit import UnitGate
from mlassay.gates.unit_coverage import Lines, NotCoverageError, read_coverage
from mlassay.gates.unit_junit import MAX_BYTES, Cases, NotJUnitError, read_junit
from tests.gates.subjects import finding, subject
from tests.model.models import linear

PYTEST = f"{sys.executable} -m pytest -q tests"


def project(tmp_path, tests, run=PYTEST):
    made = subject(tmp_path, linear(), {"unit": {"run": run}})
    folder = made.root / "tests"
    folder.mkdir()
    for name, text in tests.items():
        (folder / name).write_text(text)
    return made


GOOD = "def test_one():\n    assert 1 + 1 == 2\n"
MODEL = "import os, pathlib\ndef test_model():\n    assert pathlib.Path(os.environ['MLASSAY_MODEL']).stat().st_size > 50\n"


def test_passing_tests_pass_and_are_marked_self_reported(tmp_path):
    report = UnitGate().test(project(tmp_path, {"test_a.py": GOOD, "test_b.py": MODEL}))
    assert report.outcome is Outcome.PASSED
    assert report.self_reported
    assert report.measured["passed"] == 2
    canonical(dict(report.measured))


def test_failing_tests_are_named_and_two_runs_say_the_same(tmp_path):
    bad = GOOD + "def test_two():\n    assert False\n"
    made = project(tmp_path, {"test_a.py": bad})
    one, two = UnitGate().test(made), UnitGate().test(made)
    assert one == two
    assert one.outcome is Outcome.FAILED
    assert "tests.test_a.test_two" in finding(one, "unit.tests").what
    assert finding(one, "unit.tests").line == 3


def test_a_test_that_spoils_files_or_the_model_spoils_only_its_copy(tmp_path):
    spoil = "import os\ndef test_x():\n    open(os.environ['MLASSAY_MODEL'], 'w').close()\n    open('tests/test_a.py', 'w').close()\n"
    made = project(tmp_path, {"test_a.py": spoil})
    before = (made.outputs / "model.onnx").read_bytes()
    UnitGate().test(made)
    assert (made.outputs / "model.onnx").read_bytes() == before
    assert (made.root / "tests" / "test_a.py").read_text() == spoil


@pytest.mark.parametrize(
    ("uses", "expected"),
    [
        (None, ["tests/test_a.py", "lib/deep/a.py", "other.py"]),
        (["tests"], ["tests/test_a.py"]),
        (["tests/", "lib/deep/a.py"], ["tests/test_a.py", "lib/deep/a.py"]),
        (["tests", "evidence/r/verdict.json"], ["tests/test_a.py", "evidence/r/verdict.json"]),
    ],
)
def test_tests_see_what_they_are_declared_to_use_and_else_all_but_the_records(tmp_path, uses, expected):
    criteria = {"run": PYTEST} | ({"uses": uses} if uses else {})
    made = subject(tmp_path, linear(), {"unit": criteria})
    (made.root / "tests").mkdir()
    names = [
        "tests/test_a.py",
        "lib/deep/a.py",
        "other.py",
        "evidence/r/verdict.json",
        "environments/staging.yaml",
    ]
    for name in names[1:]:
        (made.root / name).parent.mkdir(parents=True, exist_ok=True)
        (made.root / name).write_text("")
    asked = "".join(
        f"    assert os.path.exists({name!r}) is {name in expected}, {name!r}\n" for name in names
    )
    (made.root / "tests/test_a.py").write_text(f"import os\ndef test_x():\n{asked}")
    report = UnitGate().test(made)
    assert report.outcome is Outcome.PASSED, report.findings


@pytest.mark.parametrize("name", ["../outside", "link", "/etc/passwd"])
def test_what_tests_use_lies_inside_and_behind_no_link(tmp_path, name):
    made = subject(tmp_path, linear(), {"unit": {"run": PYTEST, "uses": [name]}})
    (made.root / "link").symlink_to("/etc")
    with pytest.raises(ConfigurationError):
        UnitGate().test(made)


@pytest.mark.parametrize(
    "tests",
    [{}, {"test_a.py": "import pytest\n@pytest.mark.skip\ndef test_one(): pass\n"}],
    ids=["none", "skipped"],
)
def test_no_test_that_ran_never_passes(tmp_path, tests):
    assert UnitGate().test(project(tmp_path, tests)).outcome is not Outcome.PASSED


def test_a_command_without_a_report_is_inconclusive_however_it_ends_well(tmp_path):
    report = UnitGate().test(project(tmp_path, {}, run="true"))
    assert report.outcome is Outcome.INCONCLUSIVE


def test_a_failing_command_shows_its_first_lines_cleaned(tmp_path):
    script = "#!/bin/sh\nprintf 'took 0.123s \\033[31mred\\n::error::owned\\n'\nexit 3\n"
    made = project(tmp_path, {"run.sh": script}, run="sh tests/run.sh")
    found = finding(UnitGate().test(made), "unit.tests")
    assert found.outcome is Outcome.FAILED
    assert "exit code 3" in found.what
    assert "red" in found.remedy
    assert not {"\x1b", "::error", "0.123"} & {
        part for part in ("\x1b", "::error", "0.123") if part in found.remedy
    }


def test_no_shell_reads_the_command(tmp_path):
    made = project(tmp_path, {}, run="true ; touch owned && false")
    UnitGate().test(made)
    assert not (made.root / "owned").exists()
    assert (
        finding(UnitGate().test(project_again(made, "'unclosed")), "unit.command").outcome is Outcome.FAILED
    )


def project_again(made, run):
    return replace(made, plan=replace(made.plan, gates={"unit": {"run": run}}))


def test_a_command_that_does_not_exist_fails(tmp_path):
    assert UnitGate().test(project(tmp_path, {}, run="no-such-command-here")).outcome is Outcome.FAILED


def test_no_command_is_inconclusive(tmp_path):
    assert UnitGate().test(subject(tmp_path, linear())).outcome is Outcome.INCONCLUSIVE


def test_failures_in_the_report_fail_even_when_the_command_says_zero(tmp_path):
    xml = '<testsuite><testcase name="a"><failure/></testcase></testsuite>'
    made = project(tmp_path, {"r.sh": f"echo '{xml}' > junit.xml\n"}, run="sh tests/r.sh")
    assert UnitGate().test(made).outcome is Outcome.FAILED


def test_a_report_that_is_a_link_is_not_read(tmp_path):
    made = project(tmp_path, {"r.sh": "ln -s /etc/passwd junit.xml\n"}, run="sh tests/r.sh")
    report = UnitGate().test(made)
    assert report.outcome is Outcome.INCONCLUSIVE
    assert finding(report, "unit.junit").outcome is Outcome.INCONCLUSIVE
    assert "root:" not in str(report)


def test_cases_are_counted_and_totals_not_believed():
    xml = b"""<?xml version="1.0" encoding="utf-8"?><testsuites><testsuite tests="900" failures="0">
    <testcase classname="t.a" name="one"/><testcase classname="t.a" name="two"><error message="x"/></testcase>
    <testcase name="three"><skipped/></testcase></testsuite></testsuites>"""
    assert read_junit(xml) == Cases(total=3, failed=("t.a.two",), skipped=1)


BOMB = b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><testsuite><testcase name="&b;"/></testsuite>'


@pytest.mark.parametrize(
    "data",
    [
        BOMB,
        BOMB.replace(b"<!DOCTYPE", b"<!doctype"),
        BOMB.decode().encode("utf-16"),
        b'<?xml version="1.0" encoding="utf-7"?><testsuite/>',
        b"<a>" * 100 + b"</a>" * 100,
        b"<testsuite>" * 100 + b"</testsuite>" * 100,
        b"<html/>",
        b"no xml",
        b"",
        b" " * (MAX_BYTES + 1),
        b"<testsuite><testcase></testsuite>",
    ],
    ids=[
        "bomb",
        "lower-case",
        "utf-16",
        "utf-7",
        "deep",
        "nested",
        "html",
        "text",
        "empty",
        "huge",
        "broken",
    ],
)
def test_hostile_or_broken_xml_is_refused(data):
    with pytest.raises(NotJUnitError):
        read_junit(data)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data):
    try:
        read_junit(b"<testsuite>" + data + b"</testsuite>")
    except NotJUnitError:
        return


def test_the_report_is_the_same_with_and_without_isolation(tmp_path, monkeypatch):
    made = project(tmp_path, {"test_a.py": GOOD + "def test_two():\n    assert False\n"})
    first = UnitGate().test(made)
    monkeypatch.setattr("mlassay.isolation.runner.available", lambda: "none")
    assert UnitGate().test(made) == first


COBERTURA = """<?xml version="1.0" ?><coverage line-rate="1" lines-covered="900" lines-valid="900"><packages><package name="a"><classes>
<class filename="a.py"><methods/><lines>{}</lines></class></classes></package></packages></coverage>"""


def cobertura(reached, total):
    lines = "".join(f'<line number="{n}" hits="{int(n <= reached)}"/>' for n in range(1, total + 1))
    return COBERTURA.format(lines)


def lcov(reached, total):
    lines = "".join(f"DA:{n},{int(n <= reached)}\n" for n in range(1, total + 1))
    return f"TN:\nSF:a.py\n{lines}LF:900\nLH:900\nend_of_record\n"


@pytest.mark.parametrize(("name", "report"), [("coverage.xml", cobertura), ("lcov.info", lcov)])
@pytest.mark.parametrize(("reached", "outcome"), [(80, Outcome.PASSED), (79, Outcome.FAILED)])
def test_coverage_is_counted_from_lines_and_held_against_its_floor(tmp_path, name, report, reached, outcome):
    made = project(tmp_path, {"test_a.py": GOOD, "text": report(reached, 100)})
    (made.root / "tests/test_b.py").write_text(
        f"import shutil\ndef test_c():\n    shutil.copy('tests/text', {name!r})\n"
    )
    made = covered(made, {"min": 0.8})
    found = finding(UnitGate().test(made), "unit.coverage")
    assert found.outcome is outcome
    assert found.numbers["reached"] == reached
    if outcome is Outcome.FAILED:
        assert found.numbers["lines_to_pass"] == 1


def covered(made, criteria):
    return replace(made, plan=replace(made.plan, gates={"unit": {"run": PYTEST, "coverage": criteria}}))


def test_a_coverage_report_that_came_with_the_files_is_not_this_runs(tmp_path):
    made = covered(project(tmp_path, {"test_a.py": GOOD}), {"min": 0.5})
    (made.root / "coverage.xml").write_text(cobertura(9, 9))
    assert finding(UnitGate().test(made), "unit.coverage").outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text",
        b"<html/>",
        b"<coverage>",
        BOMB.replace(b"testsuite", b"coverage"),
        b"<coverage>" * 100,
        b'<coverage><line number="1" hits="-1"/></coverage>',
        b'<coverage><line number="x" hits="1"/></coverage>',
        b"SF:a\nDA:1\n",
        b"SF:a\nDA:1,1e9\n",
    ],
)
def test_hostile_or_broken_coverage_is_refused(data):
    with pytest.raises(NotCoverageError):
        read_coverage(data)


def test_a_line_that_is_named_twice_counts_once():
    text = '<coverage><class filename="a"><line number="1" hits="0"/><line number="1" hits="2"/></class></coverage>'
    assert read_coverage(text.encode()) == Lines(1, 1)


def test_several_junit_reports_count_together(tmp_path):
    script = "".join(
        f"echo '<testsuite><testcase name=\"{n}\">{fault}</testcase></testsuite>' > {n}.xml\n"
        for n, fault in (("a", ""), ("b", "<failure/>"))
    )
    made = project(tmp_path, {"r.sh": script})
    gates = {"unit": {"run": "sh tests/r.sh", "junit": ["a.xml", "b.xml"]}}
    report = UnitGate().test(replace(made, plan=replace(made.plan, gates=gates)))
    assert report.outcome is Outcome.FAILED
    assert report.measured["tests"] == 2
