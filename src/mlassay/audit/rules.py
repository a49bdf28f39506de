"""The rules that an audit holds the history to: one id for each way in which a record can be untrue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Rule:
    """What must hold (``what``), how it may have been broken without ill will, and what to do next."""

    id: str
    what: str
    innocent: str
    remedy: str


RULES: Mapping[str, Rule] = MappingProxyType({})
