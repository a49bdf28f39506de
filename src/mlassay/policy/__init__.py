"""What an environment demands before it takes a release; pure, so that audit gets the same answer for ever."""

from mlassay.policy.decide import decide
from mlassay.policy.types import (
    Case,
    ChangeCase,
    Contributor,
    Decision,
    Demand,
    MachineRequest,
    PromotionCase,
    ReleaseFacts,
    ReviewFacts,
    Signed,
    Terms,
    Touched,
    Weakening,
)
from mlassay.policy.weakenings import weakenings

__all__ = [
    "Case",
    "ChangeCase",
    "Contributor",
    "Decision",
    "Demand",
    "MachineRequest",
    "PromotionCase",
    "ReleaseFacts",
    "ReviewFacts",
    "Signed",
    "Terms",
    "Touched",
    "Weakening",
    "decide",
    "weakenings",
]
