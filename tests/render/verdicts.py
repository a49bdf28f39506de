"""Verdicts made by hand: one passed, one failed, and one that a liar wrote."""

from __future__ import annotations

from mlassay.evidence import Finding, GateReport, Outcome, Verdict

INPUTS = {"model": "sha256:" + "a" * 64, "ml.yaml": "sha256:" + "b" * 64, "policy": "sha256:" + "c" * 64}
RISK = {"level": "major", "declared": "major"}


def rate(point, lower, upper):
    return {"rate": point, "lower": lower, "upper": upper}


def group(name, rows, selected, positives, true_positives, false_positives):
    return {
        "group": name,
        "values": [name.partition("=")[2]],
        "rows": rows,
        "selected": selected,
        "positives": positives,
        "true_positives": true_positives,
        "false_positives": false_positives,
        "selection_rate": rate("0.9745", "0.9629", "0.9825"),
        "true_positive_rate": rate("0.9903", "0.9816", "0.9949"),
        "false_positive_rate": rate("0.8191", "0.7293", "0.8839"),
    }


def bias(outcome: Outcome, gap: str, lower: str, upper: str) -> GateReport:
    finding = Finding(
        "bias.selection_rate_ratio.afam=yes",
        outcome,
        f"The answer deny=no goes to fewer of afam=yes: the lower rate is {gap} of the higher.",
        "The difference is larger than the margin of error.",
        "Look at which columns stand in for the group; a threshold of 0.6 would pass and cost 0.02 of accuracy.",
        "ml.yaml",
        33,
        {"gap": gap, "lower": lower, "upper": upper, "threshold": "0.8000"},
    )
    groups = [group("afam=no", 1020, 994, 926, 917, 77), group("afam=yes", 169, 155, 121, 118, 37)]
    counted = {"columns": ["afam"], "reference": "afam=no", "groups": groups}
    return GateReport(
        "bias",
        outcome,
        f"1 {outcome}",
        {"sensitive": ["afam"], "selection_rate_ratio": {"min": "0.8"}},
        {"rows": 1189, "favourable": "deny=no", "columns": {"afam": counted}},
        (finding,),
        ("columns that are not declared sensitive",),
    )


def unit(outcome: Outcome = Outcome.PASSED) -> GateReport:
    finding = Finding("unit.tests", outcome, "3 of the team's tests passed", "w", "r")
    return GateReport("unit", outcome, "1 passed", {"run": "pytest"}, {}, (finding,), (), self_reported=True)


def verdict(
    *gates: GateReport, name: str = "mortgage-approval", objective: str = "Rank applications."
) -> Verdict:
    return Verdict(name, Outcome.worst([gate.outcome for gate in gates]), INPUTS, gates, RISK, objective)


PASSED = verdict(unit(), bias(Outcome.PASSED, "0.9411", "0.8879", "0.9768"))
FAILED = verdict(unit(), bias(Outcome.FAILED, "0.4130", "0.3300", "0.5000"))

EVIL = "<script>alert(1)</script> [x](javascript:alert(1)) | ![i](http://evil.example/p.png) @root `code` \x1b[31m\n::error::x #1 \u202e"


def evil() -> Verdict:
    finding = Finding(f"unit.{EVIL}", Outcome.FAILED, EVIL * 50, EVIL, EVIL, EVIL, 3, {EVIL: EVIL})
    gate = GateReport("unit", Outcome.FAILED, EVIL, {EVIL: {EVIL: [EVIL]}}, {}, (finding,) * 200, (EVIL,))
    return verdict(gate, bias(Outcome.PASSED, EVIL, EVIL, EVIL), name=EVIL, objective=EVIL * 100)
