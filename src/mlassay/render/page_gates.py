"""What was measured, as a table: a row for each criterion, its number with interval, and what runs now beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal

from mlassay.evidence import Finding, GateReport, Outcome, Verdict
from mlassay.render.page_blocks import Bullets, Grid, Mono, Para, Section, Strong, Text
from mlassay.render.text import SIGNS, WORDS, count, ordered
from mlassay.stages.review import GroupRow

LIVE = "the live release"  # as `GroupRow.against` names it
HELD = 3  # criteria of one gate that hold and are shown; every one that does not hold is
OPEN = 12
_POINTS = ("value", "gap", "robust_rate_at_most")
_NUMBER = re.compile(
    r"-?[0-9]{1,12}(\.[0-9]{1,12})?"
)  # as reports write them; nothing that takes long to subtract
_BOUNDS = (("min", "at least"), ("max", "at most"), ("max_drop", "a drop of at most"))


def gates_section(verdict: Verdict, live: Verdict | None, live_name: str) -> Section:
    """The table of gates; ``live_name`` says what the last column is ("" while nothing runs)."""
    before = {report.gate: report for report in live.gates} if live else {}
    rows = [
        row for report in sorted(verdict.gates, key=_rank) for row in _rows(report, before.get(report.gate))
    ]
    gone = sorted(before.keys() - {report.gate for report in verdict.gates})
    rows += [
        [gate, _sign(Outcome.INCONCLUSIVE), "did not run; what runs now had it", "", ""] for gate in gone
    ]
    header = ["gate", "result", "measured (95% interval)", "criterion"]
    if not live_name:
        rows = [row[:4] for row in rows]
    return Section("Gates", [Grid([*header, live_name] if live_name else header, rows)], weight=1)


def _rank(report: GateReport) -> tuple[int, bool]:
    """What does not hold comes first, then what was measured in numbers."""
    worst_first = (Outcome.FAILED, Outcome.INCONCLUSIVE, Outcome.PASSED)
    return worst_first.index(report.outcome), not any(_point(finding) for finding in report.findings)


def _rows(report: GateReport, live: GateReport | None) -> Iterator[list[Text]]:
    measured = [finding for finding in report.findings if _point(finding)]
    bad = ordered(report.findings)
    held = [f for f in measured if f.outcome is Outcome.PASSED]
    shown = [*bad[:OPEN], *held[:HELD]]
    told: Text = report.gate
    if not shown or Outcome.worst([f.outcome for f in shown]) is not report.outcome:
        summary = _reported(report, report.summary)
        yield [told, _sign(report.outcome), summary, "", _sign(live.outcome) if live else ""]
        told = ""
    for finding in shown:
        yield [
            told,
            _sign(finding.outcome),
            _reported(report, _measured(report, finding)),
            _criterion_told(report, finding, live),
            _compared(finding, live),
        ]
        told = ""
    left = len(bad[OPEN:]) + len(held[HELD:])
    if left:
        yield ["", "", f"and {count(left, 'more criterion', 'more criteria')}", "", ""]


def _sign(outcome: Outcome) -> Text:
    words = WORDS[outcome]
    return f"{SIGNS[outcome]} {words}" if outcome is Outcome.PASSED else [f"{SIGNS[outcome]} ", Strong(words)]


def _reported(report: GateReport, text: str) -> str:
    marked = report.self_reported and "self-reported" not in text
    return f"{text} (self-reported)" if marked else text


def _point(finding: Finding) -> str:
    if "lower" not in finding.numbers or "upper" not in finding.numbers:
        return ""
    return next((str(finding.numbers[name]) for name in _POINTS if name in finding.numbers), "")


def _measured(report: GateReport, finding: Finding) -> str:
    point = _point(finding)
    if not point:
        return finding.what
    name = finding.id.removeprefix(f"{report.gate}.").removesuffix(".min").removesuffix(".max")
    rule, _, about = name.partition(".")
    about = about.replace("max_drop", "drop from what ran then").replace("&", " & ")
    told = rule.replace("_", " ") + (f", {about}" if about else "")
    return f"{told}: {point} ({finding.numbers['lower']} to {finding.numbers['upper']})"


def _criterion_told(report: GateReport, finding: Finding, live: GateReport | None) -> Text:
    """The criterion; in bold with what it was, where what runs now was held to another."""
    now = _criterion(report, finding)
    was = _criterion(live, finding) if live else now
    return now if was == now else [Strong(now or "none"), f" (was {was or 'none'})"]


def _criterion(report: GateReport, finding: Finding) -> str:
    """The threshold as the gate was given it, in words."""
    rule = finding.id.removeprefix(f"{report.gate}.").partition(".")[0]
    given = report.criteria.get(rule)
    named = tuple(bound for bound in _BOUNDS if finding.id.endswith(f".{bound[0]}"))
    bounds = named or _BOUNDS
    if isinstance(given, Mapping):
        return ", ".join(f"{words} {given[key]}" for key, words in bounds if key in given)
    if rule == "baseline":
        return "better than guessing"
    return ""


def _compared(finding: Finding, live: GateReport | None) -> Text:
    if live is None:
        return ""
    old = next((each for each in live.findings if each.id == finding.id), None)
    if old is None:
        return "not measured"
    if not (point := _point(old)):
        return _sign(old.outcome)
    change = difference(_point(finding), point)
    return f"{point} ({change})" if change else point


def difference(new: str, old: str) -> str:
    """``+0.0120``, ``unchanged``; an empty text where one of them is no number."""
    if not (_NUMBER.fullmatch(new) and _NUMBER.fullmatch(old)):
        return ""
    change = Decimal(new) - Decimal(old)
    return f"{change:+f}" if change else "unchanged"


def groups_section(groups: tuple[GroupRow, ...], favourable: str, live_name: str) -> Section:
    """Who gets the favourable answer less often than what they are compared with, with counts; then everybody."""
    title = "Who is worse off"
    if not groups:
        return Section(title, [Para("Unknown: no gate counted decisions by group.")], weight=2)
    against_live = any(row.against == LIVE for row in groups)
    answer = favourable or "the favourable answer"
    worse = sorted((row for row in groups if row.worse), key=_loss)
    blocks: list[Para | Bullets | Grid] = [
        Bullets([_worse(row, answer) for row in worse], most=8)
        if worse
        else Para(
            f"No counted group gets the favourable answer less often than {'it does now' if against_live else 'the group that gets it most often'}."
        )
    ]
    if unknown := [row.group for row in groups if not _NUMBER.fullmatch(row.rate)]:
        blocks.insert(0, Para([Strong("Unknown:"), f" no rate was counted for {', '.join(unknown)}."]))
    ordered_rows = sorted(groups, key=lambda row: (not row.worse, row.column))
    header = ["group", "rows", f"get {answer}", "rate"]
    if against_live:
        header.append(live_name or "runs now")
    rows = [_group(row, against_live=against_live) for row in ordered_rows]
    blocks.append(Grid(header, rows, right=range(1, len(header)), most=20))
    return Section(title, blocks, weight=2)


def _worse(row: GroupRow, answer: str) -> Text:
    got = f"{row.selected} of {row.rows}" if row.selected >= 0 else f"a share of the {row.rows} rows"
    told = f": {got} get {answer} ({row.rate}); "
    if row.against != LIVE:
        return [Strong(row.group), f"{told}of {row.against} the share is {row.against_rate}."]
    if row.live_selected < 0 or row.selected < 0:
        return [Strong(row.group), f"{told}what runs now gives it to a share of {row.against_rate}."]
    if row.live_rows != row.rows:
        then = f"{row.live_selected} of {row.live_rows} other rows"
        return [Strong(row.group), f"{told}what runs now gave it to {then} ({row.against_rate})."]
    more = f"{row.live_selected - row.selected} more"
    return [
        Strong(row.group),
        f"{told}what runs now gives it to {row.live_selected} ({row.against_rate}), {more}.",
    ]


def _loss(row: GroupRow) -> Decimal:
    rates = (row.rate, row.against_rate)
    return Decimal(row.rate) - Decimal(row.against_rate) if all(map(_NUMBER.fullmatch, rates)) else Decimal(0)


def _group(row: GroupRow, *, against_live: bool) -> list[Text]:
    group: Text = [Strong(row.group)] if row.worse else row.group
    cells: list[Text] = [group, str(row.rows), str(row.selected) if row.selected >= 0 else "", row.rate]
    if against_live:
        live = row.against == LIVE
        change = difference(row.rate, row.against_rate) if live else ""
        cells.append(
            f"{row.against_rate} ({change})"
            if live and change
            else row.against_rate
            if live
            else "not counted"
        )
    return cells


def findings_section(verdict: Verdict, most: int = 6) -> Section | None:
    """What does not hold: what it is and what to do; None where everything holds."""
    bad = [(gate, finding) for gate in verdict.gates for finding in ordered(gate.findings)]
    if not bad:
        return None
    items: list[Text] = []
    for _, finding in sorted(bad, key=lambda pair: pair[1].outcome is not Outcome.FAILED)[:most]:
        place = f" ({finding.path}{f':{finding.line}' if finding.line else ''})" if finding.path else ""
        items.append(
            [
                f"{SIGNS[finding.outcome]} {finding.what.rstrip('.')}. ",
                Strong("To do:"),
                f" {finding.remedy}{place}",
            ]
        )
    if len(bad) > most:
        items.append(f"and {count(len(bad) - most, 'more finding')}")
    return Section("What to do", [Bullets(items)], weight=3)


def details(verdict: Verdict) -> list[Bullets | Para]:
    """Every finding that is not passed with its reason and numbers, and what the gates did not look at."""
    bad = [(gate, finding) for gate in verdict.gates for finding in ordered(gate.findings)]
    blocks: list[Bullets | Para] = []
    if bad:
        blocks.append(Bullets([_detail(finding) for _, finding in bad], most=30))
    unseen = list(dict.fromkeys((gate.gate, text) for gate in verdict.gates for text in gate.not_looked_at))
    if unseen:
        blocks.append(Para("What each gate says it did not look at:"))
        blocks.append(Bullets([f"{gate}: {text}" for gate, text in unseen], most=30))
    inputs: list[Text] = [[f"{role}: ", Mono(digest)] for role, digest in sorted(verdict.inputs.items())]
    return [*blocks, Para("What was tested:"), Bullets(inputs, most=20)]


def _detail(finding: Finding) -> Text:
    numbers = ", ".join(f"{name} {value}" for name, value in sorted(finding.numbers.items()))
    return [Mono(finding.id), f" {finding.why} {numbers}"]
