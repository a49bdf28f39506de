"""What a measurement says: a number with its limits, or a test with its p-value."""

from __future__ import annotations

from dataclasses import dataclass

SEED = 20120301
"""The seed of every random draw that a gate makes, unless it takes the model's digest."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number and its 95% limits, all three nan where the rows say nothing."""

    point: float
    lower: float
    upper: float

    @classmethod
    def unknown(cls) -> Estimate:
        """What there is to say of rows that say nothing."""
        return cls(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True, slots=True)
class Test:
    """A test statistic and its p-value, both nan where the rows say nothing."""

    __test__ = False  # a name that pytest would collect

    statistic: float
    p: float

    @classmethod
    def unknown(cls) -> Test:
        """What there is to say of rows that say nothing."""
        return cls(float("nan"), float("nan"))
