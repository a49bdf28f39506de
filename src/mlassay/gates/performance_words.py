"""Numbers as the performance gate writes them."""

from __future__ import annotations

import math

from mlassay.gates.common import shown

_DIGITS = 4


def significant(number: float, places: int = _DIGITS) -> str:
    """A number of any unit as a decimal string with at least ``places`` digits that say something; ``unknown`` for nan."""
    if not math.isfinite(number) or number == 0:
        return shown(number, places)
    first = math.floor(math.log10(abs(number)))
    return shown(number, max(places, places - 1 - first))
