"""What the bias gate counted, by group, and what the release costs, as tables of already measured numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlassay.evidence import GateReport, Verdict
from mlassay.render.markdown import code, escape, table

GROUPINGS = 12
_DECIDED = (
    "group",
    "rows",
    "decided favourably",
    "rate",
    "95% interval",
    "of those labelled so",
    "rate",
    "95% interval",
)
# Title, key of the gate's number, and which part of it is the number.
_MEANS = (
    ("mean prediction", "mean_prediction", "mean"),
    ("mean error", "mean_error", "mean"),
    ("mean absolute error", "mean_absolute_error", "mean"),
)
_RIGHT = (("of favourable answers right", "precision", "rate"), ("of all answers right", "accuracy", "rate"))


def groupings(verdict: Verdict) -> Iterator[tuple[str, GateReport, Mapping[str, Any]]]:
    """``(name, gate, table)`` of each sensitive column or intersection that a gate counted."""
    for gate in verdict.gates:
        columns = gate.measured.get("columns")
        if gate.gate == "bias" and isinstance(columns, Mapping):
            for name, counted in list(columns.items())[:GROUPINGS]:
                if isinstance(counted, Mapping) and counted.get("groups"):
                    yield name, gate, counted


def bias_section(verdict: Verdict) -> list[str]:
    """Counts and rates by group, each rate with its 95% interval; no lines where nothing was counted."""
    lines: list[str] = []
    for name, gate, counted in groupings(verdict):
        groups = counted["groups"]
        reference = f"The reference group is {code(counted.get('reference', 'unknown'))}."
        lines += [f"### {escape(name)}", ""]
        if _decided(groups):
            good = gate.measured.get("favourable", "the favourable outcome")
            lines += [f"Favourable is {code(good)}. {reference}", ""]
            lines += table(_DECIDED, (_group(group) for group in groups), right=range(1, len(_DECIDED)))
            lines.append("")
        else:
            lines += [reference, ""]
        for told in (_MEANS, _RIGHT):
            if shown := [each for each in told if all(each[1] in group for group in groups)]:
                lines += _measures(groups, shown)
    return ["## By group", "", *lines] if lines else []


def cost_section(
    verdict: Verdict, *, weighed: Sequence[str], withheld: Sequence[str], unfavourable: str
) -> list[str]:
    """What the release costs and whom: decisions against the label by group, and what weighing uses and discloses."""
    lines: list[str] = []
    if withheld:
        names = ", ".join(code(name) for name in withheld)
        lines.append(
            f"- The model cannot take {names} as input: training did not see it. Other columns may still stand in for it."
        )
    if weighed:
        names = ", ".join(code(name) for name in weighed)
        lines += [
            (
                f"- Training rows were weighed by {names}: the column is used in training, through the weights. "
                "Weights together with labels disclose which group a training row belongs to."
            ),
        ]
    rows = [
        (gate, group)
        for _, gate, counted in groupings(verdict)
        if _decided(counted["groups"])
        for group in counted["groups"]
    ]
    if rows:
        good = str(rows[0][0].measured.get("favourable", "favourable"))
        lines += [
            (
                f"- Rows that the label calls {code(unfavourable or 'unfavourable')} and the model decides {code(good)}. "
                "Each is a mistake of the model, or a label that was one; these tests cannot tell which:"
            ),
            "",
        ]
        header = [
            "group",
            f"labelled {escape(unfavourable or 'unfavourable')}",
            f"of them decided {escape(good)}",
            "rate",
            "95% interval",
        ]
        lines += table(header, (_against(group) for _, group in rows), right=range(1, len(header)))
    return ["## What this release costs", "", *lines, ""] if lines else []


def against_label(group: Mapping[str, Any]) -> tuple[int, int]:
    """``(decided favourably, all)`` of a group's rows whose label is unfavourable."""
    return int(group["false_positives"]), int(group["rows"]) - int(group["positives"])


def _group(group: Mapping[str, Any]) -> list[str]:
    selection, kept = group["selection_rate"], group["true_positive_rate"]
    return [
        escape(group["group"], 80),
        str(group["rows"]),
        str(group["selected"]),
        str(selection["rate"]),
        _interval(selection),
        f"{group['true_positives']} of {group['positives']}",
        str(kept["rate"]),
        _interval(kept),
    ]


def _against(group: Mapping[str, Any]) -> list[str]:
    favourably, unfavourable = against_label(group)
    rate = group["false_positive_rate"]
    return [
        escape(group["group"], 80),
        str(unfavourable),
        str(favourably),
        str(rate["rate"]),
        _interval(rate),
    ]


def _decided(groups: Sequence[Mapping[str, Any]]) -> bool:
    """Whether favourable answers were counted: a model that predicts a number need not decide anything."""
    return all("selected" in group and "selection_rate" in group for group in groups)


def _measures(groups: Sequence[Mapping[str, Any]], told: Sequence[tuple[str, str, str]]) -> Iterator[str]:
    """A table of numbers with their intervals, one row a group."""
    header = ["group", "rows", *(cell for title, _, _ in told for cell in (title, "95% interval"))]
    body = (
        [
            escape(group["group"], 80),
            str(group["rows"]),
            *(cell for _, key, of in told for cell in (str(group[key][of]), _interval(group[key]))),
        ]
        for group in groups
    )
    yield from table(header, body, right=range(1, len(header)))
    yield ""


def _interval(rate: Mapping[str, Any]) -> str:
    return f"{rate['lower']} to {rate['upper']}"
