"""What the bias gate says, in plain words. No verdict here calls a model anything but passed or not passed."""

from __future__ import annotations

from collections.abc import Sequence

from mlassay.digest import decimal_string
from mlassay.evidence.verdict import Outcome
from mlassay.gates.bias_rules import Comparison, Rule
from mlassay.gates.bias_threshold import Setting
from mlassay.gates.common import shown
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.thresholds import SETTINGS


def sentence(part: Comparison, rule: Rule, limit: float, rows: Evaluated) -> str:
    """The gap between one group and its reference, with the interval and what was asked."""
    if part.obstacle:
        return f"Nothing can be concluded of {part.groups.label(part.group)}: {part.obstacle}."
    mine = f"{_percent(part.count)} of {_who(part, part.group, rows)}"
    theirs = f"{_percent(part.reference)} of {_who(part, part.groups.reference, rows)}"
    interval = f"(95% interval {shown(part.lower, 2)} to {shown(part.upper, 2)})"
    asked = decimal_string(limit, 4).rstrip("0").rstrip(".")
    if rule.ratio:
        gap = f"the lower rate is {shown(part.gap, 2)} of the higher {interval}, where at least {asked} is asked"
    else:
        gap = f"they differ by {shown(part.gap, 2)} {interval}, where at most {asked} is asked"
    return f"The answer {rows.good} goes to {mine}, and to {theirs}: {gap}."


def why(parts: Sequence[Comparison], rule: Rule, outcome: Outcome) -> str:
    """Why this matters, or why the rows do not say."""
    if outcome is Outcome.PASSED:
        return "the whole 95% interval keeps the criterion, so chance alone does not explain it"
    if outcome is Outcome.FAILED:
        gap = "one rate is so much lower than the other" if rule.ratio else "the two rates differ so much"
        return f"{gap} that chance alone does not explain it (all groups considered, by Holm's method)"
    if any(part.obstacle for part in parts):
        return "a rate over too few rows, one kind of row or unknown values says nothing, and unknown is not passed"
    if any(part.held_back for part in parts):
        return "the interval breaks the criterion, but with so many groups compared one such interval is expected by chance"
    return "the interval lies on both sides of the criterion: these rows cannot tell whether it is kept"


def remedy(parts: Sequence[Comparison], outcome: Outcome, setting: Setting | None, rows: Evaluated) -> str:
    """What to do: rows to gather, and for a failure the nearest setting that would pass with its price."""
    if outcome is Outcome.PASSED:
        return ""
    told = [_rows(parts, outcome)]
    if outcome is Outcome.FAILED:
        told.append(_setting(setting, rows))
        columns = " and ".join(parts[0].groups.columns)
        told.append(
            f"Look for columns that stand in for {columns}, at how the labels came about, and at weights for training "
            "rows; changing the criterion is a weakening that people must accept by name."
        )
    return " ".join(told)


def _rows(parts: Sequence[Comparison], outcome: Outcome) -> str:
    first = parts[0]
    who = first.groups.label(first.group)
    if first.groups.missing(first.group):
        return f"Find the missing values of {first.groups.name}, or have somebody with the right waive this gate."
    if outcome is Outcome.FAILED:
        needed = [part.rows for part in parts if part.outcome is Outcome.FAILED]
        rows = max((each for each in needed if each is not None), default=None)
        return "" if rows is None else f"These rows settle it: about {rows} of {who} would have been enough."
    needed = [part.rows for part in parts if part.outcome is Outcome.INCONCLUSIVE]
    known = [each for each in needed if each is not None]
    if len(known) < len(needed):
        return (
            "The measured rates lie so near the criterion that no realistic number of rows would settle it."
        )
    as_if = "if they were treated as the reference is" if first.obstacle else "if the rates stay as measured"
    return (
        f"About {max(known)} rows of {who}, with the other groups in proportion, would settle it four times in five, "
        f"{as_if}."
    )


def _setting(setting: Setting | None, rows: Evaluated) -> str:
    if setting is None:
        return f"No threshold from {SETTINGS[0]} to {SETTINGS[-1]} was found to keep this criterion on these rows."
    now = decimal_string(rows.threshold, 3)
    return (
        f"The nearest threshold that would keep this criterion on these rows is {decimal_string(setting.threshold, 3)} "
        f"(now {now}); accuracy would go from {shown(setting.accuracy_now, 3)} to {shown(setting.accuracy, 3)}. "
        "A threshold chosen on the rows that test it is optimistic: choose it on other rows."
    )


def _who(part: Comparison, group: int, rows: Evaluated) -> str:
    name = part.groups.label(group)
    if part.rate == "true_positive_rate":
        return f"{name} whose label is {rows.good}"
    if part.rate == "false_positive_rate":
        return f"{name} whose label is {rows.bad}"
    return name


def _percent(count: tuple[int, int]) -> str:
    return (
        f"{decimal_string(100 * count[0] / count[1], 1)}% ({count[0]} of {count[1]})" if count[1] else "none"
    )
