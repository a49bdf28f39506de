"""Two releases side by side on a terminal: where they part, who is worse off, results, and everything that differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import IO, TYPE_CHECKING

from mlassay.audit.compare import Comparison, GatePair, GroupPair, Side
from mlassay.audit.diverge import Difference, Stage
from mlassay.evidence.verdict import GateReport, Outcome
from mlassay.render.text import MARKS, count, plain

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 120
FEW = 8
COLOURS = {Outcome.PASSED: "green", Outcome.INCONCLUSIVE: "yellow", Outcome.FAILED: "red"}
RATES = {"selection_rate": "gets the favourable answer", "true_positive_rate": "of those whose label says so"}


def show_comparison(found: Comparison, *, file: IO[str], width: int | None = None) -> None:
    """Print ``found`` to ``file``. Colours only on a terminal; names from the repository are never markup."""
    from rich.console import Console

    console = Console(
        file=file,
        width=width or (None if file.isatty() else WIDTH),
        highlight=False,
        markup=False,
        emoji=False,
    )
    for line in _head(found):
        console.print(line, soft_wrap=True)
    if found.gates:
        _table(console, ("gate", "a", "b", "what differs"), (_gate(pair) for pair in found.gates))
    numbers = [
        (plain(number.finding), number.a or "-", number.b or "-")
        for pair in found.gates
        for number in pair.numbers
    ]
    if numbers:
        _table(console, ("number", "a", "b"), numbers)
    if found.groups:
        _table(console, ("group", "rate", "a", "b", ""), (_group(pair) for pair in found.groups))
    for line in _rest(found):
        console.print(line, soft_wrap=True)


def _head(found: Comparison) -> Iterator[str]:
    for mark, side in (("a", found.a), ("b", found.b)):
        yield f"{mark}: {_side(side)}"
        for problem in side.evidence.problems:
            yield f"   DOES NOT HOLD: {plain(problem)}"
    parted = found.parted
    if parted is None:
        yield "They do not part anywhere: the same inputs and outputs at every stage."
    else:
        yield f"They part at: {parted.name}{_how(parted)}"
    worse = [pair for pair in found.groups if pair.worse]
    if worse:
        names = list(dict.fromkeys(plain(pair.group) for pair in worse))
        yield f"Worse off under b: {', '.join(names[:FEW])}{', …' if len(names) > FEW else ''}"
    elif found.groups:
        yield "No group that was counted is worse off under b."


def _how(stage: Stage) -> str:
    told = " (as training said itself)" if stage.self_reported else ""
    if stage.unstable:
        return f"{told}: the same inputs gave other outputs"
    parts = [
        f"{count(len(found), what)} differ{'s' if len(found) == 1 else ''}: {_names(found)}"
        for what, found in (("input", stage.inputs), ("output", stage.outputs))
        if found
    ]
    return f"{told}: {'; '.join(parts)}"


def _names(found: Sequence[Difference]) -> str:
    names = ", ".join(plain(each.name, 80) for each in found[:FEW])
    return f"{names}, …" if len(found) > FEW else names


def _side(side: Side) -> str:
    verdict, release = side.evidence.verdict, side.evidence.release
    name = plain(release.name) if release else "unknown model"
    why = f" ({plain(side.place.why)})" if side.place.why else ""
    outcome = verdict.outcome if verdict else "no verdict that can be read"
    digest = f", {release.digest}" if release else ""
    return f"{plain(side.place.release)}{why}, {name}, {outcome}{digest}"


def _gate(pair: GatePair) -> tuple[object, ...]:
    return (plain(pair.gate, 40), _outcome(pair.a), _outcome(pair.b), "; ".join(_changes(pair)) or "nothing")


def _changes(pair: GatePair) -> Iterator[str]:
    if pair.a is None or pair.b is None:
        yield "it ran on one side only"
        return
    for each in pair.criteria[:FEW]:
        yield f"criterion {plain(each.name)}: {plain(each.a)} -> {plain(each.b)}"
    changed = sum(number.a != number.b for number in pair.numbers)
    if changed:
        yield f"{count(changed, 'number')}"
    elif pair.a.summary != pair.b.summary:
        yield f"{plain(pair.a.summary, 100)} -> {plain(pair.b.summary, 100)}"


def _outcome(gate: GateReport | None) -> object:
    from rich.text import Text

    if gate is None:
        return Text("did not run", style="yellow")
    return Text(f"{MARKS[gate.outcome]} {gate.outcome}", style=COLOURS[gate.outcome])


def _group(pair: GroupPair) -> tuple[object, ...]:
    from rich.text import Text

    told = ""
    if pair.fell is None:
        told = "counted on one side only"
    elif pair.fell:
        told = f"{'fell' if pair.worse else 'rose'} by {abs(pair.fell)}"
    if pair.rows[0] != pair.rows[1]:
        told += f" ({pair.rows[0]} rows, then {pair.rows[1]})"
    style = "red" if pair.worse else ""
    name = plain(pair.group, 80)
    return (
        name,
        RATES.get(pair.rate, pair.rate),
        pair.a or "-",
        pair.b or "-",
        Text(told.strip(), style=style),
    )


def _table(console: Console, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for number, title in enumerate(header):
        table.add_column(title, no_wrap=0 < number < 3 and title != "rate", overflow="fold")
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    console.print()
    console.print(table)


def _rest(found: Comparison) -> Iterator[str]:
    yield ""
    yield "Stages"
    for stage in found.stages:
        state = _how(stage) if stage.differs else ": the same"
        if not stage.compared:
            state = ": nothing to compare"
        yield f"  {stage.name}{state}"
    yield "Data"
    yield from _data(found)
    yield from _differing("Settings (ml.yaml)", found.settings)
    yield from _differing("Environment of training (self-reported)", found.environment)
    yield from _code(found)
    for mark, side in (("a", found.a), ("b", found.b)):
        yield f"Let in ({mark})" if side.promotions else f"Let in ({mark}): nowhere yet"
        for each in side.promotions:
            yield f"  {plain(each.environment)} by {plain(each.promotion)} (commit {each.commit[:12]})"
            for person, reason in each.approvals:
                yield f"      {plain(person)}: {plain(reason)}"


def _data(found: Comparison) -> Iterator[str]:
    old, new = ({use.name: use for use in side.data} for side in (found.a, found.b))
    for name in dict.fromkeys([*old, *new]):
        one, other = old.get(name), new.get(name)
        if one and other and one.digest == other.digest:
            yield f"  {plain(name)}: the same manifest, {one.digest}"
            continue
        for mark, use in (("a", one), ("b", other)):
            told = (
                f"{plain(use.path)} {use.digest}, files {plain(use.root) or 'unknown'}" if use else "not used"
            )
            yield f"  {plain(name)} {mark}: {told}"


def _differing(title: str, found: Sequence[Difference]) -> Iterator[str]:
    if not found:
        yield f"{title}: the same"
        return
    yield f"{title}: {count(len(found), 'difference')}"
    for each in found[: 3 * FEW]:
        yield f"  {plain(each.name)}: {plain(each.a, 200)} -> {plain(each.b, 200)}"
    if len(found) > 3 * FEW:
        yield f"  and {len(found) - 3 * FEW} more (--json has all of them)"


def _code(found: Comparison) -> Iterator[str]:
    code = found.code
    if code is None:
        yield "Code: a source commit cannot be read"
        return
    if not (code.new or code.undone or code.paths):
        yield "Code: the same"
        return
    yield f"Code: {count(len(code.paths), 'path')} differ{'s' if len(code.paths) == 1 else ''}: " + (
        ", ".join(plain(path, 80) for path in code.paths[:FEW]) + (", …" if len(code.paths) > FEW else "")
    )
    for title, commits in (("on the way to b", code.new), ("only behind a", code.undone)):
        for commit in commits:
            subject = plain(commit.message.partition("\n")[0], 100)
            yield f"  {title}: {commit.id[:12]} {subject} ({plain(commit.author.name, 60)}, claimed)"
    if code.more:
        yield "  and more commits (git log tells them)"
