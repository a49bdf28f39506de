"""Weights under which groups and labels are independent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from mlassay.manifest.table import Table

_PLACES = Decimal("0.000000001")


def reweigh(table: Table, by: Sequence[str], label: str) -> list[str]:
    """One weight for each row, P(g) P(y) / P(g, y), as a decimal string of nine places.

    Kamiran and Calders, "Data preprocessing techniques for classification without discrimination", 2012. ``g`` is
    the row's values of the ``by`` columns together, ``y`` its label. KeyError when a column is not there.
    """
    labels = table.column(label)
    groups = list(zip(*(table.column(name) for name in by), strict=True))
    of_group, of_label, of_both = Counter(groups), Counter(labels), Counter(zip(groups, labels, strict=True))
    weights = {
        (group, value): str(
            (Decimal(of_group[group] * of_label[value]) / Decimal(len(labels) * count)).quantize(
                _PLACES, ROUND_HALF_EVEN
            )
        )
        for (group, value), count in of_both.items()
    }
    return [weights[both] for both in zip(groups, labels, strict=True)]
