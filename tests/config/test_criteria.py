"""The schema describes exactly the criteria that gates read: one that nothing reads would look as if it held."""

from __future__ import annotations

from mlassay.files import schema
from mlassay.gates.bias_asked import SETTINGS
from mlassay.gates.bias_calibration import CRITERION
from mlassay.gates.bias_means import MEAN_RULES
from mlassay.gates.bias_rules import RULES, class_rules
from mlassay.gates.performance_kinds import KINDS
from mlassay.tasks import METRICS_OF, TASKS

GATES = schema("ml")["$defs"]["gates"]["properties"]


def test_bias_criteria_are_those_that_the_gate_holds() -> None:
    described = {
        name: set(part["properties"])
        for name, part in GATES["bias"]["properties"].items()
        if name not in SETTINGS
    }
    rules = {**RULES, **class_rules(["a", "b", "c"]), **MEAN_RULES}
    assert described == {name: {rule.bound} for name, rule in rules.items()} | {CRITERION: {"max"}}


def test_performance_criteria_are_those_that_the_gate_holds() -> None:
    described = set(GATES["performance"]["properties"]) - {"slices", "rationale"}
    assert described == {name for kind in KINDS.values() for name in kind.metrics}


def test_every_task_has_the_metrics_that_ml_yaml_is_held_to() -> None:
    assert {task: tuple(kind.metrics) for task, kind in KINDS.items()} == dict(METRICS_OF)
    assert set(schema("ml")["properties"]["model"]["properties"]["task"]["enum"]) == set(TASKS)


def test_policys_floors_take_the_same_criteria_as_ml_yaml() -> None:
    assert schema("policy")["$defs"]["gates"] == schema("ml")["$defs"]["gates"]
