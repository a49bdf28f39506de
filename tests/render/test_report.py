"""report.md: what people read first, harmless whatever stands in it, with the verdict's own numbers."""

from __future__ import annotations

import re

import pytest

from mlassay.evidence import GateReport, Outcome
from mlassay.render.markdown import escape
from mlassay.render.report import report
from mlassay.render.unshown import ALWAYS, TITLE
from tests.gates.bias_rows import judge, values
from tests.render.verdicts import FAILED, PASSED, bias, evil, unit, verdict


def test_the_report_of_a_passed_release(snapshot):
    assert report(PASSED, weighed=["afam"], withheld=["afam"], unfavourable="deny=yes") == snapshot


def test_the_report_of_a_failed_release(snapshot):
    assert report(FAILED, withheld=["afam"], unfavourable="deny=yes") == snapshot


def test_the_verdict_comes_first_in_plain_words():
    first = report(FAILED).split("\n")[0]
    assert "failed" in first
    assert "mortgage-approval" in first


@pytest.mark.parametrize("each", [PASSED, FAILED, verdict(), evil()])
def test_every_report_says_what_the_tests_do_not_show(each):
    text = report(each)
    assert f"## {TITLE}" in text
    assert all(line in text for line in ALWAYS)


def test_a_verdict_without_gates_is_not_passed():
    assert "inconclusive" in report(verdict()).split("\n")[0]


def test_weighing_is_said_with_what_it_discloses_and_not_when_there_was_none():
    disclosed = "disclose which group a training row belongs to"
    assert disclosed in report(PASSED, weighed=["afam"])
    assert disclosed not in report(PASSED)


def test_decisions_against_the_label_are_counted_by_group():
    text = report(PASSED, unfavourable="deny=yes")
    assert "| afam=yes | 48 | 37 | 0.8191 |" in text
    assert "labelled deny=yes" in text


def test_a_finding_says_what_why_what_to_do_and_where():
    text = report(FAILED)
    for part in ("**What:**", "**Why it matters:**", "**What to do:**", "`ml.yaml:33`"):
        assert part in text


def test_findings_that_are_held_are_not_listed_as_findings():
    assert "## Findings" not in report(PASSED)


def test_self_reported_numbers_are_marked():
    assert "(self-reported)" in report(verdict(unit()))


def test_hostile_text_stays_text():
    text = report(evil(), weighed=["<b>"], withheld=["|"], unfavourable="@x")
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "::error" not in text
    outside_code = re.sub(r"(`+)(?:(?!\1).)+\1", "", text)
    assert not re.search(r"(?<!\\)<(?!!-- -->)", outside_code)
    assert not re.search(r"(?<!\\)\]\(", outside_code)
    assert not re.search(r"@\w", outside_code)
    assert not re.search(r"https?:", outside_code)
    for line in text.split("\n"):
        if line.startswith("| "):
            cells = re.split(r"(?<!\\)\|", line)
            assert len(cells) > 3
            assert len(line) < 8000


def test_hostile_tables_keep_their_columns():
    lines = [line for line in report(evil()).split("\n") if line.startswith("|")]
    widths = {}
    for line in lines:
        width = len(re.findall(r"(?<!\\)\|", line))
        widths.setdefault(width, []).append(line)
    assert set(widths) <= {3, 5, 6, 9}


def test_the_report_is_capped():
    assert len(report(evil())) < 200_000


def test_numbers_are_the_verdicts_own():
    text = report(verdict(bias(Outcome.FAILED, "0.4135", "0.3301", "0.5002")))
    assert "0.4135 (0.3301 to 0.5002)" in text
    assert "gap 0.4135" in text


@pytest.mark.parametrize("text", ["- a", "1. a", "+ a", "---", "===", "2) a"])
def test_text_does_not_open_a_list_a_heading_or_a_rule(text):
    shown = escape(text)
    assert shown.replace("\\", "", 1) == text
    assert shown != text


@pytest.mark.parametrize("text", ["0.4135", "-0.5", "a - b", "1990 to 2000"])
def test_numbers_are_left_as_they_are(text):
    assert escape(text) == text


def test_means_of_a_regression_are_told_by_group_without_a_word_of_favourable_answers():
    rows = values([float(n) for n in range(200)], [n + 3.0 for n in range(200)], {"g": ["a", "b"] * 100})
    text = report(verdict(judge(rows, mean_prediction_difference={"max": 5})), unfavourable="")
    section = text[text.index("## By group") : text.index("##", text.index("## By group") + 20)]
    assert "| group | rows | mean prediction | 95% interval | mean error |" in text
    assert "| g=a | 100 | 102.0000 |" in text
    assert "avourabl" not in section
    assert "of those labelled so" not in text


def test_of_a_regression_with_a_threshold_answers_and_means_are_told():
    rows = values(
        [float(n) for n in range(200)], [n + 3.0 for n in range(200)], {"g": ["a", "b"] * 100}, threshold=100
    )
    gate = judge(rows, selection_rate_ratio={"min": 0.1})
    assert isinstance(gate, GateReport)
    text = report(verdict(gate), unfavourable="not price>=100")
    assert "Favourable is `price>=100`" in text
    assert text.count("The reference group is") == 1
    assert "mean absolute error" in text
    assert "of favourable answers right" in text
