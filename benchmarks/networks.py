"""ReLU networks: our bounds with branching against ART's HopSkipJump, and against Marabou as the exact truth.

    python benchmarks/networks.py --rows 400 --attacked 20

The network is scikit-learn's on the template's mortgage data, exported by sklearn-onnx. HopSkipJump attacks the same rows
in the same boxes, for at most --seconds each. Marabou (pip install maraboupy, Python 3.11) is asked for every row where it
can be imported: it needs the network without its logistic, and knows no rounding. Whether it breaks a row
that was called robust is what counts; a witness that it denies was confirmed by ONNX Runtime.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import skl2onnx
from onnx import helper
from sklearn.neural_network import MLPClassifier

from mlassay.gates.adversarial_art import attack_row
from mlassay.gates.adversarial_box import Probe
from mlassay.gates.adversarial_relu import settle
from mlassay.gates.adversarial_search import replay
from mlassay.gates.adversarial_set import Allowed, Found
from mlassay.manifest import Column
from mlassay.model import Input, Model

HMDA = Path(__file__).parents[1] / "template" / "data" / "hmda.csv"
MOVED = ("pirat", "hirat", "lvrat")


def read() -> tuple[list[str], Any, Any]:
    """The mortgage rows, numbers scaled to [0, 1] so that boxes and network see the same units."""
    with HMDA.open() as file:
        rows = list(csv.DictReader(file))
    names = [n for n in rows[0] if n not in {"deny", "afam"}]
    code = {"no": 0.0, "yes": 1.0}
    x = np.array([[code[r[n]] if r[n] in code else float(r[n]) for n in names] for r in rows])
    low, high = np.quantile(x, 0.005, axis=0), np.quantile(x, 0.995, axis=0)
    scaled = ((x - low) / np.where(high > low, high - low, 1)).clip(0, 1)
    order = np.random.default_rng(0).permutation(len(x))
    return names, scaled[order].astype(np.float32), np.array([r["deny"] == "yes" for r in rows])[order]


def probe_of(folder: Path, sizes: tuple[int, ...], radius: float, count: int) -> tuple[Probe, Any]:
    """A trained network and ``count`` of the rows that it was not trained on."""
    names, x, y = read()
    half = len(x) // 2
    balanced = np.concatenate([np.flatnonzero(y[:half]).repeat(4), np.flatnonzero(~y[:half])])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = MLPClassifier(sizes, max_iter=200, random_state=0).fit(x[balanced], y[balanced])
    target = {"": 17, "ai.onnx.ml": 3}
    proto = skl2onnx.to_onnx(estimator, x[:1], options={"zipmap": False}, target_opset=target)
    (folder / "model.onnx").write_bytes(proto.SerializeToString())
    model = Model.load(folder / "model.onnx", [Input(n) for n in names])
    rows = {n: x[half : half + count, i].copy() for i, n in enumerate(names)}
    columns = [Column(n, "number", "feature", "before", 0.0, 1.0) for n in MOVED]
    return Probe(model, rows, Allowed.around(rows, columns, radius), 0.5, model.score(rows)), proto


def marabou(proto: Any, probe: Probe, folder: Path) -> tuple[Any, float] | None:
    """``(whether each row can be flipped, seconds)`` by Marabou; None where it is not installed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from maraboupy import Marabou  # type: ignore[import-not-found]
    except ImportError:
        return None
    path = folder / "stripped.onnx"
    onnx.save(_stripped(proto), path)
    names = [i.name for i in probe.model.inputs]
    moved = {name: j for j, name in enumerate(probe.box.columns)}
    flips = np.zeros(len(probe.scores), dtype=bool)
    started = time.perf_counter()
    for row in range(len(flips)):
        network = Marabou.read_onnx(str(path))
        for name, variable in zip(names, network.inputVars[0].flatten(), strict=True):
            own = float(probe.rows[name][row])
            j = moved.get(name)
            network.setLowerBound(variable, own if j is None else float(probe.box.low[row, j]))
            network.setUpperBound(variable, own if j is None else float(probe.box.high[row, j]))
        answer = network.outputVars[0].flatten()[0]
        (network.setUpperBound if probe.decided[row] else network.setLowerBound)(answer, 0.0)
        flips[row] = network.solve(verbose=False, options=Marabou.createOptions(verbosity=0))[0] == "sat"
    return flips, time.perf_counter() - started


def _stripped(proto: Any) -> Any:
    """The graph up to the logistic, without the cast of its input."""
    graph = proto.graph
    end = next(i for i, n in enumerate(graph.node) if n.op_type == "Sigmoid")
    nodes = [n for n in graph.node[:end] if n.op_type != "Cast"]
    for node in nodes:
        node.input[:] = ["X" if name == "cast_input" else name for name in node.input]
    used = {name for node in nodes for name in node.input}
    width = graph.input[0].type.tensor_type.shape.dim[1].dim_value
    given = helper.make_tensor_value_info("X", 1, [1, width])
    answer = helper.make_tensor_value_info(nodes[-1].output[0], 1, [1, 1])
    kept = [t for t in graph.initializer if t.name in used]
    made = helper.make_graph(nodes, "stripped", [given], [answer], kept)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def line(sizes: tuple[int, ...], radius: float, arguments: argparse.Namespace) -> str:
    """One row of the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        probe, proto = probe_of(folder, sizes, radius, arguments.rows)
        started = time.perf_counter()
        found: Found = replay(probe, settle(probe))
        ours = time.perf_counter() - started
        robust = ~found.broken & ~found.undecided
        attacked = np.linspace(0, arguments.rows - 1, arguments.attacked).astype(int)
        started = time.perf_counter()
        art = np.array([attack_row(probe, int(row), arguments.seconds) for row in attacked])
        theirs = (time.perf_counter() - started) / len(attacked)
        told = marabou(proto, probe, folder)
    shape = " x ".join(map(str, sizes))
    share = f"{int(art.sum())} of {int(found.broken[attacked].sum())}"
    lies = "" if not (art & robust[attacked]).any() else " (breaks a row called robust)"
    cells = [
        shape,
        f"{radius:g}",
        f"{int(robust.sum())} / {int(found.broken.sum())} / {int(found.undecided.sum())}",
        f"{1000 * ours / arguments.rows:.2f} ms",
        f"{1000 * theirs:.0f} ms, {share}{lies}",
    ]
    if told is None:
        cells.append("not installed")
    else:
        broken = int((told[0] & robust).sum())
        denied = int((~told[0] & found.broken).sum())
        cells.append(
            f"{1000 * told[1] / arguments.rows:.1f} ms; breaks {broken} robust; denies {denied} witnesses"
        )
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--attacked", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5.0)
    arguments = parser.parse_args()
    print(
        "| network | radius | robust / vulnerable / undecided | ours, a row | HopSkipJump, a row; found | Marabou, a row |"
    )
    print("|---|---|---|---|---|---|")
    for sizes in ((16, 16), (64, 32)):
        for radius in (0.02, 0.05):
            print(line(sizes, radius, arguments), flush=True)


if __name__ == "__main__":
    main()
