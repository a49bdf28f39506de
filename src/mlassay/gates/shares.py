"""A share of rows held against the most that is allowed: counts in, an outcome with its words and numbers out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mlassay.evidence.verdict import Outcome
from mlassay.gates.bias_cells import encode
from mlassay.gates.common import shown
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.thresholds import SETTINGS
from mlassay.statistics import Estimate, family_wise_z, rate_limits
from mlassay.statistics.planning import rows_for_rate
from mlassay.tasks import BINARY

if TYPE_CHECKING:
    from mlassay.ports import Subject

SMALLEST = 30
"""Fewer rows than this settle nothing, whatever an interval says; as everywhere."""


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``rows``, of which at most the share ``limit`` may be; one of ``family`` shares held at once.

    It passes where its own 95% interval keeps the limit, and fails where the interval that survives the whole family
    (Bonferroni) breaks it: with many groups, one fails by chance sooner.
    """

    count: int
    rows: int
    limit: float
    family: int = 1

    @property
    def estimate(self) -> Estimate:
        """The share with its 95% limits; unknown where there are no rows."""
        if not self.rows:
            return Estimate.unknown()
        lower, upper = rate_limits(self.count, self.rows)
        return Estimate(self.count / self.rows, float(lower), float(upper))

    @property
    def outcome(self) -> Outcome:
        """Passed, failed or inconclusive; inconclusive under `SMALLEST` rows."""
        if self.rows < SMALLEST:
            return Outcome.INCONCLUSIVE
        if self.estimate.upper <= self.limit:
            return Outcome.PASSED
        lower, _ = rate_limits(self.count, self.rows, family_wise_z(self.family))
        return Outcome.FAILED if float(lower) > self.limit else Outcome.INCONCLUSIVE

    @property
    def rows_to_settle(self) -> int | None:
        """About how many rows would settle it with 80% power, if the share stays; None where none would."""
        found = rows_for_rate(self.estimate.point, self.limit, family_wise_z(self.family))
        return None if found is None else max(SMALLEST, found)

    def numbers(self) -> dict[str, str | int]:
        """For a finding: rows, count, limit, the share with its interval, the gap, and the rows that would settle it."""
        numbers: dict[str, str | int] = {
            "rows": self.rows,
            "count": self.count,
            "threshold": shown(self.limit),
            **interval(self.estimate),
        }
        if self.outcome is Outcome.FAILED:
            numbers["gap"] = shown(self.estimate.point - self.limit)
        if (settled := self.rows_to_settle) is not None:
            numbers["rows_to_settle"] = settled
        return numbers

    def told(self) -> str:
        """``0.123 (95% interval 0.100 to 0.150) of 500``."""
        point, lower, upper = (
            shown(each, 3) for each in (self.estimate.point, self.estimate.lower, self.estimate.upper)
        )
        return f"{point} (95% interval {lower} to {upper}) of {self.rows}"

    def why(self) -> str:
        """Why the outcome is what it is."""
        if self.outcome is Outcome.PASSED:
            return "the whole 95% interval keeps the criterion"
        if self.outcome is Outcome.FAILED:
            return "the whole interval breaks the criterion, so that chance alone does not explain it"
        if self.rows < SMALLEST:
            return f"under {SMALLEST} rows nothing is concluded"
        return "the interval lies on both sides of the criterion: these rows cannot tell"

    def settled_by(self) -> str:
        """A sentence on how many rows would settle it, or would have been enough; "" where none can be foretold."""
        if self.rows_to_settle is None or self.outcome is Outcome.PASSED:
            return ""
        if self.outcome is Outcome.FAILED:
            return f"These rows settle it: about {self.rows_to_settle} would have been enough. "
        return f"About {self.rows_to_settle} rows would settle it four times in five, if the share stays as it is. "


def interval(estimate: Estimate) -> dict[str, str]:
    """A measured number and its limits, as reports write them."""
    sides = {"value": estimate.point, "lower": estimate.lower, "upper": estimate.upper}
    return {name: shown(number) for name, number in sides.items()}


def plain(number: float) -> str:
    """A limit as people write it: 0.05, not 0.0500."""
    text = shown(number, 6) if math.isfinite(number) else "unknown"
    return text.rstrip("0").rstrip(".") if "." in text else text


def sensitive_of(subject: Subject) -> tuple[str, ...]:
    """The sensitive columns that the evaluation data have: those of the bias gate's criteria and those of policy."""
    asked = (subject.plan.gates.get("bias") or {}).get("sensitive", ())
    known = {column.name for column in subject.plan.evaluation.columns}
    return tuple(name for name in dict.fromkeys([*asked, *subject.plan.policy.sensitive]) if name in known)


def groups_of(
    columns: Mapping[str, Sequence[str]], declared: Mapping[str, Sequence[str]]
) -> dict[str, NDArray[np.bool_]]:
    """``column=value`` -> which rows are in it (n,), for each value that any row has; missing is a group of its own."""
    found = {}
    for name, texts in columns.items():
        coded = encode(name, texts, declared.get(name, ()))
        for code, value in enumerate(coded.values):
            members = coded.codes == code
            if members.any():
                found[f"{name}={value}"] = members
    return found


def nearest_threshold(rows: Evaluated, limit: float, changed: Callable[[float], NDArray[np.bool_]]) -> str:
    """A sentence on the nearest threshold at which the share of ``changed`` rows keeps ``limit``; "" but for two labels.

    ``changed`` says which rows (n,) change at a threshold. The price is told as accuracy.
    """
    if rows.task != BINARY or not len(rows.scores):
        return ""
    for at in SETTINGS[np.argsort(abs(SETTINGS - rows.threshold), kind="stable")].tolist():
        count = int(changed(at).sum())
        if float(rate_limits(count, len(rows.scores))[1]) <= limit:
            decided = (rows.predicted, rows.scores >= at)
            before, after = (float((each == rows.truth).mean()) for each in decided)
            return (
                f"The nearest threshold that would keep this criterion on these rows is {at:g}, where accuracy "
                f"would go from {shown(before, 3)} to {shown(after, 3)}. "
            )
    return "No threshold from 0.001 to 0.999 would keep this criterion on these rows. "
