"""The bias gate against Fairlearn's MetricFrame with its bootstrap: the same point values, both with intervals.

    python benchmarks/bias.py --rows 10000 1000000 10000000 --budget 60

Fairlearn runs as many resamples as fit the budget (one at least) and the time for 1,000 is extrapolated from
them; the table says how many were run. Our intervals are by formula, so nothing of ours is extrapolated.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from fairlearn.metrics import (
    MetricFrame,
    count,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)

from mlassay.evidence.verdict import GateReport
from mlassay.gates.bias import assess
from mlassay.gates.bias_cells import Coded, groupings
from mlassay.gates.bias_cells import count as count_cells
from mlassay.gates.bias_rules import RULES, compare
from mlassay.gates.common import Criteria
from mlassay.gates.evaluated import Evaluated

RESAMPLES = 1000
GROUPS = ("a", "b", "c", "d", "e")
CRITERIA = {"selection_rate_ratio": 0.8, "equalized_odds_difference": 0.2}


@dataclass(frozen=True)
class Line:
    """One row of the table; seconds, and resamples that Fairlearn really ran."""

    rows: int
    gate: float
    core: float
    frame: float
    resample: float
    ran: int

    @property
    def fairlearn(self) -> float:
        """Seconds of a frame with `RESAMPLES` resamples, extrapolated."""
        return self.frame + RESAMPLES * self.resample


def data(rows: int) -> tuple[Evaluated, np.ndarray[Any, np.dtype[np.int64]]]:
    """The same rows every time: five groups of unequal size and slightly unequal rates."""
    generator = np.random.default_rng(rows)
    group = generator.choice(len(GROUPS), rows, p=[0.5, 0.2, 0.15, 0.1, 0.05])
    truth = (generator.random(rows) < 0.6).astype(np.int8)
    scores = np.clip(0.25 + 0.5 * truth + 0.2 * generator.normal(size=rows) - 0.005 * group, 0, 1)
    names = np.array(GROUPS, dtype=object)[group].tolist()
    predicted = (scores >= 0.5).astype(np.int8)
    columns, declared = {"group": names}, {"group": GROUPS}
    return Evaluated(truth, predicted, scores, 0.5, 1, "label", ("no", "yes"), columns, declared), group


def best(run: Callable[[], Any], times: int = 5) -> float:
    """Seconds of the quickest of several runs."""
    return min(timed(run)[0] for _ in range(times))


def timed(run: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds and the result of one run."""
    start = time.perf_counter()
    result = run()
    return time.perf_counter() - start, result


def ours(rows: Evaluated) -> GateReport:
    """The whole gate, from text to findings."""
    values = {name: {RULES[name].bound: limit} for name, limit in CRITERIA.items()}
    return assess(rows, Criteria("bias", {"sensitive": ["group"], **values}, {}))


def core(rows: Evaluated, codes: Coded) -> None:
    """Counts, intervals, tests and rows to settle, from codes as Fairlearn gets them."""
    cells = count_cells([codes], rows.truth == 1, rows.predicted == 1)
    tables = [(groups, groups.sum(cells.counts)) for groups in groupings(cells, {})]
    for name, limit in CRITERIA.items():
        compare(RULES[name], limit, tables)


def theirs(rows: Evaluated, group: Any, resamples: int) -> Any:
    """Fairlearn's frame by group; integer codes are its quickest input."""
    more = {"n_boot": resamples, "ci_quantiles": [0.025, 0.975], "random_state": 0} if resamples else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return MetricFrame(
            metrics={
                "rows": count,
                "selection_rate": selection_rate,
                "true_positive_rate": true_positive_rate,
                "false_positive_rate": false_positive_rate,
            },
            y_true=rows.truth,
            y_pred=rows.predicted,
            sensitive_features=group,
            **more,
        ).by_group


def same(report: GateReport, frame: Any) -> None:
    """Refuse to compare the speed of two answers that differ."""
    for code, group in enumerate(report.measured["columns"]["group"]["groups"]):
        negatives = group["rows"] - group["positives"]
        expected = (
            group["rows"],
            group["selected"] / group["rows"],
            group["true_positives"] / group["positives"],
            group["false_positives"] / negatives,
        )
        if not np.allclose(frame.loc[code].to_numpy(dtype=float), expected, rtol=0, atol=1e-9):
            raise SystemExit(
                f"the point values of group {group['group']} differ: {frame.loc[code]}, {expected}"
            )


def measure(size: int, budget: float) -> Line:
    """One line of the table."""
    rows, group = data(size)
    codes = Coded("group", GROUPS, group)
    report = ours(rows)
    gate, middle = best(lambda: ours(rows)), best(lambda: core(rows, codes))
    frame, answer = timed(lambda: theirs(rows, group, 0))
    same(report, answer)
    one, _ = timed(lambda: theirs(rows, group, 1))
    first = max(one - frame, 1e-9)
    ran = int(np.clip((budget - 2 * frame - first) / max(first, frame / 2), 1, RESAMPLES))
    # A second run of one resample would tell no more than the first.
    many = one if ran == 1 else timed(lambda: theirs(rows, group, ran))[0]
    return Line(size, gate, middle, frame, (many - frame) / ran, ran)


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 1_000_000, 10_000_000])
    parser.add_argument("--budget", type=float, default=60, help="seconds of Fairlearn for each size")
    given = parser.parse_args()
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, {len(GROUPS)} groups, one process.\n")
    print(
        f"| rows | gate, from text | core, from codes | Fairlearn, no intervals | Fairlearn, {RESAMPLES} resamples"
        " (extrapolated from) | gate is faster by | core is faster by |"
    )
    print("|--:|--:|--:|--:|--:|--:|--:|")
    for size in given.rows:
        line = measure(size, given.budget)
        print(
            f"| {line.rows:,} | {line.gate * 1e3:,.1f} ms | {line.core * 1e3:,.1f} ms | {line.frame:,.2f} s "
            f"| {line.fairlearn:,.0f} s ({line.ran}) | {line.fairlearn / line.gate:,.0f} "
            f"| {line.fairlearn / line.core:,.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
