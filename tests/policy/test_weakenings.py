"""Each weakening by itself, beside a control that only became stricter or is the same."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace

import pytest

from mlassay.config import Level
from mlassay.policy import weakenings
from mlassay.policy.weakenings import below_floors
from tests.policy.cases import POLICY, TERMS


def terms(path="", value=None, **more):
    """The terms with one criterion set (``bias.selection_rate_ratio.min``), or removed where ``value`` is None."""
    gates = deepcopy(dict(TERMS.gates))
    if path:
        *folders, name = path.split(".")
        at = gates
        for folder in folders:
            at = at.setdefault(folder, {})
        at[name] = value
        if value is None:
            del at[name]
    return replace(TERMS, gates=gates, **more)


def risk(**changed):
    return replace(TERMS.risk, probability_impact=dict(TERMS.risk.probability_impact) | changed)


def ids(new, old=TERMS, policy=POLICY):
    return [weakening.id for weakening in weakenings(new, old, policy)]


@pytest.mark.parametrize(
    ("id_", "new"),
    [
        ("risk.decay", terms(risk=risk(decay=(2, 3)))),
        ("risk.decay", terms(risk=risk(decay=(5, 2)))),
        ("sensitive.single", terms("bias.sensitive", ["afam"], sensitive=("afam",))),
        ("favourable", terms(favourable="yes")),
        ("threshold", terms(threshold="0.6")),
        ("threshold", terms(threshold="0.4")),
        ("threshold", terms(threshold="not declared")),
        ("task", terms(task="ranking")),
        ("select", terms(select="share 0.3")),
        ("evaluation.data", terms(evaluation="applications/easy")),
        ("evaluation.label", terms(label="approve")),
        ("manifest.applications", terms(manifests={"applications": "sha256:" + "1" * 64})),
        ("split.applications", terms(splits={"applications": "stratified 0.9 0.1 seed 8"})),
        ("gate.adversarial", terms("adversarial")),
        ("criteria.bias.selection_rate_ratio.min", terms("bias.selection_rate_ratio.min", 0.79)),
        ("criteria.bias.selection_rate_ratio.min", terms("bias.selection_rate_ratio.min")),
        ("criteria.performance.roc_auc", terms("performance.roc_auc")),
        ("criteria.performance.accuracy.max_drop", terms("performance.accuracy.max_drop", 0.03)),
        ("criteria.adversarial.perturb.radius", terms("adversarial.perturb.radius", 0.04)),
        ("criteria.adversarial.perturb.columns", terms("adversarial.perturb.columns", ["pirat"])),
        ("criteria.adversarial.rows", terms("adversarial.rows", 100)),
        ("criteria.unit.run", terms("unit.run", "true")),
        ("criteria.bias.minimum_rows", terms("bias.minimum_rows", 5)),
        ("withheld.afam", terms(withheld=("single",))),
    ],
)
def test_each_weakening_is_named_alone_with_before_and_after(id_, new):
    assert ids(new) == [id_]
    (found,) = weakenings(new, TERMS, POLICY)
    assert found.before != found.after
    assert found.what


def test_a_lowered_level_is_named_beside_the_lowered_risk():
    new = terms(risk=risk(bad_prediction=(3, 3)))
    assert ids(new) == ["risk.bad_prediction", "risk.level"]


@pytest.mark.parametrize(
    "new",
    [
        TERMS,
        terms(risk=risk(decay=(3, 4))),
        terms(sensitive=("afam", "single", "age")),
        terms("bias.selection_rate_ratio.min", 0.85),
        terms("performance.accuracy.max_drop", 0.01),
        terms("adversarial.perturb.radius", 0.06),
        terms("adversarial.perturb.columns", ["hirat", "pirat", "lvrat"]),
        terms("performance.f1.min", 0.5),
        terms("data", {}),
        terms("bias.rationale", "a longer text"),
        terms("bias.intersections", True),
        terms(manifests={**TERMS.manifests, "more": "sha256:" + "2" * 64}),
        terms(withheld=("afam", "single", "age")),
    ],
)
def test_the_same_or_stricter_is_no_weakening(new):
    assert ids(new) == []


def test_switching_intersections_off_is_a_weakening_and_on_is_none():
    on, off = terms("bias.intersections", True), terms("bias.intersections", False)
    assert ids(off, on) == ["criteria.bias.intersections"]
    assert ids(on, off) == []


def test_while_nothing_is_live_policy_floors_are_what_it_is_held_against():
    assert ids(TERMS, None) == []
    assert ids(terms("bias.selection_rate_ratio.min", 0.7), None) == [
        "criteria.bias.selection_rate_ratio.min"
    ]
    assert ids(terms("bias"), None) == ["gate.bias"]
    assert ids(terms(sensitive=("single",)), None) == ["sensitive.afam"]
    assert ids(TERMS, None, replace(POLICY, minimum_risk=Level.SEVERE)) == ["risk.level"]


def test_floors_that_were_raised_since_are_found():
    assert below_floors(TERMS.gates, POLICY) == ()
    raised = replace(POLICY, floors={"bias": {"selection_rate_ratio": {"min": 0.9}}})
    assert [weakening.id for weakening in below_floors(TERMS.gates, raised)] == [
        "criteria.bias.selection_rate_ratio.min"
    ]


BINS = {"age": [25, 40, 60]}


@pytest.mark.parametrize(
    "new",
    [
        {"age": [25, 40]},
        {"age": [25, 30, 40, 60]},
        {"age": [25, 41, 60]},
        {},
        None,
        {"income": [10], "age": [25]},
    ],
)
def test_other_bins_of_a_sensitive_number_are_a_weakening_finer_ones_too(new):
    old = terms("bias.bins", BINS)
    changed = terms("bias.bins", new) if new is not None else TERMS
    assert ids(changed, old) == ["criteria.bias.bins.age"]
    assert ids(old, old) == []


def test_bins_for_a_column_that_had_none_only_ask_more():
    assert ids(terms("bias.bins", BINS), TERMS) == []
    assert ids(terms("bias.bins", BINS | {"income": [10]}), terms("bias.bins", BINS)) == []


@pytest.mark.parametrize("changes", [("a", "b"), ("a", None), (None, "a")])
def test_another_reference_is_a_weakening(changes):
    old, new = (terms("bias.reference", {"afam": value}) if value else TERMS for value in changes)
    assert [id_.removesuffix(".afam") for id_ in ids(new, old)] == ["criteria.bias.reference"]


def test_bins_below_policys_floor_are_named():
    floor = {"bias": dict(POLICY.floors["bias"]) | {"bins": BINS}}
    policy = replace(POLICY, floors=floor)
    same = {"bias": dict(TERMS.gates["bias"]) | {"bins": BINS}}
    coarser = {"bias": dict(TERMS.gates["bias"]) | {"bins": {"age": [25]}}}
    assert not [each for each in below_floors(same, policy) if "bins" in each.id]
    assert [each.id for each in below_floors(coarser, policy) if "bins" in each.id] == [
        "criteria.bias.bins.age"
    ]
