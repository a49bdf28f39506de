"""A verdict on a terminal: a table of gates, then what is not passed, each with what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import IO, TYPE_CHECKING

from mlassay.evidence import GateReport, Outcome, Verdict
from mlassay.render.finding import lines
from mlassay.render.text import MARKS, WORDS, count, criteria_text, numbers_text, ordered, plain
from mlassay.render.width import fold

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

COLOURS = {Outcome.PASSED: "green", Outcome.INCONCLUSIVE: "yellow", Outcome.FAILED: "red"}
FINDINGS = 5  # of one gate; the report has the rest
WIDTH = 120


def progress_line(gate: GateReport, seconds: float) -> str:
    """One line for a gate that has just answered."""
    return f"{MARKS[gate.outcome]} {plain(gate.gate)}: {WORDS[gate.outcome]} ({seconds:.1f} s) {numbers_text(gate, 1)}"


def show_verdict(
    verdict: Verdict, *, partial: bool, notes: Sequence[str], file: IO[str], width: int | None = None
) -> None:
    """Print ``verdict`` to ``file``; ``notes`` are warnings and where to look. Colours only on a terminal."""
    from rich.console import Console

    console = Console(
        file=file,
        width=width or (None if file.isatty() else WIDTH),
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(_table(verdict))
    said: set[tuple[str, str]] = set()
    for gate in verdict.gates:
        _show_findings(console, gate, said)
    style = f"bold {COLOURS[verdict.outcome]}"
    console.print(f"\n{headline(verdict, partial=partial)}", style=style, soft_wrap=True)
    for each in notes:
        console.print(plain(each), soft_wrap=True)


def headline(verdict: Verdict, *, partial: bool = False) -> str:
    """The verdict in one plain sentence."""
    total = len(verdict.gates)
    counts = {outcome: sum(gate.outcome is outcome for gate in verdict.gates) for outcome in Outcome}
    parts = [f"{counts[outcome]} {WORDS[outcome]}" for outcome in reversed(Outcome) if counts[outcome]]
    text = f"{plain(verdict.model_name)}: {WORDS[verdict.outcome]} ({count(total, 'gate')}: {', '.join(parts) or 'none ran'})"
    return f"{text}. Partial: the other gates did not run, and this cannot be signed." if partial else text


def _table(verdict: Verdict) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for title, ratio in (("gate", None), ("verdict", None), ("found", 3), ("criteria", 2)):
        table.add_column(title, ratio=ratio, no_wrap=ratio is None, overflow="fold")
    for gate in verdict.gates:
        mark = Text(f"{MARKS[gate.outcome]} {WORDS[gate.outcome]}", style=COLOURS[gate.outcome])
        table.add_row(
            Text(plain(gate.gate, 40)),
            mark,
            Text(numbers_text(gate)),
            Text(criteria_text(gate.criteria, 200)),
        )
    return table


def _show_findings(console: Console, gate: GateReport, said: set[tuple[str, str]]) -> None:
    """What ``gate`` has against the model; a reason and remedy that were ``said`` already are not said again."""
    bad = ordered(gate.findings)
    width = console.width if console.is_terminal else None
    for finding in bad[:FINDINGS]:
        head, *rest = lines(gate, finding)
        console.print()
        console.print(head, style=f"bold {COLOURS[finding.outcome]}", soft_wrap=True)
        again = bool(finding.remedy) and (finding.why, finding.remedy) in said
        said.add((finding.why, finding.remedy))
        for line in rest:
            if line.startswith(("  criteria", "  numbers", "    ")):
                continue  # `explain` and the report have them
            if again and line.startswith(("  why:", "  do:")):
                continue  # it stands above
            console.print(fold(line, width), soft_wrap=True)
    if len(bad) > FINDINGS:
        console.print(
            f"\nand {count(len(bad) - FINDINGS, 'more finding')} of {plain(gate.gate)}; report.md has them"
        )
