"""The result file of a team's own gate, read strictly: its words are other people's text, and its yes is only a claim."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from operator import ge, le
from typing import Any

from mlassay.digest import without_floats
from mlassay.errors import MlassayError
from mlassay.evidence.verdict import Finding, Outcome
from mlassay.files import check, read_json
from mlassay.gates.common import CRITERIA_FILE, Criteria

RESULT_BYTES = 1 << 20
SCHEMA = "gate-result"
_BOUNDS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {"min": ge, "max": le}


class NotAResultError(ValueError):
    """The bytes are no result as the contract has it; the message says why."""


@dataclass(frozen=True, slots=True)
class Result:
    """What the gate says: its outcome, its findings (ids already under the gate's name), its numbers."""

    gate: str
    outcome: Outcome
    findings: tuple[Finding, ...]
    numbers: Mapping[str, str | int]
    not_looked_at: tuple[str, ...]

    def placed(self, criteria: Criteria) -> Iterator[Finding]:
        """Its findings at the lines of ml.yaml that they are about; one that its own number contradicts is inconclusive."""
        from dataclasses import replace

        for finding in self.findings:
            keys = tuple(finding.id.split(".")[1:])
            placed = replace(finding, path=CRITERIA_FILE, line=criteria.line("criteria", *keys))
            wrong = _contradicted(finding, criteria.values.get("criteria", {}).get(keys[0])) if keys else ""
            if wrong:
                what = f"it says passed, and {wrong}: {finding.what}"
                placed = replace(
                    placed,
                    outcome=Outcome.INCONCLUSIVE,
                    what=what,
                    why="both cannot be",
                    remedy="mend the gate",
                )
            yield placed
        worst = Outcome.worst([finding.outcome for finding in self.findings])
        if self.outcome is not worst:
            # A gate that calls itself worse than its findings knows why; one that calls itself better is not believed.
            known = Outcome.worst([self.outcome, worst])
            outcome = known if known is self.outcome else Outcome.INCONCLUSIVE
            what = f"it says {self.outcome} of itself, and its worst finding is {worst}"
            remedy = "let the outcome be that of the worst finding"
            line = criteria.line("run")
            yield Finding(
                f"{self.gate}.outcome", outcome, what, "both cannot be", remedy, CRITERIA_FILE, line
            )

    def unanswered(self, criteria: Criteria) -> Iterator[Finding]:
        """A finding for each declared criterion that the result has no finding about."""
        told = {finding.id.split(".")[1] for finding in self.findings}
        for key in criteria.values.get("criteria", {}):
            if key not in told:
                what = f"nothing was said of the criterion '{key}'"
                remedy = f"let the gate leave a finding with the id '{key}', or take the criterion out"
                line = criteria.line("criteria", key)
                why = "a criterion that was declared decides"
                yield Finding(
                    f"{self.gate}.{key}", Outcome.INCONCLUSIVE, what, why, remedy, CRITERIA_FILE, line
                )


def read_result(data: bytes, gate: str) -> Result:
    """The result in ``data``; NotAResultError for anything that is not exactly as `gate-result` has it."""
    try:
        document = read_json("result.json", data)
        problems = check(document, SCHEMA)
    except MlassayError as error:
        raise NotAResultError(_flat(error.problems[0].what)) from error
    if problems:
        raise NotAResultError(_flat("; ".join(problem.what for problem in problems[:3])))
    value = document.value
    findings = tuple(_finding(each, gate) for each in value["findings"])
    ids = [finding.id for finding in findings]
    if twice := next((each for each in ids if ids.count(each) > 1), ""):
        raise NotAResultError(f"the finding {twice!r} stands in it twice")
    if reserved := next(
        (each for each in ids if each in {f"{gate}.{name}" for name in ("command", "result", "outcome")}), ""
    ):
        raise NotAResultError(f"the id {reserved!r} is mlassay's own")
    return Result(
        gate,
        Outcome(value["outcome"]),
        findings,
        _numbers(value.get("numbers", {})),
        tuple(_flat(each) for each in value.get("not_looked_at", ())),
    )


def _finding(value: Mapping[str, Any], gate: str) -> Finding:
    return Finding(
        f"{gate}.{value['id']}",
        Outcome(value["outcome"]),
        _flat(value["what"]),
        _flat(value.get("why", "")),
        _flat(value.get("remedy", "")),
        numbers=_numbers(value.get("numbers", {})),
    )


def _numbers(value: Mapping[str, Any]) -> dict[str, str | int]:
    return {
        name: _flat(each) if isinstance(each, str) else each for name, each in without_floats(value).items()
    }


def _contradicted(finding: Finding, bounds: Any) -> str:
    """How the finding's own ``value`` lies outside of the criterion that it says is met; "" when it does not."""
    value = finding.numbers.get("value")
    if finding.outcome is not Outcome.PASSED or value is None or not isinstance(bounds, Mapping):
        return ""
    try:
        number = Decimal(str(value))
        for name, holds in _BOUNDS.items():
            bound = bounds.get(name)
            if isinstance(bound, int | float) and not (
                number.is_finite() and holds(number, Decimal(str(bound)))
            ):
                return f"its own value {value} is outside of {name} {bound}"
    except InvalidOperation:
        return f"its own value {str(value)[:40]!r} is no number"
    return ""


def _flat(text: str) -> str:
    """One line that can be printed anywhere; what a CI runner or a terminal would obey is made visible elsewhere, too."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.split()).replace("::", ": :")
