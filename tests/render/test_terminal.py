"""What a developer reads on a terminal."""

from __future__ import annotations

import io

import pytest

from mlassay.errors import ConfigurationError
from mlassay.render import finding
from mlassay.render.terminal import headline, progress_line, show_verdict
from tests.render.verdicts import FAILED, PASSED, evil


def shown(verdict, **options):
    out = io.StringIO()
    show_verdict(
        verdict,
        **(
            {"partial": False, "notes": ["The whole report: run/test/report.md"], "file": out, "width": 100}
            | options
        ),
    )
    return out.getvalue()


def test_a_failed_test_on_a_terminal(snapshot):
    assert shown(FAILED) == snapshot


def test_a_passed_test_on_a_terminal(snapshot):
    assert shown(PASSED) == snapshot


def test_a_partial_test_says_that_it_cannot_be_signed():
    assert "cannot be signed" in headline(PASSED, partial=True)
    assert "cannot be signed" not in headline(PASSED)


def test_hostile_text_gives_the_terminal_no_orders():
    text = shown(evil())
    assert "\x1b" not in text
    assert "::error" not in text
    assert "\u202e" not in text


def test_many_findings_are_counted_not_listed():
    assert "195 more findings" in shown(evil())


def test_progress_is_one_line():
    assert progress_line(evil().gates[0], 0.1).count("\n") == 0


def test_a_finding_is_found_by_its_beginning_and_told_whole(snapshot):
    ((gate, found),) = finding.find(FAILED, "bias.selection")
    assert "\n".join(finding.lines(gate, found)) == snapshot


def test_an_exact_id_goes_before_longer_ones():
    assert [f.id for _, f in finding.find(FAILED, "unit.tests")] == ["unit.tests"]


def test_an_unknown_finding_gets_a_suggestion():
    with pytest.raises(ConfigurationError) as error:
        finding.find(FAILED, "bias.selektion_rate_ratio")
    assert "did you mean bias.selection_rate_ratio.afam=yes" in error.value.problems[0].remedy
