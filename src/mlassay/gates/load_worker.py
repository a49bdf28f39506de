"""A process of its own that measures one model: nothing else runs in it, so that its memory and times are the model's.

Reads one JSON object from standard input (``path``, ``inputs``: ``[name, values]``, ``task``, ``labels``, ``favourable``,
``columns``: name -> texts, ``rounds``, ``calls``, ``large``) and answers with one JSON line.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlassay.model import Input, Model, Unusable

WARM = 10  # calls before any is timed: the first ones allocate


def main() -> int:
    """Measure, print one line, and end with 0; 1 where the model cannot be used."""
    asked = json.load(sys.stdin)
    try:
        print(json.dumps(measure(asked)))
    except Unusable:
        return 1
    return 0


def measure(asked: dict[str, Any]) -> dict[str, Any]:
    """For each round: milliseconds of each call with one row and with ``large`` rows; megabytes that the model took."""
    import numpy as np
    import onnx  # noqa: F401 - so that their own memory is there before
    import onnxruntime  # noqa: F401

    columns = asked["columns"]
    inputs = [Input(name, tuple(values)) for name, values in asked["inputs"]]
    before = _peak()
    model = Model.load(
        Path(asked["path"]),
        inputs,
        task=asked["task"],
        labels=asked["labels"],
        favourable=tuple(asked["favourable"]),
    )
    rows = model.encode(columns)
    count, large = len(next(iter(columns.values()))), int(asked["large"])
    one = [{name: v[[i % count]] for name, v in rows.items()} for i in range(asked["calls"])]
    places = [np.arange(i * large, (i + 1) * large) % count for i in range(asked["calls"])]
    many = [{name: v[index] for name, v in rows.items()} for index in places]
    for batch in (*one[:WARM], *many[:WARM]):
        model.answers(batch)
    rounds = [{"one": _timed(model, one), "many": _timed(model, many)} for _ in range(asked["rounds"])]
    return {"rounds": rounds, "memory_mb": max(0.0, _peak() - before)}


def _timed(model: Model, batches: list[Any]) -> list[float]:
    found = []
    for batch in batches:
        begun = time.perf_counter()
        model.answers(batch)
        found.append((time.perf_counter() - begun) * 1e3)
    return found


def _peak() -> float:
    """The largest memory that this process has held, in megabytes.

    Linux hands a child the largest of its parent on (`getrusage`), but not in /proc.
    """
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


if __name__ == "__main__":
    sys.exit(main())
