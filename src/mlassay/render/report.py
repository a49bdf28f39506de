"""``report.md``: a verdict for the people who read a pull request, red or green. Every number is the verdict's own."""

from __future__ import annotations

from collections.abc import Sequence

from mlassay.evidence import Finding, GateReport, Verdict
from mlassay.plan import Plan
from mlassay.render.groups import bias_section, cost_section
from mlassay.render.markdown import code, escape, table
from mlassay.render.meaning import for_whom, how_much, in_one_sentence, rows_wanted
from mlassay.render.text import MEANING, SIGNS, WORDS, count, criteria_text, numbers_text, ordered, where
from mlassay.render.unshown import ALWAYS, TITLE, unseen

FINDINGS = 25  # of one gate


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
    return [
        f"# {SIGNS[verdict.outcome]} {escape(verdict.model_name)}: {WORDS[verdict.outcome]}",
        "",
        (f"**{escape(in_one_sentence(verdict))}** {MEANING[verdict.outcome]}"),
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
            lines += _finding(verdict, gate, finding)
        if len(bad) > FINDINGS:
            lines += [
                f"{count(len(bad) - FINDINGS, 'more finding')} of {escape(gate.gate, 40)}: see the gate's report.",
                "",
            ]
    return ["## Findings", "", *lines] if lines else []


def _finding(verdict: Verdict, gate: GateReport, finding: Finding) -> list[str]:
    place = f" ({code(where(finding))})" if finding.path else ""
    lines = [
        f"### {SIGNS[finding.outcome]} {code(finding.id, 160)}",
        "",
        f"- **What:** {escape(finding.what)}",
        f"- **For whom:** {escape(for_whom(verdict, gate, finding))}",
        *([f"- **By how much:** {escape(much)}"] if (much := how_much(gate, finding)) else []),
        f"- **Why it matters:** {escape(finding.why)}",
        f"- **What to do:** {escape(finding.remedy)}{place}",
        *([f"- **Rows that would settle it:** {rows}"] if (rows := rows_wanted(finding)) else []),
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
