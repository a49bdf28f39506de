"""What the bias gate counted, as the report keeps it: every rate and mean of every group with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlassay.gates.bias_cells import Cells, Counts, Groups, Sums, sides, tally
from mlassay.gates.bias_means import as_json, sums_of
from mlassay.gates.bias_rules import RATES, RECALL, Rate, class_rates
from mlassay.gates.common import shown
from mlassay.gates.evaluated import Evaluated
from mlassay.statistics import wilson
from mlassay.tasks import MULTICLASS, RANKING, REGRESSION

CLASSES = 50  # labels whose recall the report tells by group

Tables = Sequence[tuple[Groups, Counts]]


@dataclass(frozen=True, slots=True)
class Counted:
    """The rows in cells, and the groups over them: ``tables`` hold (groups, favourable label, favourable answer).

    ``by_class`` has counts of shape (groups, label, the answer is that label) for a model with more than two labels,
    ``sums`` what the means of a regression are made of; both are empty otherwise.
    """

    cells: Cells
    tables: Tables
    by_class: Tables
    sums: Mapping[str, Sums]

    @classmethod
    def of(cls, rows: Evaluated, cells: Cells, chosen: Sequence[Groups]) -> Counted:
        """Each row is touched once for each table of cells, whatever the number of groupings."""
        by_class: Tables = ()
        if rows.task == MULTICLASS:
            right = (rows.truth == rows.predicted).astype(np.int64)
            counts = tally(cells.of_row, len(cells.counts), rows.truth, right, 2, len(rows.labels))
            by_class = [(groups, groups.sum(counts)) for groups in chosen]
        return cls(
            cells,
            [(groups, groups.sum(cells.counts)) for groups in chosen],
            by_class,
            sums_of(rows, cells) if rows.task == REGRESSION else {},
        )


def measured(rows: Evaluated, counted: Counted) -> dict[str, Any]:
    """The counts by column and intersection."""
    decides = rows.task != REGRESSION or rows.favoured is not None
    columns = {
        groups.name: _table(rows, groups, counts, counted, place, decides=decides)
        for place, (groups, counts) in enumerate(counted.tables)
    }
    told = {
        "rows": len(rows.truth),
        "favourable": rows.good,
        "threshold": shown(rows.threshold),
        "columns": columns,
    }
    return told | ({"selected": int(np.count_nonzero(sides(rows)[1]))} if rows.task == RANKING else {})


def _table(
    rows: Evaluated, groups: Groups, counts: Counts, counted: Counted, place: int, *, decides: bool
) -> dict[str, Any]:
    by_class = counted.by_class[place][1] if counted.by_class else None
    about = [
        {"group": groups.label(group), "values": list(groups.values[group]), "rows": int(counts[group].sum())}
        for group in range(len(groups.values))
    ]
    table: dict[str, Any] = {
        "columns": list(groups.columns),
        "reference": groups.label(groups.reference) if groups.reference >= 0 else "unknown",
    }
    parts = [as_json(counted.sums, groups)] if counted.sums else []
    if decides:
        rates = dict(RATES)
        if by_class is not None:
            rates.pop("accuracy")
        table |= _spreads(counts)
        parts += [_counts(counts), _rates(rates, counts)]
    if by_class is not None:
        parts += [_of_classes(by_class, rows.labels)]
    for more in parts:
        about = [mine | more[group] for group, mine in enumerate(about)]
    return table | {"groups": about}


def _counts(counts: Counts) -> list[dict[str, int]]:
    return [
        {
            "selected": int(group[:, 1].sum()),
            "positives": int(group[1].sum()),
            "true_positives": int(group[1, 1]),
            "false_positives": int(group[0, 1]),
        }
        for group in counts
    ]


def _rates(rates: Mapping[str, Rate], counts: Counts) -> list[dict[str, dict[str, str]]]:
    found: list[dict[str, dict[str, str]]] = [{} for _ in counts]
    for name, rate in rates.items():
        x, n = rate(counts)
        point, (lower, upper) = _point(x, n), wilson(x, n)
        for group, told in enumerate(found):
            told[name] = {
                "rate": shown(float(point[group])),
                "lower": shown(float(lower[group])),
                "upper": shown(float(upper[group])),
            }
    return found


def _of_classes(counts: Counts, labels: Sequence[str]) -> list[dict[str, Any]]:
    """Accuracy over all labels, and of the first `CLASSES` labels how many of whom were found."""
    rates = _rates(class_rates(labels[:CLASSES]), counts)
    return [
        {
            "accuracy": told["accuracy"],
            "recall": {
                label: {
                    "found": int(group[place, 1]),
                    "of": int(group[place].sum()),
                    **told[f"{RECALL}{label}"],
                }
                for place, label in enumerate(labels[:CLASSES])
            },
        }
        for group, told in zip(counts, rates, strict=True)
    ]


def _spreads(counts: Counts) -> dict[str, str]:
    """Fairlearn's numbers over all groups that have rows, the reference and the missing ones included."""
    points = {name: _point(*rate(counts)) for name, rate in RATES.items()}
    selection = points["selection_rate"]
    filled = selection[np.isfinite(selection)]
    highest = float(filled.max(initial=0.0))
    odds = np.maximum(_spread(points["true_positive_rate"]), _spread(points["false_positive_rate"]))
    return {
        "demographic_parity_ratio": shown(float(filled.min()) / highest if highest else np.nan),
        "demographic_parity_difference": shown(_spread(selection)),
        "equalized_odds_difference": shown(float(odds)),
    }


def _point(x: Counts, n: Counts) -> NDArray[np.float64]:
    return np.asarray(x / np.where(n > 0, n, np.nan))


def _spread(rates: NDArray[np.float64]) -> float:
    known = rates[np.isfinite(rates)]
    return float(known.max() - known.min()) if known.size else float("nan")
