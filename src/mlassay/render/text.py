"""Words and plain text: what a person reads on any terminal, whoever wrote the names in it."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from mlassay.evidence import Finding, GateReport, Outcome

WORDS = {Outcome.PASSED: "passed", Outcome.INCONCLUSIVE: "inconclusive", Outcome.FAILED: "failed"}
MARKS = {Outcome.PASSED: "+", Outcome.INCONCLUSIVE: "?", Outcome.FAILED: "x"}
SIGNS = {Outcome.PASSED: "🟢", Outcome.INCONCLUSIVE: "🟡", Outcome.FAILED: "🔴"}
MEANING = {
    Outcome.PASSED: "Every criterion that was declared beforehand is held by its measurement, with its margin of error.",
    Outcome.INCONCLUSIVE: "At least one question could not be settled, and none was answered with no. "
    "Nothing is promoted on a question that is open, unless somebody with the right to it signs a reasoned waiver.",
    Outcome.FAILED: "At least one criterion that was declared beforehand is not held. A release that failed is not promoted, unless policy names who may waive that and they do so, signed and with reasons.",
}
LIMIT = 600

_ORDER = [Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED]
_POINTS = (
    "value",
    "gap",
    "robust_rate_at_most",
)  # where a finding keeps the number that its criterion is about

# What is invisible, or turns the direction of text, besides control characters.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(value: object, limit: int = LIMIT) -> str:
    """``value`` on one line: nothing that a terminal or a CI runner would obey, at most ``limit`` characters."""
    text = str(value)[: 2 * limit]
    text = "".join(" " if c in "\n\r\t" else "?" if unicodedata.category(c) in _HIDDEN else c for c in text)
    text = " ".join(text.split())
    while "::" in text:
        text = text.replace("::", ": :")
    text = text.replace("##[", "# #[")
    return text if len(text) <= limit else text[: limit - 1] + "…"


def criteria_text(criteria: Mapping[str, Any], limit: int = LIMIT) -> str:
    """Criteria as one line: ``selection_rate_ratio min 0.8; sensitive afam``."""
    parts = []
    for name, value in criteria.items():
        if name in {"rationale", "run", "uses"}:
            continue
        parts.append(f"{name} {_criterion(value)}")
    return plain("; ".join(parts), limit) or "none declared"


def numbers_text(gate: GateReport, most: int = 3) -> str:
    """The numbers that a gate's answer rests on, with their intervals, the worst first; its summary where it has none."""
    told = []
    for finding in sorted(gate.findings, key=lambda f: _ORDER.index(f.outcome)):
        point = next((finding.numbers[name] for name in _POINTS if name in finding.numbers), None)
        if point is not None and "lower" in finding.numbers and "upper" in finding.numbers:
            name = finding.id.removeprefix(f"{gate.gate}.").removesuffix(".min").removesuffix(".max")
            told.append(f"{name} {point} ({finding.numbers['lower']} to {finding.numbers['upper']})")
    rest = f"; {count(len(told) - most, 'more number')}" if len(told) > most else ""
    text = plain(gate.summary) if not told else plain("; ".join(told[:most]) + rest)
    return f"{text} (self-reported)" if gate.self_reported and "(self-reported)" not in text else text


def where(finding: Finding) -> str:
    """``ml.yaml:41``, or what of it is known."""
    return plain(finding.path if finding.line is None else f"{finding.path}:{finding.line}")


def ordered(findings: tuple[Finding, ...]) -> list[Finding]:
    """What is not passed, the worst first; the order of the gate within each."""
    order = [Outcome.FAILED, Outcome.INCONCLUSIVE]
    return sorted((f for f in findings if f.outcome in order), key=lambda f: order.index(f.outcome))


def count(number: int, singular: str, plural: str = "") -> str:
    """``1 finding``, ``2 findings``."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def _criterion(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{key} {_criterion(item)}" for key, item in value.items() if key != "rationale")
    if isinstance(value, list | tuple):
        return ", ".join(_criterion(item) for item in value)
    return str(value)
