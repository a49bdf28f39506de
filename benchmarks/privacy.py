"""The privacy gate's membership inference against ART's, on the same rows of the same overfitted model.

    python benchmarks/privacy.py --rows 10000

Both take the model's answers and labels, so that neither waits for the model. ART learns its attack on half of the rows
and is judged on the other half; ours learns nothing and is judged on that half too.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from mlassay.gates.privacy import Attack
from mlassay.gates.privacy_art import membership
from mlassay.gates.privacy_members import Side, Sides
from mlassay.manifest import Table
from mlassay.statistics import Estimate, auc_interval
from mlassay.tasks import BINARY


def drawn(rows: int) -> Sides:
    """Rows of both sides, and the answers of a forest that remembers one of them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2 * rows, 10))
    truth = (x[:, 0] + x[:, 1] * x[:, 2] + rng.normal(scale=1.5, size=2 * rows) > 0).astype(np.float64)
    forest = RandomForestClassifier(40, min_samples_leaf=20, random_state=0, n_jobs=2)
    answers = forest.fit(x[:rows], truth[:rows]).predict_proba(x)
    table = Table(("x",), [("",)] * rows)
    sides = [Side(table, truth[part], answers[part]) for part in (slice(0, rows), slice(rows, None))]
    return Sides(sides[0], sides[1], rows, rows, 0, (), ())


def main() -> None:
    """Print one row of the table in docs/performance.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000)
    rows = parser.parse_args().rows
    both = drawn(rows)
    order = np.random.default_rng(1).permutation(rows)
    learn, judge = order[: rows // 2], order[rows // 2 :]
    membership(both, learn[:60], judge[:60])  # imports are nobody's time
    started = time.perf_counter()
    theirs = auc_interval(*membership(both, learn, judge))
    art = time.perf_counter() - started
    started = time.perf_counter()
    attack = Attack.of(BINARY, both)
    ours = time.perf_counter() - started
    half = np.concatenate([judge, judge + rows])
    mine = auc_interval(attack.member[half], attack.scores[half])
    if not (theirs.lower <= mine.upper and mine.lower <= theirs.upper):
        raise SystemExit(f"the areas differ beyond noise: {mine} and {theirs}")
    print(
        f"| {rows:,} | {_told(mine)} | {_told(theirs)} | {ours * 1e3:.1f} ms | {art:.2f} s | {art / ours:,.0f} |"
    )


def _told(found: Estimate) -> str:
    return f"{found.point:.3f} ({found.lower:.3f} to {found.upper:.3f})"


if __name__ == "__main__":
    main()
