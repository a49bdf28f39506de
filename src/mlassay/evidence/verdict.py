"""What a test of a release found: findings, gate reports and the verdict, and their canonical form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """A gate's answer. Anything that is not exactly ``passed`` blocks automatic promotion."""

    PASSED = "passed"
    INCONCLUSIVE = "inconclusive"
    FAILED = "failed"

    @classmethod
    def worst(cls, outcomes: list[Outcome]) -> Outcome:
        """The worst of ``outcomes``; inconclusive when there are none, because nothing tested is nothing passed."""
        order = [cls.PASSED, cls.INCONCLUSIVE, cls.FAILED]
        return max(outcomes, key=order.index, default=cls.INCONCLUSIVE)


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason inside a verdict.

    ``id`` is stable and unique in its verdict, ``<gate>.<rule>[.<subject>]`` (``bias.selection_rate_ratio.afam=yes``).
    ``numbers`` holds decimal strings and integers only. ``path`` and ``line`` are where it was decided (``ml.yaml``).
    """

    id: str
    outcome: Outcome
    what: str
    why: str
    remedy: str
    path: str = ""
    line: int | None = None
    numbers: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateReport:
    """All that one gate measured. Every number is an integer or a decimal string, rounded as printed.

    ``criteria`` is what it was given, ``measured`` what it found (JSON-able, no floats), ``findings`` why it is not
    passed (and, with outcome passed, what was held), ``not_looked_at`` what it says it did not look at,
    ``self_reported`` that the numbers come from the team's own code.
    """

    gate: str
    outcome: Outcome
    summary: str
    criteria: Mapping[str, Any]
    measured: Mapping[str, Any]
    findings: tuple[Finding, ...]
    not_looked_at: tuple[str, ...]
    self_reported: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What ``test`` decided, before any signature: the same bytes wherever computed for the same model bytes.

    ``inputs`` maps a role (``model``, ``ml.yaml``, ``policy``, ``data/<name>``) to a digest.
    """

    model_name: str
    outcome: Outcome
    inputs: Mapping[str, str]
    gates: tuple[GateReport, ...]
    risk: Mapping[str, Any]
    objective: str
