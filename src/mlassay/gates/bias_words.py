"""What the bias gate says, in plain words. No verdict here calls a model anything but passed or not passed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mlassay.digest import decimal_string
from mlassay.evidence.verdict import Outcome
from mlassay.gates.bias_cells import Groups, sides
from mlassay.gates.bias_means import MeanComparison, MeanRule
from mlassay.gates.bias_rules import RECALL, Comparison, Rule
from mlassay.gates.bias_threshold import Setting
from mlassay.gates.common import shown
from mlassay.gates.evaluated import Evaluated
from mlassay.gates.performance_words import significant
from mlassay.gates.thresholds import SETTINGS
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION


def sentence(part: Comparison, rule: Rule, limit: float, rows: Evaluated) -> str:
    """The gap between one group and its reference, with the interval and what was asked."""
    if part.obstacle:
        return f"Nothing can be concluded of {part.groups.label(part.group)}: {part.obstacle}."
    interval = f"(95% interval {shown(part.lower, 2)} to {shown(part.upper, 2)})"
    asked = decimal_string(limit, 4).rstrip("0").rstrip(".")
    if rule.ratio:
        gap = f"the lower rate is {shown(part.gap, 2)} of the higher {interval}, where at least {asked} is asked"
    else:
        gap = f"they differ by {shown(part.gap, 2)} {interval}, where at most {asked} is asked"
    return f"{_rates(part, rows)}: {gap}."


def _rates(part: Comparison, rows: Evaluated) -> str:
    """Both rates as counts of people."""
    mine, theirs = _percent(part.count), _percent(part.reference)
    name, reference = part.groups.label(part.group), part.groups.label(part.groups.reference)
    if part.rate == "accuracy":
        return (
            f"The model's answer agrees with the label for {mine} of {name}, and for {theirs} of {reference}"
        )
    if part.rate == "precision" and rows.task == RANKING:
        return f"Of {name} who are selected {mine} are relevant, and of {reference} {theirs}"
    if part.rate == "precision":
        return f"Of {name} with the answer {rows.good} the label says so for {mine}, and of {reference} for {theirs}"
    if part.rate.startswith(RECALL):
        label = f"{rows.label}={part.rate.removeprefix(RECALL)}"
        return f"Of {name} whose label is {label} the model finds {mine}, and of {reference} {theirs}"
    answer, label = {
        "selection_rate": (rows.good, ""),
        "true_positive_rate": (rows.good, rows.good),
        "false_positive_rate": (rows.good, rows.bad),
        "false_negative_rate": (rows.bad, rows.good),
    }[part.rate]
    whose = f" {_whose(label, rows)}" if label else ""
    return f"The answer {answer} goes to {mine} of {name}{whose}, and to {theirs} of {reference}{whose}"


def _whose(label: str, rows: Evaluated) -> str:
    """Rows of a label; what is relevant in a ranking is not called selected."""
    if rows.task == RANKING:
        return "who are relevant" if label == rows.good else "who are not relevant"
    return f"whose label is {label}"


def why(parts: Sequence[Comparison], rule: Rule, outcome: Outcome) -> str:
    """Why this matters, or why the rows do not say."""
    if outcome is Outcome.FAILED:
        gap = "one rate is so much lower than the other" if rule.ratio else "the two rates differ so much"
        return f"{gap} that chance alone does not explain it (all groups considered, by Holm's method)"
    if outcome is not Outcome.PASSED and any(part.obstacle for part in parts):
        return "a rate over too few rows, one kind of row or unknown values says nothing, and unknown is not passed"
    return _outcome(outcome, held_back=any(part.held_back for part in parts))


def remedy(parts: Sequence[Comparison], outcome: Outcome, setting: Setting | None, rows: Evaluated) -> str:
    """What to do: rows to gather, and for a failure the nearest setting that would pass with its price."""
    if outcome is Outcome.PASSED:
        return ""
    told = [_rows(parts, outcome)]
    if outcome is Outcome.FAILED:
        told.append(_setting(setting, rows))
        told.append(_LOOK.format(columns=" and ".join(parts[0].groups.columns)))
    return " ".join(told)


def _rows(parts: Sequence[Comparison], outcome: Outcome) -> str:
    first = parts[0]
    who = first.groups.label(first.group)
    if first.groups.missing(first.group):
        return _missing(first.groups)
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
    if rows.task == MULTICLASS:
        return "No setting changes it: a model of many labels answers with the most probable one, and has no threshold to move."
    what = "number of rows to select" if rows.task == RANKING else "threshold"
    if setting is None:
        tried = f" from {SETTINGS[0]} to {SETTINGS[-1]}" if rows.task == BINARY else ""
        return f"No {what}{tried} was found to keep this criterion on these rows."
    accuracies = f"from {shown(setting.accuracy_now, 3)} to {shown(setting.accuracy, 3)}"
    if rows.task == RANKING:
        new, now = str(round(setting.threshold)), str(int(np.count_nonzero(sides(rows)[1])))
        cost = f"the share of relevant rows among the selected would go {accuracies}"
    elif rows.task == REGRESSION:
        new, now = significant(setting.threshold), significant(rows.threshold)
        cost = f"accuracy would go {accuracies}, and other labels count as favourable"
    else:
        new, now = decimal_string(setting.threshold, 3), decimal_string(rows.threshold, 3)
        cost = f"accuracy would go {accuracies}"
    return (
        f"The nearest {what} that would keep this criterion on these rows is {new} (now {now}); {cost}. "
        f"A {what} chosen on the rows that test it is optimistic: choose it on other rows."
    )


def mean_sentence(part: MeanComparison, rule: MeanRule, limit: float, rows: Evaluated) -> str:
    """One mean of one group, by itself or beside its reference's, in the label's unit."""
    if part.obstacle:
        return f"Nothing can be concluded of {part.groups.label(part.group)}: {part.obstacle}."
    lower, upper = (significant(float(side[part.place])) for side in (part.said.lower, part.said.upper))
    gap, interval, asked = significant(part.gap), f"(95% interval {lower} to {upper})", f"{limit:g}"
    mine = f"{significant(part.mean)} for {part.groups.label(part.group)} ({part.rows} rows)"
    name = _MEANS[rule.mean].format(label=rows.label)
    if rule.within:
        return f"{name} is {mine}: {gap} from zero {interval}, where at most {asked} is asked."
    theirs = f"{significant(part.reference_mean)} for {part.groups.label(part.groups.reference)} ({part.reference_rows} rows)"
    if rule.ratio:
        said = f"the lower is {gap} of the higher {interval}, where at least {asked} is asked"
    else:
        said = f"they differ by {gap} {interval}, where at most {asked} is asked"
    return f"{name} is {mine} and {theirs}: {said}."


_MEANS = {
    "mean_prediction": "The mean predicted {label}",
    "mean_error": "The mean error of {label} (predicted less true)",
    "mean_absolute_error": "The mean absolute error of {label}",
}


def mean_why(part: MeanComparison, rule: MeanRule, outcome: Outcome) -> str:
    """Why this matters, or why the rows do not say."""
    if outcome is Outcome.FAILED:
        gap = "the mean lies so far from zero" if rule.within else "the two means lie so far apart"
        return f"{gap} that chance alone does not explain it (all groups considered, by Holm's method)"
    if part.obstacle:
        return "a mean over too few rows, or of unknown values, says nothing, and unknown is not passed"
    return _outcome(outcome, held_back=bool(part.said.broken[part.place]))


def mean_remedy(part: MeanComparison, outcome: Outcome) -> str:
    """What to do: rows to gather; a mean has no setting that moves it."""
    if outcome is Outcome.PASSED:
        return ""
    who = part.groups.label(part.group)
    if part.groups.missing(part.group):
        return _missing(part.groups)
    if outcome is Outcome.FAILED:
        enough = (
            f"These rows settle it: about {part.needed} of {who} would have been enough. "
            if part.needed
            else ""
        )
        columns = " and ".join(part.groups.columns)
        return (
            f"{enough}No threshold changes a mean: only other training does. {_LOOK.format(columns=columns)}"
        )
    if part.needed is None:
        return f"Evaluate on more rows of {who}, with known and different values."
    return f"About {part.needed} rows of {who}, with the other groups in proportion, would settle it four times in five, if means and spreads stay as measured."


def _missing(groups: Groups) -> str:
    return f"Find the missing values of {groups.name}, or have somebody with the right waive this gate."


def _outcome(outcome: Outcome, *, held_back: bool) -> str:
    if outcome is Outcome.PASSED:
        return "the whole 95% interval keeps the criterion, so chance alone does not explain it"
    if held_back:
        return "the interval breaks the criterion, but with so many groups compared one such interval is expected by chance"
    return "the interval lies on both sides of the criterion: these rows cannot tell whether it is kept"


_LOOK = (
    "Look for columns that stand in for {columns}, at how the labels came about, and at weights for training "
    "rows; changing the criterion is a weakening that people must accept by name."
)


def _percent(count: tuple[int, int]) -> str:
    return (
        f"{decimal_string(100 * count[0] / count[1], 1)}% ({count[0]} of {count[1]})" if count[1] else "none"
    )
