"""Config, manifests and policy, merged once into one frozen Plan that every stage reads. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlassay.config import Config, Level, Policy
from mlassay.manifest import Column, Manifest
from mlassay.tasks import RANKING, REGRESSION


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a run may depend on, with the digest of every file it came from."""

    config: Config
    manifests: Mapping[str, Manifest]  # data name -> manifest
    policy: Policy
    gates: Mapping[
        str, Mapping[str, Any]
    ]  # gate id -> criteria in force: ml.yaml's, never looser than the floors
    inputs: Mapping[str, str]  # "ml.yaml", "policy", "people", "manifest/<name>" -> digest

    @property
    def level(self) -> Level:
        """The level in force: the declared one, never under policy's minimum."""
        return self.policy.in_force(self.config.risk.level)

    @property
    def evaluation(self) -> Manifest:
        """The manifest of the evaluation data."""
        return self.manifests[self.config.evaluate.data.partition("/")[0]]

    @property
    def label(self) -> Column:
        """The label column of the evaluation data."""
        return self.evaluation.column(self.config.evaluate.label)

    @property
    def favourable(self) -> int:
        """Index of the favourable label among the label column's declared values; the first where there are several.

        1 for a ranking (selected) and a regression (the favourable side of the threshold).
        """
        return self.favourable_classes[0]

    @property
    def favourable_classes(self) -> tuple[int, ...]:
        """Every index that `favourable` may take as a decided class."""
        model = self.config.model
        if model.task in (REGRESSION, RANKING):
            return (1,)
        declared = model.favourable if isinstance(model.favourable, tuple) else (model.favourable,)
        values = self.label.values
        return tuple(sorted({each if isinstance(each, int) else values.index(each) for each in declared}))

    @property
    def decides(self) -> bool:
        """Whether every row gets an answer that is favourable or not: not so for a regression without threshold."""
        return self.config.model.task != REGRESSION or self.config.model.threshold is not None

    @property
    def model_columns(self) -> tuple[Column, ...]:
        """The columns that the model may take as input, in the order that a single-tensor model takes them."""
        allowed = {c.name: c for c in self.evaluation.features if c.name not in self.config.train.withhold}
        names = self.config.model.inputs or tuple(allowed)
        return tuple(allowed[name] for name in names)
