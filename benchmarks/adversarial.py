"""Tree robustness on the template's mortgages: ours, bare veritas calls on the same trees, ART's HopSkipJump per row.

    python benchmarks/adversarial.py --radius 0.01 0.05 0.1 --art-rows 6

Bare veritas is given the ensembles that we made and asks once for each row, with the same stop conditions and no
bounds or points tried before. ART attacks a few rows, each until its own end; the time for all is extrapolated.
"""

from __future__ import annotations

import argparse
import csv
import platform
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import skl2onnx
import veritas
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from mlassay.engines.local import LocalEngine
from mlassay.gates.adversarial_art import attack_row
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_forest import Forest
from mlassay.gates.adversarial_set import Allowed
from mlassay.gates.adversarial_trees import by_trees
from mlassay.manifest import Column
from mlassay.model import Input, Model
from mlassay.model.ensemble_scores import answers
from mlassay.model.ensembles import read_ensemble

DATA = Path(__file__).parents[1] / "template" / "data" / "hmda.csv"
MOVED = ("pirat", "hirat", "lvrat")
LIMIT = 10.0
MODELS = {
    "gradient boosting, 150 trees, depth 3": GradientBoostingClassifier(n_estimators=150, random_state=0),
    "forest, 100 trees, depth 8": RandomForestClassifier(100, max_depth=8, random_state=0),
}


@dataclass(frozen=True)
class Line:
    """One row of the table; seconds for all rows."""

    model: str
    radius: float
    rows: int
    ours: float
    broken: int
    undecided: int
    bare: float
    bare_broken: int
    art: float
    art_broken: int
    attacked: int


def mortgages() -> tuple[list[str], Any, Any]:
    """Names, rows as float32 and labels, in a fixed order of chance."""
    with DATA.open() as file:
        rows = list(csv.DictReader(file))
    names = [n for n in rows[0] if n not in {"deny", "afam"}]
    code = {"no": 0.0, "yes": 1.0}
    x = np.array([[code[r[n]] if r[n] in code else float(r[n]) for n in names] for r in rows], np.float32)
    order = np.random.default_rng(0).permutation(len(x))
    return names, x[order], np.array([r["deny"] == "yes" for r in rows])[order].astype(int)


def probe_of(model: Model, names: list[str], x: Any, radius: float) -> Probe:
    """The second half of the rows, with three ratios that move by ``radius`` of the range from 1st to 99th percentile."""
    rows = {n: x[len(x) // 2 :, i].copy() for i, n in enumerate(names)}
    moved = []
    for name in MOVED:
        low, high = (float(q) for q in np.percentile(x[:, names.index(name)], [1, 99]))
        moved.append(Column(name, "number", "feature", "before", low, high))
    return Probe.of_model(model, rows, Allowed.around(rows, moved, radius), 0.5)


def bare(probe: Probe) -> tuple[float, int]:
    """Seconds of asking veritas once for each row, and how many it breaks."""
    ensemble = read_ensemble(probe.model.proto.graph)
    score = answers(probe.model.proto.graph, ensemble, probe.model.output)[-1]
    forest = Forest(probe, ensemble, probe.model.cells(ensemble.source))
    below, _ = score.reaches(probe.threshold)
    missing = forest.patterns()[0][0]
    started, broken = time.perf_counter(), 0
    up = forest.tree(score, missing, 0)
    down = up.negate_leaf_values()
    up.set_base_score(0, score.shift - below)
    down.set_base_score(0, below - score.shift)
    low, high = forest.boxes(np.arange(len(probe.scores)))
    for row, own in enumerate(probe.decided.tolist()):
        config = veritas.Config(veritas.HeuristicType.MAX_OUTPUT)
        config.ignore_state_when_worse_than = 0.0
        config.stop_when_atleast_bound_better_than = 0.0
        ends = np.nextafter(high[row], np.inf).tolist()
        box = [veritas.Interval(a, b) for a, b in zip(low[row].tolist(), ends, strict=True)]
        search = config.get_search(down if own else up, box)
        search.step_for(LIMIT, 100)
        broken += search.num_solutions() > 0
    return time.perf_counter() - started, broken


def measure(name: str, model: Model, names: list[str], x: Any, radius: float, art_rows: int) -> Line:
    """One line: each tool on the same rows and boxes."""
    probe = probe_of(model, names, x, radius)
    engine = LocalEngine()
    started = time.perf_counter()
    found = by_trees(probe).settle(probe, engine)
    ours = time.perf_counter() - started
    seconds, solutions = bare(probe)
    chosen = np.linspace(0, len(probe.scores) - 1, art_rows).astype(int).tolist()
    started = time.perf_counter()
    hit = sum(attack_row(probe, row, 60.0) for row in chosen)
    art = (time.perf_counter() - started) / max(len(chosen), 1) * len(probe.scores)
    return Line(
        name,
        radius,
        len(probe.scores),
        ours,
        int(found.broken.sum()),
        int(found.undecided.sum()),
        seconds,
        solutions,
        art,
        hit,
        len(chosen),
    )


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--radius", type=float, nargs="+", default=[0.01, 0.05, 0.1])
    parser.add_argument("--art-rows", type=int, default=6)
    given = parser.parse_args()
    names, x, y = mortgages()
    print(f"{platform.machine()}, {platform.python_version()}, veritas {veritas.__version__}\n")
    print(
        "| model | radius | rows | ours, s | flip | undecided | bare veritas, s | flip | ART, s (all rows) | ART flips |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, estimator in MODELS.items():
        estimator.fit(x[: len(x) // 2], y[: len(x) // 2])
        proto = skl2onnx.to_onnx(
            estimator, x[:1], options={"zipmap": False}, target_opset={"": 17, "ai.onnx.ml": 3}
        )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            path.write_bytes(proto.SerializeToString())
            model = Model.load(path, [Input(n) for n in names])
            for radius in given.radius:
                line = measure(name, model, names, x, radius, given.art_rows)
                print(
                    f"| {line.model} | {line.radius:g} | {line.rows} | {line.ours:.2f} | {line.broken} | {line.undecided} "
                    f"| {line.bare:.2f} | {line.bare_broken} | {line.art:.0f} | {line.art_broken} of {line.attacked} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
