"""The rules that an audit holds the history to: one id for each way in which a record can be untrue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from mlassay.audit import _rules_of_line, _rules_of_policy, _rules_of_records


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold (``what``), what it looks like when it does not (``breaks``), how that may have come about without
    ill will (``innocent``), and what to do next (``remedy``).
    """

    id: str
    what: str
    breaks: str
    innocent: str
    remedy: str


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        id_: Rule(id_, *texts)
        for id_, texts in (*_rules_of_line.TEXTS, *_rules_of_records.TEXTS, *_rules_of_policy.TEXTS)
    }
)

POLICY = "policy."
_FAMILIES = {"weakening": "weakenings", "waiver": "waivers", "owner": "owner"}


def of_demand(demand: str) -> str:
    """The rule of a demand that `mlassay.policy.decide` makes: ``policy.weakenings`` of ``weakening.threshold``."""
    family, dot, _ = demand.partition(".")
    return POLICY + (_FAMILIES.get(family, family) if dot else demand)
