"""A decision in words: each demand met or not, and what to do about those that are not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from mlassay.policy import Decision, Demand
from mlassay.render.markdown import escape
from mlassay.render.text import count, plain

LONG = 1000


def decision_lines(name: str, decision: Decision) -> Iterator[str]:
    """One line for each demand, the unmet ones last with their remedy, and the answer."""
    met = [demand for demand in decision.demands if demand.met]
    for demand in met:
        yield f"+ {plain(demand.id)}: {plain(demand.what, LONG)}"
    for demand in decision.unmet:
        yield f"x {plain(demand.id)}: {plain(demand.what, LONG)}"
        if demand.remedy:
            yield f"    do: {plain(demand.remedy, LONG)}"
    answer = "yes" if decision.allowed else f"no: {count(len(decision.unmet), 'demand')} not met"
    yield f"{plain(name)}: {answer}"


def decision_markdown(name: str, decision: Decision) -> str:
    """The same as Markdown: what is missing first, what is met folded away."""
    answer = "yes" if decision.allowed else f"no: {count(len(decision.unmet), 'demand')} not met"
    parts = [f"**{escape(name) or 'this pull request'}: {answer}**", ""]
    for demand in decision.unmet:
        parts.append(f"- {escape(demand.id)}: {escape(demand.what, LONG)}")
        parts += [f"  Do: {escape(demand.remedy, LONG)}"] if demand.remedy else []
    met = [demand for demand in decision.demands if demand.met]
    parts += ["", "<details><summary>What is met</summary>", ""] if met else []
    parts += [f"- {escape(demand.id)}: {escape(demand.what, LONG)}" for demand in met]
    return "\n".join([*parts, "", "</details>"] if met else parts)


def decision_json(name: str, decision: Decision) -> dict[str, Any]:
    """The same for machines."""
    return {
        "id": name,
        "allowed": decision.allowed,
        "demands": [demand_json(demand) for demand in decision.demands],
    }


def demand_json(demand: Demand) -> dict[str, Any]:
    """One demand for machines."""
    return {"id": demand.id, "met": demand.met, "what": demand.what, "remedy": demand.remedy}
