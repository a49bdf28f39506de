"""What a reader of one finding asks next: for whom, by how much, and what would it take? From the verdict's own numbers."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, Decimal

from mlassay.evidence import Finding, GateReport, Outcome, Verdict
from mlassay.render.groups import groupings
from mlassay.render.measures import LEAST, held, listed, mapping, number
from mlassay.render.text import WORDS, count

_WHOLE = "The release as a whole; no group of people is told apart here."


def in_one_sentence(verdict: Verdict) -> str:
    """The verdict with what it hangs on: ``The verdict is failed: 2 of 11 gates …``."""
    every = len(verdict.gates)
    if not every:
        return "The verdict is inconclusive: no gate ran, and nothing tested is nothing passed."
    by = {
        outcome: [gate.gate for gate in verdict.gates if gate.outcome is outcome]
        for outcome in (Outcome.FAILED, Outcome.INCONCLUSIVE)
    }
    parts = [
        f"{_gates(names)} {'does' if len(names) == 1 else 'do'} not hold"
        for names in [by[Outcome.FAILED]]
        if names
    ]
    parts += [
        f"{_gates(names)} {'is' if len(names) == 1 else 'are'} not settled"
        for names in [by[Outcome.INCONCLUSIVE]]
        if names
    ]
    if not parts:
        return f"The verdict is {WORDS[verdict.outcome]}: every gate, {every} in all, holds what was asked beforehand."
    return f"The verdict is {WORDS[verdict.outcome]}: of {count(every, 'gate')}, {', and '.join(parts)}."


def for_whom(verdict: Verdict, gate: GateReport, finding: Finding) -> str:
    """Which people or rows the finding is about, with counts where the verdict has them."""
    numbers = finding.numbers
    named = _group(verdict, finding)
    if named:
        return named
    if gate.gate == "adversarial":
        return " ".join(["Those near the limit of a decision, in all groups.", *_apart(gate)])
    if gate.gate == "privacy":
        return "The people whose rows the model was trained on."
    if gate.gate == "champion" and finding.id.startswith("champion.disagreement_by_group."):
        return f"Those in {finding.id.removeprefix('champion.disagreement_by_group.')}: {numbers.get('rows', 'unknown')} evaluation rows."
    if gate.gate in {"performance", "stability"}:
        part = ".".join(finding.id.split(".")[3:])
        if part and gate.gate == "performance" and "rows" in numbers:
            return f"Those in the slice {part}: {numbers['rows']} evaluation rows."
        every = f": all {numbers['rows']} evaluation rows" if "rows" in numbers else ""
        return f"Everybody whom the model decides about{every}."
    return _WHOLE


def how_much(gate: GateReport, finding: Finding) -> str:
    """The number, its interval and its limit, and how far it is off; "" where the finding holds no number."""
    told = []
    for one in held(gate):
        if one.finding is not finding:
            continue
        asked = {"": "the limit is", LEAST: "at least"}.get(one.side, "at most")
        end = "" if one.side == "" else " is asked"
        text = f"{one.point:f} (95% interval {one.lower:f} to {one.upper:f}), where {asked} {_plain(one.limit)}{end}"
        if finding.outcome is not Outcome.PASSED and one.short_by > 0:
            text += f"; that is {one.short_by:f} {'too little' if one.side == LEAST else 'too much'}"
        told.append(text)
    if not told:
        return ""
    return ". ".join([*told, *_in_people(finding)]) + "."


def rows_wanted(finding: Finding) -> str:
    """How many rows would settle it; "" where nothing tells, or the remedy has said it already."""
    settle = {
        key: value
        for key, value in sorted(finding.numbers.items())
        if key.endswith(("rows_to_settle", "rows_that_would_settle"))
    }
    if not settle:
        return ""
    most = max((number(value) or Decimal(0) for value in settle.values()), default=Decimal(0))
    if f"{most:f}" in finding.remedy:
        return ""
    if finding.outcome is Outcome.FAILED:
        return f"These rows settle it; about {most:f} would have been enough."
    return f"About {most:f} rows would settle it four times in five, if the number stays as measured."


def _gates(names: list[str]) -> str:
    told = names if len(names) <= 4 else [*names[:4], f"{len(names) - 4} more"]
    return f"{', '.join(told[:-1])} and {told[-1]}" if len(told) > 1 else told[0]


def _group(verdict: Verdict, finding: Finding) -> str:
    """The group whose name ends the finding's id, as the bias gate counted it."""
    best: tuple[int, str] = (0, "")
    for _, gate, table in groupings(verdict):
        for group in listed(table.get("groups")):
            label = str(mapping(group).get("group", ""))
            spelt = label.replace(" & ", "&")
            if spelt and finding.id.endswith(f".{spelt}") and len(spelt) > best[0]:
                rows, every = mapping(group).get("rows"), gate.measured.get("rows")
                reference = str(table.get("reference", ""))
                beside = f", beside {reference}" if reference not in {"", "unknown", label} else ""
                best = (len(spelt), f"Those in {label}: {rows} of {every} evaluation rows{beside}.")
    return best[1]


def _apart(gate: GateReport) -> Iterator[str]:
    for name, apart in mapping(gate.measured.get("groups_apart")).items():
        told = mapping(apart)
        if told.get("flips_more"):
            yield (
                f"By {name}, decisions about {told['flips_more']} flip more often than about {told.get('than')}, by "
                f"{told.get('difference')} (95% interval {told.get('lower')} to {told.get('upper')})."
            )


def _in_people(finding: Finding) -> Iterator[str]:
    """A ratio of rates as a number of people: how many more of the group would need the answer."""
    keys = ("count", "of", "reference_count", "reference_of", "threshold")
    counts = [number(finding.numbers.get(key)) for key in keys]
    if not finding.id.startswith("bias.selection_rate_ratio.") or None in counts:
        return
    got, of, other, others, limit = (each or Decimal(0) for each in counts)
    if finding.outcome is not Outcome.FAILED or not of or not others or got * others >= other * of:
        return
    wanted = (limit * other * of / others).to_integral_value(ROUND_CEILING) - got
    if wanted > 0:
        yield f"On these rows, {wanted:f} more of the {of:f} would have to get the answer to reach the limit"


def _plain(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
