"""What a reviewer reads before signing, whole, from a handmade promotion with everything in it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlassay.evidence.records import Weakening
from mlassay.evidence.verdict import Finding, GateReport, Outcome, Verdict
from mlassay.policy import Contributor, decide
from mlassay.render.decision import decision_lines
from mlassay.render.review import review_json, review_lines
from mlassay.stages.review import Review, group_rows
from tests.policy.cases import REQUEST, case, waived_case


def group(name, rows, rate):
    return {"group": name, "rows": rows, "selection_rate": {"rate": rate, "lower": "0", "upper": "1"}}


def verdict(yes="0.7900", no="0.9000", summary="lowest ratio 0.88"):
    finding = Finding(
        "bias.selection_rate_ratio.afam=yes", Outcome.PASSED, "", "", "",
        numbers={"gap": "0.8778", "lower": "0.8310", "upper": "0.9250"},
    )  # fmt: skip
    columns = {"afam": {"groups": [group("afam=no", 700, no), group("afam=yes", 120, yes)]}}
    report = GateReport("bias", Outcome.PASSED, summary, {}, {"columns": columns}, (finding,), ())
    return Verdict("mortgage", Outcome.PASSED, {}, (report,), {}, "")


def review(live=None, judged=None, **more):
    judged = judged or case()
    return Review(
        case=judged, decision=decide(judged), verdict=verdict(), live_verdict=live,
        groups=tuple(group_rows(verdict(), live)), weakenings=judged.request.record.weakenings,
        waivers=tuple(w.record for w in judged.waivers), questions=judged.request.record.questions, changed=(), **more,
    )  # fmt: skip


def text(seen):
    return "\n".join(review_lines(seen))


def test_where_nothing_is_live_groups_are_held_against_the_best_off():
    told = text(review())
    worse = "afam=yes (120 rows): favourable rate 0.7900, afam=no 0.9000; ratio to the reference 0.8778 (95% interval 0.8310 to 0.9250)"
    assert f"  {worse}" in told.splitlines()
    assert "  not worse off: afam=no (700 rows): favourable rate 0.9000" in told.splitlines()


def test_where_a_release_is_live_each_group_is_held_against_itself():
    rows = {row.group: row for row in group_rows(verdict(), verdict(yes="0.7000", no="0.9500"))}
    assert not rows["afam=yes"].worse
    assert rows["afam=no"].worse
    assert rows["afam=no"].against_rate == "0.9500"


@pytest.mark.parametrize(
    "measured", [{}, {"columns": []}, {"columns": {"afam": {}}}, {"columns": {"afam": {"groups": [{}]}}}]
)
def test_a_report_of_another_shape_is_unknown_and_never_a_crash(measured):
    odd = replace(verdict(), gates=(replace(verdict().gates[0], measured=measured),))
    assert list(group_rows(odd, None)) == []
    assert "unknown: no gate counted decisions by group" in text(replace(review(), groups=()))


def test_a_rate_that_is_unknown_is_shown_and_not_called_worse():
    rows = {row.group: row for row in group_rows(verdict(yes="unknown"), None)}
    assert rows["afam=yes"].rate == "unknown"
    assert not rows["afam=yes"].worse


def test_the_real_gate_writes_what_the_review_reads():
    bias = pytest.importorskip("mlassay.gates.bias")
    from tests.gates.test_bias import evaluated

    columns = {"afam": ["yes"] * 100 + ["no"] * 100}
    rows = evaluated([0, 1] * 100, ([0] * 30 + [1] * 70) + ([0] * 10 + [1] * 90), columns)
    criteria = bias.Criteria("bias", {"selection_rate_ratio": {"min": 0.8}}, {})
    real = replace(verdict(), gates=(bias.assess(rows, criteria),))
    found = {row.group: row for row in group_rows(real, None)}
    assert found["afam=yes"].rate == "0.7000"
    assert found["afam=yes"].worse
    assert {float(row.ratio) for row in found.values() if row.ratio} == {0.7778}


def test_everything_that_is_accepted_is_listed():
    weakened = replace(
        REQUEST, weakenings=(Weakening("threshold", "the decision threshold was moved", "0.5", "0.4"),)
    )
    told = text(review(judged=case(asked=weakened, contributors=(Contributor("Dana \x1b[31m", "d@x"),))))
    assert "weakened: the decision threshold was moved, from 0.5 to 0.4" in told
    assert "accept it with: --accept threshold" in told
    assert "\x1b" not in told
    told = text(review(judged=waived_case()))
    assert "waived: bias by lee until 2026-12-31" in told
    assert "Open question waived.bias" in told
    assert "no weakening" not in told


def test_the_same_is_there_for_machines():
    value = review_json(review())
    assert value["groups"][1]["worse_off"]
    assert value["decision"]["allowed"]


def test_a_decision_ends_with_its_answer_and_each_no_with_a_remedy():
    assert list(decision_lines("x", decide(case())))[-1] == "x: yes"
    unanswered = case(approvals=())
    lines = list(decision_lines("x", decide(unanswered)))
    assert lines[-1] == f"x: no: {len(decide(unanswered).unmet)} demands not met"
    assert sum(line.startswith("x ") for line in lines) == sum(line.startswith("    do: ") for line in lines)
