"""Named rows on which the performance gate holds its criteria as well."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlassay.gates.common import Criteria
from mlassay.gates.evaluated import Evaluated


def slices(rows: Evaluated, criteria: Criteria) -> dict[str, NDArray[np.bool_]]:
    """Which rows are in each declared slice, (n,) by name."""
    return {name: _mask(rows, rule) for name, rule in criteria.values.get("slices", {}).items()}


def _mask(rows: Evaluated, rule: Mapping[str, Any]) -> NDArray[np.bool_]:
    """Rows of a slice: one of ``values`` (or ``equals``), and within ``min`` and ``max``, both included."""
    texts = rows.columns[rule["column"]]
    mask = np.ones(len(texts), bool)
    wanted = {*rule.get("values", ()), *([rule["equals"]] if "equals" in rule else [])}
    if wanted:
        mask &= np.fromiter((text in wanted for text in texts), bool, len(texts))
    if "min" in rule or "max" in rule:
        numbers = np.fromiter(map(_number, texts), np.float64, len(texts))
        mask &= (numbers >= rule.get("min", -math.inf)) & (numbers <= rule.get("max", math.inf))
    return mask


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
