"""Numbers that a verdict holds against limits, read from its findings without trusting what stands there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from mlassay.evidence import Finding, GateReport, Outcome, Verdict

POINTS = ("value", "gap", "robust_rate_at_most", "ks", "difference")
"""Where a finding keeps the number that its criterion is about, in the order of looking."""
LEAST, MOST = "least", "most"

_LIMITS = {"threshold": "", "minimum": LEAST, "maximum": MOST, "required": MOST}
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")


@dataclass(frozen=True, slots=True)
class Held:
    """A number that a finding holds against a limit, with its 95% interval; ``side`` says what the limit asks, "" if unknown."""

    gate: str
    finding: Finding
    rule: str
    subject: str
    point: Decimal
    lower: Decimal
    upper: Decimal
    limit: Decimal
    side: str

    @property
    def short_by(self) -> Decimal:
        """How far the number lies on the wrong side of its limit; 0 or less where it does not, or the side is unknown."""
        if not self.side:
            return Decimal(0)
        return self.limit - self.point if self.side == LEAST else self.point - self.limit


def number(value: object) -> Decimal | None:
    """A plain decimal number; None for anything else that a file may hold in its place."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return Decimal(value) if _NUMBER.fullmatch(str(value)) else None


def mapping(value: object) -> Mapping[str, Any]:
    """``value`` where it is one, else an empty one: what strangers recorded is read as far as it can be."""
    return value if isinstance(value, Mapping) else {}


def listed(value: object) -> list[Any]:
    """``value`` where it is a list, else an empty one."""
    return list(value) if isinstance(value, list | tuple) else []


def gate_of(verdict: Verdict | None, name: str) -> GateReport | None:
    """The report of one gate; None where it did not run."""
    return next((gate for gate in verdict.gates if gate.gate == name), None) if verdict else None


def held(gate: GateReport) -> Iterator[Held]:
    """Each number of a gate that has an interval and a limit; a finding about two rates has two."""
    for finding in gate.findings:
        numbers = finding.numbers
        limit = next(((number(numbers[key]), side) for key, side in _LIMITS.items() if key in numbers), None)
        if limit is None or limit[0] is None:
            continue
        _, _, rest = finding.id.partition(".")
        rule, _, subject = rest.partition(".")
        prefixes = [""] if any(key in numbers for key in POINTS) else _prefixes(numbers)
        for prefix in prefixes:
            told = [
                number(
                    next((numbers[f"{prefix}{key}"] for key in POINTS if f"{prefix}{key}" in numbers), "")
                ),
                number(numbers.get(f"{prefix}lower", "")),
                number(numbers.get(f"{prefix}upper", "")),
            ]
            point, lower, upper = told
            if point is None or lower is None or upper is None:
                continue
            about = f"{subject}, {prefix.rstrip('.').replace('_', ' ')}" if prefix else subject
            side = limit[1] or _side(rule, subject, finding.outcome, point, limit[0])
            yield Held(gate.gate, finding, rule, about, point, lower, upper, limit[0], side)


def _prefixes(numbers: Mapping[str, Any]) -> list[str]:
    return [key.removesuffix("gap") for key in sorted(numbers) if key.endswith(".gap")]


def _side(rule: str, subject: str, outcome: Outcome, point: Decimal, limit: Decimal) -> str:
    """What the limit asks: by the criterion's name where that tells, else by how the finding ended."""
    words = subject.split(".")
    if "max_drop" in words or "max" in words or rule.endswith("difference"):
        return MOST
    if "min" in words or rule.endswith("_ratio"):
        return LEAST
    if outcome is Outcome.INCONCLUSIVE or point == limit:
        return ""
    return LEAST if (point > limit) is (outcome is Outcome.PASSED) else MOST
