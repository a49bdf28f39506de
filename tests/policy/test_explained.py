"""What the explain gate's ``required`` asks for is ordered: floors and weakenings know which asks for more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mlassay.config.criteria import EXPLAINED
from mlassay.files import schema
from mlassay.plan.floors import looser
from mlassay.policy.weakenings import weaker_criteria
from tests.gates.subjects import config, policy

CASES = [("white-box", "per-decision"), ("per-decision", "global"), ("white-box", "global")]


def asked(required):
    return {"explain": {"required": required}}


@pytest.mark.parametrize(("more", "less"), CASES)
def test_asking_for_less_is_a_weakening_and_asking_for_more_is_none(more, less) -> None:
    assert [w.id for w in weaker_criteria(asked(less), asked(more))] == ["criteria.explain.required"]
    assert not weaker_criteria(asked(more), asked(less))
    assert not weaker_criteria(asked(more), asked(more))
    assert weaker_criteria({"explain": {}}, asked(more))
    assert not weaker_criteria(asked(more), {"explain": {}})


@pytest.mark.parametrize(("more", "less"), CASES)
def test_a_floor_lets_more_be_asked_for_and_not_less(more, less) -> None:
    assert not [*looser(config(asked(more)), replace(policy(), floors=asked(less)), "ml.yaml")]
    (problem,) = looser(config(asked(less)), replace(policy(), floors=asked(more)), "ml.yaml")
    assert "gates.explain.required" in problem.what


def test_the_schema_takes_what_is_ordered_and_nothing_else() -> None:
    gate = schema("ml")["$defs"]["gates"]["properties"]["explain"]
    assert set(gate["properties"]["required"]["enum"]) == set(EXPLAINED)
