"""Tables and pictures of ``docs/statistics.md`` from the simulations: ``python -m tests.docs.statistics`` writes them anew."""

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import chain, repeat
from math import log10
from pathlib import Path

from tests.docs.curves import Axes, Curve, Panel, picture
from tests.statistics import exact
from tests.statistics.simulations import ALARMS, COVERAGE, FAMILY_WISE, POWER, Simulation

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "statistics.md"
MARKED = re.compile(r"(<!-- simulated: (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)
UNEQUAL = [
    (rows, reference, rate)
    for rows, reference in ((30, 1000), (1000, 30), (50, 3000), (3000, 50))
    for rate in (0.003, 0.02, 0.5, 0.95)
]


def grid() -> str:
    """The ratio's interval and the gate's decision over the grid, by enumeration."""
    head = "| rows a group | rate | covers at ratio .6 / .8 / .9 / 1 | no ratio in | covers without those, worst |"
    lines = [head, "|---|---|---|---|---|"]
    for rows in exact.SIZES:
        for rate in exact.RATES:
            cells = [exact.cell(rows, rows, rate, ratio) for ratio in exact.RATIOS]
            covers = " / ".join(_share(each.coverage) for each in cells)
            worst = _share(min(each.coverage_defined for each in cells))
            lines.append(f"| {rows:,} | {rate:g} | {covers} | {_share(cells[0].undefined)} | {worst} |")
    return _table(lines)


def decisions() -> str:
    """What the gate's rule says of two groups over the grid, by enumeration."""
    head = "| rows a group | rate | equal: passed / inconclusive / failed | at the floor: passed / failed | at .9 of it: passed | at .6: failed |"
    lines = [head, "|---|---|---|---|---|---|"]
    for rows in exact.SIZES:
        for rate in exact.RATES:
            equal, floor, below, far = (
                exact.cell(rows, rows, rate, ratio) for ratio in (1.0, 0.8, 0.72, 0.6)
            )
            lines.append(
                f"| {rows:,} | {rate:g} | {_share(equal.passed)} / {_share(equal.inconclusive)} / {_share(equal.failed)} "
                f"| {_share(floor.passed)} / {_share(floor.failed)} | {_share(below.passed)} | {_share(far.failed)} |"
            )
    return _table(lines)


def unequal() -> str:
    """The same where groups are of unlike size and rates extreme, beyond the grid."""
    head = "| rows, and of the reference | rate | covers, worst of three ratios | equal: failed | at the floor: passed / failed |"
    lines = [head, "|---|---|---|---|---|"]
    for rows, reference, rate in UNEQUAL:
        cells = [exact.cell(rows, reference, rate, ratio) for ratio in (0.72, 0.8, 1.0)]
        lines.append(
            f"| {rows:,} and {reference:,} | {rate:g} | {_share(min(each.coverage for each in cells))} | {_share(cells[2].failed)} "
            f"| {_share(cells[1].passed)} / {_share(cells[1].failed)} |"
        )
    return _table(lines)


def simulated(simulations: dict[str, Simulation]) -> str:
    """Every setting of some simulations, with the share of draws and what it must lie within."""
    lines = ["| of | setting | share of draws | must be |", "|---|---|---|---|"]
    for simulation in simulations.values():
        titles = chain([simulation.title], repeat(""))
        shares = simulation.shares()
        lines += [row(title, simulation, *share) for title, share in zip(titles, shares, strict=False)]
    return _table(lines)


def row(title: str, simulation: Simulation, setting: str, share: float) -> str:
    """One line of such a table; the title stands on the first only."""
    least, most = simulation.least, simulation.most
    if least <= 0:
        aim = f"at most {_share(most)}"
    elif most >= 1:
        aim = f"at least {_share(least)}"
    else:
        aim = f"{_share(least)} to {_share(most)}"
    grouped = re.sub(r"(?<![.\d])\d{4,}", lambda found: f"{int(found[0]):,}", setting)
    return f"| {title} | {grouped} | {_share(share)} | {aim} |"


TABLES: dict[str, Callable[[], str]] = {
    "grid": grid,
    "decisions": decisions,
    "unequal": unequal,
    "families": lambda: simulated(FAMILY_WISE),
    "coverage": lambda: simulated(COVERAGE),
    "alarms": lambda: simulated(ALARMS),
    "power": lambda: simulated(POWER),
}


@cache
def decisions_picture() -> str:
    """What is said of two groups, by their true ratio, for three numbers of rows."""
    panels = []
    for rows in (100, 300, 1000):
        ratios = [0.5 + step / 40 for step in range(21)]
        cells = [(ratio, exact.cell(rows, rows, 0.5, ratio)) for ratio in ratios]
        curves = [
            Curve(name, [(ratio, getattr(cell, name)) for ratio, cell in cells])
            for name in ("passed", "failed", "inconclusive")
        ]
        panels.append(Panel(f"{rows:,} rows a group", curves, upright=[("floor", exact.FLOOR)]))
    return picture(
        "What the bias gate says of two groups, by their true ratio",
        "Left of the floor of .8 almost nothing passes and right of it almost nothing fails; with more rows the range "
        "in which most answers are inconclusive narrows around the floor.",
        Axes(
            "true ratio (reference rate .5)",
            "share of draws",
            (0.5, 0.6, 0.7, 0.8, 0.9, 1.0),
            (0, 0.25, 0.5, 0.75, 1.0),
        ),
        panels,
    )


@cache
def coverage_picture() -> str:
    """Coverage of the ratio by rate, for four numbers of rows and three true ratios."""
    rates = [0.005 * 100 ** (step / 20) for step in range(21)]
    panels = [
        Panel(
            f"true ratio {ratio:g}",
            [
                Curve(f"{rows:,} rows a group", [(rate, exact.coverage(rows, rate, ratio)) for rate in rates])
                for rows in exact.SIZES
            ],
            level=[("95%", 0.95)],
        )
        for ratio in (0.6, 0.8, 1.0)
    ]
    return picture(
        "How often the interval of a ratio covers the truth, by the reference's rate",
        "All curves stay above .93; where fewer than about five rows of a group are counted they rise towards 1.",
        Axes(
            "rate of the reference",
            "coverage",
            (0.005, 0.02, 0.1, 0.5),
            (0.9, 0.92, 0.94, 0.96, 0.98, 1.0),
            log10,
        ),
        panels,
    )


@cache
def settled_picture() -> str:
    """How many rows settle a ratio."""
    sizes = [int(30 * 10 ** (step / 7)) for step in range(15)]
    panels = [
        Panel(
            f"rate {rate:g}",
            [
                Curve(f"true ratio {ratio:g}", [(rows, exact.settled(rows, rate, ratio)) for rows in sizes])
                for ratio in (1.0, 0.9, 0.7, 0.6)
            ],
            level=[("80%", 0.8)],
        )
        for rate in (0.1, 0.3, 0.6)
    ]
    return picture(
        "The chance that rows settle a ratio against a floor of .8, by their number",
        "The lower the rate and the nearer the true ratio to the floor, the more rows it takes.",
        Axes("rows a group", "settled", (30, 100, 300, 1000, 3000), (0, 0.2, 0.4, 0.6, 0.8, 1.0), log10),
        panels,
    )


PICTURES: dict[str, Callable[[], str]] = {
    "decisions": decisions_picture,
    "coverage": coverage_picture,
    "settled": settled_picture,
}


def tables(page: str) -> Iterator[tuple[str, list[list[str]]]]:
    """Name and rows (without the head) of each table that stands on ``page``."""
    for found in MARKED.finditer(page):
        lines = [line for line in found[0].splitlines() if line.startswith("| ")]
        yield found["name"], [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def _table(lines: list[str]) -> str:
    return "\n" + "\n".join(lines) + "\n\n"


def _share(share: float) -> str:
    """Three places, without the zero in front."""
    return f"{share:.3f}".replace("0.", ".", 1) if 0 < round(share, 3) < 1 else f"{share:.0f}"


def main(names: Sequence[str]) -> None:
    """Write the pictures, and the tables of these names or all."""
    written = {name: TABLES[name]() for name in names or TABLES}
    page = PAGE.read_text()
    PAGE.write_text(
        MARKED.sub(
            lambda found: (
                f"{found[1]}{written[found['name']]}{found[3]}" if found["name"] in written else found[0]
            ),
            page,
        )
    )
    (DOCS / "statistics").mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        (DOCS / "statistics" / f"{name}.svg").write_text(draw())


if __name__ == "__main__":
    main(sys.argv[1:])
