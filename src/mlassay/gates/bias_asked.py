"""What the bias gate was asked: the criteria that fit the model's task, and why they cannot be answered, if they cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mlassay.evidence.verdict import Finding, Outcome
from mlassay.gates.bias_calibration import CRITERION
from mlassay.gates.bias_means import MEAN_RULES
from mlassay.gates.bias_rules import RULES, SMALLEST_GROUP, Rule, class_rules
from mlassay.gates.common import CRITERIA_FILE, Criteria
from mlassay.gates.evaluated import Evaluated
from mlassay.tasks import BINARY, MULTICLASS, RANKING, REGRESSION

SETTINGS = frozenset({"sensitive", "reference", "intersections", "minimum_rows", "bins", "rationale"})
"""Keys of the gate that are no criteria."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The rows and what was declared for them."""

    rows: Evaluated
    criteria: Criteria

    @property
    def decides(self) -> bool:
        """Whether every row has a favourable answer or another one: not so for a regression without threshold."""
        return self.rows.task != REGRESSION or self.rows.favoured is not None

    @property
    def smallest(self) -> int:
        """Rows under which a group is inconclusive: never fewer than `SMALLEST_GROUP`."""
        return max(SMALLEST_GROUP, int(self.criteria.values.get("minimum_rows", SMALLEST_GROUP)))

    def rules(self) -> Mapping[str, Rule]:
        """The criteria over favourable labels and answers."""
        if not self.decides:
            return {}
        if self.rows.task == MULTICLASS:
            own = class_rules(self.rows.labels)
            return {name: rule for name, rule in RULES.items() if name not in own}
        return RULES

    def class_rules(self) -> Mapping[str, Rule]:
        """The criteria over each label by itself; none of a model with two."""
        return class_rules(self.rows.labels) if self.rows.task == MULTICLASS else {}

    def answered(self) -> dict[str, str]:
        """Every criterion that this task has, and its bound."""
        bounds = {name: rule.bound for name, rule in {**self.rules(), **self.class_rules()}.items()}
        if self.rows.task in (BINARY, MULTICLASS):
            bounds[CRITERION] = "max"
        if self.rows.task == REGRESSION:
            bounds |= {name: rule.bound for name, rule in MEAN_RULES.items()}
        return bounds

    def limit(self, name: str) -> float | None:
        """The declared threshold of a criterion, if there is one."""
        declared, bound = self.criteria.values.get(name, {}), self.answered().get(name)
        return float(declared[bound]) if bound is not None and bound in declared else None

    def problem(self) -> Finding | None:
        """Why nothing can be tested, if it cannot."""
        if told := self._what_is_wrong():
            return Finding(
                "bias.measurable", Outcome.INCONCLUSIVE, *told, CRITERIA_FILE, self.criteria.line()
            )
        return None

    def _what_is_wrong(self) -> tuple[str, str, str] | None:
        rows = self.rows
        if unmeasured := self._unmeasured():
            names = ", ".join(unmeasured)
            whose = "" if rows.task == BINARY else f" of a {rows.task}"
            why = "a declared criterion always decides, and one that nobody measures was not kept"
            if not self.decides and any(name.partition(".")[0] in RULES for name in unmeasured):
                whose += " without model.threshold, which says what is favourable"
            fix = "a ratio takes `min` and a difference `max`: " + ", ".join(self.answered())
            return f"no measurement answers the criteria {names}{whose}", why, fix
        if not rows.columns or all(self.limit(name) is None for name in self.answered()):
            example = (
                "selection_rate_ratio: {min: 0.8}" if self.decides else "mean_error_difference: {max: 10}"
            )
            return (
                "no sensitive column is declared" if not rows.columns else "no threshold is declared",
                "the gate compares groups of declared columns against declared thresholds, and has none",
                f"declare `sensitive: [column]` and, for example, `{example}`",
            )
        if rows.unscored:
            return (
                f"the model gave no finite score to {rows.unscored} of {len(rows.scores)} rows",
                "a decision on a score that is not a number is no decision, and must not count as one",
                "see the contract gate; a model has to answer every row",
            )
        if not len(rows.truth):
            return (
                "there are no evaluation rows",
                "nothing measured is nothing passed",
                "check the evaluation split in the data manifest",
            )
        return self._labels()

    def _labels(self) -> tuple[str, str, str] | None:
        """Labels that no count can be made of: arrays that were not made from a plan, mostly."""
        rows = self.rows
        if rows.task in (REGRESSION, RANKING):
            bad = int((~np.isfinite(rows.truth)).sum())
        else:
            bad = int((~np.isin(rows.truth, np.arange(len(rows.labels)))).sum())
        if not bad:
            return None
        return (
            f"{bad} of {len(rows.truth)} rows have a label that is none of those declared",
            "a row whose label is not known can be neither right nor wrong",
            "correct the data, or the values of the label's column in its manifest",
        )

    def _unmeasured(self) -> list[str]:
        """Declared thresholds that no rule of this gate answers, as dotted keys."""
        bounds = self.answered()
        declared = {name: keys for name, keys in self.criteria.values.items() if name not in SETTINGS}
        return sorted(
            f"{name}.{bound}"
            for name, keys in declared.items()
            for bound in (keys if isinstance(keys, Mapping) else {"": keys})
            if bounds.get(name) != bound
        )
