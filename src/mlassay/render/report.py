"""``report.md``: a verdict for the people who read a pull request, red or green. Every number is the verdict's own."""

from __future__ import annotations

from collections.abc import Sequence

from mlassay.evidence import Finding, GateReport, Outcome, Verdict
from mlassay.plan import Plan
from mlassay.render.groups import bias_section, cost_section
from mlassay.render.markdown import code, escape, table
from mlassay.render.text import SIGNS, WORDS, count, criteria_text, numbers_text, ordered, where
from mlassay.render.unshown import ALWAYS, TITLE, unseen

FINDINGS = 25  # of one gate
MEANING = {
    Outcome.PASSED: "Every criterion that was declared beforehand is held by its measurement, with its margin of error.",
    Outcome.INCONCLUSIVE: "At least one question could not be settled, and none was answered with no. "
    "Nothing is promoted on a question that is open, unless somebody with the right to it signs a reasoned waiver.",
    Outcome.FAILED: "At least one criterion that was declared beforehand is not held. A release that failed is not promoted, unless policy names who may waive that and they do so, signed and with reasons.",
}


def plan_report(verdict: Verdict, plan: Plan) -> str:
    """The report of ``verdict``, with what the plan says of withheld and weighed columns."""
    train, label = plan.config.train, plan.config.evaluate.label
    values = plan.evaluation.column(label).values
    unfavourable = f"{label}={values[1 - plan.favourable]}" if len(values) == 2 else ""
    weighed = train.weigh.by if train.weigh else ()
    return report(verdict, weighed=weighed, withheld=train.withhold, unfavourable=unfavourable)


def report(
    verdict: Verdict, *, weighed: Sequence[str] = (), withheld: Sequence[str] = (), unfavourable: str = ""
) -> str:
    """Markdown of ``verdict``; the same bytes for the same verdict. Text from outside is escaped and capped."""
    parts = [
        *_head(verdict),
        *_gates(verdict),
        *_findings(verdict),
        *bias_section(verdict),
        *cost_section(verdict, weighed=weighed, withheld=withheld, unfavourable=unfavourable),
        *_unshown(verdict),
        *_inputs(verdict),
    ]
    return "\n".join(parts).rstrip("\n") + "\n"


def _head(verdict: Verdict) -> list[str]:
    open_ = [gate.gate for gate in verdict.gates if gate.outcome is not Outcome.PASSED]
    which = f" Look at: {', '.join(escape(gate, 40) for gate in open_)}." if open_ else ""
    return [
        f"# {SIGNS[verdict.outcome]} {escape(verdict.model_name)}: {WORDS[verdict.outcome]}",
        "",
        (
            f"**{count(len(verdict.gates), 'gate')} ran or had to run; the verdict is {WORDS[verdict.outcome]}.** "
            f"{MEANING[verdict.outcome]}{which}"
        ),
        "",
        f"What it is for: {escape(verdict.objective)}",
        f"Risk level in force: {escape(verdict.risk.get('level', 'unknown'))}.",
        "",
    ]


def _gates(verdict: Verdict) -> list[str]:
    rows = [
        [
            escape(gate.gate, 40),
            f"{SIGNS[gate.outcome]} {WORDS[gate.outcome]}",
            escape(numbers_text(gate)),
            escape(criteria_text(gate.criteria)),
        ]
        for gate in verdict.gates
    ]
    return ["## Gates", "", *table(["gate", "verdict", "found", "criteria"], rows), ""]


def _findings(verdict: Verdict) -> list[str]:
    lines: list[str] = []
    for gate in verdict.gates:
        bad = ordered(gate.findings)
        for finding in bad[:FINDINGS]:
            lines += _finding(gate, finding)
        if len(bad) > FINDINGS:
            lines += [
                f"{count(len(bad) - FINDINGS, 'more finding')} of {escape(gate.gate, 40)}: see the gate's report.",
                "",
            ]
    return ["## Findings", "", *lines] if lines else []


def _finding(gate: GateReport, finding: Finding) -> list[str]:
    place = f" ({code(where(finding))})" if finding.path else ""
    lines = [
        f"### {SIGNS[finding.outcome]} {code(finding.id, 160)}",
        "",
        f"- **What:** {escape(finding.what)}",
        f"- **Why it matters:** {escape(finding.why)}",
        f"- **What to do:** {escape(finding.remedy)}{place}",
    ]
    if finding.numbers:
        numbers = ", ".join(
            f"{escape(name, 80)} {escape(value, 80)}" for name, value in sorted(finding.numbers.items())
        )
        lines.append(f"- **Numbers:** {numbers}")
    if gate.self_reported:
        lines.append("- Self-reported: the team's own code gave these numbers.")
    return [*lines, ""]


def _unshown(verdict: Verdict) -> list[str]:
    lines = [f"## {TITLE}", "", *(f"- {text}" for text in ALWAYS), ""]
    named = unseen(verdict.gates)
    if named:
        lines += ["What each gate says it did not look at:", ""]
        lines += [f"- {escape(gate, 40)}: {escape(text)}" for gate, text in named[:60]]
        lines.append("")
    return lines


def _inputs(verdict: Verdict) -> list[str]:
    rows = [[escape(role, 120), code(digest, 120)] for role, digest in sorted(verdict.inputs.items())]
    return ["## What was tested", "", *table(["input", "digest"], rows), ""]
